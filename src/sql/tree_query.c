/* tree_query.c - SELECT, VALUES, TABLE, UNION, WITH, ORDER BY, LIMIT. */
#include "sql/keywords.h"
#include "sql/tree_internal.h"

#include <string.h>
#include <strings.h>

/* LIMIT beyond this is refused by DuckDB. */
#define ROW_COUNT_MAX ((int64_t)1 << 62)

enum { COMPARED_NAMES_MAX = 256 };

static pyr_status new_query(pyr_tree_parser *tree, pyr_query_kind kind, pyr_query_node **out) {
    *out = pyr_arena_alloc(tree->parser.arena, sizeof(**out));
    if (*out == NULL) {
        return PYR_ERROR_MEMORY;
    }
    (*out)->kind = kind;
    (*out)->offset = tree->parser.token.offset;
    (*out)->height = 1;
    return PYR_OK;
}

/* ---- The list of SELECT. ---- */

/* Whether the names are few enough to compare each with all, and differ. */
static bool names_differ(const char *const *names, size_t count) {
    for (size_t i = 1; i < count && count <= COMPARED_NAMES_MAX; ++i) {
        for (size_t j = 0; j < i; ++j) {
            if (strcasecmp(names[i], names[j]) == 0) {
                return false;
            }
        }
    }
    return count <= COMPARED_NAMES_MAX;
}

/* [EXCLUDE a | EXCLUDE (a, b)] behind a star. */
static pyr_status parse_exclude(pyr_tree_parser *tree, pyr_expr *star) {
    if (!pyr_parser_accept(&tree->parser, "EXCLUDE")) {
        return PYR_OK;
    }
    if (pyr_parser_at_char(&tree->parser, '(')) {
        PYR_TRY(pyr_tree_names(tree, &star->as.star.exclude, &star->as.star.exclude_count));
        if (!names_differ(star->as.star.exclude, star->as.star.exclude_count)) {
            return pyr_tree_stop(tree, "a name twice in EXCLUDE, or very many");
        }
    } else {
        star->as.star.exclude = pyr_arena_alloc(tree->parser.arena, sizeof(char *));
        if (star->as.star.exclude == NULL) {
            return PYR_ERROR_MEMORY;
        }
        star->as.star.exclude_count = 1;
        PYR_TRY(pyr_tree_name(tree, &star->as.star.exclude[0]));
    }
    /* t.a */
    return pyr_parser_at_char(&tree->parser, '.') ? pyr_grammar_stop_here(&tree->grammar) : PYR_OK;
}

/* * and t.*. *found false: none of these. */
static pyr_status parse_star(pyr_tree_parser *tree, bool *found, pyr_expr **out) {
    pyr_parser *parser = &tree->parser;
    pyr_lexer lexer = parser->lexer;
    pyr_token point = pyr_lexer_next(&lexer);
    pyr_token star = pyr_lexer_next(&lexer);
    bool qualified = pyr_parser_at_name(parser) && pyr_token_is_char(&point, '.') &&
                     star.kind == PYR_TOKEN_OPERATOR && star.length == 1 && star.text[0] == '*';
    *found = qualified || pyr_parser_at_operator(parser, "*");
    if (!*found) {
        return PYR_OK;
    }
    PYR_TRY(pyr_tree_new(tree, PYR_EXPR_STAR, parser->token.offset, out));
    if (qualified) {
        PYR_TRY(pyr_tree_name(tree, &(*out)->as.star.table));
        pyr_parser_next(parser);
    }
    pyr_parser_next(parser);
    PYR_TRY(parse_exclude(tree, *out));
    pyr_tree_finish(tree, *out);
    return PYR_OK;
}

/* AS name, AS 'name', or a name that is no keyword. */
static pyr_status parse_alias(pyr_tree_parser *tree, const char **out) {
    pyr_parser *parser = &tree->parser;
    bool any = pyr_parser_accept(parser, "AS");
    if (any && !pyr_token_is_identifier(&parser->token) && !pyr_token_is_string(&parser->token)) {
        return pyr_grammar_stop_here(&tree->grammar);
    }
    bool bare = parser->token.kind == PYR_TOKEN_QUOTED_NAME ||
                (parser->token.kind == PYR_TOKEN_WORD &&
                 !pyr_keyword_is_any(parser->token.text, parser->token.length));
    return any || bare ? pyr_grammar_name(&tree->grammar, out) : PYR_OK;
}

