/* rows.c - literals and parameters as rows: SELECT 1, VALUES (...), and the values of LIMIT.
 *
 * A column's type is what DuckDB gives it: INTEGER beside BIGINT is BIGINT, integers beside
 * decimals are decimals, decimals meet in the widest; what would need another cast is not covered.
 * One row takes parameters as they are (the bound array itself); several rows take them by value.
 * Where many rows of parameters are bound the one row of VALUES is made of them alone.
 */
#include "engines/native/native_internal.h"

#include "arrow/builder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DECIMAL_DIGITS_MAX 38

typedef struct row_set {
    const pyr_engine_query *query;
    size_t rows, columns; /* of the text */
    pyr_error *error;
} row_set;

typedef struct column_type {
    pyr_literal_kind kind;
    int precision, scale; /* DECIMAL */
    pyr_array *parameter; /* one row: the bound array, borrowed */
    bool unknown;         /* a parameter that is not there */
} column_type;

static const pyr_expression *cell(const row_set *set, size_t row, size_t column) {
    const pyr_select *select = set->query->select;
    return select->from.kind == PYR_FROM_VALUES ? &select->values[row * set->columns + column]
                                                : &select->items[column].expression;
}

/* ---- Parameters. ---- */

pyr_status pyr_native_parameter(const pyr_engine_query *query, const pyr_expression *expression,
                                pyr_array **out, pyr_error *error) {
    *out = NULL;
    int32_t number = expression->as.parameter;
    if (query->params == NULL) {
        return PYR_OK;
    }
    if (number > query->params->columns_count) {
        return pyr_error_set_sql(error, PYR_ERROR_SQL, "42P02", (int32_t)expression->offset,
                                 "parameter $%d has no value: %d are given", (int)number,
                                 (int)query->params->columns_count);
    }
    *out = query->params->columns[number - 1];
    return PYR_OK;
}

/* Types whose arrays DuckDB would hand out as they are. */
static bool is_exported_as_is(const pyr_field *field) {
    switch (field->type) {
    case PYR_TYPE_BOOL:
    case PYR_TYPE_INT8:
    case PYR_TYPE_INT16:
    case PYR_TYPE_INT32:
    case PYR_TYPE_INT64:
    case PYR_TYPE_UINT8:
    case PYR_TYPE_UINT16:
    case PYR_TYPE_UINT32:
    case PYR_TYPE_UINT64:
    case PYR_TYPE_FLOAT32:
    case PYR_TYPE_FLOAT64:
    case PYR_TYPE_UTF8:
    case PYR_TYPE_BINARY:
    case PYR_TYPE_DATE32:
    case PYR_TYPE_DECIMAL128:
        return true;
    case PYR_TYPE_TIME64:
        return true;
    case PYR_TYPE_TIMESTAMP:
        return field->timezone == NULL;
    default:
        return false;
    }
}

/* A parameter's value as a literal. false: its type has none. */
static bool parameter_literal(const pyr_array *array, pyr_literal *out) {
    memset(out, 0, sizeof(*out));
    bool null = pyr_array_is_null(array, 0);
    switch (array->field->type) {
    case PYR_TYPE_NULL:
        out->kind = PYR_LITERAL_NULL;
        return true;
    case PYR_TYPE_BOOL:
        out->kind = PYR_LITERAL_BOOL;
        out->value.boolean = !null && pyr_array_int64(array, 0) != 0;
        return true;
    case PYR_TYPE_INT32:
    case PYR_TYPE_INT64:
        out->kind = array->field->type == PYR_TYPE_INT32 ? PYR_LITERAL_INTEGER : PYR_LITERAL_BIGINT;
        out->value.i64 = null ? 0 : pyr_array_int64(array, 0);
        return true;
    case PYR_TYPE_FLOAT64:
        out->kind = PYR_LITERAL_DOUBLE;
        out->value.f64 = null ? 0 : pyr_array_double(array, 0);
        return true;
    case PYR_TYPE_UTF8:
    case PYR_TYPE_LARGE_UTF8:
    case PYR_TYPE_UTF8_VIEW:
        out->kind = PYR_LITERAL_STRING;
        if (!null) {
            out->value.string.text =
                (const char *)pyr_array_bytes(array, 0, &out->value.string.length);
        }
        return true;
    default:
        return false;
    }
}

