/* bind_source.c - FROM: tables, subqueries, common table expressions, joins. */
#include "plan/bind_internal.h"

#include <string.h>
#include <strings.h>

static pyr_status one_table(pyr_binder *binder, pyr_scope *scope, const char *schema_name,
                            const char *name, int32_t columns_count) {
    scope->tables_count = 1;
    scope->tables = pyr_arena_array(binder->arena, 1, sizeof(pyr_scope_table));
    PYR_TRY(pyr_bind_made(binder, scope->tables));
    scope->tables[0].schema_name = schema_name;
    scope->tables[0].name = name;
    scope->tables[0].columns_count = columns_count;
    scope->tables[0].columns =
        pyr_arena_array(binder->arena, (size_t)columns_count, sizeof(pyr_scope_column));
    return pyr_bind_made(binder, scope->tables[0].columns);
}

/* AS a(b, c) */
static pyr_status rename_columns(pyr_binder *binder, const pyr_source *source, pyr_scope *scope) {
    pyr_scope_table *table = &scope->tables[0];
    if (source->columns_count > (size_t)table->columns_count) {
        return pyr_bind_refuse(binder, source->offset, "more names than columns");
    }
    for (size_t i = 0; i < source->columns_count; ++i) {
        table->columns[i].name = pyr_arena_strdup(binder->arena, source->columns[i]);
        PYR_TRY(pyr_bind_made(binder, table->columns[i].name));
    }
    return PYR_OK;
}

static pyr_status copy_name(pyr_binder *binder, const char *name, const char **out) {
    *out = NULL;
    if (name == NULL) {
        return PYR_OK;
    }
    *out = pyr_arena_strdup(binder->arena, name);
    return pyr_bind_made(binder, *out);
}

/* ---- Tables. ---- */

static pyr_status keep_table(pyr_binder *binder, pyr_table *table) {
    pyr_plan *plan = binder->plan;
    for (size_t i = 0; i < plan->tables_count; ++i) {
        if (plan->tables[i] == table) {
            pyr_table_release(table);
            return PYR_OK;
        }
    }
    pyr_table **tables =
        pyr_arena_array(binder->arena, plan->tables_count + 1, sizeof(pyr_table *));
    if (tables == NULL) {
        pyr_table_release(table);
        return pyr_arena_error(binder->arena, binder->error);
    }
    if (plan->tables_count > 0) {
        memcpy(tables, plan->tables, plan->tables_count * sizeof(pyr_table *));
    }
    tables[plan->tables_count++] = table;
    plan->tables = tables;
    return PYR_OK;
}

static pyr_status find_table(pyr_binder *binder, const pyr_from *from, pyr_table **out) {
    *out = NULL;
    if (binder->input->find_table != NULL) {
        PYR_TRY(binder->input->find_table(binder->input->context, from, out, binder->error));
    } else if (from->kind == PYR_FROM_TABLE && binder->input->snapshot != NULL) {
        pyr_table *stored =
            pyr_snapshot_find(binder->input->snapshot, from->table.schema_name, from->table.name);
        *out = stored != NULL ? pyr_table_retain(stored) : NULL;
    }
    if (*out == NULL) {
        return pyr_bind_refuse(binder, from->offset, "this table, which the catalog has not");
    }
    pyr_table *table = *out;
    PYR_TRY(keep_table(binder, table));
    if (table->scan != NULL && table->scan->sql != NULL) {
        return pyr_bind_refuse(binder, from->offset, "the external table \"%s\"", table->name);
    }
    return PYR_OK;
}

