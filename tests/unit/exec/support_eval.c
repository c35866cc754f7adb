#include "support_eval.h"

#include <stdio.h>
#include <stdlib.h>

static pyr_arena arena;
static pyr_eval *evals[512];
static size_t evals_count;

static pyr_bound_expr *make(pyr_bound_expr_kind kind_of, pyr_sql_type type) {
    pyr_bound_expr *e = pyr_arena_alloc(&arena, sizeof *e);
    assert_non_null(e);
    e->kind = kind_of;
    e->type = type;
    e->offset = 7;
    return e;
}
pyr_bound_expr *col(int32_t index, pyr_sql_type type) {
    pyr_bound_expr *e = make(PYR_BOUND_COLUMN, type);
    e->column = index;
    return e;
}
pyr_bound_expr *i64(pyr_sql_type type, int64_t value) {
    pyr_bound_expr *e = make(PYR_BOUND_CONSTANT, type);
    switch (pyr_sql_type_physical(type)) {
    case PYR_PHYSICAL_I128:
        e->value.i128 = value;
        break;
    case PYR_PHYSICAL_BIT:
        e->value.boolean = value != 0;
        break;
    case PYR_PHYSICAL_F32:
    case PYR_PHYSICAL_F64:
        e->value.f64 = (double)value;
        break;
    default:
        e->value.i64 = value;
        break;
    }
    return e;
}
pyr_bound_expr *f64(double value) {
    pyr_bound_expr *e = make(PYR_BOUND_CONSTANT, T_F64);
    e->value.f64 = value;
    return e;
}
pyr_bound_expr *str(const char *text) {
    pyr_bound_expr *e = make(PYR_BOUND_CONSTANT, T_TEXT);
    e->value.string.bytes = (const uint8_t *)text;
    e->value.string.length = strlen(text);
    return e;
}
pyr_bound_expr *null_of(pyr_sql_type type) {
    pyr_bound_expr *e = make(PYR_BOUND_CONSTANT, type);
    e->is_null = true;
    return e;
}
static void take_arguments(pyr_bound_expr *e, va_list list) {
    e->arguments = pyr_arena_array(&arena, 64, sizeof(pyr_bound_expr *));
    assert_non_null(e->arguments);
    for (;;) {
        pyr_bound_expr *argument = va_arg(list, pyr_bound_expr *);
        if (argument == NULL) {
            return;
        }
        assert_true(e->arguments_count < 64);
        e->arguments[e->arguments_count++] = argument;
    }
}
pyr_bound_expr *op(pyr_op op_of, pyr_sql_type type, ...) {
    pyr_bound_expr *e = make(PYR_BOUND_OPERATION, type);
    e->op = op_of;
    e->may_fail = true;
    va_list list;
    va_start(list, type);
    take_arguments(e, list);
    va_end(list);
    return e;
}
pyr_bound_expr *kind(pyr_bound_expr_kind kind_of, pyr_sql_type type, ...) {
    pyr_bound_expr *e = make(kind_of, type);
    va_list list;
    va_start(list, type);
    take_arguments(e, list);
    va_end(list);
    return e;
}
pyr_bound_expr *part(pyr_op op_of, pyr_date_part part_of, pyr_sql_type type, pyr_bound_expr *a,
                     pyr_bound_expr *b) {
    pyr_bound_expr *e = op(op_of, type, a, b, NULL);
    e->part = part_of;
    return e;
}
int support_free(void **state) {
    (void)state;
    while (evals_count > 0) {
        pyr_eval_destroy(evals[--evals_count]);
    }
    pyr_arena_deinit(&arena);
    memset(&arena, 0, sizeof arena);
    return 0;
}

