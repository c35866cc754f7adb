/* tree_primary.c - what operators stand between: constants, columns, brackets, CASE, casts. */
#include "sql/keywords.h"
#include "sql/literal.h"
#include "sql/tree_internal.h"

#include <string.h>

static pyr_status parse_literal(pyr_tree_parser *tree, bool *found, pyr_expr **out) {
    pyr_parser *parser = &tree->parser;
    pyr_token token = parser->token;
    pyr_literal literal;
    *found = false;
    switch (pyr_literal_from_token(&token, false, parser->arena, &literal)) {
    case PYR_LITERAL_RESULT_OK:
        break;
    case PYR_LITERAL_RESULT_NONE:
        return PYR_OK;
    case PYR_LITERAL_RESULT_NOT_COVERED:
        return pyr_grammar_stop(&tree->grammar,
                                pyr_arena_printf(parser->arena, "the literal %.*s",
                                                 token.length > 60 ? 60 : (int)token.length,
                                                 token.text));
    case PYR_LITERAL_RESULT_MEMORY:
        return PYR_ERROR_MEMORY;
    }
    *found = true;
    PYR_TRY(pyr_tree_new(tree, PYR_EXPR_LITERAL, token.offset, out));
    (*out)->as.literal = literal;
    pyr_parser_next(parser);
    pyr_tree_finish(tree, *out);
    return PYR_OK;
}

/* [[schema.]table.]name */
static pyr_status parse_column(pyr_tree_parser *tree, pyr_expr **out) {
    pyr_parser *parser = &tree->parser;
    pyr_expr *node = NULL;
    PYR_TRY(pyr_tree_new(tree, PYR_EXPR_COLUMN, parser->token.offset, &node));
    node->as.column.quoted = parser->token.kind == PYR_TOKEN_QUOTED_NAME;
    PYR_TRY(pyr_grammar_name(&tree->grammar, &node->as.column.name));
    while (pyr_parser_accept_char(parser, '.')) {
        if (node->as.column.schema_name != NULL) {
            return pyr_tree_stop(tree, "a name of four parts");
        }
        /* Behind a point every word is a name. */
        pyr_token next = pyr_parser_peek(parser);
        if (!pyr_token_is_identifier(&parser->token) || pyr_token_is_char(&next, '(')) {
            return pyr_grammar_stop_here(&tree->grammar);
        }
        node->as.column.schema_name = node->as.column.table;
        node->as.column.table = node->as.column.name;
        node->as.column.quoted = parser->token.kind == PYR_TOKEN_QUOTED_NAME;
        PYR_TRY(pyr_grammar_name(&tree->grammar, &node->as.column.name));
    }
    pyr_tree_finish(tree, node);
    *out = node;
    return PYR_OK;
}

/* CASE [operand] WHEN ... THEN ... [ELSE ...] END; CASE is consumed. */
static pyr_status parse_case(pyr_tree_parser *tree, size_t offset, pyr_expr **out) {
    pyr_parser *parser = &tree->parser;
    pyr_expr *node = NULL;
    PYR_TRY(pyr_tree_new(tree, PYR_EXPR_CASE, offset, &node));
    if (!pyr_parser_at(parser, "WHEN")) {
        PYR_TRY(pyr_tree_expression(tree, PYR_LEVEL_ANY, &node->as.when.operand));
        PYR_TRY(pyr_tree_raise(tree, &node->height, node->as.when.operand->height));
    }
    PYR_TRY(pyr_tree_expect(tree, "WHEN"));
    do {
        node->as.when.arms = pyr_parser_grow(parser, node->as.when.arms, node->as.when.arms_count,
                                             sizeof(*node->as.when.arms));
        if (node->as.when.arms == NULL) {
            return PYR_ERROR_MEMORY;
        }
        pyr_case_arm *arm = &node->as.when.arms[node->as.when.arms_count++];
        PYR_TRY(pyr_tree_expression(tree, PYR_LEVEL_ANY, &arm->when));
        PYR_TRY(pyr_tree_expect(tree, "THEN"));
        PYR_TRY(pyr_tree_expression(tree, PYR_LEVEL_ANY, &arm->then));
        PYR_TRY(pyr_tree_raise(tree, &node->height, arm->when->height));
        PYR_TRY(pyr_tree_raise(tree, &node->height, arm->then->height));
    } while (pyr_parser_accept(parser, "WHEN"));
    if (pyr_parser_accept(parser, "ELSE")) {
        PYR_TRY(pyr_tree_expression(tree, PYR_LEVEL_ANY, &node->as.when.otherwise));
        PYR_TRY(pyr_tree_raise(tree, &node->height, node->as.when.otherwise->height));
    }
    PYR_TRY(pyr_tree_expect(tree, "END"));
    pyr_tree_finish(tree, node);
    *out = node;
    return PYR_OK;
}