/* A SCAN of every column whose type is ours. places[i]: of the table's column i, -1: none. */
static pyr_status make_scan(pyr_binder *binder, pyr_table *table, pyr_node **out, int32_t *places) {
    int32_t fields = table->schema->fields_count;
    pyr_node *scan = pyr_node_new(binder->plan, PYR_NODE_SCAN, fields);
    PYR_TRY(pyr_bind_made(binder, scan));
    scan->as.scan.table = table;
    scan->as.scan.columns = pyr_arena_array(binder->arena, (size_t)fields, sizeof(int32_t));
    PYR_TRY(pyr_bind_made(binder, scan->as.scan.columns));
    scan->columns_count = 0;
    for (int32_t i = 0; i < fields; ++i) {
        const pyr_field *field = table->schema->fields[i];
        pyr_plan_column *column = &scan->columns[scan->columns_count];
        places[i] = -1;
        if (pyr_sql_type_of_field(field, &column->type)) {
            column->name = field->name;
            column->never_null = !field->nullable;
            places[i] = scan->columns_count;
            scan->as.scan.columns[scan->columns_count++] = i;
        }
    }
    scan->as.scan.visible_count = scan->columns_count;
    scan->rows_estimate = (double)table->rows;
    *out = scan;
    return PYR_OK;
}

static pyr_status bind_table(pyr_binder *binder, const pyr_source *source, pyr_scope *out) {
    pyr_table *table = NULL;
    const char *alias = NULL;
    PYR_TRY(find_table(binder, &source->from, &table));
    PYR_TRY(copy_name(binder, source->alias != NULL ? source->alias : source->from.alias, &alias));
    int32_t fields = table->schema->fields_count;
    int32_t *places = pyr_arena_array(binder->arena, (size_t)fields, sizeof(int32_t));
    PYR_TRY(pyr_bind_made(binder, places));
    PYR_TRY(make_scan(binder, table, &out->node, places));
    PYR_TRY(one_table(binder, out, alias == NULL ? table->schema_name : NULL,
                      alias != NULL ? alias : table->name, fields));
    for (int32_t i = 0; i < fields; ++i) {
        pyr_scope_column *column = &out->tables[0].columns[i];
        column->name = table->schema->fields[i]->name;
        if (places[i] >= 0) {
            column->expression =
                pyr_bound_column(binder->arena, places[i], out->node->columns[places[i]].type, -1);
            PYR_TRY(pyr_bind_made(binder, column->expression));
        }
    }
    return rename_columns(binder, source, out);
}

/* ---- Subqueries and common table expressions. ---- */

/* The columns of a node by their names; those of the type NULL cannot be named. */
static pyr_status scope_of_node(pyr_binder *binder, pyr_node *node, const char *alias,
                                size_t offset, pyr_scope *out) {
    out->node = node;
    PYR_TRY(one_table(binder, out, NULL, alias, node->columns_count));
    for (int32_t i = 0; i < node->columns_count; ++i) {
        pyr_scope_column *column = &out->tables[0].columns[i];
        column->name = node->columns[i].name;
        for (int32_t k = 0; k < i; ++k) {
            if (strcasecmp(node->columns[k].name, column->name) == 0) {
                return pyr_bind_refuse(binder, offset, "a subquery with two columns \"%s\"",
                                       column->name);
            }
        }
        if (node->columns[i].type.id != PYR_SQL_NULL) {
            column->expression = pyr_bound_column(binder->arena, i, node->columns[i].type, -1);
            PYR_TRY(pyr_bind_made(binder, column->expression));
        }
    }
    return PYR_OK;
}

static pyr_cte_binding *find_cte(pyr_binder *binder, const pyr_from *from) {
    if (from->kind != PYR_FROM_TABLE || from->table.schema_name != NULL) {
        return NULL;
    }
    for (pyr_cte_binding *at = binder->ctes; at != NULL; at = at->before) {
        if (strcasecmp(at->cte->name, from->table.name) == 0) {
            return at;
        }
    }
    return NULL;
}

