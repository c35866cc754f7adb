/* eval_compare.c - comparisons, IS NULL, IS DISTINCT FROM, GREATEST and LEAST. Numbers go through
 * the kernels: over all rows, or gathered where few rows are asked for. */
#include "exec/eval_internal.h"
#include "exec/value_order.h"

/* As DuckDB compares: months of 30 days, days of 24 hours, each carried over. */
static int compare_intervals(const pyr_interval *a, const pyr_interval *b) {
    const int64_t day = INT64_C(86400000000000);
    const pyr_interval *both[2] = {a, b};
    int64_t parts[2][3];
    for (int i = 0; i < 2; ++i) {
        int64_t days = both[i]->days + both[i]->nanos / day;
        parts[i][0] = both[i]->months + days / 30;
        parts[i][1] = days % 30;
        parts[i][2] = both[i]->nanos % day;
    }
    for (int i = 0; i < 3; ++i) {
        if (parts[0][i] != parts[1][i]) {
            return parts[0][i] < parts[1][i] ? -1 : 1;
        }
    }
    return 0;
}
static bool holds(pyr_compare_op op, int order) {
    switch (op) {
    case PYR_COMPARE_EQ:
        return order == 0;
    case PYR_COMPARE_NE:
        return order != 0;
    case PYR_COMPARE_LT:
        return order < 0;
    case PYR_COMPARE_LE:
        return order <= 0;
    case PYR_COMPARE_GT:
        return order > 0;
    default:
        return order >= 0;
    }
}
static pyr_compare_op turned(pyr_compare_op op) {
    static const pyr_compare_op other[PYR_COMPARE_OPS_COUNT] = {PYR_COMPARE_EQ, PYR_COMPARE_NE,
                                                                PYR_COMPARE_GT, PYR_COMPARE_GE,
                                                                PYR_COMPARE_LT, PYR_COMPARE_LE};
    return other[op];
}

/* ---- What op gives for rows that are valid in both, as words; rows beside may be anything. ----
 */

static void put_bit(uint64_t *words, int32_t row, bool value) {
    uint64_t bit = UINT64_C(1) << (row & 63);
    words[row >> 6] = value ? words[row >> 6] | bit : words[row >> 6] & ~bit;
}

static void numbers_of_list(pyr_eval *eval, pyr_compare_op op, const pyr_vector *a,
                            const pyr_vector *b, const uint16_t *list, int32_t count,
                            uint64_t *out) {
    static const uint8_t log2_of[17] = {[1] = 0, [2] = 1, [4] = 2, [8] = 3, [16] = 4};
    const pyr_kernels *k = eval->kernels;
    uint8_t log2 = log2_of[pyr_physical_bytes(a->physical)];
    uint64_t words[PYR_VECTOR_WORDS];
    k->gather[log2](a->data, list, count, eval->gathered[0]);
    if (b->constant) {
        k->compare_constant[op][a->physical](eval->gathered[0], b->data, count, words);
    } else {
        k->gather[log2](b->data, list, count, eval->gathered[1]);
        k->compare[op][a->physical](eval->gathered[0], eval->gathered[1], count, words);
    }
    for (int32_t i = 0; i < count; ++i) {
        put_bit(out, list[i], (words[i >> 6] >> (i & 63)) & 1);
    }
}

static void bits_words(pyr_compare_op op, const pyr_vector *a, const pyr_vector *b, int32_t words,
                       uint64_t *out) {
    for (int32_t w = 0; w < words; ++w) {
        uint64_t x = pyr_bits_word(a, w), y = pyr_bits_word(b, w);
        switch (op) {
        case PYR_COMPARE_EQ:
            out[w] = ~(x ^ y);
            break;
        case PYR_COMPARE_NE:
            out[w] = x ^ y;
            break;
        case PYR_COMPARE_LT:
            out[w] = ~x & y;
            break;
        case PYR_COMPARE_LE:
            out[w] = ~x | y;
            break;
        case PYR_COMPARE_GT:
            out[w] = x & ~y;
            break;
        default:
            out[w] = x | ~y;
            break;
        }
    }
}

static void rows_one_by_one(pyr_eval *eval, pyr_compare_op op, const pyr_vector *a,
                            const pyr_vector *b, pyr_eval_rows *rows, const uint64_t *validity,
                            uint64_t *out) {
    const uint16_t *list = NULL;
    int32_t count = pyr_eval_pick(eval, rows, validity, &list);
    bool strings = a->physical == PYR_PHYSICAL_STRING;
    bool equality = op == PYR_COMPARE_EQ || op == PYR_COMPARE_NE;
    const pyr_interval *left = a->data, *right = b->data;
    for (int32_t k = 0; k < count; ++k) {
        int32_t i = list != NULL ? list[k] : k;
        int order = 0;
        if (strings) {
            pyr_string x = pyr_vector_string(a, i), y = pyr_vector_string(b, i);
            order = equality && x.length != y.length ? 1 : pyr_order_strings(x, y);
        } else {
            order = compare_intervals(&left[a->constant ? 0 : i], &right[b->constant ? 0 : i]);
        }
        put_bit(out, i, holds(op, order));
    }
}

