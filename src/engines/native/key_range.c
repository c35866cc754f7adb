/* key_range.c - WHERE and ORDER BY as a range of a primary key, or as a few keys.
 *
 * Covered is what these answer by themselves: equality with the first columns of the key, then
 * comparisons of the next one or, where that is the last, IN (...); and an order that the key's is.
 * Values are taken where they are what the column holds without a cast that could lose something;
 * what DuckDB would compare in another type is left to it.
 */
#include "engines/native/native_internal.h"

#include "arrow/builder.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef struct key_binding {
    const pyr_engine_query *query;
    const char *alias;
    pyr_native_plan *plan;
    const int32_t *columns; /* of the primary key */
    int32_t count;
    pyr_array **equal; /* one a key column: what it is equal to; retained */
    bool *bound;       /* one a key column: it is equal to something */
    int32_t fixed;     /* key columns that are */
    bool unknown;      /* a value is not there yet */
    bool nothing;      /* compared with NULL */
    pyr_error *error;
} key_binding;

/* ---- Columns. ---- */

static pyr_status not_covered(const key_binding *bind, const char *clause) {
    return pyr_native_not_covered(bind->error, 0, "%s", clause);
}

/* A result column of the same name may be something else. */
static bool is_hidden(const key_binding *bind, const char *name) {
    const pyr_select *select = bind->query->select;
    for (size_t i = 0; i < select->items_count; ++i) {
        const pyr_select_item *item = &select->items[i];
        bool same = item->expression.kind == PYR_EXPRESSION_COLUMN &&
                    strcasecmp(item->expression.as.column.name, name) == 0;
        if (item->name != NULL && strcasecmp(item->name, name) == 0 && !same) {
            return true;
        }
    }
    return false;
}

/* The table's column; -1: it is none, or not surely. */
static int32_t find_column(const key_binding *bind, const pyr_expression *column) {
    const char *qualifier = column->as.column.qualifier;
    if (column->as.column.schema_name != NULL ||
        (qualifier != NULL && strcasecmp(qualifier, bind->alias) != 0) ||
        is_hidden(bind, column->as.column.name)) {
        return -1;
    }
    return pyr_schema_find(bind->plan->table->schema, column->as.column.name, true);
}

/* The place of a column in the key; -1: it is none of it, or not surely. */
static int32_t key_place(const key_binding *bind, const pyr_expression *column) {
    int32_t field = find_column(bind, column);
    for (int32_t i = 0; field >= 0 && i < bind->count; ++i) {
        if (bind->columns[i] == field) {
            return i;
        }
    }
    return -1;
}

static pyr_field *key_field(const key_binding *bind, int32_t place) {
    return bind->plan->table->schema->fields[bind->columns[place]];
}

/* ---- Values. ---- */

static bool is_text(pyr_type_id type) {
    return type == PYR_TYPE_UTF8 || type == PYR_TYPE_LARGE_UTF8 || type == PYR_TYPE_UTF8_VIEW;
}

static bool is_plain_field(const pyr_field *field) {
    return pyr_metadata_find(field->metadata, "ARROW:extension:name", NULL) == NULL;
}

static bool same_extension(const pyr_field *a, const pyr_field *b) {
    const char *a_name = pyr_metadata_find(a->metadata, "ARROW:extension:name", NULL);
    const char *b_name = pyr_metadata_find(b->metadata, "ARROW:extension:name", NULL);
    return a_name == NULL || b_name == NULL ? a_name == b_name : strcmp(a_name, b_name) == 0;
}

/* *out NULL: it does not fit, or DuckDB would compare in another type. */
static pyr_status from_integer(const key_binding *bind, pyr_field *field, int64_t value,
                               pyr_array **out) {
    pyr_builder *builder = NULL;
    *out = NULL;
    PYR_TRY(pyr_builder_create(field, NULL, &builder, bind->error));
    pyr_status status = pyr_builder_int64(builder, value, NULL);
    if (status == PYR_OK) {
        status = pyr_builder_finish(builder, out, bind->error);
    } else if (status == PYR_ERROR_SQL) {
        status = PYR_OK; /* beyond the column's type */
    }
    pyr_builder_destroy(builder);
    return status;
}

static pyr_status from_bytes(const key_binding *bind, pyr_field *field, const void *bytes,
                             size_t size, pyr_array **out) {
    pyr_builder *builder = NULL;
    *out = NULL;
    PYR_TRY(pyr_builder_create(field, NULL, &builder, bind->error));
    pyr_status status = pyr_builder_bytes(builder, bytes, size, bind->error);
    if (status == PYR_OK) {
        status = pyr_builder_finish(builder, out, bind->error);
    }
    pyr_builder_destroy(builder);
    return status;
}