/* The first use binds it; the plan of each is kept until all uses are known. */
static pyr_status bind_cte_query(pyr_binder *binder, pyr_cte_binding *binding) {
    const int32_t most = (int32_t)(sizeof(binder->materialized_uses) / sizeof(int32_t));
    pyr_plan *plan = binder->plan;
    pyr_cte_binding *ctes = binder->ctes;
    pyr_node *node = NULL;
    binder->ctes = binding->before; /* it sees those in front of it alone */
    pyr_status status = pyr_bind_query(binder, binding->cte->query, &node);
    binder->ctes = ctes;
    if (status != PYR_OK) {
        return status;
    }
    if (plan->materialized_count == most) {
        return pyr_bind_refuse(binder, binding->cte->offset, "more than %d WITH queries", most);
    }
    pyr_node **all =
        pyr_arena_array(binder->arena, (size_t)plan->materialized_count + 1, sizeof(pyr_node *));
    PYR_TRY(pyr_bind_made(binder, all));
    if (plan->materialized_count > 0) {
        memcpy(all, plan->materialized, (size_t)plan->materialized_count * sizeof(pyr_node *));
    }
    all[plan->materialized_count] = node;
    plan->materialized = all;
    binding->index = plan->materialized_count++;
    binder->materialized_uses[binding->index] = 0;
    return PYR_OK;
}

static pyr_status bind_cte(pyr_binder *binder, pyr_cte_binding *binding, const pyr_source *source,
                           pyr_scope *out) {
    const pyr_cte *cte = binding->cte;
    const char *alias = NULL;
    if (binding->index < 0) {
        PYR_TRY(bind_cte_query(binder, binding));
    }
    ++binder->materialized_uses[binding->index];
    pyr_node *of = binder->plan->materialized[binding->index];
    pyr_node *node = pyr_node_new(binder->plan, PYR_NODE_MATERIALIZED, of->columns_count);
    PYR_TRY(pyr_bind_made(binder, node));
    memcpy(node->columns, of->columns, (size_t)of->columns_count * sizeof(pyr_plan_column));
    node->as.materialized.index = binding->index;
    if (cte->columns_count > (size_t)of->columns_count) {
        return pyr_bind_refuse(binder, cte->offset, "more names than columns");
    }
    for (size_t i = 0; i < cte->columns_count; ++i) {
        PYR_TRY(copy_name(binder, cte->columns[i], &node->columns[i].name));
    }
    const char *name = source->alias != NULL        ? source->alias
                       : source->from.alias != NULL ? source->from.alias
                                                    : cte->name;
    PYR_TRY(copy_name(binder, name, &alias));
    PYR_TRY(scope_of_node(binder, node, alias, source->offset, out));
    return rename_columns(binder, source, out);
}

static pyr_status bind_subquery(pyr_binder *binder, const pyr_source *source, pyr_scope *out) {
    pyr_node *node = NULL;
    const char *alias = NULL;
    PYR_TRY(pyr_bind_query(binder, source->query, &node));
    PYR_TRY(copy_name(binder, source->alias, &alias));
    PYR_TRY(scope_of_node(binder, node, alias, source->offset, out));
    return rename_columns(binder, source, out);
}

/* ---- Joins. ---- */

static pyr_status shift(pyr_binder *binder, pyr_bound_expr **expression, int32_t by) {
    if (*expression == NULL) {
        return PYR_OK;
    }
    *expression = pyr_bound_shift(binder->arena, *expression, by);
    return pyr_bind_made(binder, *expression);
}

