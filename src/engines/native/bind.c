/* bind.c - names to columns: the select tree against a snapshot. */
#include "engines/native/native_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

typedef struct binding {
    const pyr_engine_query *query;
    const pyr_select *select;
    pyr_native_plan *plan;
    const char *alias;  /* what columns are qualified with */
    int32_t *columns;   /* of the table, one a result column */
    const char **names; /* of the result; NULL: the table's */
    int32_t count;
    int32_t capacity;
    pyr_error *error;
} binding;

pyr_status pyr_native_not_covered(pyr_error *error, size_t position, const char *format, ...) {
    char what[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof(what), format, arguments);
    va_end(arguments);
    return pyr_error_set_sql(error, PYR_ERROR_NOT_SUPPORTED, "0A000", (int32_t)position,
                             "the native engine does not cover %s", what);
}

static pyr_status add_column(binding *bind, int32_t column, const char *name) {
    if (bind->count == bind->capacity) {
        int32_t capacity = bind->capacity == 0 ? 16 : bind->capacity * 2;
        if (capacity > PYR_TYPE_FIELDS_MAX * 2) {
            return pyr_error_set(bind->error, PYR_ERROR_LIMIT, "more than %d result columns",
                                 PYR_TYPE_FIELDS_MAX);
        }
        int32_t *columns = realloc(bind->columns, (size_t)capacity * sizeof(*columns));
        if (columns == NULL) {
            return pyr_error_memory(bind->error, (size_t)capacity * sizeof(*columns));
        }
        bind->columns = columns;
        const char **names = realloc(bind->names, (size_t)capacity * sizeof(*names));
        if (names == NULL) {
            return pyr_error_memory(bind->error, (size_t)capacity * sizeof(*names));
        }
        bind->names = names;
        bind->capacity = capacity;
    }
    bind->columns[bind->count] = column;
    bind->names[bind->count] = name;
    ++bind->count;
    return PYR_OK;
}