static pyr_status from_literal(key_binding *bind, pyr_field *field, const pyr_literal *literal,
                               pyr_array **out) {
    *out = NULL;
    switch (literal->kind) {
    case PYR_LITERAL_NULL:
        bind->nothing = true;
        return PYR_OK;
    case PYR_LITERAL_BOOL:
        return field->type == PYR_TYPE_BOOL ? from_integer(bind, field, literal->value.boolean, out)
                                            : PYR_OK;
    case PYR_LITERAL_INTEGER:
    case PYR_LITERAL_BIGINT:
        return pyr_type_is_integer(field->type) ? from_integer(bind, field, literal->value.i64, out)
                                                : PYR_OK;
    case PYR_LITERAL_STRING:
        return is_text(field->type) ? from_bytes(bind, field, literal->value.string.text,
                                                 literal->value.string.length, out)
                                    : PYR_OK;
    default:
        return PYR_OK;
    }
}

static pyr_status from_parameter(key_binding *bind, pyr_field *field, pyr_array *array,
                                 pyr_array **out) {
    const pyr_field *from = array->field;
    *out = NULL;
    if (array->length != 1) {
        return PYR_OK;
    }
    if (from->type == PYR_TYPE_NULL || pyr_array_is_null(array, 0)) {
        bind->nothing = true;
        return PYR_OK;
    }
    if (!same_extension(from, field)) {
        return PYR_OK;
    }
    if (pyr_field_type_equal(from, field)) {
        *out = pyr_array_retain(array);
        return PYR_OK;
    }
    if (pyr_type_is_integer(from->type) && pyr_type_is_integer(field->type)) {
        int64_t value = pyr_array_int64(array, 0);
        bool beyond = value < 0 && !pyr_type_is_signed(from->type);
        return beyond ? PYR_OK : from_integer(bind, field, value, out);
    }
    if (is_text(from->type) && is_text(field->type)) {
        size_t size;
        const uint8_t *bytes = pyr_array_bytes(array, 0, &size);
        return from_bytes(bind, field, bytes, size, out);
    }
    return PYR_OK;
}

/* *out NULL with PYR_OK: the value is not there yet, or NULL. */
static pyr_status bind_value(key_binding *bind, int32_t place, const pyr_expression *value,
                             pyr_array **out) {
    pyr_field *field = key_field(bind, place);
    bool was_unknown = bind->unknown;
    bool was_nothing = bind->nothing;
    *out = NULL;
    bind->unknown = false;
    bind->nothing = false;
    pyr_status status = PYR_OK;
    if (value->kind == PYR_EXPRESSION_PARAMETER) {
        pyr_array *array = NULL;
        status = pyr_native_parameter(bind->query, value, &array, bind->error);
        if (status == PYR_OK && array != NULL) {
            status = from_parameter(bind, field, array, out);
        }
        bind->unknown = array == NULL;
    } else if (is_plain_field(field)) {
        status = from_literal(bind, field, &value->as.literal, out);
    }
    if (status == PYR_OK && *out == NULL && !bind->unknown && !bind->nothing) {
        status = not_covered(bind, "WHERE");
    }
    bind->unknown = bind->unknown || was_unknown;
    bind->nothing = bind->nothing || was_nothing;
    return status;
}

/* ---- Conditions. ---- */

static pyr_status bind_equalities(key_binding *bind) {
    const pyr_select *select = bind->query->select;
    for (size_t i = 0; i < select->conditions_count; ++i) {
        const pyr_condition *condition = &select->conditions[i];
        int32_t place = key_place(bind, &condition->column);
        if (place < 0) {
            return not_covered(bind, "WHERE");
        }
        if (condition->comparison == PYR_COMPARISON_EQUAL) {
            if (bind->bound[place]) {
                return not_covered(bind, "WHERE");
            }
            bind->bound[place] = true;
            PYR_TRY(bind_value(bind, place, &condition->value, &bind->equal[place]));
        }
    }
    while (bind->fixed < bind->count && bind->bound[bind->fixed]) {
        ++bind->fixed;
    }
    for (int32_t i = bind->fixed; i < bind->count; ++i) {
        if (bind->bound[i]) {
            return not_covered(bind, "WHERE"); /* with a hole before it */
        }
    }
    return PYR_OK;
}