static pyr_status parse_item(pyr_tree_parser *tree, pyr_query_node *query) {
    query->items =
        pyr_parser_grow(&tree->parser, query->items, query->items_count, sizeof(*query->items));
    if (query->items == NULL) {
        return PYR_ERROR_MEMORY;
    }
    pyr_item *item = &query->items[query->items_count++];
    memset(item, 0, sizeof(*item));
    bool star = false;
    PYR_TRY(parse_star(tree, &star, &item->expression));
    if (!star) {
        PYR_TRY(pyr_tree_expression(tree, PYR_LEVEL_ANY, &item->expression));
        PYR_TRY(parse_alias(tree, &item->alias));
    }
    return pyr_tree_raise(tree, &query->height, item->expression->height);
}

static pyr_status parse_items(pyr_tree_parser *tree, pyr_query_node *query) {
    if (!pyr_parser_accept(&tree->parser, "ALL") && pyr_parser_accept(&tree->parser, "DISTINCT")) {
        query->distinct = true;
        if (pyr_parser_at(&tree->parser, "ON")) {
            return pyr_tree_stop(tree, "DISTINCT ON");
        }
    }
    do {
        PYR_TRY(parse_item(tree, query));
    } while (pyr_parser_accept_char(&tree->parser, ','));
    return PYR_OK;
}

/* Behind WINDOW, as a name tells what the window is. */
static pyr_status name_items(pyr_tree_parser *tree, const pyr_query_node *query) {
    for (size_t i = 0; i < query->items_count && tree->names_seen; ++i) {
        pyr_item *item = &query->items[i];
        item->name = item->alias;
        if (item->alias != NULL || item->expression->kind == PYR_EXPR_STAR ||
            item->expression->kind == PYR_EXPR_COLUMN) {
            continue;
        }
        PYR_TRY(pyr_tree_result_name(tree, item->expression, &item->name));
        if (item->name == NULL) {
            PYR_TRY(pyr_tree_stop(tree, "an expression whose name is DuckDB's, without AS"));
        }
    }
    return PYR_OK;
}

/* ---- SELECT. ---- */

static pyr_status parse_condition(pyr_tree_parser *tree, pyr_query_node *query, const char *word,
                                  pyr_expr **out) {
    if (!pyr_parser_accept(&tree->parser, word)) {
        return PYR_OK;
    }
    PYR_TRY(pyr_tree_expression(tree, PYR_LEVEL_ANY, out));
    return pyr_tree_raise(tree, &query->height, (*out)->height);
}

static pyr_status parse_from(pyr_tree_parser *tree, pyr_query_node *query) {
    PYR_TRY(pyr_tree_sources(tree, &query->source));
    return pyr_tree_raise(tree, &query->height, query->source->height);
}

static pyr_status add_star(pyr_tree_parser *tree, pyr_query_node *query) {
    query->items = pyr_arena_alloc(tree->parser.arena, sizeof(*query->items));
    if (query->items == NULL) {
        return PYR_ERROR_MEMORY;
    }
    query->items_count = 1;
    return pyr_tree_new(tree, PYR_EXPR_STAR, query->offset, &query->items[0].expression);
}

