/* eval.c - evaluators: nodes made of expressions, their sets of rows, and the public functions. */
#include "exec/eval_internal.h"

#include <stdlib.h>

/* ---- Sets of rows. ---- */

void pyr_eval_subset_make(pyr_eval *eval, pyr_eval_subset *subset, const pyr_eval_rows *within,
                          const uint64_t *mask) {
    pyr_eval_rows *rows = &subset->rows;
    if (within->mask != NULL) {
        eval->kernels->mask_and(mask, within->mask, within->rows, subset->mask);
    } else if (mask != subset->mask) {
        memcpy(subset->mask, mask, (size_t)pyr_words(within->rows) * 8);
    }
    rows->rows = within->rows;
    rows->selected = (int32_t)eval->kernels->mask_count(subset->mask, within->rows);
    rows->mask = rows->selected == within->rows ? NULL : subset->mask;
    rows->list = NULL;
    rows->room = subset->room;
    rows->id = ++eval->ids;
    rows->within = within;
}

const uint16_t *pyr_eval_rows_list(pyr_eval *eval, pyr_eval_rows *rows) {
    if (rows->list == NULL && rows->mask != NULL) {
        (void)eval->kernels->mask_to_rows(rows->mask, rows->rows, rows->room);
        rows->list = rows->room;
    }
    return rows->list;
}

int32_t pyr_eval_pick(pyr_eval *eval, pyr_eval_rows *rows, const uint64_t *validity,
                      const uint16_t **list) {
    if (validity == NULL) {
        *list = pyr_eval_rows_list(eval, rows);
        return rows->selected;
    }
    int32_t words = pyr_words(rows->rows);
    for (int32_t i = 0; i < words; ++i) {
        eval->words[i] = validity[i] & (rows->mask != NULL ? rows->mask[i] : ~UINT64_C(0));
    }
    if (words > 0 && (rows->rows & 63) != 0) {
        eval->words[words - 1] &= (UINT64_C(1) << (rows->rows & 63)) - 1;
    }
    *list = eval->picked;
    return (int32_t)eval->kernels->mask_to_rows(eval->words, rows->rows, eval->picked);
}

/* ---- What nodes give. ---- */

void pyr_eval_set_out(pyr_eval_node *node, bool constant, const uint64_t *validity) {
    memset(&node->out, 0, sizeof node->out);
    node->out.physical = node->physical;
    node->out.constant = constant;
    node->out.data = node->buffer.data;
    node->out.validity = validity;
}

void pyr_eval_set_null(pyr_eval_node *node) {
    pyr_eval_set_out(node, true, node->buffer.validity);
    node->buffer.validity[0] = 0;
}

bool pyr_eval_all_constant(const pyr_eval_node *node) {
    for (int32_t i = 0; i < node->arguments_count; ++i) {
        if (!node->arguments[i]->out.constant) {
            return false;
        }
    }
    return true;
}

const uint64_t *pyr_eval_validity(pyr_eval *eval, pyr_eval_node *node, int32_t rows) {
    const uint64_t *validity = NULL;
    for (int32_t i = 0; i < node->arguments_count; ++i) {
        const pyr_vector *v = pyr_eval_argument(node, i);
        if (v->validity == NULL || v->constant) {
            continue;
        }
        if (validity == NULL) {
            validity = v->validity;
        } else if (validity != v->validity) {
            eval->kernels->mask_and(validity, v->validity, rows, node->buffer.validity);
            validity = node->buffer.validity;
        }
    }
    return validity;
}

uint64_t *pyr_eval_own_validity(pyr_eval_node *node, const uint64_t *validity, int32_t rows) {
    uint64_t *own = node->buffer.validity;
    if (validity == NULL) {
        memset(own, 0xFF, (size_t)pyr_words(rows) * 8);
    } else if (validity != own) {
        memcpy(own, validity, (size_t)pyr_words(rows) * 8);
    }
    return own;
}

