/* eval_in.c - IN a list of constants: compared one after the other where there are few, else found
 * in a table by their hashes. A NULL in the list makes what is not found NULL. */
#include "exec/eval_internal.h"

#define FEW 8 /* comparisons of whole vectors are cheaper than hashing up to here */

typedef struct in_list {
    bool has_null;
    int32_t count;
    pyr_eval_node **constants; /* those that are not NULL */
    /* beyond FEW: open addressing, entries are 1 + the constant's index, 0: free */
    uint32_t mask;
    uint32_t *table;
    uint64_t *hashes; /* of the constants */
} in_list;

static uint8_t log2_width(pyr_physical physical) {
    switch (pyr_physical_bytes(physical)) {
    case 1:
        return 0;
    case 2:
        return 1;
    case 4:
        return 2;
    case 8:
        return 3;
    default:
        return 4;
    }
}

/* Floats by the total order's classes: what is equal has equal bits. */
static void normalize(pyr_physical physical, void *values, int32_t n) {
    if (physical == PYR_PHYSICAL_F64) {
        double *v = values;
        for (int32_t i = 0; i < n; ++i) {
            v[i] = v[i] != v[i] ? __builtin_nan("") : v[i] + 0.0;
        }
    } else if (physical == PYR_PHYSICAL_F32) {
        float *v = values;
        for (int32_t i = 0; i < n; ++i) {
            v[i] = v[i] != v[i] ? __builtin_nanf("") : v[i] + 0.0f;
        }
    }
}
static void hash_values(const pyr_eval *eval, pyr_physical physical, void *values, int32_t n,
                        uint64_t *hashes) {
    if (physical == PYR_PHYSICAL_STRING) {
        eval->kernels->hash_strings(values, n, hashes);
        return;
    }
    normalize(physical, values, n);
    eval->kernels->hash[log2_width(physical)](values, n, hashes);
}
static bool same(pyr_physical physical, const void *a, const void *b) {
    if (physical != PYR_PHYSICAL_STRING) {
        return memcmp(a, b, pyr_physical_bytes(physical)) == 0;
    }
    const pyr_string *x = a, *y = b;
    return x->length == y->length && (x->length == 0 || memcmp(x->bytes, y->bytes, x->length) == 0);
}

/* The few: OR of comparisons with constants. */
static void few_words(pyr_eval *eval, pyr_eval_node *node, const in_list *in, pyr_eval_rows *rows,
                      const uint64_t *validity) {
    uint64_t *out = node->buffer.data;
    const pyr_vector *v = pyr_eval_argument(node, 0);
    uint64_t words[PYR_VECTOR_WORDS];
    memset(out, 0, PYR_VECTOR_WORDS * 8);
    for (int32_t c = 0; c < in->count; ++c) {
        memset(words, 0, sizeof words);
        pyr_eval_compare(eval, PYR_COMPARE_EQ, v, &in->constants[c]->out, rows, validity, words);
        eval->kernels->mask_or(out, words, rows->rows, out);
    }
}

static void many_words(pyr_eval *eval, pyr_eval_node *node, const in_list *in, pyr_eval_rows *rows,
                       const uint64_t *validity) {
    uint64_t *out = node->buffer.data;
    const pyr_vector *v = pyr_eval_argument(node, 0);
    pyr_physical physical = v->physical;
    size_t width = pyr_physical_bytes(physical);
    const uint16_t *list = NULL;
    uint64_t hashes[PYR_VECTOR_ROWS];
    uint8_t *values = eval->gathered[0];
    int32_t count = v->constant ? 1 : pyr_eval_pick(eval, rows, validity, &list);
    for (int32_t k = 0; k < count; ++k) {
        int32_t row = list != NULL ? list[k] : k;
        if (physical == PYR_PHYSICAL_STRING) {
            ((pyr_string *)(void *)values)[k] = pyr_vector_string(v, row);
        } else {
            memcpy(values + (size_t)k * width, (const uint8_t *)v->data + (size_t)row * width,
                   width);
        }
    }
    hash_values(eval, physical, values, count, hashes);
    memset(out, 0, PYR_VECTOR_WORDS * 8);
    for (int32_t k = 0; k < count; ++k) {
        int32_t row = list != NULL ? list[k] : k;
        uint32_t at = (uint32_t)hashes[k] & in->mask;
        for (; in->table[at] != 0; at = (at + 1) & in->mask) {
            uint32_t c = in->table[at] - 1;
            if (in->hashes[c] == hashes[k] &&
                same(physical, values + (size_t)k * width, in->constants[c]->buffer.data)) {
                out[row >> 6] |= UINT64_C(1) << (row & 63);
                break;
            }
        }
    }
}