void pyr_eval_compare(pyr_eval *eval, pyr_compare_op op, const pyr_vector *a, const pyr_vector *b,
                      pyr_eval_rows *rows, const uint64_t *validity, uint64_t *out) {
    const pyr_kernels *k = eval->kernels;
    pyr_physical physical = a->physical;
    bool few = rows->mask != NULL && rows->selected * 16 < rows->rows;
    if (physical == PYR_PHYSICAL_BIT) {
        bits_words(op, a, b, pyr_words(rows->rows), out);
    } else if (physical == PYR_PHYSICAL_STRING || physical == PYR_PHYSICAL_INTERVAL) {
        bool equality = op == PYR_COMPARE_EQ || op == PYR_COMPARE_NE;
        if (a->offsets == NULL || !b->constant || !equality || few) {
            rows_one_by_one(eval, op, a, b, rows, validity, out);
            return;
        }
        k->equal_string(a->bytes, a->offsets, rows->rows, *(const pyr_string *)b->data, out);
        if (op == PYR_COMPARE_NE) {
            k->mask_not(out, rows->rows, out);
        }
    } else if (few) {
        numbers_of_list(eval, op, a, b, pyr_eval_rows_list(eval, rows), rows->selected, out);
    } else if (b->constant) {
        k->compare_constant[op][physical](a->data, b->data, rows->rows, out);
    } else {
        k->compare[op][physical](a->data, b->data, rows->rows, out);
    }
}

static const pyr_vector *one_row(const pyr_vector *v, pyr_vector *room) {
    *room = *v;
    room->constant = false;
    return room;
}
/* What node->compare gives of a and b, into its buffer; rows is changed where both are constant. */
static void compare_pair(pyr_eval *eval, pyr_eval_node *node, pyr_eval_rows *rows,
                         const uint64_t *validity) {
    const pyr_vector *a = pyr_eval_argument(node, 0), *b = pyr_eval_argument(node, 1);
    pyr_vector room;
    if (a->constant && b->constant) {
        pyr_eval_rows one = {1, 1, NULL, NULL, NULL, 0, NULL};
        pyr_eval_compare(eval, node->compare, one_row(a, &room), b, &one, NULL, node->buffer.data);
    } else if (a->constant) {
        pyr_eval_compare(eval, turned(node->compare), b, a, rows, validity, node->buffer.data);
    } else {
        pyr_eval_compare(eval, node->compare, a, b, rows, validity, node->buffer.data);
    }
}

static pyr_status run_compare(pyr_eval *eval, pyr_eval_node *node, pyr_eval_rows *rows,
                              pyr_error *error) {
    bool done = false;
    PYR_TRY(pyr_eval_arguments(eval, node, rows, &done, error));
    if (done) {
        return PYR_OK;
    }
    const uint64_t *validity = pyr_eval_validity(eval, node, rows->rows);
    compare_pair(eval, node, rows, validity);
    pyr_eval_set_out(node, pyr_eval_all_constant(node), validity);
    return PYR_OK;
}

/* IS [NOT] DISTINCT FROM: never NULL. */
static pyr_status run_distinct(pyr_eval *eval, pyr_eval_node *node, pyr_eval_rows *rows,
                               pyr_error *error) {
    for (int32_t i = 0; i < 2; ++i) {
        PYR_TRY(pyr_eval_node_run(eval, node->arguments[i], rows, error));
    }
    const pyr_vector *a = pyr_eval_argument(node, 0), *b = pyr_eval_argument(node, 1);
    int32_t words = pyr_words(rows->rows);
    uint64_t *out = node->buffer.data;
    bool distinct = node->expression->op == PYR_OP_DISTINCT;
    bool one_null = pyr_vector_null(a) || pyr_vector_null(b);
    memset(out, 0, (size_t)words * 8);
    if (!one_null) {
        compare_pair(eval, node, rows, pyr_eval_validity(eval, node, rows->rows));
    }
    bool constant = a->constant && b->constant;
    for (int32_t w = 0; w < (constant ? 1 : words); ++w) {
        uint64_t x = pyr_valid_word(a, w), y = pyr_valid_word(b, w);
        uint64_t differ = (x ^ y) | (x & y & (distinct ? out[w] : ~out[w]));
        out[w] = distinct ? differ : ~differ;
    }
    pyr_eval_set_out(node, constant, NULL);
    return PYR_OK;
}

