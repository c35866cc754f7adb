/* bind_query.c - queries: SELECT, VALUES, UNION, WITH; and the plan around them. */
#include "plan/bind_internal.h"

#include <string.h>

pyr_status pyr_bind_push_ctes(pyr_binder *binder, const pyr_query_node *query) {
    for (size_t i = 0; i < query->ctes_count; ++i) {
        pyr_cte_binding *binding = pyr_arena_alloc(binder->arena, sizeof(*binding));
        PYR_TRY(pyr_bind_made(binder, binding));
        binding->before = binder->ctes;
        binding->cte = &query->ctes[i];
        binding->index = -1;
        binder->ctes = binding;
    }
    return PYR_OK;
}

pyr_status pyr_bind_cast_columns(pyr_binder *binder, pyr_node **node, const pyr_sql_type *types) {
    int32_t count = (*node)->columns_count;
    bool same = true;
    for (int32_t i = 0; i < count; ++i) {
        same &= pyr_sql_type_equal((*node)->columns[i].type, types[i]);
    }
    if (same) {
        return PYR_OK;
    }
    pyr_bound_expr **expressions =
        pyr_arena_array(binder->arena, (size_t)count, sizeof(pyr_bound_expr *));
    const char **names = pyr_arena_array(binder->arena, (size_t)count, sizeof(char *));
    PYR_TRY(pyr_bind_made(binder, expressions));
    PYR_TRY(pyr_bind_made(binder, names));
    for (int32_t i = 0; i < count; ++i) {
        names[i] = (*node)->columns[i].name;
        expressions[i] = pyr_bound_cast(
            binder->arena, pyr_bound_column(binder->arena, i, (*node)->columns[i].type, -1),
            types[i], false, -1);
    }
    *node = pyr_node_project(binder->plan, *node, expressions, names, count);
    return pyr_bind_made(binder, *node);
}

/* ---- VALUES. ---- */

static pyr_status bind_values(pyr_binder *binder, const pyr_query_node *query, pyr_node **out) {
    int32_t rows = (int32_t)query->rows_count;
    int32_t columns = (int32_t)query->columns_count;
    pyr_place place = {.clause = "VALUES"};
    pyr_node *node = pyr_node_new(binder->plan, PYR_NODE_VALUES, columns);
    size_t count = (size_t)rows * (size_t)columns;
    pyr_bound_expr **values = pyr_arena_array(binder->arena, count, sizeof(pyr_bound_expr *));
    pyr_bound_expr **column =
        pyr_arena_array(binder->arena, (size_t)rows, sizeof(pyr_bound_expr *));
    PYR_TRY(pyr_bind_made(binder, node));
    PYR_TRY(pyr_bind_made(binder, values));
    PYR_TRY(pyr_bind_made(binder, column));
    for (size_t i = 0; i < count; ++i) {
        PYR_TRY(pyr_bind_expr(binder, &place, query->values[i], &values[i]));
    }
    for (int32_t c = 0; c < columns; ++c) {
        for (int32_t r = 0; r < rows; ++r) {
            column[r] = values[r * columns + c];
        }
        PYR_TRY(
            pyr_bind_common(binder, query->offset, false, column, rows, &node->columns[c].type));
        for (int32_t r = 0; r < rows; ++r) {
            values[r * columns + c] = column[r];
        }
        node->columns[c].name = pyr_arena_printf(binder->arena, "col%d", c);
        PYR_TRY(pyr_bind_made(binder, node->columns[c].name));
    }
    node->as.values.rows = rows;
    node->as.values.values = values;
    node->rows_estimate = rows;
    *out = node;
    return PYR_OK;
}

/* ---- Any. ---- */

static pyr_status bind_kind(pyr_binder *binder, const pyr_query_node *query, pyr_node **out) {
    switch (query->kind) {
    case PYR_QUERY_SELECT:
        return pyr_bind_select(binder, query, out);
    case PYR_QUERY_VALUES:
        PYR_TRY(bind_values(binder, query, out));
        break;
    case PYR_QUERY_UNION:
    case PYR_QUERY_EXCEPT:
    case PYR_QUERY_INTERSECT:
        PYR_TRY(pyr_bind_set_operation(binder, query, out));
        break;
    }
    PYR_TRY(pyr_bind_order_columns(binder, query, out));
    return pyr_bind_limit(binder, query, out);
}

pyr_status pyr_bind_query(pyr_binder *binder, const pyr_query_node *query, pyr_node **out) {
    pyr_cte_binding *ctes = binder->ctes;
    if (++binder->depth > PYR_BIND_DEPTH_MAX) {
        return pyr_bind_refuse(binder, query->offset, "queries as deep as this");
    }
    pyr_status status = pyr_bind_push_ctes(binder, query);
    if (status == PYR_OK) {
        status = bind_kind(binder, query, out);
    }
    binder->ctes = ctes;
    --binder->depth;
    return status;
}

