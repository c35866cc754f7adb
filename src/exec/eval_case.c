/* eval_case.c - CASE and COALESCE: each argument is computed for the rows that come to it, and its
 * values are put together in the node's buffer. */
#include "exec/eval_internal.h"

/* subsets[0]: the rows that no arm has taken yet; [1]: those of the arm; [2]: its mask. */
enum { REST, ARM, NEXT, SETS };

#define PUT_ROWS(TYPE)                         \
    {                                          \
        const TYPE *from = v->data;            \
        TYPE *to = node->buffer.data;          \
        for (int32_t k = 0; k < count; ++k) {  \
            int32_t i = list[k];               \
            to[i] = from[v->constant ? 0 : i]; \
        }                                      \
        break;                                 \
    }
/* The values of v for the rows of list; strings of NULL rows are not followed. */
static void put_rows(pyr_eval_node *node, const pyr_vector *v, const uint16_t *list,
                     int32_t count) {
    switch (node->physical) {
    case PYR_PHYSICAL_STRING: {
        pyr_string *to = node->buffer.data;
        for (int32_t k = 0; k < count; ++k) {
            int32_t i = list[k];
            if (!pyr_vector_is_null(v, i)) {
                to[i] = pyr_vector_string(v, i);
            }
        }
        break;
    }
    case PYR_PHYSICAL_I8:
    case PYR_PHYSICAL_U8:
        PUT_ROWS(uint8_t)
    case PYR_PHYSICAL_I16:
    case PYR_PHYSICAL_U16:
        PUT_ROWS(uint16_t)
    case PYR_PHYSICAL_I32:
    case PYR_PHYSICAL_U32:
    case PYR_PHYSICAL_F32:
        PUT_ROWS(uint32_t)
    case PYR_PHYSICAL_I64:
    case PYR_PHYSICAL_U64:
    case PYR_PHYSICAL_F64:
        PUT_ROWS(uint64_t)
    default:
        PUT_ROWS(pyr_interval) /* any 16 bytes */
    }
}

/* The values and validity of v for rows into node's buffer. */
static void put(pyr_eval *eval, pyr_eval_node *node, const pyr_vector *v, pyr_eval_rows *rows) {
    uint64_t *bits = node->buffer.data;
    int32_t words = pyr_words(rows->rows);
    for (int32_t w = 0; w < words; ++w) {
        uint64_t in = rows->mask != NULL ? rows->mask[w] : ~UINT64_C(0);
        node->buffer.validity[w] = (node->buffer.validity[w] & ~in) | (pyr_valid_word(v, w) & in);
        if (node->physical == PYR_PHYSICAL_BIT) {
            bits[w] = (bits[w] & ~in) | (pyr_bits_word(v, w) & in);
        }
    }
    if (node->physical == PYR_PHYSICAL_BIT || pyr_vector_null(v)) {
        return;
    }
    const uint16_t *list = pyr_eval_rows_list(eval, rows);
    if (list == NULL) {
        for (int32_t i = 0; i < rows->rows; ++i) {
            eval->picked[i] = (uint16_t)i;
        }
        list = eval->picked;
    }
    put_rows(node, v, list, rows->selected);
}

/* An argument for rows: the whole result where they are all that is asked for. */
static pyr_status take(pyr_eval *eval, pyr_eval_node *node, pyr_eval_node *argument,
                       pyr_eval_rows *rows, bool *whole, pyr_error *error) {
    PYR_TRY(pyr_eval_node_run(eval, argument, rows, error));
    if (*whole) {
        node->out = argument->out;
        node->out.array = NULL;
        return PYR_OK;
    }
    put(eval, node, &argument->out, rows);
    return PYR_OK;
}

static pyr_status run_case(pyr_eval *eval, pyr_eval_node *node, pyr_eval_rows *rows,
                           pyr_error *error) {
    int32_t words = pyr_words(rows->rows);
    pyr_eval_subset *sets = node->subsets;
    pyr_eval_rows *rest = rows;
    bool whole = false;
    pyr_eval_set_out(node, false, node->buffer.validity);
    for (int32_t i = 0; i + 1 < node->arguments_count; i += 2) {
        PYR_TRY(pyr_eval_true(eval, node->arguments[i], rest, sets[ARM].mask, error));
        pyr_eval_subset_make(eval, &sets[ARM], rest, sets[ARM].mask);
        int32_t count = sets[ARM].rows.selected;
        if (count == 0) {
            continue;
        }
        whole = count == rows->selected;
        PYR_TRY(take(eval, node, node->arguments[i + 1], whole ? rows : &sets[ARM].rows, &whole,
                     error));
        if (count == rest->selected) {
            return PYR_OK;
        }
        for (int32_t w = 0; w < words; ++w) {
            uint64_t from = rest->mask != NULL ? rest->mask[w] : ~UINT64_C(0);
            sets[NEXT].mask[w] = from & ~sets[ARM].mask[w];
        }
        if ((rows->rows & 63) != 0) {
            sets[NEXT].mask[words - 1] &= (UINT64_C(1) << (rows->rows & 63)) - 1;
        }
        pyr_eval_subset_make(eval, &sets[REST], rows, sets[NEXT].mask);
        rest = &sets[REST].rows;
    }
    whole = rest == rows;
    return take(eval, node, node->arguments[node->arguments_count - 1], rest, &whole, error);
}

static pyr_status run_coalesce(pyr_eval *eval, pyr_eval_node *node, pyr_eval_rows *rows,
                               pyr_error *error) {
    int32_t words = pyr_words(rows->rows);
    pyr_eval_subset *sets = node->subsets;
    pyr_eval_rows *rest = rows;
    for (int32_t i = 0; i < node->arguments_count; ++i) {
        pyr_eval_node *argument = node->arguments[i];
        PYR_TRY(pyr_eval_node_run(eval, argument, rest, error));
        uint64_t any = 0;
        for (int32_t w = 0; w < words; ++w) {
            uint64_t in = rest->mask != NULL ? rest->mask[w] : ~UINT64_C(0);
            sets[NEXT].mask[w] = in & ~pyr_valid_word(&argument->out, w);
            if (w == words - 1 && (rows->rows & 63) != 0) {
                sets[NEXT].mask[w] &= (UINT64_C(1) << (rows->rows & 63)) - 1;
            }
            any |= sets[NEXT].mask[w];
        }
        if (rest == rows && (any == 0 || i + 1 == node->arguments_count)) {
            node->out = argument->out;
            node->out.array = NULL;
            return PYR_OK;
        }
        if (rest == rows) {
            pyr_eval_set_out(node, false, node->buffer.validity);
        }
        put(eval, node, &argument->out, rest);
        if (any == 0) {
            return PYR_OK;
        }
        pyr_eval_subset_make(eval, &sets[REST], rows, sets[NEXT].mask);
        rest = &sets[REST].rows;
    }
    return PYR_OK;
}

pyr_status pyr_eval_choose_case(pyr_eval *eval, pyr_eval_node *node, pyr_error *error) {
    node->subsets = pyr_arena_array(&eval->arena, SETS, sizeof(pyr_eval_subset));
    if (node->subsets == NULL) {
        return pyr_arena_error(&eval->arena, error);
    }
    node->run = node->expression->kind == PYR_BOUND_CASE ? run_case : run_coalesce;
    return PYR_OK;
}