/* The first `count` key columns' values: what is equal, and last behind it. */
static pyr_status make_values(const key_binding *bind, pyr_array *last, int32_t count,
                              pyr_batch **out) {
    pyr_field *fields[PYR_CONSTRAINTS_MAX];
    pyr_array *arrays[PYR_CONSTRAINTS_MAX];
    pyr_schema *schema = NULL;
    *out = NULL;
    assert(count <= PYR_CONSTRAINTS_MAX);
    for (int32_t i = 0; i < count; ++i) {
        arrays[i] = i + 1 == count && last != NULL ? last : bind->equal[i];
        fields[i] = arrays[i]->field;
    }
    PYR_TRY(pyr_schema_create(fields, count, NULL, &schema, bind->error));
    pyr_status status = pyr_batch_create(schema, 1, arrays, count, NULL, out, bind->error);
    pyr_schema_release(schema);
    return status;
}

static pyr_status narrow(key_binding *bind, pyr_keyed_comparison comparison,
                         const pyr_batch *values) {
    int32_t places[PYR_CONSTRAINTS_MAX];
    for (int32_t i = 0; i < values->columns_count; ++i) {
        places[i] = i;
    }
    return pyr_keyed_range_narrow(&bind->plan->range, bind->plan->table, comparison, values, places,
                                  values->columns_count, 0, bind->error);
}

static pyr_status bind_fixed(key_binding *bind) {
    pyr_batch *values = NULL;
    bind->plan->points = bind->fixed == bind->count;
    if (bind->fixed == 0 || bind->unknown || bind->nothing) {
        return PYR_OK;
    }
    PYR_TRY(make_values(bind, NULL, bind->fixed, &values));
    if (bind->fixed == bind->count) {
        bind->plan->point = values;
        return PYR_OK;
    }
    pyr_status status = narrow(bind, PYR_KEYED_EQUAL, values);
    pyr_batch_release(values);
    return status;
}

static pyr_status bind_inequality(key_binding *bind, const pyr_condition *condition) {
    static const pyr_keyed_comparison comparisons[] = {
        [PYR_COMPARISON_LESS] = PYR_KEYED_LESS,
        [PYR_COMPARISON_LESS_EQUAL] = PYR_KEYED_LESS_EQUAL,
        [PYR_COMPARISON_GREATER] = PYR_KEYED_GREATER,
        [PYR_COMPARISON_GREATER_EQUAL] = PYR_KEYED_GREATER_EQUAL};
    pyr_array *value = NULL;
    pyr_batch *values = NULL;
    if (key_place(bind, &condition->column) != bind->fixed) {
        return not_covered(bind, "WHERE");
    }
    PYR_TRY(bind_value(bind, bind->fixed, &condition->value, &value));
    pyr_status status = PYR_OK;
    if (!bind->unknown && !bind->nothing) {
        status = make_values(bind, value, bind->fixed + 1, &values);
    }
    if (values != NULL) {
        status = narrow(bind, comparisons[condition->comparison], values);
    }
    pyr_batch_release(values);
    pyr_array_release(value);
    return status;
}

/* ---- IN. ---- */

/* A column of rows values that are all the one in array. */
static pyr_status repeat(const key_binding *bind, pyr_array *array, int64_t rows, pyr_array **out) {
    pyr_buffer *indices = NULL;
    *out = NULL;
    PYR_TRY(pyr_buffer_create((size_t)rows * sizeof(int32_t), NULL, &indices, bind->error));
    pyr_status status =
        pyr_array_take(array, (const int32_t *)(const void *)indices->data, rows,
                       PYR_COPY_PARAMETERS, bind->query->ledger, NULL, out, bind->error);
    pyr_buffer_release(indices);
    return status;
}

/* The keys: what is equal, and for each the value of the last column. */
static pyr_status make_points(key_binding *bind, pyr_array *last) {
    pyr_field *fields[PYR_CONSTRAINTS_MAX];
    pyr_array *arrays[PYR_CONSTRAINTS_MAX] = {NULL};
    pyr_schema *schema = NULL;
    pyr_status status = PYR_OK;
    for (int32_t i = 0; status == PYR_OK && i < bind->fixed; ++i) {
        fields[i] = bind->equal[i]->field;
        status = repeat(bind, bind->equal[i], last->length, &arrays[i]);
    }
    fields[bind->fixed] = last->field;
    arrays[bind->fixed] = last;
    if (status == PYR_OK) {
        status = pyr_schema_create(fields, bind->count, NULL, &schema, bind->error);
    }
    if (status == PYR_OK) {
        status = pyr_batch_create(schema, last->length, arrays, bind->count, NULL,
                                  &bind->plan->point, bind->error);
    }
    for (int32_t i = 0; i < bind->fixed; ++i) {
        pyr_array_release(arrays[i]);
    }
    pyr_schema_release(schema);
    return status;
}