static pyr_status append_tables(pyr_binder *binder, const pyr_scope *left, const pyr_scope *right,
                                int32_t left_shift, int32_t right_shift, pyr_scope *out) {
    out->tables_count = left->tables_count + right->tables_count;
    out->tables =
        pyr_arena_array(binder->arena, (size_t)out->tables_count, sizeof(pyr_scope_table));
    PYR_TRY(pyr_bind_made(binder, out->tables));
    for (int32_t t = 0; t < out->tables_count; ++t) {
        bool of_left = t < left->tables_count;
        const pyr_scope_table *from =
            of_left ? &left->tables[t] : &right->tables[t - left->tables_count];
        pyr_scope_table *to = &out->tables[t];
        *to = *from;
        to->columns =
            pyr_arena_array(binder->arena, (size_t)from->columns_count, sizeof(pyr_scope_column));
        PYR_TRY(pyr_bind_made(binder, to->columns));
        for (int32_t c = 0; c < from->columns_count; ++c) {
            to->columns[c] = from->columns[c];
            int32_t by = of_left ? left_shift : right_shift;
            PYR_TRY(shift(binder, &to->columns[c].expression, by));
            PYR_TRY(shift(binder, &to->columns[c].merged, by));
        }
    }
    return PYR_OK;
}

static pyr_scope_column *find_unqualified(pyr_scope *scope, int32_t first, int32_t end,
                                          const char *name, int *found) {
    pyr_scope_column *out = NULL;
    *found = 0;
    for (int32_t t = first; t < end; ++t) {
        for (int32_t c = 0; c < scope->tables[t].columns_count; ++c) {
            pyr_scope_column *column = &scope->tables[t].columns[c];
            if (!column->hidden && strcasecmp(column->name, name) == 0) {
                out = *found == 0 ? column : out;
                ++*found;
            }
        }
    }
    return out;
}

/* One column of USING: the condition, and which of the two columns the bare name means. */
static pyr_status use_column(pyr_binder *binder, const pyr_source *source, pyr_scope *scope,
                             int32_t left_tables, const char *name, pyr_bound_list *conditions) {
    int left_found = 0;
    int right_found = 0;
    pyr_scope_column *left = find_unqualified(scope, 0, left_tables, name, &left_found);
    pyr_scope_column *right =
        find_unqualified(scope, left_tables, scope->tables_count, name, &right_found);
    if (left_found != 1 || right_found != 1 || left->expression == NULL ||
        right->expression == NULL) {
        return pyr_bind_refuse(binder, source->offset, "USING of \"%s\" here", name);
    }
    /* What the bare name meant on each side: an outer join below may have put two together. */
    pyr_bound_expr *both[] = {left->merged != NULL ? left->merged : left->expression,
                              right->merged != NULL ? right->merged : right->expression};
    pyr_bound_expr *equal = NULL;
    PYR_TRY(pyr_bind_compare(binder, PYR_OP_EQUAL, source->offset, both[0], both[1], &equal));
    if (!pyr_bound_list_add(binder->arena, conditions, equal)) {
        return pyr_arena_error(binder->arena, binder->error);
    }
    right->hidden = true;
    if (source->join != PYR_JOIN_RIGHT && source->join != PYR_JOIN_FULL) {
        return PYR_OK;
    }
    if (!pyr_sql_type_equal(both[0]->type, both[1]->type)) {
        return pyr_bind_refuse(binder, source->offset, "an outer join USING two types");
    }
    left->merged =
        source->join == PYR_JOIN_RIGHT
            ? both[1]
            : pyr_bound_of_kind(binder->arena, PYR_BOUND_COALESCE, both[0]->type, both, 2, -1);
    return pyr_bind_made(binder, left->merged);
}

/* NATURAL: the names of the left that the right has, too. */
static pyr_status use_common_columns(pyr_binder *binder, const pyr_source *source, pyr_scope *scope,
                                     int32_t left_tables, pyr_bound_list *conditions) {
    int32_t before = conditions->count;
    for (int32_t t = 0; t < left_tables; ++t) {
        for (int32_t c = 0; c < scope->tables[t].columns_count; ++c) {
            const pyr_scope_column *column = &scope->tables[t].columns[c];
            int found = 0;
            if (!column->hidden) {
                find_unqualified(scope, left_tables, scope->tables_count, column->name, &found);
            }
            if (found > 0) {
                PYR_TRY(use_column(binder, source, scope, left_tables, column->name, conditions));
            }
        }
    }
    return conditions->count > before
               ? PYR_OK
               : pyr_bind_refuse(binder, source->offset, "NATURAL JOIN without a common column");
}