/* SELECT ... FROM ..., FROM ... SELECT ..., FROM ... */
static pyr_status parse_select(pyr_tree_parser *tree, pyr_query_node **out) {
    pyr_parser *parser = &tree->parser;
    size_t first = tree->pending_count;
    pyr_query_node *query = NULL;
    PYR_TRY(new_query(tree, PYR_QUERY_SELECT, &query));
    if (pyr_parser_accept(parser, "FROM")) {
        PYR_TRY(parse_from(tree, query));
        if (pyr_parser_accept(parser, "SELECT")) {
            PYR_TRY(parse_items(tree, query));
        } else {
            PYR_TRY(add_star(tree, query));
        }
    } else {
        PYR_TRY(pyr_tree_expect(tree, "SELECT"));
        PYR_TRY(parse_items(tree, query));
        if (pyr_parser_accept(parser, "FROM")) {
            PYR_TRY(parse_from(tree, query));
        }
    }
    PYR_TRY(parse_condition(tree, query, "WHERE", &query->where));
    if (pyr_parser_accept(parser, "GROUP")) {
        PYR_TRY(pyr_tree_group_by(tree, &query->height, &query->group));
    }
    PYR_TRY(parse_condition(tree, query, "HAVING", &query->having));
    pyr_tree_windows_defined windows = {0, NULL};
    PYR_TRY(pyr_tree_windows(tree, &windows));
    PYR_TRY(parse_condition(tree, query, "QUALIFY", &query->qualify));
    PYR_TRY(pyr_tree_resolve_windows(tree, first, &windows));
    *out = query;
    return name_items(tree, query);
}

static pyr_status parse_row(pyr_tree_parser *tree, pyr_query_node *query, size_t *count) {
    size_t columns = 0;
    PYR_TRY(pyr_tree_expect_char(tree, '('));
    do {
        query->values =
            pyr_parser_grow(&tree->parser, query->values, *count, sizeof(*query->values));
        if (query->values == NULL) {
            return PYR_ERROR_MEMORY;
        }
        pyr_expr **value = &query->values[(*count)++];
        PYR_TRY(pyr_tree_expression(tree, PYR_LEVEL_ANY, value));
        PYR_TRY(pyr_tree_raise(tree, &query->height, (*value)->height));
        ++columns;
    } while (pyr_parser_accept_char(&tree->parser, ','));
    if (query->rows_count > 0 && columns != query->columns_count) {
        return pyr_tree_stop(tree, "VALUES rows of different lengths");
    }
    query->columns_count = columns;
    ++query->rows_count;
    return pyr_tree_expect_char(tree, ')');
}

static pyr_status parse_values(pyr_tree_parser *tree, pyr_query_node **out) {
    size_t count = 0;
    PYR_TRY(new_query(tree, PYR_QUERY_VALUES, out));
    pyr_parser_next(&tree->parser);
    do {
        PYR_TRY(parse_row(tree, *out, &count));
    } while (pyr_parser_accept_char(&tree->parser, ','));
    return PYR_OK;
}

/* TABLE t: all of it. */
static pyr_status parse_table(pyr_tree_parser *tree, pyr_query_node **out) {
    pyr_query_node *query = NULL;
    PYR_TRY(new_query(tree, PYR_QUERY_SELECT, &query));
    pyr_parser_next(&tree->parser);
    query->source = pyr_arena_alloc(tree->parser.arena, sizeof(*query->source));
    if (query->source == NULL) {
        return PYR_ERROR_MEMORY;
    }
    query->source->kind = PYR_SOURCE_TABLE;
    query->source->offset = tree->parser.token.offset;
    query->source->height = 1;
    query->height = 2;
    if (!pyr_parser_at_name(&tree->parser)) {
        return pyr_grammar_stop_here(&tree->grammar);
    }
    PYR_TRY(pyr_tree_table(tree, &query->source->from));
    *out = query;
    return add_star(tree, query);
}

static bool has_end(const pyr_query_node *query) {
    return query->order.count > 0 || query->limit != NULL || query->offset_rows != NULL;
}

/* What UNION and the like stand between. */
static pyr_status parse_operand(pyr_tree_parser *tree, pyr_query_node **out) {
    pyr_parser *parser = &tree->parser;
    if (pyr_parser_accept_char(parser, '(')) {
        PYR_TRY(pyr_tree_query(tree, tree->names_seen, out));
        return pyr_tree_expect_char(tree, ')');
    }
    if (pyr_parser_at(parser, "VALUES")) {
        return parse_values(tree, out);
    }
    return pyr_parser_at(parser, "TABLE") ? parse_table(tree, out) : parse_select(tree, out);
}