/* A type that is not known here may be one that somebody created. */
static pyr_status stop_at_type(pyr_tree_parser *tree, pyr_status status, size_t offset) {
    if (status == PYR_ERROR_MEMORY) {
        return status;
    }
    pyr_span span = pyr_parser_span(&tree->parser, offset);
    if (tree->parser.token.offset + tree->parser.token.length > offset + span.length) {
        span.length = tree->parser.token.offset + tree->parser.token.length - offset;
    }
    return pyr_grammar_stop(&tree->grammar,
                            pyr_arena_printf(tree->parser.arena, "the type %.*s",
                                             span.length > 60 ? 60 : (int)span.length,
                                             tree->parser.lexer.text + offset));
}

pyr_status pyr_tree_cast(pyr_tree_parser *tree, size_t offset, pyr_expr *value, bool try_cast,
                         pyr_expr **out) {
    pyr_parser *parser = &tree->parser;
    size_t type_offset = parser->token.offset;
    pyr_expr *node = NULL;
    pyr_field *field = NULL;
    PYR_TRY(pyr_tree_new(tree, PYR_EXPR_CAST, offset, &node));
    tree->tree->fields = pyr_parser_grow(parser, tree->tree->fields, tree->tree->fields_count,
                                         sizeof(*tree->tree->fields));
    if (tree->tree->fields == NULL) {
        tree->tree->fields_count = 0;
        return PYR_ERROR_MEMORY;
    }
    pyr_status status = pyr_parse_type(parser, "", 0, &field);
    if (status != PYR_OK) {
        return stop_at_type(tree, status, type_offset);
    }
    tree->tree->fields[tree->tree->fields_count++] = field;
    pyr_span span = pyr_parser_span(parser, type_offset);
    node->as.cast.field = field;
    node->as.cast.try_cast = try_cast;
    node->as.cast.type_text = pyr_arena_strndup(parser->arena, span.text, span.length);
    node->as.cast.value = value;
    if (node->as.cast.type_text == NULL) {
        return PYR_ERROR_MEMORY;
    }
    if (value != NULL) {
        PYR_TRY(pyr_tree_raise(tree, &node->height, value->height));
    }
    pyr_tree_finish(tree, node);
    *out = node;
    return PYR_OK;
}

/* CAST(a AS type), TRY_CAST(a AS type); the word is consumed. */
static pyr_status parse_cast_call(pyr_tree_parser *tree, size_t offset, bool try_cast,
                                  pyr_expr **out) {
    pyr_expr *value = NULL;
    PYR_TRY(pyr_tree_expect_char(tree, '('));
    PYR_TRY(pyr_tree_expression(tree, PYR_LEVEL_ANY, &value));
    PYR_TRY(pyr_tree_expect(tree, "AS"));
    PYR_TRY(pyr_tree_cast(tree, offset, value, try_cast, out));
    PYR_TRY(pyr_tree_expect_char(tree, ')'));
    pyr_tree_finish(tree, *out);
    return PYR_OK;
}

/* A type before a string: DATE '...', TIMESTAMP WITH TIME ZONE '...'. *found false: none. */
static pyr_status parse_typed_string(pyr_tree_parser *tree, bool *found, pyr_expr **out) {
    pyr_parser *parser = &tree->parser;
    pyr_token next = pyr_parser_peek(parser);
    bool time = pyr_parser_at(parser, "TIMESTAMP") || pyr_parser_at(parser, "TIME");
    bool zone = time && (pyr_token_is_word(&next, "WITH") || pyr_token_is_word(&next, "WITHOUT"));
    *found = zone || (parser->token.kind == PYR_TOKEN_WORD && pyr_token_is_string(&next));
    if (!*found) {
        return PYR_OK;
    }
    PYR_TRY(pyr_tree_cast(tree, parser->token.offset, NULL, false, out));
    bool is_string = false;
    if (!pyr_token_is_string(&parser->token)) {
        return pyr_grammar_stop_here(&tree->grammar);
    }
    PYR_TRY(parse_literal(tree, &is_string, &(*out)->as.cast.value));
    PYR_TRY(pyr_tree_raise(tree, &(*out)->height, (*out)->as.cast.value->height));
    pyr_tree_finish(tree, *out);
    return PYR_OK;
}

