/* bind_set.c - UNION [BY NAME], EXCEPT, INTERSECT, with and without ALL.
 *
 * EXCEPT and INTERSECT are joins by all columns, NULL being equal to NULL: what is left of the left
 * side, once each. With ALL rows that are the same are numbered on both sides first, and the number
 * is a key, too: the third of the left meets the third of the right.
 */
#include "plan/bind_internal.h"

#include <string.h>
#include <strings.h>

/* Beside a text any other type becomes text; the rest is as in comparisons. */
static bool set_type(pyr_sql_type a, pyr_sql_type b, pyr_sql_type *out) {
    bool text = a.id == PYR_SQL_VARCHAR || b.id == PYR_SQL_VARCHAR;
    if (text && a.id != PYR_SQL_BLOB && b.id != PYR_SQL_BLOB) {
        *out = pyr_sql_type_of(PYR_SQL_VARCHAR);
        return true;
    }
    return pyr_type_common(a, b, out);
}

/* ---- BY NAME. ---- */

/* The column of that name; -1: none, -2: several. */
static int32_t column_named(const pyr_node *node, const char *name) {
    int32_t found = -1;
    for (int32_t i = 0; i < node->columns_count; ++i) {
        if (strcasecmp(node->columns[i].name, name) == 0) {
            found = found == -1 ? i : -2;
        }
    }
    return found;
}

/* The names of both, those of the left first. */
static pyr_status names_of_both(pyr_binder *binder, const pyr_query_node *query,
                                pyr_node *const *sides, const char **names, int32_t *count) {
    *count = 0;
    for (int s = 0; s < 2; ++s) {
        for (int32_t i = 0; i < sides[s]->columns_count; ++i) {
            const char *name = sides[s]->columns[i].name;
            int32_t left = column_named(sides[0], name);
            if (column_named(sides[s], name) < 0 || left == -2) {
                return pyr_bind_refuse(binder, query->offset, "UNION BY NAME of a name twice");
            }
            if (s == 0 || left < 0) {
                names[(*count)++] = name;
            }
        }
    }
    return PYR_OK;
}

/* The side with all of these columns, NULL where it has none of the name. */
static pyr_status name_columns(pyr_binder *binder, const char *const *names, int32_t count,
                               pyr_node **side) {
    pyr_bound_expr **columns =
        pyr_arena_array(binder->arena, (size_t)count, sizeof(pyr_bound_expr *));
    PYR_TRY(pyr_bind_made(binder, columns));
    for (int32_t i = 0; i < count; ++i) {
        int32_t at = column_named(*side, names[i]);
        columns[i] = at < 0 ? pyr_bound_null(binder->arena, pyr_sql_type_of(PYR_SQL_NULL), -1)
                            : pyr_bound_column(binder->arena, at, (*side)->columns[at].type, -1);
    }
    *side = pyr_node_project(binder->plan, *side, columns, names, count);
    return pyr_bind_made(binder, *side);
}

static pyr_status bind_names(pyr_binder *binder, const pyr_query_node *query, pyr_node **sides) {
    int32_t count = 0;
    size_t most = (size_t)sides[0]->columns_count + (size_t)sides[1]->columns_count;
    const char **names = pyr_arena_array(binder->arena, most, sizeof(char *));
    PYR_TRY(pyr_bind_made(binder, names));
    PYR_TRY(names_of_both(binder, query, sides, names, &count));
    PYR_TRY(name_columns(binder, names, count, &sides[0]));
    return name_columns(binder, names, count, &sides[1]);
}

/* ---- Both sides. ---- */

/* Both sides, with the same types. */
static pyr_status bind_sides(pyr_binder *binder, const pyr_query_node *query, pyr_node **sides) {
    static const char *const names[] = {
        [PYR_QUERY_UNION] = "UNION",
        [PYR_QUERY_EXCEPT] = "EXCEPT",
        [PYR_QUERY_INTERSECT] = "INTERSECT",
    };
    const char *name = names[query->kind];
    PYR_TRY(pyr_bind_query(binder, query->left, &sides[0]));
    PYR_TRY(pyr_bind_query(binder, query->right, &sides[1]));
    if (query->by_name) {
        PYR_TRY(bind_names(binder, query, sides));
    }
    int32_t count = sides[0]->columns_count;
    if (count != sides[1]->columns_count) {
        return pyr_bind_refuse(binder, query->offset, "%s of %d and %d columns", name, count,
                               sides[1]->columns_count);
    }
    pyr_sql_type *types = pyr_arena_array(binder->arena, (size_t)count, sizeof(pyr_sql_type));
    PYR_TRY(pyr_bind_made(binder, types));
    for (int32_t i = 0; i < count; ++i) {
        if (!set_type(sides[0]->columns[i].type, sides[1]->columns[i].type, &types[i])) {
            return pyr_bind_refuse(binder, query->offset, "%s of these types", name);
        }
    }
    PYR_TRY(pyr_bind_cast_columns(binder, &sides[0], types));
    return pyr_bind_cast_columns(binder, &sides[1], types);
}