pyr_status pyr_eval_arguments(pyr_eval *eval, pyr_eval_node *node, pyr_eval_rows *rows, bool *done,
                              pyr_error *error) {
    *done = false;
    for (int32_t i = 0; i < node->arguments_count; ++i) {
        PYR_TRY(pyr_eval_node_run(eval, node->arguments[i], rows, error));
        if (pyr_vector_null(pyr_eval_argument(node, i))) {
            pyr_eval_set_null(node);
            *done = true;
            return PYR_OK;
        }
    }
    return PYR_OK;
}

pyr_status pyr_eval_flat(pyr_eval *eval, pyr_eval_node *node, const pyr_vector *v, bool fixed,
                         const void **out, pyr_error *error) {
    *out = v->data;
    if (!v->constant || (fixed && node->flat_filled)) {
        *out = v->constant ? node->flat : v->data;
        return PYR_OK;
    }
    size_t width = pyr_physical_bytes(v->physical);
    if (node->flat == NULL) {
        pyr_vector_buffer buffer;
        PYR_TRY(pyr_vector_buffer_init(&buffer, PYR_PHYSICAL_STRING, &eval->arena, error));
        node->flat = buffer.data;
    }
    for (size_t i = 0; i < PYR_VECTOR_ROWS; ++i) {
        memcpy((uint8_t *)node->flat + i * width, v->data, width);
    }
    node->flat_filled = fixed;
    *out = node->flat;
    return PYR_OK;
}

/* ---- Loops. ---- */

/* Rows of loop->list one failure after the other. */
static pyr_status loop_list(pyr_eval_node *node, pyr_loop loop, int32_t rows,
                            const uint64_t **validity, pyr_error *error) {
    for (;;) {
        int32_t at = node->loop(&loop);
        if (at < 0) {
            return PYR_OK;
        }
        int32_t row = loop.list != NULL ? loop.list[at] : 0;
        PYR_TRY(node->fail(node, row, error));
        uint64_t *own = pyr_eval_own_validity(node, *validity, rows);
        own[row >> 6] &= ~(UINT64_C(1) << (row & 63));
        *validity = own;
        if (loop.list == NULL || at + 1 >= loop.count) {
            return PYR_OK;
        }
        loop.list += at + 1;
        loop.count -= at + 1;
    }
}

/* Rows 0 .. count - 1; true: some row failed, which may be none that counts. */
static bool loop_dense(const pyr_eval_node *node, const pyr_loop *loop) {
    pyr_arithmetic_kernel *kernel = loop->b_constant ? node->dense_constant : node->dense;
    if (kernel != NULL) {
        return kernel(loop->a, loop->b, loop->count, loop->out);
    }
    return node->loop(loop) >= 0;
}

pyr_status pyr_eval_run_loop(pyr_eval *eval, pyr_eval_node *node, pyr_eval_rows *rows,
                             pyr_error *error) {
    bool done = false;
    PYR_TRY(pyr_eval_arguments(eval, node, rows, &done, error));
    if (done) {
        return PYR_OK;
    }
    const pyr_vector *a = pyr_eval_argument(node, 0);
    const pyr_vector *b = node->arguments_count > 1 ? pyr_eval_argument(node, 1) : NULL;
    pyr_loop loop = {a->data, b != NULL ? b->data : NULL, node->buffer.data, NULL,
                     1,       b != NULL && b->constant,   node->extra};
    const uint64_t *validity = NULL;
    if (pyr_eval_all_constant(node)) {
        PYR_TRY(loop_list(node, loop, 1, &validity, error));
        pyr_eval_set_out(node, true, validity);
        return PYR_OK;
    }
    bool fixed = node->arguments[0]->expression->kind == PYR_BOUND_CONSTANT;
    PYR_TRY(pyr_eval_flat(eval, node, a, fixed, &loop.a, error));
    validity = pyr_eval_validity(eval, node, rows->rows);
    loop.count = rows->rows;
    bool dense = rows->mask == NULL || (!node->expensive && rows->selected * 8 >= rows->rows);
    if (!dense || loop_dense(node, &loop)) {
        loop.count = pyr_eval_pick(eval, rows, validity, &loop.list);
        if (loop.list == NULL) { /* all rows, and some failed */
            for (int32_t i = 0; i < rows->rows; ++i) {
                eval->picked[i] = (uint16_t)i;
            }
            loop.list = eval->picked;
        }
        PYR_TRY(loop_list(node, loop, rows->rows, &validity, error));
    }
    pyr_eval_set_out(node, false, validity);
    return PYR_OK;
}

