#include "unit/sql/support_tree.h"

#include <inttypes.h>
#include <string.h>

tree_text tree_of(const char *sql) {
    tree_text text;
    memset(&text, 0, sizeof(text));
    pyr_arena_init(&text.arena, NULL);
    text.status = pyr_tree_parse(sql, strlen(sql), &text.arena, &text.tree, &text.error);
    return text;
}

void tree_free(tree_text *text) {
    pyr_tree_deinit(&text->tree);
    pyr_arena_deinit(&text->arena);
}

static void print_list(const pyr_expr_list *list, pyr_text *text) {
    for (size_t i = 0; i < list->count; ++i) {
        pyr_text_add_char(text, ' ');
        tree_print_expr(list->items[i], text);
    }
}

static void print_literal(const pyr_literal *literal, pyr_text *text) {
    switch (literal->kind) {
    case PYR_LITERAL_NULL:
        pyr_text_add(text, "NULL");
        break;
    case PYR_LITERAL_BOOL:
        pyr_text_add(text, literal->value.boolean ? "TRUE" : "FALSE");
        break;
    case PYR_LITERAL_INTEGER:
        pyr_text_printf(text, "%" PRId64, literal->value.i64);
        break;
    case PYR_LITERAL_BIGINT:
        pyr_text_printf(text, "%" PRId64 "L", literal->value.i64);
        break;
    case PYR_LITERAL_DECIMAL: /* unscaled; tests have small ones */
        pyr_text_printf(text, "%" PRId64 "e-%d", (int64_t)literal->value.decimal.low,
                        literal->scale);
        break;
    case PYR_LITERAL_DOUBLE:
        pyr_text_add_double(text, literal->value.f64);
        pyr_text_add_char(text, 'f');
        break;
    case PYR_LITERAL_STRING:
        pyr_sql_quote_string(literal->value.string.text, text);
        break;
    }
}

static void print_order(const pyr_order_list *order, pyr_text *text) {
    if (order->count == 0) {
        return;
    }
    pyr_text_add(text, order->all ? " order all" : " order");
    for (size_t i = 0; i < order->count; ++i) {
        const pyr_order_item *item = &order->items[i];
        if (item->expression != NULL) {
            pyr_text_add_char(text, ' ');
            tree_print_expr(item->expression, text);
        }
        pyr_text_add(text, item->descending ? " desc" : "");
        pyr_text_add(text, item->nulls_first ? " nulls first" : "");
    }
}

static void print_window(const pyr_window *window, pyr_text *text) {
    static const char *const frames[] = {"rows", "range", "groups"};
    static const char *const bounds[] = {"-inf", "-", "0", "+", "+inf"};
    pyr_text_add(text, " over {");
    if (window->partition.count > 0) {
        pyr_text_add(text, "by");
        print_list(&window->partition, text);
    }
    print_order(&window->order, text);
    if (window->frame_given) {
        pyr_text_printf(text, " %s %s", frames[window->frame], bounds[window->start]);
        if (window->start_by != NULL) {
            tree_print_expr(window->start_by, text);
        }
        pyr_text_printf(text, "..%s", bounds[window->end]);
        if (window->end_by != NULL) {
            tree_print_expr(window->end_by, text);
        }
    }
    pyr_text_add_char(text, '}');
}

static void print_call(const pyr_expr *call, pyr_text *text) {
    pyr_text_printf(text, "(%s%s%s%s", call->as.call.is_operator ? "" : "@", call->as.call.name,
                    call->as.call.distinct ? " distinct" : "", call->as.call.star ? " *" : "");
    print_list(&call->as.call.arguments, text);
    print_order(&call->as.call.order, text);
    pyr_text_add(text, call->as.call.ignore_nulls ? " ignore nulls" : "");
    if (call->as.call.filter != NULL) {
        pyr_text_add(text, " filter ");
        tree_print_expr(call->as.call.filter, text);
    }
    if (call->as.call.window != NULL) {
        print_window(call->as.call.window, text);
    }
    pyr_text_add_char(text, ')');
}

static void print_case(const pyr_expr *node, pyr_text *text) {
    pyr_text_add(text, "(case");
    if (node->as.when.operand != NULL) {
        pyr_text_add_char(text, ' ');
        tree_print_expr(node->as.when.operand, text);
    }
    for (size_t i = 0; i < node->as.when.arms_count; ++i) {
        pyr_text_add(text, " when ");
        tree_print_expr(node->as.when.arms[i].when, text);
        pyr_text_add(text, " then ");
        tree_print_expr(node->as.when.arms[i].then, text);
    }
    if (node->as.when.otherwise != NULL) {
        pyr_text_add(text, " else ");
        tree_print_expr(node->as.when.otherwise, text);
    }
    pyr_text_add_char(text, ')');
}