static pyr_status run_in(pyr_eval *eval, pyr_eval_node *node, pyr_eval_rows *rows,
                         pyr_error *error) {
    const in_list *in = node->extra;
    PYR_TRY(pyr_eval_node_run(eval, node->arguments[0], rows, error));
    pyr_vector *v = pyr_eval_argument(node, 0);
    if (pyr_vector_null(v)) {
        pyr_eval_set_null(node);
        return PYR_OK;
    }
    bool constant = v->constant;
    pyr_eval_rows one = {1, 1, NULL, NULL, NULL, 0, NULL};
    v->constant = false; /* its one row */
    const uint64_t *validity = constant ? NULL : v->validity;
    if (in->count <= FEW) {
        few_words(eval, node, in, constant ? &one : rows, validity);
    } else {
        many_words(eval, node, in, constant ? &one : rows, validity);
    }
    v->constant = constant;
    if (in->has_null) { /* true, or unknown */
        const uint64_t *found = node->buffer.data;
        for (int32_t w = 0; w < pyr_words(constant ? 1 : rows->rows); ++w) {
            node->buffer.validity[w] = found[w] & (validity != NULL ? validity[w] : ~UINT64_C(0));
        }
        validity = node->buffer.validity;
    }
    pyr_eval_set_out(node, constant, validity);
    return PYR_OK;
}

static pyr_status make_table(pyr_eval *eval, in_list *in, pyr_error *error) {
    uint32_t size = 16;
    while (size < (uint32_t)in->count * 4) {
        size *= 2;
    }
    in->mask = size - 1;
    in->table = pyr_arena_array(&eval->arena, size, sizeof *in->table);
    in->hashes = pyr_arena_array(&eval->arena, (size_t)in->count, sizeof *in->hashes);
    if (in->table == NULL || in->hashes == NULL) {
        return pyr_arena_error(&eval->arena, error);
    }
    for (int32_t c = 0; c < in->count; ++c) {
        pyr_eval_node *constant = in->constants[c];
        hash_values(eval, constant->physical, constant->buffer.data, 1, &in->hashes[c]);
        uint32_t at = (uint32_t)in->hashes[c] & in->mask;
        while (in->table[at] != 0) {
            at = (at + 1) & in->mask;
        }
        in->table[at] = (uint32_t)c + 1;
    }
    return PYR_OK;
}

pyr_status pyr_eval_choose_in(pyr_eval *eval, pyr_eval_node *node, pyr_error *error) {
    in_list *in = pyr_arena_alloc(&eval->arena, sizeof *in);
    pyr_eval_node **constants =
        pyr_arena_array(&eval->arena, (size_t)node->arguments_count, sizeof *constants);
    if (in == NULL || constants == NULL) {
        return pyr_arena_error(&eval->arena, error);
    }
    in->constants = constants;
    for (int32_t i = 1; i < node->arguments_count; ++i) {
        const pyr_bound_expr *e = node->arguments[i]->expression;
        if (e->kind != PYR_BOUND_CONSTANT ||
            (!e->is_null && node->arguments[i]->physical != node->arguments[0]->physical)) {
            return pyr_eval_not_supported(node, "IN a list that is not of constants", error);
        }
        if (e->is_null) {
            in->has_null = true;
        } else {
            constants[in->count++] = node->arguments[i];
        }
    }
    pyr_physical physical = node->arguments[0]->physical;
    bool hashed = in->count > FEW;
    if (hashed && (physical == PYR_PHYSICAL_BIT || physical == PYR_PHYSICAL_INTERVAL)) {
        return pyr_eval_not_supported(node, "IN a long list", error);
    }
    node->extra = in;
    node->run = run_in;
    return hashed ? make_table(eval, in, error) : PYR_OK;
}