/* ---- Nodes. ---- */

pyr_status pyr_eval_node_run(pyr_eval *eval, pyr_eval_node *node, pyr_eval_rows *rows,
                             pyr_error *error) {
    switch (node->expression->kind) {
    case PYR_BOUND_CONSTANT:
        return PYR_OK;
    case PYR_BOUND_COLUMN: {
        const pyr_vector *column = &eval->chunk->columns[node->expression->column];
        node->out = *column;
        return PYR_OK;
    }
    default:
        break;
    }
    if (node->computed_for != 0) {
        for (const pyr_eval_rows *known = rows; known != NULL; known = known->within) {
            if (known->id == node->computed_for) {
                return PYR_OK;
            }
        }
    }
    node->computed_for = 0;
    if (rows->selected == 0) {
        pyr_eval_set_null(node);
        return PYR_OK;
    }
    PYR_TRY(pyr_eval_codes_possible(eval, node, rows) ? pyr_eval_codes_run(eval, node, rows, error)
                                                      : node->run(eval, node, rows, error));
    node->computed_for = rows->id;
    return PYR_OK;
}

/* The value where the constant's one row lies; strings are borrowed. */
static void store_value(pyr_physical physical, const pyr_value *value, void *to) {
    switch (physical) {
    case PYR_PHYSICAL_BIT:
        *(uint64_t *)to = value->boolean ? 1 : 0;
        break;
    case PYR_PHYSICAL_I8:
        *(int8_t *)to = (int8_t)value->i64;
        break;
    case PYR_PHYSICAL_I16:
        *(int16_t *)to = (int16_t)value->i64;
        break;
    case PYR_PHYSICAL_I32:
        *(int32_t *)to = (int32_t)value->i64;
        break;
    case PYR_PHYSICAL_I64:
        *(int64_t *)to = value->i64;
        break;
    case PYR_PHYSICAL_U8:
        *(uint8_t *)to = (uint8_t)value->u64;
        break;
    case PYR_PHYSICAL_U16:
        *(uint16_t *)to = (uint16_t)value->u64;
        break;
    case PYR_PHYSICAL_U32:
        *(uint32_t *)to = (uint32_t)value->u64;
        break;
    case PYR_PHYSICAL_U64:
        *(uint64_t *)to = value->u64;
        break;
    case PYR_PHYSICAL_I128:
        *(pyr_i128_any *)to = value->i128;
        break;
    case PYR_PHYSICAL_F32:
        *(float *)to = (float)value->f64;
        break;
    case PYR_PHYSICAL_F64:
        *(double *)to = value->f64;
        break;
    case PYR_PHYSICAL_STRING:
        *(pyr_string *)to = value->string;
        break;
    default:
        *(pyr_interval *)to = value->interval;
        break;
    }
}
static void set_constant(pyr_eval_node *node, bool is_null, const pyr_value *value) {
    if (is_null) {
        pyr_eval_set_null(node);
        return;
    }
    store_value(node->physical, value, node->buffer.data);
    pyr_eval_set_out(node, true, NULL);
}
static pyr_status run_scalar(pyr_eval *eval, pyr_eval_node *node, pyr_eval_rows *rows,
                             pyr_error *error) {
    (void)rows;
    (void)error;
    const pyr_scalar *scalar = &eval->scalars[node->expression->subquery];
    set_constant(node, scalar->is_null, &scalar->value);
    return PYR_OK;
}

