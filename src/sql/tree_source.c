/* tree_source.c - FROM: tables, files, queries, joins. */
#include "sql/tree_internal.h"

#include <string.h>

static pyr_status new_source(pyr_tree_parser *tree, pyr_source_kind kind, pyr_source **out) {
    *out = pyr_arena_alloc(tree->parser.arena, sizeof(**out));
    if (*out == NULL) {
        return PYR_ERROR_MEMORY;
    }
    (*out)->kind = kind;
    (*out)->offset = tree->parser.token.offset;
    (*out)->height = 1;
    return PYR_OK;
}

/* ---- Tables. ---- */

static pyr_status parse_name(pyr_tree_parser *tree, pyr_from *out) {
    pyr_parser *parser = &tree->parser;
    const char *first = NULL;
    const char *name = NULL;
    out->kind = PYR_FROM_TABLE;
    out->table.offset = parser->token.offset;
    out->quoted = parser->token.kind == PYR_TOKEN_QUOTED_NAME;
    PYR_TRY(pyr_grammar_name(&tree->grammar, &first));
    name = first;
    if (pyr_parser_accept_char(parser, '.')) {
        out->table.offset = parser->token.offset;
        out->quoted = false;
        PYR_TRY(pyr_tree_name(tree, &name));
        out->table.schema_name = pyr_arena_strdup(parser->arena, first);
        if (out->table.schema_name == NULL) {
            return PYR_ERROR_MEMORY;
        }
    }
    if (pyr_parser_at_char(parser, '.') || pyr_parser_at_char(parser, '(')) {
        return pyr_tree_stop(tree, "this kind of table");
    }
    out->table.name = pyr_arena_strdup(parser->arena, name);
    return out->table.name != NULL ? PYR_OK : PYR_ERROR_MEMORY;
}

pyr_status pyr_tree_table(pyr_tree_parser *tree, pyr_from *out) {
    pyr_parser *parser = &tree->parser;
    pyr_token next = pyr_parser_peek(parser);
    out->offset = parser->token.offset;
    if (pyr_token_is_string(&parser->token)) {
        out->kind = PYR_FROM_STRING;
        return pyr_grammar_name(&tree->grammar, &out->path);
    }
    if (parser->token.kind == PYR_TOKEN_WORD && pyr_token_is_char(&next, '(')) {
        return pyr_grammar_table_function(&tree->grammar, out);
    }
    return pyr_parser_at_name(parser) ? parse_name(tree, out)
                                      : pyr_grammar_stop_here(&tree->grammar);
}

/* [AS] a [(b, c)] */
static pyr_status parse_alias(pyr_tree_parser *tree, pyr_source *source) {
    bool as = pyr_parser_accept(&tree->parser, "AS");
    if (!as && !pyr_parser_at_name(&tree->parser)) {
        return PYR_OK;
    }
    PYR_TRY(pyr_tree_name(tree, &source->alias));
    source->from.alias = source->alias;
    return pyr_parser_at_char(&tree->parser, '(')
               ? pyr_tree_names(tree, &source->columns, &source->columns_count)
               : PYR_OK;
}

/* ---- Joins. ---- */

static pyr_status parse_joined(pyr_tree_parser *tree, pyr_source **out);

/* Whether a query stands behind these brackets, and not joined tables. */
static bool at_query_in_brackets(const pyr_tree_parser *tree) {
    pyr_tree_parser look = {.parser = tree->parser};
    /* More are refused anyway. */
    for (int i = 0; i <= PYR_TREE_DEPTH_MAX && pyr_parser_accept_char(&look.parser, '('); ++i) {
    }
    return pyr_tree_at_query(&look);
}

/* (query) and (a JOIN b ...); at the bracket. */
static pyr_status parse_brackets(pyr_tree_parser *tree, pyr_source **out) {
    pyr_parser *parser = &tree->parser;
    if (!at_query_in_brackets(tree)) {
        pyr_parser_next(parser);
        PYR_TRY(pyr_tree_enter(tree));
        PYR_TRY(parse_joined(tree, out));
        --tree->depth;
        PYR_TRY(pyr_tree_expect_char(tree, ')'));
        bool joined = (*out)->kind == PYR_SOURCE_JOIN;
        return !joined || pyr_parser_at(parser, "AS") || pyr_parser_at_name(parser)
                   ? pyr_tree_stop(tree, "a table in brackets")
                   : PYR_OK;
    }
    PYR_TRY(new_source(tree, PYR_SOURCE_SUBQUERY, out));
    pyr_parser_next(parser);
    PYR_TRY(pyr_tree_query(tree, true, &(*out)->query));
    PYR_TRY(pyr_tree_raise(tree, &(*out)->height, (*out)->query->height));
    PYR_TRY(pyr_tree_expect_char(tree, ')'));
    if ((*out)->query->kind == PYR_QUERY_VALUES) {
        (*out)->kind = PYR_SOURCE_VALUES;
    }
    return parse_alias(tree, *out);
}