/* (SELECT ...), EXISTS (SELECT ...); at the bracket. */
static pyr_status parse_subquery(pyr_tree_parser *tree, pyr_expr_kind kind, size_t offset,
                                 pyr_expr **out) {
    pyr_expr *node = NULL;
    PYR_TRY(pyr_tree_new(tree, kind, offset, &node));
    PYR_TRY(pyr_tree_expect_char(tree, '('));
    if (!pyr_tree_at_query(tree)) {
        return pyr_grammar_stop_here(&tree->grammar);
    }
    PYR_TRY(pyr_tree_query(tree, false, &node->as.subquery.query));
    PYR_TRY(pyr_tree_expect_char(tree, ')'));
    PYR_TRY(pyr_tree_raise(tree, &node->height, node->as.subquery.query->height));
    pyr_tree_finish(tree, node);
    *out = node;
    return PYR_OK;
}

static pyr_status parse_brackets(pyr_tree_parser *tree, pyr_expr **out) {
    size_t offset = tree->parser.token.offset;
    pyr_parser inner = tree->parser;
    pyr_parser_next(&inner);
    pyr_tree_parser look = {.parser = inner};
    if (pyr_tree_at_query(&look)) {
        return parse_subquery(tree, PYR_EXPR_SUBQUERY, offset, out);
    }
    pyr_parser_next(&tree->parser);
    PYR_TRY(pyr_tree_expression(tree, PYR_LEVEL_ANY, out));
    if (pyr_parser_at_char(&tree->parser, ',')) {
        return pyr_tree_stop(tree, "a row of values");
    }
    return pyr_tree_expect_char(tree, ')');
}

static pyr_status parse_parameter(pyr_tree_parser *tree, pyr_expr **out) {
    PYR_TRY(pyr_tree_new(tree, PYR_EXPR_PARAMETER, tree->parser.token.offset, out));
    PYR_TRY(pyr_grammar_parameter(&tree->grammar, &(*out)->as.parameter));
    pyr_tree_finish(tree, *out);
    return PYR_OK;
}

/* What begins with a word that is no name: CASE, CAST, EXISTS. *found false: none of these. */
static pyr_status parse_word(pyr_tree_parser *tree, bool *found, pyr_expr **out) {
    pyr_parser *parser = &tree->parser;
    size_t offset = parser->token.offset;
    pyr_token next = pyr_parser_peek(parser);
    bool brackets = pyr_token_is_char(&next, '(');
    *found = true;
    if (pyr_parser_accept(parser, "CASE")) {
        return parse_case(tree, offset, out);
    }
    if (pyr_parser_accept(parser, "CAST")) {
        return parse_cast_call(tree, offset, false, out);
    }
    if (brackets && pyr_parser_accept(parser, "TRY_CAST")) {
        return parse_cast_call(tree, offset, true, out);
    }
    if (brackets && pyr_parser_accept(parser, "EXISTS")) {
        return parse_subquery(tree, PYR_EXPR_EXISTS, offset, out);
    }
    if (pyr_parser_at(parser, "INTERVAL") &&
        (brackets || next.kind == PYR_TOKEN_INTEGER || pyr_token_is_string(&next))) {
        return pyr_tree_interval(tree, out);
    }
    PYR_TRY(parse_typed_string(tree, found, out));
    return *found ? PYR_OK : pyr_tree_construct(tree, found, out);
}

static pyr_status parse_atom(pyr_tree_parser *tree, pyr_expr **out) {
    pyr_parser *parser = &tree->parser;
    bool found = false;
    if (parser->token.kind == PYR_TOKEN_PARAMETER || parser->token.kind == PYR_TOKEN_QUESTION) {
        return parse_parameter(tree, out);
    }
    if (pyr_parser_at_char(parser, '(')) {
        return parse_brackets(tree, out);
    }
    PYR_TRY(parse_literal(tree, &found, out));
    if (!found && parser->token.kind == PYR_TOKEN_WORD) {
        PYR_TRY(parse_word(tree, &found, out));
    }
    if (found) {
        return PYR_OK;
    }
    pyr_token next = pyr_parser_peek(parser);
    if (pyr_token_is_char(&next, '(') && pyr_token_is_identifier(&parser->token)) {
        return pyr_tree_call(tree, out);
    }
    /* U&'...' is a string for DuckDB's lexer. */
    if (pyr_parser_at(parser, "U") && next.kind == PYR_TOKEN_OPERATOR && next.text[0] == '&' &&
        next.offset == parser->token.offset + 1) {
        return pyr_grammar_stop_here(&tree->grammar);
    }
    return pyr_parser_at_name(parser) ? parse_column(tree, out)
                                      : pyr_grammar_stop_here(&tree->grammar);
}

pyr_status pyr_tree_primary(pyr_tree_parser *tree, pyr_expr **out) {
    size_t offset = tree->parser.token.offset;
    PYR_TRY(parse_atom(tree, out));
    while (pyr_parser_at_operator(&tree->parser, "::")) {
        pyr_parser_next(&tree->parser);
        PYR_TRY(pyr_tree_cast(tree, offset, *out, false, out));
    }
    return PYR_OK;
}