static pyr_status choose(pyr_eval *eval, pyr_eval_node *node, pyr_error *error) {
    const pyr_bound_expr *e = node->expression;
    switch (e->kind) {
    case PYR_BOUND_COLUMN:
        return PYR_OK;
    case PYR_BOUND_CONSTANT:
        set_constant(node, e->is_null, &e->value);
        return PYR_OK;
    case PYR_BOUND_SCALAR:
        node->run = run_scalar;
        return PYR_OK;
    case PYR_BOUND_AND:
    case PYR_BOUND_OR:
        return pyr_eval_choose_logic(eval, node, error);
    case PYR_BOUND_CASE:
    case PYR_BOUND_COALESCE:
        return pyr_eval_choose_case(eval, node, error);
    default:
        return pyr_eval_choose(eval, node, error);
    }
}

/* Depth is that of the parse tree (PYR_TREE_DEPTH_MAX) and what the binder adds. */
static pyr_status node_create(pyr_eval *eval, const pyr_bound_expr *expression, pyr_eval_node **out,
                              pyr_error *error) {
    /* A constant is not looked for: there may be very many (a long IN), and nothing to compute. */
    bool shared = expression->kind != PYR_BOUND_CONSTANT;
    for (int32_t i = 0; shared && i < eval->nodes_count; ++i) {
        if (eval->nodes[i]->expression == expression) {
            *out = eval->nodes[i];
            return PYR_OK;
        }
    }
    pyr_eval_node *node = pyr_arena_alloc(&eval->arena, sizeof *node);
    pyr_eval_node **arguments =
        pyr_arena_array(&eval->arena, (size_t)expression->arguments_count, sizeof *arguments);
    if (node == NULL || arguments == NULL) {
        return pyr_arena_error(&eval->arena, error);
    }
    node->expression = expression;
    node->arguments = arguments;
    node->arguments_count = expression->arguments_count;
    node->physical = pyr_sql_type_physical(expression->type);
    for (int32_t i = 0; i < expression->arguments_count; ++i) {
        PYR_TRY(node_create(eval, expression->arguments[i], &arguments[i], error));
    }
    if (expression->kind == PYR_BOUND_CONSTANT || expression->kind == PYR_BOUND_SCALAR) {
        node->buffer.data = pyr_arena_alloc(&eval->arena, 48);
        node->buffer.validity = pyr_arena_alloc(&eval->arena, 16);
        if (node->buffer.data == NULL || node->buffer.validity == NULL) {
            return pyr_arena_error(&eval->arena, error);
        }
    } else if (expression->kind != PYR_BOUND_COLUMN) {
        PYR_TRY(pyr_vector_buffer_init(&node->buffer, node->physical, &eval->arena, error));
    }
    PYR_TRY(choose(eval, node, error));
    PYR_TRY(pyr_eval_choose_codes(eval, node, error));
    *out = node;
    if (!shared) {
        return PYR_OK;
    }
    if (eval->nodes_count == eval->nodes_capacity) {
        int32_t capacity = eval->nodes_capacity * 2 + 16;
        pyr_eval_node **more =
            pyr_arena_array(&eval->arena, (size_t)capacity, sizeof(pyr_eval_node *));
        if (more == NULL) {
            return pyr_arena_error(&eval->arena, error);
        }
        if (eval->nodes_count > 0) {
            memcpy(more, eval->nodes, (size_t)eval->nodes_count * sizeof(pyr_eval_node *));
        }
        eval->nodes = more;
        eval->nodes_capacity = capacity;
    }
    eval->nodes[eval->nodes_count++] = node;
    return PYR_OK;
}