/* The cell's literal; *null for NULLs of any kind. Parameters are there. */
static pyr_status cell_literal(const row_set *set, const pyr_expression *expression,
                               pyr_literal *out, bool *null) {
    if (expression->kind == PYR_EXPRESSION_LITERAL) {
        *out = expression->as.literal;
        *null = out->kind == PYR_LITERAL_NULL;
        return PYR_OK;
    }
    pyr_array *array = NULL;
    PYR_TRY(pyr_native_parameter(set->query, expression, &array, set->error));
    if (array == NULL) {
        return pyr_error_set_sql(set->error, PYR_ERROR_SQL, "42P02", (int32_t)expression->offset,
                                 "parameter $%d has no value", (int)expression->as.parameter);
    }
    if (!parameter_literal(array, out)) {
        return pyr_native_not_covered(set->error, expression->offset,
                                      "a parameter of type %s in VALUES of several rows",
                                      pyr_type_name(array->field->type));
    }
    *null = pyr_array_is_null(array, 0);
    return PYR_OK;
}

/* ---- Types. ---- */

/* Digits before and behind the point that hold every value of the kind. */
static void decimal_shape(const pyr_literal *literal, int *before, int *scale) {
    if (literal->kind == PYR_LITERAL_DECIMAL) {
        *scale = literal->scale;
        *before = literal->precision - literal->scale;
        return;
    }
    *scale = 0;
    *before = literal->kind == PYR_LITERAL_INTEGER ? 10 : 19;
}

static bool is_integer(pyr_literal_kind kind) {
    return kind == PYR_LITERAL_INTEGER || kind == PYR_LITERAL_BIGINT;
}

static bool is_exact(pyr_literal_kind kind) {
    return is_integer(kind) || kind == PYR_LITERAL_DECIMAL;
}

/* Widens type so that it holds literal too; false where DuckDB would cast in a way we do not. */
static bool widen(column_type *type, const pyr_literal *literal) {
    pyr_literal_kind kind = literal->kind;
    if (kind == PYR_LITERAL_NULL) {
        return true;
    }
    if (type->kind == PYR_LITERAL_NULL || (type->kind == kind && kind != PYR_LITERAL_DECIMAL)) {
        type->kind = kind;
        type->precision = literal->precision;
        type->scale = literal->scale;
        return true;
    }
    if (type->kind == PYR_LITERAL_INTEGER && kind == PYR_LITERAL_BIGINT &&
        literal->value.i64 == INT32_MIN) {
        return false; /* a BIGINT by itself, an INTEGER behind others: DuckDB knows */
    }
    if (is_integer(type->kind) && is_integer(kind)) {
        type->kind = PYR_LITERAL_BIGINT;
        return true;
    }
    if ((type->kind == PYR_LITERAL_DOUBLE && is_integer(kind)) ||
        (is_integer(type->kind) && kind == PYR_LITERAL_DOUBLE)) {
        type->kind = PYR_LITERAL_DOUBLE;
        return true;
    }
    if (!is_exact(type->kind) || !is_exact(kind)) {
        return false;
    }
    pyr_literal now = {
        .kind = type->kind, .precision = (uint8_t)type->precision, .scale = (uint8_t)type->scale};
    int before[2];
    int scale[2];
    decimal_shape(&now, &before[0], &scale[0]);
    decimal_shape(literal, &before[1], &scale[1]);
    type->kind = PYR_LITERAL_DECIMAL;
    type->scale = scale[0] > scale[1] ? scale[0] : scale[1];
    type->precision = type->scale + (before[0] > before[1] ? before[0] : before[1]);
    return type->precision <= DECIMAL_DIGITS_MAX;
}

static pyr_status find_type(const row_set *set, size_t column, column_type *out) {
    memset(out, 0, sizeof(*out));
    for (size_t row = 0; row < set->rows; ++row) {
        const pyr_expression *expression = cell(set, row, column);
        if (expression->kind == PYR_EXPRESSION_PARAMETER) {
            pyr_array *array = NULL;
            PYR_TRY(pyr_native_parameter(set->query, expression, &array, set->error));
            if (array == NULL) {
                out->unknown = true;
                return PYR_OK;
            }
            if (set->rows == 1 && is_exported_as_is(array->field)) {
                out->parameter = array;
                return PYR_OK;
            }
            if (set->rows == 1 && (array->field->type != PYR_TYPE_NULL || array->length != 1)) {
                return pyr_native_not_covered(set->error, expression->offset,
                                              "a parameter of type %s",
                                              pyr_type_name(array->field->type));
            }
        } else if (expression->kind != PYR_EXPRESSION_LITERAL) {
            return pyr_native_not_covered(set->error, expression->offset, "%s without FROM",
                                          expression->kind == PYR_EXPRESSION_STAR     ? "*"
                                          : expression->kind == PYR_EXPRESSION_COLUMN ? "a column"
                                                                                      : "COUNT(*)");
        }
        pyr_literal literal = {0};
        bool null = false;
        PYR_TRY(cell_literal(set, expression, &literal, &null));
        if (!widen(out, &literal)) {
            return pyr_native_not_covered(set->error, expression->offset,
                                          "VALUES of different types in one column");
        }
    }
    return PYR_OK;
}