static pyr_status use_columns(pyr_binder *binder, const pyr_source *source, pyr_scope *scope,
                              int32_t left_tables, pyr_bound_list *conditions) {
    if (source->natural) {
        return use_common_columns(binder, source, scope, left_tables, conditions);
    }
    for (size_t i = 0; i < source->using_count; ++i) {
        PYR_TRY(
            use_column(binder, source, scope, left_tables, source->using_columns[i], conditions));
    }
    return PYR_OK;
}

/* ---- The conditions of an outer, semi or anti join become keys. ---- */

typedef enum side { SIDE_NONE, SIDE_LEFT, SIDE_RIGHT, SIDE_BOTH } side;

static side side_of(const pyr_bound_expr *expression, int32_t left_columns) {
    int32_t lowest;
    int32_t highest;
    if (!pyr_bound_columns(expression, &lowest, &highest)) {
        return SIDE_NONE;
    }
    return highest < left_columns ? SIDE_LEFT : lowest >= left_columns ? SIDE_RIGHT : SIDE_BOTH;
}

pyr_status pyr_bind_join_conditions(pyr_binder *binder, pyr_node *join, pyr_bound_expr *const *all,
                                    int32_t count) {
    int32_t left_columns = join->input->columns_count;
    pyr_bound_list rest = {0, 0, NULL};
    pyr_bound_list of_right = {0, 0, NULL};
    bool made = true;
    for (int32_t i = 0; i < count && made; ++i) {
        pyr_bound_expr *condition = all[i];
        bool equal = pyr_bound_is_op(condition, PYR_OP_EQUAL) ||
                     pyr_bound_is_op(condition, PYR_OP_NOT_DISTINCT);
        side first = equal ? side_of(condition->arguments[0], left_columns) : SIDE_BOTH;
        side second = equal ? side_of(condition->arguments[1], left_columns) : SIDE_BOTH;
        bool in_order = first == SIDE_LEFT && second == SIDE_RIGHT;
        if (in_order || (first == SIDE_RIGHT && second == SIDE_LEFT)) {
            pyr_bound_expr *left = condition->arguments[in_order ? 0 : 1];
            pyr_bound_expr *right = condition->arguments[in_order ? 1 : 0];
            made = pyr_join_add_key(binder->plan, join, left,
                                    pyr_bound_shift(binder->arena, right, -left_columns),
                                    condition->op == PYR_OP_NOT_DISTINCT);
        } else if (side_of(condition, left_columns) == SIDE_RIGHT && !condition->may_fail &&
                   join->as.join.type != PYR_JOIN_TYPE_FULL) {
            made = pyr_bound_list_add(binder->arena, &of_right,
                                      pyr_bound_shift(binder->arena, condition, -left_columns));
        } else {
            made = pyr_bound_list_add(binder->arena, &rest, condition);
        }
    }
    if (made && rest.count > 0) {
        join->as.join.residual =
            pyr_bound_of_kind(binder->arena, PYR_BOUND_AND, pyr_sql_type_of(PYR_SQL_BOOLEAN),
                              rest.items, rest.count, -1);
        made = join->as.join.residual != NULL;
    }
    made = made && pyr_join_need_key(binder->plan, join);
    if (made) {
        join->right = pyr_node_filter(binder->plan, join->right, of_right.items, of_right.count);
        made = join->right != NULL;
    }
    return made ? PYR_OK : pyr_arena_error(binder->arena, binder->error);
}