void columns_init(columns *c, int32_t rows) {
    memset(c, 0, sizeof *c);
    c->chunk.rows = c->chunk.selected = rows;
    c->chunk.columns = c->vectors;
}
int32_t columns_add(columns *c, pyr_physical physical, const void *data, const int32_t *nulls) {
    int32_t index = c->chunk.columns_count++;
    pyr_vector *v = &c->vectors[index];
    v->physical = physical;
    v->data = data;
    if (nulls != NULL) {
        memset(c->words[index], 0xFF, sizeof c->words[index]);
        v->validity = c->words[index];
        for (; *nulls >= 0; ++nulls) {
            c->words[index][*nulls / 64] &= ~(UINT64_C(1) << (*nulls % 64));
        }
    }
    return index;
}
int32_t columns_add_text(columns *c, const char *bytes, const int32_t *offsets,
                         const int32_t *nulls) {
    int32_t index = columns_add(c, PYR_PHYSICAL_STRING, NULL, nulls);
    c->vectors[index].offsets = offsets;
    c->vectors[index].bytes = (const uint8_t *)bytes;
    c->vectors[index].bytes_readable = offsets[c->chunk.rows];
    return index;
}
void columns_select(columns *c, const int32_t *rows) {
    memset(c->mask, 0, sizeof c->mask);
    c->chunk.selected = 0;
    for (; *rows >= 0; ++rows) {
        c->mask[*rows / 64] |= UINT64_C(1) << (*rows % 64);
        ++c->chunk.selected;
    }
    c->chunk.mask = c->mask;
    c->chunk.list = NULL;
}

pyr_vector run(columns *c, pyr_bound_expr *expression) {
    pyr_error error = {0};
    pyr_vector out;
    assert_true(evals_count < 512);
    pyr_eval **eval = &evals[evals_count++];
    pyr_status status = pyr_eval_create(&expression, 1, NULL, NULL, eval, &error);
    if (status == PYR_OK) {
        status = pyr_eval_run(*eval, &c->chunk, &out, &error);
    }
    if (status != PYR_OK) {
        fail_msg("%s", error.message);
    }
    return out;
}
pyr_status run_fails(columns *c, pyr_bound_expr *expression, pyr_error *error) {
    pyr_eval *eval = NULL;
    pyr_vector out;
    pyr_status status = pyr_eval_create(&expression, 1, NULL, NULL, &eval, error);
    if (status == PYR_OK) {
        status = pyr_eval_run(eval, &c->chunk, &out, error);
    }
    pyr_eval_destroy(eval);
    return status;
}
const char *filtered(columns *c, char *room, ...) {
    pyr_bound_expr *conjuncts[8];
    int32_t count = 0;
    va_list list;
    va_start(list, room);
    while ((conjuncts[count] = va_arg(list, pyr_bound_expr *)) != NULL) {
        ++count;
    }
    va_end(list);
    pyr_eval *eval = NULL;
    pyr_error error = {0};
    pyr_chunk chunk = c->chunk;
    pyr_status status = pyr_eval_create(conjuncts, count, NULL, NULL, &eval, &error);
    if (status == PYR_OK) {
        status = pyr_eval_filter(eval, &chunk, 0, &error);
    }
    room[0] = '\0';
    if (status != PYR_OK) {
        snprintf(room, 200, "%.190s", error.message);
    } else {
        uint16_t rows[PYR_VECTOR_ROWS + 16];
        const uint16_t *of = pyr_chunk_rows(&chunk, rows);
        for (int32_t i = 0, at = 0; i < chunk.selected && at < 180; ++i) {
            at += snprintf(room + at, 20, "%s%d", i > 0 ? "," : "", of[i]);
        }
    }
    pyr_eval_destroy(eval);
    return room;
}
bool constant_of(pyr_bound_expr *expression, pyr_value *out) {
    bool is_null = false;
    pyr_error error = {0};
    if (pyr_eval_constant(expression, &arena, &is_null, out, &error) != PYR_OK) {
        fail_msg("%s", error.message);
    }
    return !is_null;
}
const char *text_of(pyr_bound_expr *expression) {
    pyr_value value;
    return constant_of(expression, &value) ? (const char *)value.string.bytes : "NULL";
}