static void print_named_list(const char *name, const pyr_expr *node, pyr_text *text) {
    pyr_text_printf(text, "(%s%s", node->negated ? "not-" : "", name);
    print_list(&node->as.list, text);
    pyr_text_add_char(text, ')');
}

static void print_subquery(const char *name, const pyr_expr *node, pyr_text *text) {
    pyr_text_printf(text, "(%s%s ", node->negated ? "not-" : "", name);
    if (node->as.subquery.value != NULL) {
        tree_print_expr(node->as.subquery.value, text);
        pyr_text_add_char(text, ' ');
    }
    tree_print_query(node->as.subquery.query, text);
    pyr_text_add_char(text, ')');
}

static void print_star(const pyr_expr *star, pyr_text *text) {
    pyr_text_printf(text, "%s%s*", star->as.star.table != NULL ? star->as.star.table : "",
                    star->as.star.table != NULL ? "." : "");
    for (size_t i = 0; i < star->as.star.exclude_count; ++i) {
        pyr_text_printf(text, "-%s", star->as.star.exclude[i]);
    }
}

static void print_column(const pyr_expr *column, pyr_text *text) {
    const char *parts[] = {column->as.column.schema_name, column->as.column.table};
    for (size_t i = 0; i < 2; ++i) {
        pyr_text_printf(text, "%s%s", parts[i] != NULL ? parts[i] : "",
                        parts[i] != NULL ? "." : "");
    }
    pyr_text_add(text, column->as.column.name);
}

void tree_print_expr(const pyr_expr *node, pyr_text *text) {
    switch (node->kind) {
    case PYR_EXPR_LITERAL:
        print_literal(&node->as.literal, text);
        break;
    case PYR_EXPR_INTERVAL:
        pyr_text_printf(text, "(interval %d %d %" PRId64 ")", (int)node->as.interval.months,
                        (int)node->as.interval.days, node->as.interval.micros);
        break;
    case PYR_EXPR_PARAMETER:
        pyr_text_printf(text, "$%d", (int)node->as.parameter);
        break;
    case PYR_EXPR_COLUMN:
        print_column(node, text);
        break;
    case PYR_EXPR_STAR:
        print_star(node, text);
        break;
    case PYR_EXPR_CALL:
        print_call(node, text);
        break;
    case PYR_EXPR_AND:
        print_named_list("and", node, text);
        break;
    case PYR_EXPR_OR:
        print_named_list("or", node, text);
        break;
    case PYR_EXPR_NOT:
        pyr_text_add(text, "(not");
        print_list(&node->as.list, text);
        pyr_text_add_char(text, ')');
        break;
    case PYR_EXPR_CASE:
        print_case(node, text);
        break;
    case PYR_EXPR_CAST:
        pyr_text_add(text, node->as.cast.try_cast ? "(try_cast " : "(cast ");
        tree_print_expr(node->as.cast.value, text);
        pyr_text_add_char(text, ' ');
        pyr_sql_type_print(node->as.cast.field, text);
        pyr_text_add_char(text, ')');
        break;
    case PYR_EXPR_BETWEEN:
        print_named_list("between", node, text);
        break;
    case PYR_EXPR_IN_LIST:
        print_named_list("in", node, text);
        break;
    case PYR_EXPR_IN_QUERY:
        print_subquery("in", node, text);
        break;
    case PYR_EXPR_EXISTS:
        print_subquery("exists", node, text);
        break;
    case PYR_EXPR_SUBQUERY:
        print_subquery("query", node, text);
        break;
    }
}

static void print_names(const char *before, size_t count, const char **names, pyr_text *text) {
    for (size_t i = 0; i < count; ++i) {
        pyr_text_printf(text, "%s%s", i == 0 ? before : " ", names[i]);
    }
    pyr_text_add(text, count > 0 ? ")" : "");
}

static void print_function(const pyr_from *from, pyr_text *text) {
    pyr_text_printf(text, "%s(", from->function);
    for (size_t i = 0; i < from->arguments_count; ++i) {
        const pyr_from_argument *argument = &from->arguments[i];
        pyr_text_add(text, i > 0 ? " " : "");
        if (argument->name != NULL) {
            pyr_text_printf(text, "%s:", argument->name);
        }
        if (argument->value.kind == PYR_EXPRESSION_PARAMETER) {
            pyr_text_printf(text, "$%d", (int)argument->value.as.parameter);
        } else {
            print_literal(&argument->value.as.literal, text);
        }
    }
    pyr_text_add_char(text, ')');
}