static pyr_status join_conditions(pyr_binder *binder, const pyr_source *source, pyr_scope *scope,
                                  int32_t left_tables, pyr_bound_list *out) {
    if (source->natural || source->using_count > 0) {
        return use_columns(binder, source, scope, left_tables, out);
    }
    if (source->on == NULL) {
        return PYR_OK;
    }
    pyr_place place = {.scope = scope, .clause = "ON"};
    pyr_bound_expr *condition = NULL;
    PYR_TRY(pyr_bind_condition(binder, &place, source->on, &condition));
    condition = pyr_fold(binder->arena, condition);
    return pyr_bound_list_conjuncts(binder->arena, out, condition)
               ? PYR_OK
               : pyr_arena_error(binder->arena, binder->error);
}

static pyr_join_type type_of_join(pyr_join_kind kind) {
    switch (kind) {
    case PYR_JOIN_LEFT:
    case PYR_JOIN_RIGHT:
        return PYR_JOIN_TYPE_LEFT;
    case PYR_JOIN_FULL:
        return PYR_JOIN_TYPE_FULL;
    case PYR_JOIN_SEMI:
        return PYR_JOIN_TYPE_SEMI;
    case PYR_JOIN_ANTI:
        return PYR_JOIN_TYPE_ANTI;
    default:
        return PYR_JOIN_TYPE_INNER;
    }
}

static pyr_status bind_join(pyr_binder *binder, const pyr_source *source, pyr_scope *out) {
    pyr_scope left = {.outer = NULL};
    pyr_scope right = {.outer = NULL};
    PYR_TRY(pyr_bind_source(binder, source->left, &left));
    PYR_TRY(pyr_bind_source(binder, source->right, &right));
    /* RIGHT is LEFT with the sides exchanged; SELECT * keeps the order of the names. */
    bool exchanged = source->join == PYR_JOIN_RIGHT;
    int32_t left_shift = exchanged ? right.node->columns_count : 0;
    int32_t right_shift = exchanged ? 0 : left.node->columns_count;
    PYR_TRY(append_tables(binder, &left, &right, left_shift, right_shift, out));
    pyr_join_type type = type_of_join(source->join);
    pyr_node *join = exchanged ? pyr_node_join(binder->plan, type, right.node, left.node)
                               : pyr_node_join(binder->plan, type, left.node, right.node);
    PYR_TRY(pyr_bind_made(binder, join));
    pyr_bound_list conditions = {0, 0, NULL};
    out->node = join;
    PYR_TRY(join_conditions(binder, source, out, left.tables_count, &conditions));
    if (type == PYR_JOIN_TYPE_SEMI || type == PYR_JOIN_TYPE_ANTI) {
        out->tables_count = left.tables_count;
    }
    if (type != PYR_JOIN_TYPE_INNER) {
        return pyr_bind_join_conditions(binder, join, conditions.items, conditions.count);
    }
    /* The rules take conditions and keys out of the filter. */
    out->node = pyr_node_filter(binder->plan, join, conditions.items, conditions.count);
    return pyr_bind_made(binder, out->node);
}

pyr_status pyr_bind_source(pyr_binder *binder, const pyr_source *source, pyr_scope *out) {
    if (source == NULL) {
        out->node = pyr_node_new(binder->plan, PYR_NODE_ONE_ROW, 0);
        return pyr_bind_made(binder, out->node);
    }
    if (++binder->depth > PYR_BIND_DEPTH_MAX) {
        return pyr_bind_refuse(binder, source->offset, "a FROM as deep as this");
    }
    pyr_status status = PYR_OK;
    pyr_cte_binding *cte =
        source->kind == PYR_SOURCE_TABLE ? find_cte(binder, &source->from) : NULL;
    switch (source->kind) {
    case PYR_SOURCE_TABLE:
        status = cte != NULL ? bind_cte(binder, cte, source, out) : bind_table(binder, source, out);
        break;
    case PYR_SOURCE_SUBQUERY:
    case PYR_SOURCE_VALUES:
        status = bind_subquery(binder, source, out);
        break;
    case PYR_SOURCE_JOIN:
        status = bind_join(binder, source, out);
        break;
    }
    --binder->depth;
    return status;
}