typedef pyr_status parse_side(pyr_tree_parser *tree, pyr_query_node **out);

/* The operator stands here; *left becomes its left side, the names are that side's. */
static pyr_status parse_set_operator(pyr_tree_parser *tree, pyr_query_kind kind, parse_side *right,
                                     pyr_query_node **left) {
    pyr_parser *parser = &tree->parser;
    bool names_seen = tree->names_seen;
    pyr_query_node *node = NULL;
    PYR_TRY(new_query(tree, kind, &node));
    node->left = *left;
    node->offset = node->left->offset;
    pyr_parser_next(parser);
    node->all = pyr_parser_accept(parser, "ALL");
    if (!node->all) {
        (void)pyr_parser_accept(parser, "DISTINCT");
    }
    if (kind == PYR_QUERY_UNION && pyr_parser_accept(parser, "BY")) {
        PYR_TRY(pyr_tree_expect(tree, "NAME"));
        node->by_name = true;
        if (!names_seen) { /* the left side's are not known */
            return pyr_tree_stop(tree, "UNION BY NAME here");
        }
    }
    tree->names_seen = node->by_name;
    PYR_TRY(right(tree, &node->right));
    tree->names_seen = names_seen;
    PYR_TRY(pyr_tree_raise(tree, &node->height, node->left->height));
    PYR_TRY(pyr_tree_raise(tree, &node->height, node->right->height));
    *left = node;
    return PYR_OK;
}

static pyr_status parse_intersect(pyr_tree_parser *tree, pyr_query_node **out) {
    PYR_TRY(parse_operand(tree, out));
    while (pyr_parser_at(&tree->parser, "INTERSECT")) {
        PYR_TRY(parse_set_operator(tree, PYR_QUERY_INTERSECT, parse_operand, out));
    }
    return PYR_OK;
}

static pyr_status parse_union(pyr_tree_parser *tree, pyr_query_node **out) {
    PYR_TRY(parse_intersect(tree, out));
    for (;;) {
        bool joins = pyr_parser_at(&tree->parser, "UNION");
        if (!joins && !pyr_parser_at(&tree->parser, "EXCEPT")) {
            return PYR_OK;
        }
        PYR_TRY(parse_set_operator(tree, joins ? PYR_QUERY_UNION : PYR_QUERY_EXCEPT,
                                   parse_intersect, out));
    }
}

/* ---- What may stand around any of them. ---- */

/* A constant: DuckDB takes more, and percents. */
static pyr_status parse_row_count(pyr_tree_parser *tree, bool all, pyr_expr **out) {
    pyr_parser *parser = &tree->parser;
    if (all && pyr_parser_accept(parser, "ALL")) {
        return PYR_OK;
    }
    PYR_TRY(pyr_tree_expression(tree, PYR_LEVEL_ANY, out));
    if ((*out)->kind == PYR_EXPR_PARAMETER) {
        return PYR_OK;
    }
    const pyr_literal *literal = &(*out)->as.literal;
    if ((*out)->kind == PYR_EXPR_LITERAL && literal->kind == PYR_LITERAL_NULL) {
        *out = NULL;
        return PYR_OK;
    }
    bool integer = (*out)->kind == PYR_EXPR_LITERAL &&
                   (literal->kind == PYR_LITERAL_INTEGER || literal->kind == PYR_LITERAL_BIGINT);
    return integer && literal->value.i64 >= 0 && literal->value.i64 <= ROW_COUNT_MAX
               ? PYR_OK
               : pyr_tree_stop(tree, "this kind of LIMIT or OFFSET");
}