/* The values that are there and not NULL, one after the other. */
static pyr_status bind_list(key_binding *bind, const pyr_condition *condition, pyr_array **out) {
    pyr_array **values = calloc(condition->values_count, sizeof(*values));
    size_t count = 0;
    bool nothing = bind->nothing;
    *out = NULL;
    if (values == NULL) {
        return pyr_error_memory(bind->error, condition->values_count * sizeof(*values));
    }
    pyr_status status = PYR_OK;
    for (size_t i = 0; status == PYR_OK && i < condition->values_count; ++i) {
        status = bind_value(bind, bind->fixed, &condition->values[i], &values[count]);
        count += status == PYR_OK && values[count] != NULL;
    }
    bind->nothing = nothing || (count == 0 && !bind->unknown);
    if (status == PYR_OK && count > 0 && !bind->unknown) {
        status = pyr_array_concat(values, count, bind->query->ledger, NULL, out, bind->error);
    }
    for (size_t i = 0; i < count; ++i) {
        pyr_array_release(values[i]);
    }
    free(values);
    return status;
}

static pyr_status bind_in(key_binding *bind, const pyr_condition *condition) {
    pyr_array *last = NULL;
    if (key_place(bind, &condition->column) != bind->fixed || bind->fixed + 1 != bind->count ||
        bind->plan->points > 0) {
        return not_covered(bind, "WHERE");
    }
    bind->plan->points = condition->values_count;
    PYR_TRY(bind_list(bind, condition, &last));
    pyr_status status =
        last != NULL && !bind->unknown && !bind->nothing ? make_points(bind, last) : PYR_OK;
    pyr_array_release(last);
    return status;
}

static pyr_status bind_inequalities(key_binding *bind) {
    const pyr_select *select = bind->query->select;
    size_t others = 0;
    size_t lists = 0;
    bind->plan->range_columns = bind->fixed;
    for (size_t i = 0; i < select->conditions_count; ++i) {
        const pyr_condition *condition = &select->conditions[i];
        if (condition->comparison == PYR_COMPARISON_EQUAL) {
            continue;
        }
        bool list = condition->comparison == PYR_COMPARISON_IN;
        PYR_TRY(list ? bind_in(bind, condition) : bind_inequality(bind, condition));
        bind->plan->range_columns = bind->fixed + 1;
        lists += list;
        others += !list;
    }
    return lists > 0 && others > 0 ? not_covered(bind, "WHERE") : PYR_OK;
}

/* Columns that are equal to something may stand anywhere; behind the whole key any may, which
 * orders nothing then. */
static pyr_status check_order(const key_binding *bind) {
    const pyr_select *select = bind->query->select;
    int32_t next = bind->fixed;
    for (size_t i = 0; i < select->order_count; ++i) {
        int32_t place = key_place(bind, &select->order[i]);
        bool ordered = next == bind->count ? find_column(bind, &select->order[i]) >= 0
                                           : place == next || (place >= 0 && place < bind->fixed);
        if (!ordered) {
            return not_covered(bind, "ORDER BY");
        }
        next += place == next;
    }
    return PYR_OK;
}

static pyr_status bind_all(key_binding *bind) {
    pyr_native_plan *plan = bind->plan;
    PYR_TRY(bind_equalities(bind));
    PYR_TRY(check_order(bind));
    PYR_TRY(bind_fixed(bind));
    PYR_TRY(bind_inequalities(bind));
    plan->by_key = true;
    plan->keys_known = !bind->unknown;
    plan->range.empty = plan->range.empty || bind->nothing;
    return PYR_OK;
}

pyr_status pyr_native_bind_keys(const pyr_engine_query *query, const char *alias,
                                pyr_native_plan *plan, pyr_error *error) {
    const pyr_select *select = query->select;
    key_binding bind = {.query = query, .alias = alias, .plan = plan, .error = error};
    if (select->conditions_count == 0 && select->order_count == 0) {
        return PYR_OK;
    }
    bind.columns = pyr_table_is_keyed(plan->table)
                       ? pyr_keyed_columns(plan->table, PYR_KEYED_PRIMARY_KEY, &bind.count)
                       : NULL;
    if (bind.columns == NULL || plan->count) {
        return not_covered(&bind, select->conditions_count > 0 ? "WHERE" : "ORDER BY");
    }
    bind.equal = calloc((size_t)bind.count + 1, sizeof(*bind.equal));
    bind.bound = calloc((size_t)bind.count + 1, sizeof(*bind.bound));
    pyr_status status = bind.equal != NULL && bind.bound != NULL
                            ? bind_all(&bind)
                            : pyr_error_memory(error, (size_t)bind.count * sizeof(*bind.equal));
    for (int32_t i = 0; bind.equal != NULL && i < bind.count; ++i) {
        pyr_array_release(bind.equal[i]);
    }
    free(bind.equal);
    free(bind.bound);
    return status;
}