static pyr_status parse_source(pyr_tree_parser *tree, pyr_source **out) {
    if (pyr_parser_at_char(&tree->parser, '(')) {
        return parse_brackets(tree, out);
    }
    PYR_TRY(new_source(tree, PYR_SOURCE_TABLE, out));
    PYR_TRY(pyr_tree_table(tree, &(*out)->from));
    return parse_alias(tree, *out);
}

/* The words before and with JOIN. *found false: no join stands here. */
static pyr_status parse_join_words(pyr_tree_parser *tree, bool *found, bool *natural,
                                   pyr_join_kind *kind) {
    static const struct {
        const char *word;
        pyr_join_kind kind;
        bool outer; /* OUTER may follow */
    } kinds[] = {{"INNER", PYR_JOIN_INNER, false}, {"LEFT", PYR_JOIN_LEFT, true},
                 {"RIGHT", PYR_JOIN_RIGHT, true},  {"FULL", PYR_JOIN_FULL, true},
                 {"SEMI", PYR_JOIN_SEMI, false},   {"ANTI", PYR_JOIN_ANTI, false}};
    pyr_parser *parser = &tree->parser;
    *kind = PYR_JOIN_INNER;
    *natural = false;
    *found = true;
    if (pyr_parser_accept(parser, "CROSS")) {
        *kind = PYR_JOIN_CROSS;
        return pyr_tree_expect(tree, "JOIN");
    }
    *natural = pyr_parser_accept(parser, "NATURAL");
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); ++i) {
        if (pyr_parser_accept(parser, kinds[i].word)) {
            *kind = kinds[i].kind;
            if (kinds[i].outer) {
                (void)pyr_parser_accept(parser, "OUTER");
            }
            return pyr_tree_expect(tree, "JOIN");
        }
    }
    if (*natural) {
        return pyr_tree_expect(tree, "JOIN");
    }
    *found = pyr_parser_accept(parser, "JOIN");
    return PYR_OK;
}

static pyr_status join(pyr_tree_parser *tree, pyr_join_kind kind, pyr_source *right,
                       pyr_source **left) {
    pyr_source *node = NULL;
    PYR_TRY(new_source(tree, PYR_SOURCE_JOIN, &node));
    node->offset = (*left)->offset;
    node->join = kind;
    node->left = *left;
    node->right = right;
    PYR_TRY(pyr_tree_raise(tree, &node->height, (*left)->height));
    PYR_TRY(pyr_tree_raise(tree, &node->height, right->height));
    *left = node;
    return PYR_OK;
}

/* ON condition, USING (a, b). */
static pyr_status parse_join_condition(pyr_tree_parser *tree, pyr_source *node) {
    if (pyr_parser_accept(&tree->parser, "ON")) {
        PYR_TRY(pyr_tree_expression(tree, PYR_LEVEL_ANY, &node->on));
        return pyr_tree_raise(tree, &node->height, node->on->height);
    }
    PYR_TRY(pyr_tree_expect(tree, "USING"));
    return pyr_tree_names(tree, &node->using_columns, &node->using_count);
}

/* a JOIN b ON ... JOIN c ...: to the left. */
static pyr_status parse_joined(pyr_tree_parser *tree, pyr_source **out) {
    PYR_TRY(parse_source(tree, out));
    for (;;) {
        bool found = false;
        bool natural = false;
        pyr_join_kind kind = PYR_JOIN_INNER;
        pyr_source *right = NULL;
        PYR_TRY(parse_join_words(tree, &found, &natural, &kind));
        if (!found) {
            return PYR_OK;
        }
        PYR_TRY(parse_source(tree, &right));
        PYR_TRY(join(tree, kind, right, out));
        (*out)->natural = natural;
        if (kind != PYR_JOIN_CROSS && !natural) {
            PYR_TRY(parse_join_condition(tree, *out));
        }
    }
}

pyr_status pyr_tree_sources(pyr_tree_parser *tree, pyr_source **out) {
    PYR_TRY(parse_joined(tree, out));
    while (pyr_parser_accept_char(&tree->parser, ',')) {
        pyr_source *right = NULL;
        PYR_TRY(parse_joined(tree, &right));
        PYR_TRY(join(tree, PYR_JOIN_CROSS, right, out));
    }
    return PYR_OK;
}
