/* grammar.c - what the two grammars of queries share: naming what stopped them, names, parameters.
 *
 * Nothing here is an error of the statement: what does not fit is named and the text goes on to an
 * engine that knows all of the grammar.
 */
#include "sql/keywords.h"
#include "sql/literal.h"
#include "sql/sql_internal.h"

#include <string.h>

pyr_status pyr_grammar_stop(pyr_grammar *grammar, char *what) {
    grammar->not_covered = what;
    grammar->not_covered_offset = grammar->parser->token.offset;
    return what != NULL ? PYR_ERROR_NOT_SUPPORTED : PYR_ERROR_MEMORY;
}

pyr_status pyr_grammar_stop_with(pyr_grammar *grammar, const char *what) {
    return pyr_grammar_stop(grammar, pyr_arena_strdup(grammar->parser->arena, what));
}

static pyr_status stop_at_word(pyr_grammar *grammar) {
    pyr_parser *parser = grammar->parser;
    static const char *const joins[] = {"JOIN",    "INNER", "LEFT",       "RIGHT", "FULL", "CROSS",
                                        "NATURAL", "ASOF",  "POSITIONAL", "SEMI",  "ANTI"};
    for (size_t i = 0; i < sizeof(joins) / sizeof(joins[0]); ++i) {
        if (pyr_parser_at(parser, joins[i])) {
            return pyr_grammar_stop_with(grammar, "JOIN");
        }
    }
    pyr_token token = parser->token;
    pyr_token next = pyr_parser_peek(parser);
    int length = token.length > 60 ? 60 : (int)token.length;
    bool reserved = pyr_keyword_classify(token.text, token.length) >= PYR_KEYWORD_OPERATOR;
    if (pyr_token_is_char(&next, '(') && !reserved) {
        return pyr_grammar_stop(
            grammar, pyr_arena_printf(parser->arena, "function %.*s", length, token.text));
    }
    if (!reserved) {
        return pyr_grammar_stop(grammar,
                                pyr_arena_printf(parser->arena, "\"%.*s\"", length, token.text));
    }
    bool by = pyr_token_is_word(&next, "BY");
    char *text = pyr_arena_printf(parser->arena, "%.*s%s", length, token.text, by ? " BY" : "");
    for (char *c = text; c != NULL && *c != '\0'; ++c) {
        *c = *c >= 'a' && *c <= 'z' ? (char)(*c - 'a' + 'A') : *c;
    }
    return pyr_grammar_stop(grammar, text);
}

pyr_status pyr_grammar_stop_here(pyr_grammar *grammar) {
    pyr_parser *parser = grammar->parser;
    const pyr_token *token = &parser->token;
    int length = token->length > 60 ? 60 : (int)token->length;
    switch (token->kind) {
    case PYR_TOKEN_END:
        return pyr_grammar_stop_with(grammar, "a query that ends here");
    case PYR_TOKEN_WORD:
        return stop_at_word(grammar);
    case PYR_TOKEN_NAMED_PARAMETER:
        return pyr_grammar_stop_with(grammar, "named parameters");
    case PYR_TOKEN_OPERATOR:
        if (token->length == 2 && token->text[0] == ':' && token->text[1] == ':') {
            return pyr_grammar_stop_with(grammar, "a cast");
        }
        return pyr_grammar_stop(
            grammar, pyr_arena_printf(parser->arena, "operator %.*s", length, token->text));
    case PYR_TOKEN_PUNCTUATION:
        if (token->text[0] == '(') {
            return pyr_grammar_stop_with(grammar, "parentheses");
        }
        break;
    default:
        break;
    }
    return pyr_grammar_stop(
        grammar, pyr_arena_printf(parser->arena, "\"%.*s\" at this place", length, token->text));
}

pyr_status pyr_grammar_name(pyr_grammar *grammar, const char **out) {
    size_t length = 0;
    bool valid = false;
    char *text =
        pyr_token_unquote(&grammar->parser->token, grammar->parser->arena, &length, &valid);
    if (text == NULL) {
        return PYR_ERROR_MEMORY;
    }
    if (!valid || strlen(text) != length) {
        return pyr_grammar_stop_with(grammar, "a name that is not valid UTF-8");
    }
    *out = text;
    pyr_parser_next(grammar->parser);
    return PYR_OK;
}

bool pyr_parser_at_name(const pyr_parser *parser) {
    return parser->token.kind == PYR_TOKEN_QUOTED_NAME ||
           (parser->token.kind == PYR_TOKEN_WORD &&
            pyr_keyword_classify(parser->token.text, parser->token.length) <= PYR_KEYWORD_COLUMN);
}

bool pyr_parser_at_operator(const pyr_parser *parser, const char *sign) {
    return parser->token.kind == PYR_TOKEN_OPERATOR && parser->token.length == strlen(sign) &&
           memcmp(parser->token.text, sign, parser->token.length) == 0;
}

pyr_status pyr_grammar_parameter(pyr_grammar *grammar, int32_t *out) {
    const pyr_token *token = &grammar->parser->token;
    *out = 0;
    if (token->kind == PYR_TOKEN_QUESTION) {
        *out = ++grammar->questions;
    } else {
        /* In range: the statement was scanned. */
        for (size_t i = 1; i < token->length; ++i) {
            *out = *out * 10 + (token->text[i] - '0');
        }
    }
    pyr_parser_next(grammar->parser);
    return PYR_OK;
}

pyr_status pyr_grammar_constant(pyr_grammar *grammar, pyr_expression *out, bool *found) {
    pyr_parser *parser = grammar->parser;
    *found = true;
    if (parser->token.kind == PYR_TOKEN_PARAMETER || parser->token.kind == PYR_TOKEN_QUESTION) {
        out->kind = PYR_EXPRESSION_PARAMETER;
        return pyr_grammar_parameter(grammar, &out->as.parameter);
    }
    bool negative = false;
    pyr_token next = pyr_parser_peek(parser);
    if (pyr_parser_at_operator(parser, "-") &&
        (next.kind == PYR_TOKEN_INTEGER || next.kind == PYR_TOKEN_DECIMAL ||
         next.kind == PYR_TOKEN_FLOAT)) {
        negative = true;
        pyr_parser_next(parser);
    }
    out->kind = PYR_EXPRESSION_LITERAL;
    pyr_token token = parser->token;
    switch (pyr_literal_from_token(&token, negative, parser->arena, &out->as.literal)) {
    case PYR_LITERAL_RESULT_OK:
        break;
    case PYR_LITERAL_RESULT_NONE:
        *found = false;
        return PYR_OK;
    case PYR_LITERAL_RESULT_NOT_COVERED:
        return pyr_grammar_stop(
            grammar, pyr_arena_printf(parser->arena, "the literal %.*s",
                                      token.length > 60 ? 60 : (int)token.length, token.text));
    case PYR_LITERAL_RESULT_MEMORY:
        return PYR_ERROR_MEMORY;
    }
    pyr_parser_next(parser);
    /* 12abc is 12 AS abc: not worth a rule. */
    if (parser->token.kind == PYR_TOKEN_WORD &&
        parser->token.offset == token.offset + token.length &&
        pyr_keyword_classify(parser->token.text, parser->token.length) != PYR_KEYWORD_RESERVED) {
        return pyr_grammar_stop_here(grammar);
    }
    return PYR_OK;
}
