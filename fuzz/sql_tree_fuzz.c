/* sql_tree_fuzz.c - any text: parsing into a tree neither crashes nor leaks, and a tree that comes
 * out is as tree.h says: heights hold, places are within the text, lists are there. */
#include "sql/tree.h"

#include <stdlib.h>

#define BUDGET_BYTES ((size_t)256 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t text_length;

static void require(bool holds) {
    if (!holds) {
        abort();
    }
}

static void check_query(const pyr_query_node *query, unsigned below);

static void check_expression(const pyr_expr *node, unsigned below);

static void check_optional(const pyr_expr *node, unsigned below) {
    if (node != NULL) {
        check_expression(node, below);
    }
}

static void check_list(const pyr_expr_list *list, size_t least, unsigned below) {
    require(list->count >= least);
    for (size_t i = 0; i < list->count; ++i) {
        check_expression(list->items[i], below);
    }
}

static void check_order(const pyr_order_list *order, unsigned below) {
    require(!order->all || order->count == 1);
    for (size_t i = 0; i < order->count; ++i) {
        require((order->items[i].expression == NULL) == order->all);
        check_optional(order->items[i].expression, below);
    }
}

static void check_window(const pyr_window *window, unsigned below) {
    check_list(&window->partition, 0, below);
    check_order(&window->order, below);
    bool start = window->start == PYR_FRAME_PRECEDING || window->start == PYR_FRAME_FOLLOWING;
    bool end = window->end == PYR_FRAME_PRECEDING || window->end == PYR_FRAME_FOLLOWING;
    require(start == (window->start_by != NULL) && end == (window->end_by != NULL));
    check_optional(window->start_by, below);
    check_optional(window->end_by, below);
}

static void check_call(const pyr_expr *node, unsigned below) {
    require(node->as.call.name != NULL);
    require(!node->as.call.star || node->as.call.arguments.count == 0);
    check_list(&node->as.call.arguments, 0, below);
    check_order(&node->as.call.order, below);
    check_optional(node->as.call.filter, below);
    if (node->as.call.window != NULL) {
        check_window(node->as.call.window, below);
    }
}

static void check_case(const pyr_expr *node, unsigned below) {
    require(node->as.when.arms_count > 0);
    check_optional(node->as.when.operand, below);
    check_optional(node->as.when.otherwise, below);
    for (size_t i = 0; i < node->as.when.arms_count; ++i) {
        check_expression(node->as.when.arms[i].when, below);
        check_expression(node->as.when.arms[i].then, below);
    }
}

/* below: the height of what this is part of. */
static void check_expression(const pyr_expr *node, unsigned below) {
    require(node->height > 0 && node->height < below);
    require(node->offset <= text_length && node->length <= text_length - node->offset);
    below = node->height;
    switch (node->kind) {
    case PYR_EXPR_CALL:
        check_call(node, below);
        break;
    case PYR_EXPR_AND:
    case PYR_EXPR_OR:
    case PYR_EXPR_IN_LIST:
        check_list(&node->as.list, 2, below);
        break;
    case PYR_EXPR_NOT:
        check_list(&node->as.list, 1, below);
        require(node->as.list.count == 1);
        break;
    case PYR_EXPR_BETWEEN:
        check_list(&node->as.list, 3, below);
        require(node->as.list.count == 3);
        break;
    case PYR_EXPR_CASE:
        check_case(node, below);
        break;
    case PYR_EXPR_CAST:
        require(node->as.cast.field != NULL && node->as.cast.type_text != NULL);
        check_expression(node->as.cast.value, below);
        break;
    case PYR_EXPR_IN_QUERY:
        check_expression(node->as.subquery.value, below);
        check_query(node->as.subquery.query, below);
        break;
    case PYR_EXPR_EXISTS:
    case PYR_EXPR_SUBQUERY:
        check_query(node->as.subquery.query, below);
        break;
    default:
        break;
    }
}

static void check_source(const pyr_source *source, unsigned below) {
    require(source->height > 0 && source->height < below);
    if (source->kind == PYR_SOURCE_JOIN) {
        check_source(source->left, source->height);
        check_source(source->right, source->height);
        check_optional(source->on, source->height);
        bool conditional = source->join != PYR_JOIN_CROSS && !source->natural;
        require(conditional == (source->on != NULL || source->using_count > 0));
    } else if (source->kind == PYR_SOURCE_TABLE) {
        const pyr_from *from = &source->from;
        require(from->kind == PYR_FROM_TABLE      ? from->table.name != NULL
                : from->kind == PYR_FROM_FUNCTION ? from->function != NULL
                                                  : from->path != NULL);
    } else {
        check_query(source->query, source->height);
    }
}

static void check_group(const pyr_group_by *group, unsigned below) {
    require(group->keys_count == 0 || group->sets_count > 0);
    for (size_t i = 0; i < group->keys_count; ++i) {
        check_expression(group->keys[i], below);
    }
    for (size_t i = 0; i < group->sets_count; ++i) {
        for (size_t j = 0; j < group->sets[i].count; ++j) {
            require(group->sets[i].keys[j] < group->keys_count);
            require(j == 0 || group->sets[i].keys[j - 1] < group->sets[i].keys[j]);
        }
    }
}

static void check_select(const pyr_query_node *query, unsigned below) {
    require(query->items_count > 0);
    for (size_t i = 0; i < query->items_count; ++i) {
        check_expression(query->items[i].expression, below);
    }
    if (query->source != NULL) {
        check_source(query->source, below);
    }
    check_optional(query->where, below);
    check_optional(query->having, below);
    check_optional(query->qualify, below);
    check_group(&query->group, below);
}

static void check_query(const pyr_query_node *query, unsigned below) {
    require(query->height > 0 && query->height < below);
    below = query->height;
    for (size_t i = 0; i < query->ctes_count; ++i) {
        check_query(query->ctes[i].query, below);
    }
    if (query->kind == PYR_QUERY_SELECT) {
        check_select(query, below);
    } else if (query->kind != PYR_QUERY_VALUES) {
        check_query(query->left, below);
        check_query(query->right, below);
    } else {
        require(query->rows_count > 0 && query->columns_count > 0);
        for (size_t i = 0; i < query->rows_count * query->columns_count; ++i) {
            check_expression(query->values[i], below);
        }
    }
    check_order(&query->order, below);
    check_optional(query->limit, below);
    check_optional(query->offset_rows, below);
}

static void parse_one(const char *text, size_t length, size_t budget_bytes) {
    pyr_budget *budget = pyr_budget_create(budget_bytes);
    if (budget == NULL) {
        return;
    }
    pyr_arena arena;
    pyr_tree tree;
    pyr_error error;
    pyr_arena_init(&arena, budget);
    text_length = length;
    pyr_status status = pyr_tree_parse(text, length, &arena, &tree, &error);
    require(status != PYR_OK || (tree.root == NULL) == (tree.not_covered != NULL));
    require(status == PYR_OK || tree.root == NULL);
    if (tree.root != NULL) {
        check_query(tree.root, PYR_TREE_DEPTH_MAX + 1);
    } else {
        require(tree.not_covered_offset <= length);
    }
    pyr_tree_deinit(&tree);
    pyr_arena_deinit(&arena);
    pyr_budget_release(budget);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    parse_one((const char *)data, size, BUDGET_BYTES);
    /* Memory ends somewhere on the way. */
    parse_one((const char *)data, size, 1 + size * 7919 % 32768);
    return 0;
}
