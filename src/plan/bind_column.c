/* bind_column.c - names: columns of FROM, aliases of SELECT, columns of the query around. */
#include "plan/bind_internal.h"

#include <string.h>
#include <strings.h>

static bool same_name(const char *a, const char *b) {
    return a != NULL && b != NULL && strcasecmp(a, b) == 0;
}

static bool table_is(const pyr_scope_table *table, const char *schema_name, const char *name) {
    return (name == NULL || same_name(table->name, name)) &&
           (schema_name == NULL || same_name(table->schema_name, schema_name));
}

/* How many columns have the name; *out the first. */
static int find_in(const pyr_scope *scope, const pyr_expr *expression,
                   const pyr_scope_column **out) {
    const char *schema_name = expression->as.column.schema_name;
    const char *table_name = expression->as.column.table;
    int found = 0;
    for (int32_t t = 0; t < scope->tables_count; ++t) {
        const pyr_scope_table *table = &scope->tables[t];
        if (!table_is(table, schema_name, table_name)) {
            continue;
        }
        for (int32_t c = 0; c < table->columns_count; ++c) {
            const pyr_scope_column *column = &table->columns[c];
            if (same_name(column->name, expression->as.column.name) &&
                (table_name != NULL || !column->hidden)) {
                *out = found == 0 ? column : *out;
                ++found;
            }
        }
    }
    return found;
}

const char *pyr_bind_column_label(const pyr_scope *scope, const pyr_expr *expression) {
    const pyr_scope_column *column = NULL;
    return scope != NULL && find_in(scope, expression, &column) == 1 ? column->name
                                                                     : expression->as.column.name;
}

static pyr_status not_a_type(pyr_binder *binder, const pyr_expr *expression) {
    return pyr_bind_refuse(binder, expression->offset, "the type of column \"%s\"",
                           expression->as.column.name);
}

/* A copy with the place where the name stands, for errors. */
static pyr_status take(pyr_binder *binder, const pyr_expr *expression,
                       const pyr_scope_column *column, pyr_bound_expr **out) {
    if (column->expression == NULL) {
        return not_a_type(binder, expression);
    }
    bool merged = column->merged != NULL && expression->as.column.table == NULL;
    pyr_bound_expr *made = pyr_arena_alloc(binder->arena, sizeof(*made));
    PYR_TRY(pyr_bind_made(binder, made));
    *made = merged ? *column->merged : *column->expression;
    made->offset = (int32_t)expression->offset;
    *out = made;
    return PYR_OK;
}

int32_t pyr_bind_find_alias(const pyr_query_node *query, const char *name, size_t before) {
    size_t i = query->items_count;
    while (i > 0 && !same_name(query->items[i - 1].alias, name)) {
        --i;
    }
    return i > 0 && i <= before ? (int32_t)i - 1 : -1;
}

static pyr_status take_outer(pyr_binder *binder, pyr_scope *scope, const pyr_expr *expression,
                             const pyr_scope_column *column, pyr_bound_expr **out) {
    if (column->expression == NULL) {
        return not_a_type(binder, expression);
    }
    if (column->expression->kind != PYR_BOUND_COLUMN || column->expression->column < 0 ||
        column->merged != NULL) {
        return pyr_bind_refuse(binder, expression->offset, "this column of the query around");
    }
    scope->correlated = true;
    *out = pyr_bound_column(binder->arena, -1 - column->expression->column,
                            column->expression->type, (int32_t)expression->offset);
    return pyr_bind_made(binder, *out);
}

/* Of GROUP BY ALL the keys are not known when HAVING is bound: DuckDB takes an alias before a
 * column there. */
static bool alias_comes_first(const pyr_place *place, const char *name) {
    const pyr_query_node *query = place->select != NULL ? place->select->query : NULL;
    if (query == NULL || !query->group.all || strcmp(place->clause, "HAVING") != 0) {
        return false;
    }
    int32_t item = pyr_bind_find_alias(query, name, query->items_count);
    return item >= 0 && (query->items[item].expression->kind != PYR_EXPR_COLUMN ||
                         !same_name(query->items[item].expression->as.column.name, name));
}

/* Of the functions of bind_time.c those that SQL writes without brackets. */
static bool is_bare_function(const char *name) {
    return same_name(name, "current_date") || same_name(name, "current_timestamp") ||
           same_name(name, "localtimestamp");
}

pyr_status pyr_bind_column_name(pyr_binder *binder, const pyr_place *place,
                                const pyr_expr *expression, pyr_bound_expr **out) {
    const char *name = expression->as.column.name;
    const pyr_scope_column *column = NULL;
    int found = place->scope != NULL ? find_in(place->scope, expression, &column) : 0;
    if (found > 1) {
        return pyr_bind_refuse(binder, expression->offset, "the ambiguous name \"%s\"", name);
    }
    bool plain = expression->as.column.table == NULL;
    if (found == 1 && plain && alias_comes_first(place, name)) {
        return pyr_bind_refuse(binder, expression->offset, "the alias \"%s\" of a column's name",
                               name);
    }
    if (found == 1) {
        return take(binder, expression, column, out);
    }
    if (plain && place->select != NULL) {
        int32_t item = pyr_bind_find_alias(place->select->query, name, place->aliases);
        if (item >= 0 && ++binder->aliases_replaced > PYR_BIND_ALIASES_MAX) {
            return pyr_bind_refuse(binder, expression->offset, "aliases named so often");
        }
        if (item >= 0) {
            pyr_place inner = *place;
            inner.aliases = (size_t)item;
            return pyr_bind_expr(binder, &inner, place->select->query->items[item].expression, out);
        }
    }
    if (place->scope != NULL && place->scope->outer != NULL) {
        found = find_in(place->scope->outer, expression, &column);
        if (found == 1) {
            return take_outer(binder, place->scope, expression, column, out);
        }
    }
    if (plain && found == 0 && !expression->as.column.quoted && is_bare_function(name)) {
        PYR_TRY(pyr_bind_now(binder, name, expression->offset, out));
        if (*out != NULL) {
            return PYR_OK;
        }
    }
    return pyr_bind_refuse(binder, expression->offset, "the name \"%s\", which is no column here",
                           name);
}