static pyr_status make_field(const column_type *type, const char *name, pyr_field **out,
                             pyr_error *error) {
    if (type->parameter != NULL) {
        const pyr_field *field = type->parameter->field;
        return pyr_field_with(field, name, true, field->metadata, out, error);
    }
    switch (type->kind) {
    case PYR_LITERAL_NULL: /* DuckDB gives out what nothing decides as INTEGER */
    case PYR_LITERAL_INTEGER:
        return pyr_field_create(name, PYR_TYPE_INT32, out, error);
    case PYR_LITERAL_BIGINT:
        return pyr_field_create(name, PYR_TYPE_INT64, out, error);
    case PYR_LITERAL_BOOL:
        return pyr_field_create(name, PYR_TYPE_BOOL, out, error);
    case PYR_LITERAL_DOUBLE:
        return pyr_field_create(name, PYR_TYPE_FLOAT64, out, error);
    case PYR_LITERAL_STRING:
        return pyr_field_create(name, PYR_TYPE_UTF8, out, error);
    case PYR_LITERAL_DECIMAL:
        return pyr_field_create_decimal(name, PYR_TYPE_DECIMAL128, type->precision, type->scale,
                                        out, error);
    }
    return pyr_error_set(error, PYR_ERROR_INTERNAL, "literal kind %d", (int)type->kind);
}

/* ---- Values. ---- */

static pyr_status append_decimal(pyr_builder *builder, const column_type *type,
                                 const pyr_literal *literal, pyr_error *error) {
    unsigned __int128 value = (unsigned __int128)(__int128)literal->value.i64;
    int scale = 0;
    if (literal->kind == PYR_LITERAL_DECIMAL) {
        value = ((unsigned __int128)(uint64_t)literal->value.decimal.high << 64) |
                literal->value.decimal.low;
        scale = literal->scale;
    }
    /* Fits: the column's precision was chosen to hold it. */
    for (; scale < type->scale; ++scale) {
        value *= 10;
    }
    uint64_t words[2] = {(uint64_t)value, (uint64_t)(value >> 64)};
    return pyr_builder_bytes(builder, words, sizeof(words), error);
}

static pyr_status append(pyr_builder *builder, const column_type *type, const pyr_literal *literal,
                         bool null, pyr_error *error) {
    if (null) {
        return pyr_builder_null(builder, error);
    }
    switch (type->kind) {
    case PYR_LITERAL_BOOL:
        return pyr_builder_int64(builder, literal->value.boolean, error);
    case PYR_LITERAL_INTEGER:
    case PYR_LITERAL_BIGINT:
        return pyr_builder_int64(builder, literal->value.i64, error);
    case PYR_LITERAL_DOUBLE:
        return pyr_builder_double(builder,
                                  literal->kind == PYR_LITERAL_DOUBLE ? literal->value.f64
                                                                      : (double)literal->value.i64,
                                  error);
    case PYR_LITERAL_STRING:
        return pyr_builder_bytes(builder, literal->value.string.text, literal->value.string.length,
                                 error);
    case PYR_LITERAL_DECIMAL:
        return append_decimal(builder, type, literal, error);
    case PYR_LITERAL_NULL:
        break;
    }
    return pyr_builder_null(builder, error);
}

static pyr_status build_column(const row_set *set, size_t column, const column_type *type,
                               pyr_field *field, pyr_array **out) {
    *out = NULL;
    if (type->parameter != NULL) {
        *out = pyr_array_retain(type->parameter);
        return PYR_OK;
    }
    pyr_builder *builder = NULL;
    PYR_TRY(pyr_builder_create(field, set->query->budget, &builder, set->error));
    pyr_status status = PYR_OK;
    for (size_t row = 0; row < set->rows && status == PYR_OK; ++row) {
        pyr_literal literal = {0};
        bool null = false;
        status = cell_literal(set, cell(set, row, column), &literal, &null);
        if (status == PYR_OK) {
            status = append(builder, type, &literal, null, set->error);
        }
        if (status == PYR_OK && row % 4096 == 4095) {
            status = pyr_cancel_flag_check(set->query->cancel, set->error);
        }
    }
    if (status == PYR_OK) {
        status = pyr_builder_finish(builder, out, set->error);
    }
    pyr_builder_destroy(builder);
    if (status == PYR_OK) {
        pyr_ledger_add_copy(set->query->ledger, PYR_COPY_RESULT, pyr_array_size_bytes(*out));
    }
    return status;
}