/* Names that DuckDB gives a meaning where no column has them. */
static bool is_special(const char *name) {
    static const char *const names[] = {
        "rowid",        "current_date",   "current_time",    "current_timestamp",
        "localtime",    "localtimestamp", "current_user",    "session_user",
        "current_role", "user",           "current_catalog", "current_schema"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); ++i) {
        if (strcasecmp(name, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_earlier_alias(const binding *bind, const pyr_select_item *until, const char *name) {
    for (const pyr_select_item *item = bind->select->items; item != until; ++item) {
        if (item->name != NULL && strcasecmp(item->name, name) == 0) {
            return true;
        }
    }
    return false;
}

static pyr_status no_column(const binding *bind, const pyr_select_item *item, const char *name) {
    const char *suggestion = pyr_native_suggest(bind->plan->table->schema, name);
    return pyr_error_set_sql(bind->error, PYR_ERROR_SQL, "42703", (int32_t)item->expression.offset,
                             "column \"%s\" does not exist in \"%s\"%s%s%s", name, bind->alias,
                             suggestion != NULL ? "; did you mean \"" : "",
                             suggestion != NULL ? suggestion : "", suggestion != NULL ? "\"?" : "");
}

/* Whether the qualifier means our table. An alias hides the table's own name. */
static pyr_status check_qualifier(const binding *bind, const pyr_select_item *item) {
    const char *qualifier = item->expression.as.column.qualifier;
    const char *schema_name = item->expression.as.column.schema_name;
    if (qualifier == NULL) {
        return PYR_OK;
    }
    bool hidden = schema_name != NULL && bind->select->from.alias != NULL;
    bool schema_fits =
        schema_name == NULL || (bind->plan->table->schema_name != NULL &&
                                strcasecmp(schema_name, bind->plan->table->schema_name) == 0);
    if (!hidden && schema_fits && strcasecmp(qualifier, bind->alias) == 0) {
        return PYR_OK;
    }
    /* table.column.member, column.member */
    const char *first = schema_name != NULL ? schema_name : qualifier;
    if (pyr_schema_find(bind->plan->table->schema, first, true) >= 0 ||
        strcasecmp(first, bind->alias) == 0 || schema_name != NULL) {
        return pyr_native_not_covered(bind->error, item->expression.offset,
                                      "the member of a struct");
    }
    return pyr_error_set_sql(bind->error, PYR_ERROR_SQL, "42P01", (int32_t)item->expression.offset,
                             "table \"%s\" is not named in FROM; there is \"%s\"", qualifier,
                             bind->alias);
}

static pyr_status bind_item(binding *bind, const pyr_select_item *item) {
    const pyr_expression *expression = &item->expression;
    const pyr_schema *schema = bind->plan->table->schema;
    if (expression->kind == PYR_EXPRESSION_STAR) {
        PYR_TRY(check_qualifier(bind, item));
        for (int32_t i = 0; i < schema->fields_count; ++i) {
            PYR_TRY(add_column(bind, i, NULL));
        }
        return PYR_OK;
    }
    if (expression->kind != PYR_EXPRESSION_COLUMN) {
        return pyr_native_not_covered(
            bind->error, expression->offset, "%s beside columns",
            expression->kind == PYR_EXPRESSION_COUNT_STAR ? "COUNT(*)" : "a literal or parameter");
    }
    PYR_TRY(check_qualifier(bind, item));
    const char *name = expression->as.column.name;
    int32_t column = pyr_schema_find(schema, name, true);
    if (column >= 0) {
        return add_column(bind, column, item->name);
    }
    if (expression->as.column.qualifier == NULL &&
        (strcasecmp(name, bind->alias) == 0 || is_earlier_alias(bind, item, name))) {
        return pyr_native_not_covered(bind->error, expression->offset,
                                      "the name of a table or alias as an expression");
    }
    return is_special(name) ? pyr_native_not_covered(bind->error, expression->offset, "%s", name)
                            : no_column(bind, item, name);
}

/* The result's fields: the table's, renamed. Metadata and nullability stay. */
static pyr_status make_schema(binding *bind) {
    pyr_native_plan *plan = bind->plan;
    size_t count = (size_t)bind->count;
    pyr_field **fields = calloc(count + 1, sizeof(pyr_field *));
    if (fields == NULL) {
        return pyr_error_memory(bind->error, count * sizeof(pyr_field *));
    }
    pyr_status status = PYR_OK;
    for (size_t i = 0; i < count && status == PYR_OK; ++i) {
        pyr_field *field = plan->table->schema->fields[bind->columns[i]];
        if (bind->names[i] == NULL || strcmp(bind->names[i], field->name) == 0) {
            fields[i] = pyr_field_retain(field);
        } else {
            status = pyr_field_with(field, bind->names[i], field->nullable, field->metadata,
                                    &fields[i], bind->error);
        }
    }
    if (status == PYR_OK) {
        status = pyr_schema_create(fields, bind->count, NULL, &plan->schema, bind->error);
    }
    for (size_t i = 0; i < count; ++i) {
        pyr_field_release(fields[i]);
    }
    free(fields);
    return status;
}

/* The distinct columns to be read, in the table's order, and each result column's place in them. */
static pyr_status make_scan(binding *bind) {
    pyr_native_plan *plan = bind->plan;
    size_t columns = (size_t)plan->table->schema->fields_count;
    size_t count = (size_t)bind->count;
    int32_t *places = calloc(columns + 1, sizeof(*places));
    plan->scan = calloc(columns + 1, sizeof(*plan->scan));
    plan->output = calloc(count + 1, sizeof(*plan->output));
    if (places == NULL || plan->scan == NULL || plan->output == NULL) {
        free(places);
        return pyr_error_memory(bind->error, (columns + count) * 4);
    }
    for (size_t i = 0; i < count; ++i) {
        places[bind->columns[i]] = 1;
    }
    for (size_t i = 0; i < columns; ++i) {
        if (places[i] != 0) {
            places[i] = plan->scan_count;
            plan->scan[plan->scan_count++] = (int32_t)i;
        }
    }
    for (size_t i = 0; i < count; ++i) {
        plan->output[i] = places[bind->columns[i]];
    }
    plan->output_count = bind->count;
    free(places);
    return PYR_OK;
}

static bool only_counts(const pyr_select *select) {
    for (size_t i = 0; i < select->items_count; ++i) {
        if (select->items[i].expression.kind != PYR_EXPRESSION_COUNT_STAR) {
            return false;
        }
    }
    return select->items_count > 0;
}

static pyr_status bind_count(binding *bind) {
    pyr_native_plan *plan = bind->plan;
    size_t count = bind->select->items_count;
    plan->count = true;
    plan->output_count = (int32_t)count;
    pyr_field **fields = calloc(count + 1, sizeof(pyr_field *));
    if (fields == NULL) {
        return pyr_error_memory(bind->error, count * sizeof(pyr_field *));
    }
    pyr_status status = PYR_OK;
    for (size_t i = 0; i < count && status == PYR_OK; ++i) {
        status =
            pyr_field_create(bind->select->items[i].name, PYR_TYPE_INT64, &fields[i], bind->error);
    }
    if (status == PYR_OK) {
        status = pyr_schema_create(fields, (int32_t)count, NULL, &plan->schema, bind->error);
    }
    for (size_t i = 0; i < count; ++i) {
        pyr_field_release(fields[i]);
    }
    free(fields);
    return status;
}

static pyr_status bind_table(binding *bind) {
    const pyr_from *from = &bind->select->from;
    PYR_TRY(pyr_native_find_table(bind->query, from, &bind->plan->table, bind->error));
    bind->plan->table_schema = pyr_schema_retain(bind->plan->table->schema);
    bind->alias = from->alias != NULL ? from->alias : bind->plan->table->name;
    if (only_counts(bind->select)) {
        PYR_TRY(bind_count(bind));
        return pyr_native_bind_keys(bind->query, bind->alias, bind->plan, bind->error);
    }
    for (size_t i = 0; i < bind->select->items_count; ++i) {
        PYR_TRY(bind_item(bind, &bind->select->items[i]));
    }
    PYR_TRY(make_schema(bind));
    PYR_TRY(make_scan(bind));
    return pyr_native_bind_keys(bind->query, bind->alias, bind->plan, bind->error);
}

static pyr_status bind_limits(binding *bind) {
    pyr_native_plan *plan = bind->plan;
    bool limit_known = true;
    bool offset_known = true;
    bool given = false;
    int64_t value = 0;
    PYR_TRY(pyr_native_row_count(bind->query, &bind->select->limit, &limit_known, &given, &value,
                                 bind->error));
    plan->limit = given ? value : -1;
    PYR_TRY(pyr_native_row_count(bind->query, &bind->select->offset, &offset_known, &given, &value,
                                 bind->error));
    plan->offset = given ? value : 0;
    plan->limits_known = limit_known && offset_known;
    return PYR_OK;
}

pyr_status pyr_native_bind(const pyr_engine_query *query, pyr_native_plan *out, pyr_error *error) {
    memset(out, 0, sizeof(*out));
    pyr_keyed_range_init(&out->range);
    out->keys_known = true;
    if (query->select == NULL) {
        return pyr_native_not_covered(
            error, 0, "%s", query->not_covered != NULL ? query->not_covered : "this query");
    }
    binding bind = {.query = query, .select = query->select, .plan = out, .error = error};
    pyr_from_kind kind = query->select->from.kind;
    pyr_status status = kind == PYR_FROM_NOTHING || kind == PYR_FROM_VALUES
                            ? pyr_native_rows(query, &out->schema, NULL, error)
                            : bind_table(&bind);
    if (status == PYR_OK) {
        status = bind_limits(&bind);
    }
    free(bind.columns);
    free(bind.names);
    if (status != PYR_OK) {
        pyr_native_plan_deinit(out);
    }
    return status;
}

void pyr_native_plan_rest(pyr_native_plan *plan) {
    pyr_table_release(plan->table);
    pyr_batch_release(plan->point);
    pyr_keyed_range_deinit(&plan->range);
    plan->table = NULL;
    plan->point = NULL;
    plan->points = 0;
    plan->range_columns = 0;
    plan->by_key = false;
    plan->keys_known = true;
    pyr_keyed_range_init(&plan->range);
}

static pyr_status bind_rest(const pyr_engine_query *query, pyr_native_plan *plan,
                            pyr_error *error) {
    const pyr_from *from = &query->select->from;
    binding bind = {.query = query, .select = query->select, .plan = plan, .error = error};
    PYR_TRY(pyr_native_find_table(query, from, &plan->table, error));
    if (plan->table->schema != plan->table_schema) {
        return pyr_error_set(error, PYR_ERROR_CONFLICT, "the table has other columns");
    }
    bind.alias = from->alias != NULL ? from->alias : plan->table->name;
    PYR_TRY(pyr_native_bind_keys(query, bind.alias, plan, error));
    return bind_limits(&bind);
}

bool pyr_native_bind_again(const pyr_engine_query *query, pyr_native_plan *plan) {
    if (plan->table_schema == NULL || bind_rest(query, plan, NULL) != PYR_OK) {
        pyr_native_plan_rest(plan);
        return false;
    }
    return true;
}

void pyr_native_plan_deinit(pyr_native_plan *plan) {
    pyr_table_release(plan->table);
    pyr_schema_release(plan->table_schema);
    pyr_schema_release(plan->schema);
    free(plan->scan);
    free(plan->output);
    pyr_keyed_range_deinit(&plan->range);
    pyr_batch_release(plan->point);
    memset(plan, 0, sizeof(*plan));
}