static pyr_status bind_union(pyr_binder *binder, const pyr_query_node *query, pyr_node **sides,
                             pyr_node **out) {
    int32_t count = sides[0]->columns_count;
    pyr_node *node = pyr_node_new(binder->plan, PYR_NODE_UNION_ALL, count);
    PYR_TRY(pyr_bind_made(binder, node));
    node->as.union_all.inputs = pyr_arena_array(binder->arena, 2, sizeof(pyr_node *));
    PYR_TRY(pyr_bind_made(binder, node->as.union_all.inputs));
    node->as.union_all.count = 2;
    for (int32_t i = 0; i < count; ++i) {
        node->columns[i] = sides[0]->columns[i];
        node->columns[i].never_null &= sides[1]->columns[i].never_null;
    }
    memcpy(node->as.union_all.inputs, sides, 2 * sizeof(*sides));
    *out = query->all ? node : pyr_node_over(binder->plan, PYR_NODE_DISTINCT, node);
    return pyr_bind_made(binder, *out);
}

/* The node's first count columns. NULL: memory. */
static pyr_bound_expr **columns_of(pyr_binder *binder, const pyr_node *node, int32_t count) {
    pyr_bound_expr **columns =
        pyr_arena_array(binder->arena, (size_t)count, sizeof(pyr_bound_expr *));
    for (int32_t i = 0; i < count && columns != NULL; ++i) {
        columns[i] = pyr_bound_column(binder->arena, i, node->columns[i].type, -1);
        if (columns[i] == NULL) {
            return NULL;
        }
    }
    return columns;
}

/* One column more: the row's number among those that are the same. */
static pyr_status number_rows(pyr_binder *binder, pyr_node **side) {
    int32_t width = (*side)->columns_count;
    pyr_sql_type whole = pyr_sql_type_of(PYR_SQL_BIGINT);
    pyr_node *node = pyr_node_new(binder->plan, PYR_NODE_WINDOW, width + 1);
    pyr_window_function *number = pyr_arena_alloc(binder->arena, sizeof(*number));
    pyr_bound_expr **columns = columns_of(binder, *side, width);
    PYR_TRY(pyr_bind_made(binder, node));
    PYR_TRY(pyr_bind_made(binder, number));
    PYR_TRY(pyr_bind_made(binder, columns));
    number->op = PYR_WINDOW_ROW_NUMBER;
    number->type = whole;
    memcpy(node->columns, (*side)->columns, (size_t)width * sizeof(pyr_plan_column));
    node->columns[width] = (pyr_plan_column){"", whole, true};
    node->input = *side;
    node->as.window.partition = columns;
    node->as.window.partition_count = width;
    node->as.window.functions = number;
    node->as.window.functions_count = 1;
    *side = node;
    return PYR_OK;
}

static pyr_status join_sides(pyr_binder *binder, pyr_join_type type, pyr_node **sides,
                             pyr_node **out) {
    pyr_node *join = pyr_node_join(binder->plan, type, sides[0], sides[1]);
    PYR_TRY(pyr_bind_made(binder, join));
    for (int32_t i = 0; i < join->columns_count; ++i) {
        pyr_sql_type of = join->columns[i].type;
        if (!pyr_join_add_key(binder->plan, join, pyr_bound_column(binder->arena, i, of, -1),
                              pyr_bound_column(binder->arena, i, of, -1), true)) {
            return pyr_arena_error(binder->arena, binder->error);
        }
    }
    *out = join;
    return PYR_OK;
}

static pyr_status bind_join(pyr_binder *binder, const pyr_query_node *query, pyr_node **sides,
                            pyr_node **out) {
    int32_t count = sides[0]->columns_count;
    pyr_join_type type = query->kind == PYR_QUERY_EXCEPT ? PYR_JOIN_TYPE_ANTI : PYR_JOIN_TYPE_SEMI;
    if (!query->all) {
        PYR_TRY(join_sides(binder, type, sides, out));
        *out = pyr_node_over(binder->plan, PYR_NODE_DISTINCT, *out);
        return pyr_bind_made(binder, *out);
    }
    PYR_TRY(number_rows(binder, &sides[0]));
    PYR_TRY(number_rows(binder, &sides[1]));
    PYR_TRY(join_sides(binder, type, sides, out));
    pyr_bound_expr **columns = columns_of(binder, *out, count);
    PYR_TRY(pyr_bind_made(binder, columns));
    *out = pyr_node_project(binder->plan, *out, columns, NULL, count);
    return pyr_bind_made(binder, *out);
}

pyr_status pyr_bind_set_operation(pyr_binder *binder, const pyr_query_node *query, pyr_node **out) {
    pyr_node *sides[2] = {NULL, NULL};
    PYR_TRY(bind_sides(binder, query, sides));
    return query->kind == PYR_QUERY_UNION ? bind_union(binder, query, sides, out)
                                          : bind_join(binder, query, sides, out);
}