static int64_t rows_of(const row_set *set) {
    const pyr_batch *params = set->query->params;
    return params != NULL && params->rows != 1 ? params->rows : (int64_t)set->rows;
}

static pyr_status build(const row_set *set, const column_type *types, pyr_schema *schema,
                        pyr_batch **out) {
    pyr_array **arrays = calloc(set->columns + 1, sizeof(pyr_array *));
    pyr_status status = arrays != NULL ? PYR_OK : pyr_error_memory(set->error, set->columns * 8);
    for (size_t i = 0; i < set->columns && status == PYR_OK; ++i) {
        status = build_column(set, i, &types[i], schema->fields[i], &arrays[i]);
    }
    if (status == PYR_OK) {
        status = pyr_batch_create(schema, rows_of(set), arrays, (int32_t)set->columns, NULL, out,
                                  set->error);
    }
    for (size_t i = 0; arrays != NULL && i < set->columns; ++i) {
        pyr_array_release(arrays[i]);
    }
    free(arrays);
    return status;
}

/* *schema stays NULL where a type is unknown. */
static pyr_status make_schema(const row_set *set, const column_type *types, pyr_schema **schema) {
    const pyr_select *select = set->query->select;
    pyr_field **fields = calloc(set->columns + 1, sizeof(pyr_field *));
    pyr_status status = fields != NULL ? PYR_OK : pyr_error_memory(set->error, set->columns * 8);
    for (size_t i = 0; i < set->columns && status == PYR_OK; ++i) {
        char name[32];
        snprintf(name, sizeof(name), "col%zu", i);
        status = make_field(&types[i],
                            select->from.kind == PYR_FROM_VALUES ? name : select->items[i].name,
                            &fields[i], set->error);
    }
    if (status == PYR_OK) {
        status = pyr_schema_create(fields, (int32_t)set->columns, NULL, schema, set->error);
    }
    for (size_t i = 0; fields != NULL && i < set->columns; ++i) {
        pyr_field_release(fields[i]);
    }
    free(fields);
    return status;
}

pyr_status pyr_native_rows(const pyr_engine_query *query, pyr_schema **schema, pyr_batch **batch,
                           pyr_error *error) {
    const pyr_select *select = query->select;
    bool is_values = select->from.kind == PYR_FROM_VALUES;
    row_set set = {.query = query,
                   .rows = is_values ? select->values_rows : 1,
                   .columns = is_values ? select->values_columns : select->items_count,
                   .error = error};
    *schema = NULL;
    if (batch != NULL) {
        *batch = NULL;
    }
    column_type *types = calloc(set.columns + 1, sizeof(*types));
    if (types == NULL) {
        return pyr_error_memory(error, set.columns * sizeof(*types));
    }
    pyr_status status = PYR_OK;
    bool unknown = false;
    for (size_t i = 0; i < set.columns && status == PYR_OK; ++i) {
        status = find_type(&set, i, &types[i]);
        unknown = unknown || types[i].unknown;
    }
    if (status == PYR_OK && unknown && batch != NULL) {
        status = pyr_error_set_sql(error, PYR_ERROR_SQL, "42P02", -1,
                                   "the statement has parameters and none are given");
    }
    if (status == PYR_OK && !unknown) {
        status = make_schema(&set, types, schema);
    }
    if (status == PYR_OK && !unknown && batch != NULL) {
        status = build(&set, types, *schema, batch);
    }
    if (status != PYR_OK) {
        pyr_schema_release(*schema);
        *schema = NULL;
    }
    free(types);
    return status;
}

/* ---- LIMIT and OFFSET. ---- */

/* Text that is bound to LIMIT ("10"): digits alone. */
static bool text_to_count(const char *text, size_t length, int64_t *out) {
    int64_t value = 0;
    for (size_t i = 0; i < length; ++i) {
        if (text[i] < '0' || text[i] > '9' || value > (INT64_MAX - 9) / 10) {
            return false;
        }
        value = value * 10 + (text[i] - '0');
    }
    *out = value;
    return length > 0;
}