static pyr_status parse_end(pyr_tree_parser *tree, pyr_query_node *query) {
    pyr_parser *parser = &tree->parser;
    size_t first = tree->pending_count;
    bool order = pyr_parser_accept(parser, "ORDER");
    bool limit = pyr_parser_at(parser, "LIMIT") || pyr_parser_at(parser, "OFFSET");
    if ((order || limit) && has_end(query)) {
        return pyr_tree_stop(tree, "ORDER BY or LIMIT behind a query in brackets that has one");
    }
    if (order) {
        PYR_TRY(pyr_tree_order(tree, &query->height, &query->order));
    }
    bool limited = false;
    bool skipped = false;
    for (;;) {
        if (!limited && pyr_parser_accept(parser, "LIMIT")) {
            limited = true;
            PYR_TRY(parse_row_count(tree, true, &query->limit));
        } else if (!skipped && pyr_parser_accept(parser, "OFFSET")) {
            skipped = true;
            PYR_TRY(parse_row_count(tree, false, &query->offset_rows));
        } else {
            break;
        }
    }
    return tree->pending_count > first ? pyr_tree_stop(tree, "a window's name in ORDER BY")
                                       : PYR_OK;
}

/* name [(a, b)] AS [NOT MATERIALIZED | MATERIALIZED] (query) */
static pyr_status parse_cte(pyr_tree_parser *tree, pyr_cte *cte, uint16_t *height) {
    pyr_parser *parser = &tree->parser;
    memset(cte, 0, sizeof(*cte));
    cte->offset = parser->token.offset;
    PYR_TRY(pyr_tree_name(tree, &cte->name));
    if (pyr_parser_at_char(parser, '(')) {
        PYR_TRY(pyr_tree_names(tree, &cte->columns, &cte->columns_count));
    }
    PYR_TRY(pyr_tree_expect(tree, "AS"));
    bool negated = pyr_parser_accept(parser, "NOT");
    if (!pyr_parser_accept(parser, "MATERIALIZED") && negated) {
        return pyr_grammar_stop_here(&tree->grammar);
    }
    PYR_TRY(pyr_tree_expect_char(tree, '('));
    PYR_TRY(pyr_tree_query(tree, true, &cte->query));
    PYR_TRY(pyr_tree_raise(tree, height, cte->query->height));
    return pyr_tree_expect_char(tree, ')');
}

static pyr_status parse_with(pyr_tree_parser *tree, pyr_cte **ctes, size_t *count,
                             uint16_t *height) {
    if (!pyr_parser_accept(&tree->parser, "WITH")) {
        return PYR_OK;
    }
    if (pyr_parser_at(&tree->parser, "RECURSIVE")) {
        return pyr_tree_stop(tree, "WITH RECURSIVE");
    }
    do {
        *ctes = pyr_parser_grow(&tree->parser, *ctes, *count, sizeof(**ctes));
        if (*ctes == NULL) {
            return PYR_ERROR_MEMORY;
        }
        PYR_TRY(parse_cte(tree, &(*ctes)[*count], height));
        for (size_t i = 0; i < *count; ++i) {
            if (strcasecmp((*ctes)[i].name, (*ctes)[*count].name) == 0) {
                return pyr_tree_stop(tree, "a name twice in WITH");
            }
        }
        if (++*count > COMPARED_NAMES_MAX) {
            return pyr_tree_stop(tree, "this many names in WITH");
        }
    } while (pyr_parser_accept_char(&tree->parser, ','));
    return PYR_OK;
}

static pyr_status parse_query(pyr_tree_parser *tree, pyr_query_node **out) {
    pyr_cte *ctes = NULL;
    size_t count = 0;
    uint16_t height = 1;
    PYR_TRY(parse_with(tree, &ctes, &count, &height));
    PYR_TRY(parse_union(tree, out));
    PYR_TRY(parse_end(tree, *out));
    if (count > 0) {
        if ((*out)->ctes_count > 0) {
            return pyr_tree_stop(tree, "WITH before a query in brackets that has one");
        }
        (*out)->ctes = ctes;
        (*out)->ctes_count = count;
        (*out)->height = (*out)->height > height ? (*out)->height : height;
    }
    return PYR_OK;
}

pyr_status pyr_tree_query(pyr_tree_parser *tree, bool names_seen, pyr_query_node **out) {
    bool outer = tree->names_seen;
    PYR_TRY(pyr_tree_enter(tree));
    tree->names_seen = names_seen;
    PYR_TRY(parse_query(tree, out));
    tree->names_seen = outer;
    --tree->depth;
    return PYR_OK;
}