pyr_status pyr_eval_create(pyr_bound_expr *const *expressions, int32_t count,
                           const pyr_scalar *scalars, pyr_budget *budget, pyr_eval **out,
                           pyr_error *error) {
    *out = NULL;
    pyr_eval *eval = calloc(1, sizeof *eval);
    if (eval == NULL) {
        return pyr_error_memory(error, sizeof *eval);
    }
    pyr_arena_init(&eval->arena, budget);
    eval->kernels = pyr_kernels_get();
    eval->scalars = scalars;
    eval->roots_count = count;
    pyr_status status = PYR_OK;
    eval->roots = pyr_arena_array(&eval->arena, (size_t)count, sizeof(pyr_eval_node *));
    eval->narrowed = pyr_arena_array(&eval->arena, (size_t)count, sizeof(pyr_eval_subset));
    eval->gathered[0] = pyr_arena_alloc_uncleared(&eval->arena, PYR_VECTOR_ROWS * 16 + 64);
    eval->gathered[1] = pyr_arena_alloc_uncleared(&eval->arena, PYR_VECTOR_ROWS * 16 + 64);
    if (eval->roots == NULL || eval->narrowed == NULL || eval->gathered[0] == NULL ||
        eval->gathered[1] == NULL) {
        status = pyr_arena_error(&eval->arena, error);
    }
    for (int32_t i = 0; status == PYR_OK && i < count; ++i) {
        status = node_create(eval, expressions[i], &eval->roots[i], error);
    }
    if (status != PYR_OK) {
        pyr_eval_destroy(eval);
        return status;
    }
    *out = eval;
    return PYR_OK;
}

void pyr_eval_destroy(pyr_eval *eval) {
    if (eval == NULL) {
        return;
    }
    for (pyr_eval_cleanup *c = eval->cleanups; c != NULL; c = c->next) {
        c->run(c->what);
    }
    pyr_arena_deinit(&eval->arena);
    free(eval);
}

/* Begins a run: the chunk's rows, and nothing known of them. */
static pyr_eval_rows *begin(pyr_eval *eval, const pyr_chunk *chunk) {
    eval->chunk = chunk;
    eval->text.current = eval->text.first;
    eval->text.used = 0;
    pyr_eval_rows *rows = &eval->all.rows;
    rows->rows = chunk->rows;
    rows->selected = chunk->selected;
    rows->mask = chunk->selected == chunk->rows ? NULL : chunk->mask;
    rows->list = rows->mask != NULL ? chunk->list : NULL;
    rows->room = eval->all.room;
    rows->id = ++eval->ids;
    rows->within = NULL;
    return rows;
}

pyr_status pyr_eval_run(pyr_eval *eval, pyr_chunk *chunk, pyr_vector *out, pyr_error *error) {
    pyr_eval_rows *rows = begin(eval, chunk);
    for (int32_t i = 0; i < eval->roots_count; ++i) {
        PYR_TRY(pyr_eval_node_run(eval, eval->roots[i], rows, error));
        out[i] = eval->roots[i]->out;
    }
    return PYR_OK;
}

pyr_status pyr_eval_filter(pyr_eval *eval, pyr_chunk *chunk, uint64_t certain, pyr_error *error) {
    pyr_eval_rows *rows = begin(eval, chunk);
    pyr_status status = PYR_OK;
    for (int32_t i = 0; status == PYR_OK && i < eval->roots_count && rows->selected > 0; ++i) {
        pyr_eval_subset *next = &eval->narrowed[i];
        if (i < 64 && ((certain >> i) & 1) != 0) {
            continue;
        }
        status = pyr_eval_true(eval, eval->roots[i], rows, next->mask, error);
        if (status == PYR_OK) {
            pyr_eval_subset_make(eval, next, rows, next->mask);
            rows = &next->rows;
        }
    }
    chunk->selected = rows->selected;
    chunk->mask = rows->mask;
    chunk->list = NULL;
    return status;
}

pyr_status pyr_eval_constant(const pyr_bound_expr *expression, pyr_arena *arena, bool *is_null,
                             pyr_value *out, pyr_error *error) {
    pyr_eval *eval = NULL;
    pyr_bound_expr *const expressions[1] = {(pyr_bound_expr *)expression};
    PYR_TRY(pyr_eval_create(expressions, 1, NULL, NULL, &eval, error));
    pyr_chunk chunk = {1, 1, NULL, NULL, 0, NULL};
    pyr_vector v;
    pyr_status status = pyr_eval_run(eval, &chunk, &v, error);
    memset(out, 0, sizeof *out);
    if (status == PYR_OK) {
        *is_null = pyr_vector_is_null(&v, 0);
        status = *is_null ? PYR_OK : pyr_eval_value(&v, 0, arena, out, error);
    }
    pyr_eval_destroy(eval);
    return status;
}