static pyr_status run_is_null(pyr_eval *eval, pyr_eval_node *node, pyr_eval_rows *rows,
                              pyr_error *error) {
    PYR_TRY(pyr_eval_node_run(eval, node->arguments[0], rows, error));
    const pyr_vector *v = pyr_eval_argument(node, 0);
    uint64_t flip = node->expression->op == PYR_OP_IS_NULL ? ~UINT64_C(0) : 0;
    uint64_t *out = node->buffer.data;
    for (int32_t w = 0; w < pyr_words(rows->rows); ++w) {
        out[w] = pyr_valid_word(v, w) ^ flip;
    }
    pyr_eval_set_out(node, v->constant, NULL);
    return PYR_OK;
}

/* ---- GREATEST, LEAST: NULLs are left out; NULL where all are. ---- */

static void copy_value(pyr_eval_node *node, const pyr_vector *v, int32_t row) {
    if (node->physical == PYR_PHYSICAL_STRING) {
        ((pyr_string *)node->buffer.data)[row] = pyr_vector_string(v, row);
    } else if (node->physical == PYR_PHYSICAL_BIT) {
        int32_t at = v->constant ? 0 : row;
        put_bit(node->buffer.data, row, (((const uint64_t *)v->data)[at >> 6] >> (at & 63)) & 1);
    } else {
        size_t width = pyr_physical_bytes(node->physical);
        memcpy((uint8_t *)node->buffer.data + (size_t)row * width,
               (const uint8_t *)v->data + (size_t)(v->constant ? 0 : row) * width, width);
    }
}
/* Rows where argument `index` beats what node->buffer has. */
static void extreme_step(pyr_eval *eval, pyr_eval_node *node, int32_t index, pyr_eval_rows *rows,
                         uint64_t *better) {
    const pyr_vector *v = pyr_eval_argument(node, index);
    pyr_vector best;
    memset(&best, 0, sizeof best);
    best.physical = node->physical;
    best.data = node->buffer.data;
    int32_t words = pyr_words(rows->rows);
    uint64_t both[PYR_VECTOR_WORDS];
    for (int32_t w = 0; w < words; ++w) {
        both[w] = pyr_valid_word(v, w) & node->buffer.validity[w];
        better[w] = 0;
    }
    /* Is the best so far beaten: LESS for GREATEST. */
    pyr_eval_compare(eval, node->compare, &best, v, rows, both, better);
    for (int32_t w = 0; w < words; ++w) {
        better[w] = (better[w] & both[w]) | (pyr_valid_word(v, w) & ~node->buffer.validity[w]);
        node->buffer.validity[w] |= pyr_valid_word(v, w);
    }
}
static pyr_status run_extreme(pyr_eval *eval, pyr_eval_node *node, pyr_eval_rows *rows,
                              pyr_error *error) {
    for (int32_t i = 0; i < node->arguments_count; ++i) {
        PYR_TRY(pyr_eval_node_run(eval, node->arguments[i], rows, error));
    }
    uint64_t better[PYR_VECTOR_WORDS];
    memset(node->buffer.validity, 0, PYR_VECTOR_WORDS * 8);
    for (int32_t a = 0; a < node->arguments_count; ++a) {
        const pyr_vector *v = pyr_eval_argument(node, a);
        if (pyr_vector_null(v)) {
            continue;
        }
        const uint16_t *list = NULL;
        extreme_step(eval, node, a, rows, better);
        int32_t count = pyr_eval_pick(eval, rows, better, &list);
        for (int32_t k = 0; k < count; ++k) {
            copy_value(node, v, list[k]);
        }
    }
    pyr_eval_set_out(node, false, node->buffer.validity);
    return PYR_OK;
}

pyr_status pyr_eval_choose_compare(pyr_eval *eval, pyr_eval_node *node, pyr_error *error) {
    (void)eval;
    pyr_op op = node->expression->op;
    if (op >= PYR_OP_EQUAL && op <= PYR_OP_GREATER_EQUAL) {
        static const pyr_compare_op ops[] = {PYR_COMPARE_EQ, PYR_COMPARE_NE, PYR_COMPARE_LT,
                                             PYR_COMPARE_LE, PYR_COMPARE_GT, PYR_COMPARE_GE};
        node->compare = ops[op - PYR_OP_EQUAL];
        node->run = run_compare;
    } else if (op == PYR_OP_DISTINCT || op == PYR_OP_NOT_DISTINCT) {
        node->compare = op == PYR_OP_DISTINCT ? PYR_COMPARE_NE : PYR_COMPARE_EQ;
        node->run = run_distinct;
    } else if (op == PYR_OP_IS_NULL || op == PYR_OP_IS_NOT_NULL) {
        node->run = run_is_null;
    } else {
        node->compare = op == PYR_OP_GREATEST ? PYR_COMPARE_LT : PYR_COMPARE_GT;
        node->run = run_extreme;
    }
    for (int32_t i = 1; i < node->arguments_count; ++i) {
        if (node->arguments[i]->physical != node->arguments[0]->physical) {
            return pyr_eval_not_supported(node, "comparing different types", error);
        }
    }
    return PYR_OK;
}