/* ---- The plan. ---- */

typedef struct inlining {
    pyr_binder *binder;
    int32_t *places; /* of those that stay, -1: put in where they are used */
} inlining;

static bool inline_uses(void *context, pyr_node **child) {
    const inlining *with = context;
    pyr_node *node = *child;
    if (node->kind == PYR_NODE_MATERIALIZED) {
        int32_t index = node->as.materialized.index;
        if (with->places[index] >= 0) {
            node->as.materialized.index = with->places[index];
            return true;
        }
        pyr_node *of = with->binder->plan->materialized[index];
        for (int32_t i = 0; i < of->columns_count; ++i) {
            of->columns[i].name = node->columns[i].name;
        }
        *child = of;
    }
    return pyr_node_children(*child, inline_uses, context);
}

/* A common table expression that is read once is a subquery. */
static pyr_status inline_ctes(pyr_binder *binder) {
    pyr_plan *plan = binder->plan;
    int32_t count = plan->materialized_count;
    int32_t stay = 0;
    inlining with = {binder, pyr_arena_array(binder->arena, (size_t)count, sizeof(int32_t))};
    PYR_TRY(pyr_bind_made(binder, with.places));
    for (int32_t i = 0; i < count; ++i) {
        with.places[i] = binder->materialized_uses[i] > 1 ? stay++ : -1;
    }
    inline_uses(&with, &plan->root);
    for (int32_t i = 0; i < plan->subqueries_count; ++i) {
        inline_uses(&with, &plan->subqueries[i]);
    }
    for (int32_t i = 0; i < count; ++i) {
        if (with.places[i] >= 0) {
            pyr_node_children(plan->materialized[i], inline_uses, &with);
        }
    }
    for (int32_t i = 0; i < count; ++i) {
        if (with.places[i] >= 0) {
            plan->materialized[with.places[i]] = plan->materialized[i];
        }
    }
    plan->materialized_count = stay;
    return PYR_OK;
}

/* NULL by itself is an INTEGER to who reads the result. */
static pyr_status decide_nulls(pyr_binder *binder, pyr_node **node) {
    int32_t count = (*node)->columns_count;
    pyr_sql_type *types = pyr_arena_array(binder->arena, (size_t)count, sizeof(pyr_sql_type));
    PYR_TRY(pyr_bind_made(binder, types));
    for (int32_t i = 0; i < count; ++i) {
        types[i] = (*node)->columns[i].type;
        types[i].id = types[i].id == PYR_SQL_NULL ? PYR_SQL_INTEGER : types[i].id;
    }
    return pyr_bind_cast_columns(binder, node, types);
}

static pyr_status make_schema(pyr_binder *binder) {
    pyr_plan *plan = binder->plan;
    int32_t count = plan->root->columns_count;
    pyr_field **fields = pyr_arena_array(binder->arena, (size_t)count + 1, sizeof(pyr_field *));
    PYR_TRY(pyr_bind_made(binder, fields));
    pyr_status status = PYR_OK;
    for (int32_t i = 0; i < count && status == PYR_OK; ++i) {
        status = pyr_sql_type_field(plan->root->columns[i].type, plan->root->columns[i].name,
                                    &fields[i], binder->error);
    }
    if (status == PYR_OK) {
        status = pyr_schema_create(fields, count, NULL, &plan->schema, binder->error);
    }
    for (int32_t i = 0; i < count; ++i) {
        pyr_field_release(fields[i]);
    }
    return status;
}

pyr_status pyr_plan_bind(const pyr_bind_input *input, pyr_plan *out, pyr_error *error) {
    memset(out, 0, sizeof(*out));
    pyr_arena_init(&out->arena, input->budget);
    pyr_binder binder = {.input = input, .plan = out, .arena = &out->arena, .error = error};
    pyr_status status = PYR_OK;
    if (input->tree->root == NULL) {
        const char *what = input->tree->not_covered;
        status = pyr_bind_refuse(&binder, input->tree->not_covered_offset, "%s",
                                 what != NULL ? what : "this query");
    }
    if (status == PYR_OK) {
        status = pyr_bind_query(&binder, input->tree->root, &out->root);
    }
    if (status == PYR_OK) {
        status = decide_nulls(&binder, &out->root);
    }
    if (status == PYR_OK) {
        status = inline_ctes(&binder);
    }
    if (status == PYR_OK) {
        status = make_schema(&binder);
    }
    if (status != PYR_OK) {
        pyr_plan_deinit(out);
    }
    return status;
}