static void print_table(const pyr_from *from, pyr_text *text) {
    if (from->kind == PYR_FROM_TABLE) {
        pyr_text_printf(text, "%s%s%s",
                        from->table.schema_name != NULL ? from->table.schema_name : "",
                        from->table.schema_name != NULL ? "." : "", from->table.name);
        return;
    }
    if (from->kind == PYR_FROM_FUNCTION) {
        print_function(from, text);
    } else {
        pyr_sql_quote_string(from->path, text);
    }
}

static void print_source(const pyr_source *source, pyr_text *text) {
    static const char *const kinds[] = {"inner", "left", "right", "full", "cross", "semi", "anti"};
    switch (source->kind) {
    case PYR_SOURCE_TABLE:
        print_table(&source->from, text);
        break;
    case PYR_SOURCE_SUBQUERY:
    case PYR_SOURCE_VALUES:
        tree_print_query(source->query, text);
        break;
    case PYR_SOURCE_JOIN:
        pyr_text_printf(text, "(%s%s ", source->natural ? "natural " : "", kinds[source->join]);
        print_source(source->left, text);
        pyr_text_add_char(text, ' ');
        print_source(source->right, text);
        if (source->on != NULL) {
            pyr_text_add(text, " on ");
            tree_print_expr(source->on, text);
        }
        print_names(" using(", source->using_count, source->using_columns, text);
        pyr_text_add_char(text, ')');
        break;
    }
    if (source->alias != NULL) {
        pyr_text_printf(text, ":%s", source->alias);
    }
    print_names("(", source->columns_count, source->columns, text);
}

static void print_group(const pyr_group_by *group, pyr_text *text) {
    if (group->all) {
        pyr_text_add(text, " group all");
        return;
    }
    if (group->sets_count == 0) {
        return;
    }
    pyr_text_add(text, " group");
    for (size_t i = 0; i < group->keys_count; ++i) {
        pyr_text_add_char(text, ' ');
        tree_print_expr(group->keys[i], text);
    }
    for (size_t i = 0; i < group->sets_count; ++i) {
        pyr_text_add(text, " {");
        for (size_t j = 0; j < group->sets[i].count; ++j) {
            pyr_text_printf(text, "%s%zu", j > 0 ? "," : "", group->sets[i].keys[j]);
        }
        pyr_text_add_char(text, '}');
    }
}

static void print_clause(const char *word, const pyr_expr *expression, pyr_text *text) {
    if (expression != NULL) {
        pyr_text_add(text, word);
        tree_print_expr(expression, text);
    }
}

static void print_select(const pyr_query_node *query, pyr_text *text) {
    pyr_text_add(text, query->distinct ? "select distinct" : "select");
    for (size_t i = 0; i < query->items_count; ++i) {
        pyr_text_add_char(text, ' ');
        tree_print_expr(query->items[i].expression, text);
        if (query->items[i].alias != NULL) {
            pyr_text_printf(text, ":%s", query->items[i].alias);
        }
    }
    if (query->source != NULL) {
        pyr_text_add(text, " from ");
        print_source(query->source, text);
    }
    print_clause(" where ", query->where, text);
    print_group(&query->group, text);
    print_clause(" having ", query->having, text);
    print_clause(" qualify ", query->qualify, text);
}

void tree_print_query(const pyr_query_node *query, pyr_text *text) {
    pyr_text_add_char(text, '[');
    for (size_t i = 0; i < query->ctes_count; ++i) {
        pyr_text_printf(text, "with %s", query->ctes[i].name);
        print_names("(", query->ctes[i].columns_count, query->ctes[i].columns, text);
        pyr_text_add_char(text, ' ');
        tree_print_query(query->ctes[i].query, text);
        pyr_text_add_char(text, ' ');
    }
    if (query->kind == PYR_QUERY_SELECT) {
        print_select(query, text);
    } else if (query->kind == PYR_QUERY_VALUES) {
        pyr_text_printf(text, "values %zux%zu", query->rows_count, query->columns_count);
        for (size_t i = 0; i < query->rows_count * query->columns_count; ++i) {
            pyr_text_add_char(text, ' ');
            tree_print_expr(query->values[i], text);
        }
    } else {
        pyr_text_add(text, query->kind == PYR_QUERY_EXCEPT      ? "except "
                           : query->kind == PYR_QUERY_INTERSECT ? "intersect "
                                                                : "union ");
        pyr_text_add(text, query->all ? "all " : "");
        pyr_text_add(text, query->by_name ? "by name " : "");
        tree_print_query(query->left, text);
        pyr_text_add_char(text, ' ');
        tree_print_query(query->right, text);
    }
    print_order(&query->order, text);
    print_clause(" limit ", query->limit, text);
    print_clause(" offset ", query->offset_rows, text);
    pyr_text_add_char(text, ']');
}
