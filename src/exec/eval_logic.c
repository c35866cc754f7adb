/* eval_logic.c - AND, OR, NOT in three values, and filters: words of 64 rows. What an argument
 * leaves out (false for AND, true for OR) the ones behind it are not asked for. */
#include "exec/eval_internal.h"

/* true and false of a BIT vector, for the words of rows. */
static uint64_t true_word(const pyr_vector *v, int32_t word) {
    return pyr_bits_word(v, word) & pyr_valid_word(v, word);
}
static uint64_t false_word(const pyr_vector *v, int32_t word) {
    return ~pyr_bits_word(v, word) & pyr_valid_word(v, word);
}

/* The rest of the rows is a set of its own where that saves work, or must be. */
static bool worth_a_subset(const pyr_eval_node *argument, const pyr_eval_rows *rows, int64_t left) {
    return argument->expression->may_fail || left * 4 < rows->selected;
}

/* node->buffer: data has what is true, validity what is known (true or false). */
static pyr_status run_and_or(pyr_eval *eval, pyr_eval_node *node, pyr_eval_rows *rows,
                             pyr_error *error) {
    bool is_and = node->expression->kind == PYR_BOUND_AND;
    int32_t words = pyr_words(rows->rows);
    uint64_t *decided = node->subsets[0].mask; /* false for AND, true for OR */
    uint64_t *unknown = node->buffer.validity, *left = node->subsets[1].mask;
    memset(decided, 0, (size_t)words * 8);
    memset(unknown, 0, (size_t)words * 8);
    pyr_eval_rows *now = rows;
    for (int32_t i = 0; i < node->arguments_count; ++i) {
        pyr_eval_node *argument = node->arguments[i];
        if (i > 0) {
            for (int32_t w = 0; w < words; ++w) {
                left[w] = ~decided[w];
            }
            if (words > 0 && (rows->rows & 63) != 0) {
                left[words - 1] &= (UINT64_C(1) << (rows->rows & 63)) - 1;
            }
            pyr_eval_subset_make(eval, &node->subsets[1], rows, left);
            int32_t remain = node->subsets[1].rows.selected;
            if (remain == 0) {
                break;
            }
            now = worth_a_subset(argument, rows, remain) ? &node->subsets[1].rows : rows;
        }
        PYR_TRY(pyr_eval_node_run(eval, argument, now, error));
        const pyr_vector *v = &argument->out;
        for (int32_t w = 0; w < words; ++w) {
            uint64_t in = now->mask != NULL ? now->mask[w] : ~UINT64_C(0);
            decided[w] |= in & (is_and ? false_word(v, w) : true_word(v, w));
            unknown[w] |= in & ~pyr_valid_word(v, w);
        }
    }
    uint64_t *data = node->buffer.data;
    uint64_t any_unknown = 0;
    for (int32_t w = 0; w < words; ++w) {
        uint64_t null = unknown[w] & ~decided[w];
        data[w] = is_and ? ~decided[w] : decided[w];
        any_unknown |= null;
        node->buffer.validity[w] = ~null;
    }
    pyr_eval_set_out(node, false, any_unknown != 0 ? node->buffer.validity : NULL);
    return PYR_OK;
}

static pyr_status run_not(pyr_eval *eval, pyr_eval_node *node, pyr_eval_rows *rows,
                          pyr_error *error) {
    bool done = false;
    PYR_TRY(pyr_eval_arguments(eval, node, rows, &done, error));
    if (done) {
        return PYR_OK;
    }
    const pyr_vector *v = pyr_eval_argument(node, 0);
    int32_t words = v->constant ? 1 : pyr_words(rows->rows);
    const uint64_t *from = v->data;
    uint64_t *to = node->buffer.data;
    for (int32_t w = 0; w < words; ++w) {
        to[w] = ~from[w];
    }
    pyr_eval_set_out(node, v->constant, v->validity);
    return PYR_OK;
}

/* ---- Filters. ---- */

/* Conjuncts one after the other, each for what the ones before left. */
static pyr_status true_and(pyr_eval *eval, pyr_eval_node *node, pyr_eval_rows *rows, uint64_t *mask,
                           pyr_error *error) {
    pyr_eval_rows *now = rows;
    for (int32_t i = 0; i < node->arguments_count; ++i) {
        /* In turns: the rows that `now` stands for stay while the next are made. */
        pyr_eval_subset *next = &node->subsets[i];
        PYR_TRY(pyr_eval_true(eval, node->arguments[i], now, next->mask, error));
        pyr_eval_subset_make(eval, next, now, next->mask);
        now = &next->rows;
        if (now->selected == 0) {
            break;
        }
    }
    for (int32_t w = 0; w < pyr_words(rows->rows); ++w) {
        mask[w] = now->mask != NULL ? now->mask[w] : ~UINT64_C(0);
    }
    return PYR_OK;
}
static pyr_status true_or(pyr_eval *eval, pyr_eval_node *node, pyr_eval_rows *rows, uint64_t *mask,
                          pyr_error *error) {
    int32_t words = pyr_words(rows->rows);
    pyr_eval_subset *rest = &node->subsets[0];
    uint64_t *more = node->subsets[1].mask;
    memset(mask, 0, (size_t)words * 8);
    for (int32_t i = 0; i < node->arguments_count; ++i) {
        pyr_eval_rows *now = rows;
        if (i > 0) {
            eval->kernels->mask_not(mask, rows->rows, rest->mask);
            pyr_eval_subset_make(eval, rest, rows, rest->mask);
            if (rest->rows.selected == 0) {
                break;
            }
            bool worth = worth_a_subset(node->arguments[i], rows, rest->rows.selected);
            now = worth ? &rest->rows : rows;
        }
        PYR_TRY(pyr_eval_true(eval, node->arguments[i], now, more, error));
        eval->kernels->mask_or(mask, more, rows->rows, mask);
    }
    return PYR_OK;
}

pyr_status pyr_eval_true(pyr_eval *eval, pyr_eval_node *node, pyr_eval_rows *rows, uint64_t *mask,
                         pyr_error *error) {
    int32_t words = pyr_words(rows->rows);
    if (node->expression->kind == PYR_BOUND_AND && rows->selected > 0) {
        PYR_TRY(true_and(eval, node, rows, mask, error));
    } else if (node->expression->kind == PYR_BOUND_OR && rows->selected > 0) {
        PYR_TRY(true_or(eval, node, rows, mask, error));
    } else {
        PYR_TRY(pyr_eval_node_run(eval, node, rows, error));
        for (int32_t w = 0; w < words; ++w) {
            mask[w] = true_word(&node->out, w);
        }
    }
    for (int32_t w = 0; w < words && rows->mask != NULL; ++w) {
        mask[w] &= rows->mask[w];
    }
    if (words > 0 && (rows->rows & 63) != 0) {
        mask[words - 1] &= (UINT64_C(1) << (rows->rows & 63)) - 1;
    }
    return PYR_OK;
}

pyr_status pyr_eval_choose_logic(pyr_eval *eval, pyr_eval_node *node, pyr_error *error) {
    if (node->expression->kind == PYR_BOUND_OPERATION) {
        node->run = run_not;
        return PYR_OK;
    }
    size_t sets = node->arguments_count > 2 ? (size_t)node->arguments_count : 2;
    node->subsets = pyr_arena_array(&eval->arena, sets, sizeof(pyr_eval_subset));
    if (node->subsets == NULL) {
        return pyr_arena_error(&eval->arena, error);
    }
    node->run = run_and_or;
    return PYR_OK;
}