pyr_status pyr_native_row_count(const pyr_engine_query *query, const pyr_row_count *count,
                                bool *known, bool *given, int64_t *value, pyr_error *error) {
    *known = true;
    *given = count->given;
    *value = count->value;
    if (!count->given || count->parameter == 0) {
        return PYR_OK;
    }
    pyr_expression expression = {.kind = PYR_EXPRESSION_PARAMETER,
                                 .offset = count->offset,
                                 .as.parameter = count->parameter};
    pyr_array *array = NULL;
    PYR_TRY(pyr_native_parameter(query, &expression, &array, error));
    if (array == NULL) {
        *known = false;
        *given = false;
        return PYR_OK;
    }
    if (pyr_array_is_null(array, 0)) {
        *given = false;
        return PYR_OK;
    }
    pyr_literal literal = {0};
    if (pyr_type_is_integer(array->field->type)) {
        *value = pyr_array_int64(array, 0);
        /* A UBIGINT beyond BIGINT is more rows than there are. */
        if (*value < 0 && !pyr_type_is_signed(array->field->type)) {
            *value = INT64_MAX;
        }
    } else if (!parameter_literal(array, &literal) || literal.kind != PYR_LITERAL_STRING ||
               !text_to_count(literal.value.string.text, literal.value.string.length, value)) {
        return pyr_native_not_covered(error, count->offset, "this parameter for LIMIT or OFFSET");
    }
    if (*value < 0) {
        return pyr_error_set_sql(error, PYR_ERROR_SQL, "2201W", (int32_t)count->offset,
                                 "LIMIT and OFFSET cannot be negative");
    }
    return PYR_OK;
}

/* ---- Types of parameters. ---- */

static void note_parameter(const pyr_expression *expression, int32_t *most) {
    if (expression->kind == PYR_EXPRESSION_PARAMETER && expression->as.parameter > *most) {
        *most = expression->as.parameter;
    }
}

static void note_type(const pyr_expression *value, const pyr_field *column,
                      const pyr_field **types) {
    if (value->kind == PYR_EXPRESSION_PARAMETER && types[value->as.parameter - 1] == NULL) {
        types[value->as.parameter - 1] = column;
    }
}

/* A parameter that is compared with a column is of its type. */
static void note_types(const pyr_select *select, const pyr_table *table, const pyr_field **types) {
    for (size_t i = 0; table != NULL && i < select->conditions_count; ++i) {
        const pyr_condition *condition = &select->conditions[i];
        int32_t column = pyr_schema_find(table->schema, condition->column.as.column.name, true);
        if (column < 0) {
            continue;
        }
        note_type(&condition->value, table->schema->fields[column], types);
        for (size_t j = 0; j < condition->values_count; ++j) {
            note_type(&condition->values[j], table->schema->fields[column], types);
        }
    }
}

static pyr_status parameter_field(const pyr_select *select, const pyr_field *column, int32_t number,
                                  pyr_field **out, pyr_error *error) {
    char name[16];
    snprintf(name, sizeof(name), "$%d", (int)number);
    if (column != NULL) {
        return pyr_field_with(column, name, true, column->metadata, out, error);
    }
    bool counts_rows = number == select->limit.parameter || number == select->offset.parameter;
    return pyr_field_create(name, counts_rows ? PYR_TYPE_INT64 : PYR_TYPE_NULL, out, error);
}

pyr_status pyr_native_parameters(const pyr_select *select, const pyr_table *table, pyr_schema **out,
                                 pyr_error *error) {
    int32_t most = select->limit.parameter > select->offset.parameter ? select->limit.parameter
                                                                      : select->offset.parameter;
    *out = NULL;
    for (size_t i = 0; i < select->items_count; ++i) {
        note_parameter(&select->items[i].expression, &most);
    }
    for (size_t i = 0; i < select->values_rows * select->values_columns; ++i) {
        note_parameter(&select->values[i], &most);
    }
    for (size_t i = 0; i < select->conditions_count; ++i) {
        note_parameter(&select->conditions[i].value, &most);
        for (size_t j = 0; j < select->conditions[i].values_count; ++j) {
            note_parameter(&select->conditions[i].values[j], &most);
        }
    }
    if (most == 0) {
        return PYR_OK;
    }
    pyr_field **fields = calloc((size_t)most, sizeof(pyr_field *));
    const pyr_field **types = calloc((size_t)most, sizeof(pyr_field *));
    pyr_status status =
        fields != NULL && types != NULL ? PYR_OK : pyr_error_memory(error, (size_t)most * 8);
    if (status == PYR_OK) {
        note_types(select, table, types);
    }
    for (int32_t i = 0; i < most && status == PYR_OK; ++i) {
        status = parameter_field(select, types[i], i + 1, &fields[i], error);
    }
    if (status == PYR_OK) {
        status = pyr_schema_create(fields, most, NULL, out, error);
    }
    for (int32_t i = 0; fields != NULL && i < most; ++i) {
        pyr_field_release(fields[i]);
    }
    free(types);
    free(fields);
    return status;
}
