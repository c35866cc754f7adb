/* piece.c - one condition, one value or one list of tables, as text.
 *
 * A text may reach the query that the session builds only when it is one of these. What would go on
 * from there in a SELECT (ORDER BY, LIMIT, UNION, another SELECT) is an error here: in the query it
 * would be understood, and other rows would change than the statement names.
 */
#include "sql/keywords.h"
#include "sql/sql_internal.h"

#include <string.h>

/* Where a piece is read: what stands behind the last token decides about some words. */
typedef struct piece_state {
    pyr_piece_kind kind;
    pyr_token previous; /* END before the first */
    size_t depth;       /* open brackets */
    size_t cases;       /* CASE without END outside of brackets; theirs are the engine's to check */
} piece_state;

/* Whether a word that is reserved goes on with the piece, outside of every bracket. */
static bool reserved_word_continues(const pyr_parser *parser, const piece_state *state) {
    static const char *const expression_words[] = {
        "ALL",   "AND", "ANY",  "ARRAY", "ASYMMETRIC", "CASE",      "CAST", "COLLATE", "DISTINCT",
        "FALSE", "IN",  "NULL", "NOT",   "OR",         "SYMMETRIC", "SOME", "TO",      "TRUE"};
    static const char *const case_words[] = {"WHEN", "THEN", "ELSE", "END"};
    static const char *const table_words[] = {"AS", "LATERAL", "ON", "PIVOT", "UNPIVOT"};
    const pyr_token *token = &parser->token;
    const pyr_token next = pyr_parser_peek(parser);
    if (PYR_TOKEN_IS_ONE_OF(token, expression_words)) {
        return true;
    }
    if (PYR_TOKEN_IS_ONE_OF(token, case_words)) {
        return state->cases > 0;
    }
    if (pyr_token_is_word(token, "FROM")) { /* IS [NOT] DISTINCT FROM */
        return pyr_token_is_word(&state->previous, "DISTINCT");
    }
    if (pyr_token_is_word(token, "WITH")) { /* TIMESTAMP WITH TIME ZONE */
        return pyr_token_is_word(&next, "TIME");
    }
    if (state->kind == PYR_PIECE_COLUMNS && pyr_token_is_word(token, "AS")) {
        return true;
    }
    if (state->kind == PYR_PIECE_SOURCE) { /* the ON and USING behind it are MERGE's own */
        return pyr_token_is_word(token, "AS") || pyr_token_is_word(token, "LATERAL");
    }
    if (state->kind !=
        PYR_PIECE_TABLES) { /* WITHIN GROUP (ORDER BY ...); a table may be so called */
        return pyr_token_is_word(token, "GROUP") && pyr_token_is_word(&state->previous, "WITHIN");
    }
    if (pyr_token_is_word(token, "USING")) { /* of a JOIN; USING SAMPLE would follow the list */
        return pyr_token_is_char(&next, '(');
    }
    return PYR_TOKEN_IS_ONE_OF(token, table_words);
}

/* Whether a word behind the last token is a name, whichever it is: t.where, 1 AS where. */
static bool name_follows(const piece_state *state) {
    return pyr_token_is_char(&state->previous, '.') ||
           (state->kind == PYR_PIECE_COLUMNS && pyr_token_is_word(&state->previous, "AS"));
}

/* Whether the piece ends before the current token. */
static bool piece_ends(const pyr_parser *parser, const piece_state *state) {
    const pyr_token *token = &parser->token;
    if (token->kind == PYR_TOKEN_END) {
        return true;
    }
    if (state->depth > 0) {
        return false;
    }
    if (token->kind == PYR_TOKEN_PUNCTUATION) {
        bool one = state->kind == PYR_PIECE_EXPRESSION || state->kind == PYR_PIECE_SOURCE;
        bool between = one && (token->text[0] == ',' ||
                               (token->text[0] == ':' && state->kind == PYR_PIECE_EXPRESSION));
        return between || strchr(")]}", token->text[0]) != NULL;
    }
    if (token->kind != PYR_TOKEN_WORD || name_follows(state)) {
        return false;
    }
    if (state->previous.kind == PYR_TOKEN_END && state->kind == PYR_PIECE_EXPRESSION &&
        pyr_token_is_word(token, "VALUES")) {
        /* Not reserved, and in brackets it would begin a query. */
        pyr_token next = pyr_parser_peek(parser);
        return pyr_token_is_char(&next, '(');
    }
    return pyr_keyword_classify(token->text, token->length) == PYR_KEYWORD_RESERVED &&
           !reserved_word_continues(parser, state);
}

pyr_status pyr_parse_piece(pyr_parser *parser, pyr_piece_kind kind, const char *expected,
                           pyr_span *out) {
    piece_state state = {.kind = kind, .previous = {.kind = PYR_TOKEN_END}};
    size_t offset = parser->token.offset;
    bool comma_first = pyr_parser_at_char(parser, ',');
    while (!comma_first && !piece_ends(parser, &state)) {
        const pyr_token *token = &parser->token;
        bool label = name_follows(&state);
        if (token->kind == PYR_TOKEN_PUNCTUATION) {
            state.depth += strchr("([{", token->text[0]) != NULL;
            state.depth -= strchr(")]}", token->text[0]) != NULL;
        } else if (state.depth == 0 && !label) {
            state.cases += pyr_token_is_word(token, "CASE");
            state.cases -= pyr_token_is_word(token, "END");
        }
        state.previous = *token;
        if (label && token->kind == PYR_TOKEN_WORD) {
            state.previous.kind = PYR_TOKEN_QUOTED_NAME; /* s.distinct FROM u: no DISTINCT FROM */
        }
        pyr_parser_next(parser);
    }
    if (state.previous.kind == PYR_TOKEN_END) {
        return pyr_parser_syntax(parser, expected);
    }
    if (state.depth > 0 || state.cases > 0) {
        return pyr_parser_syntax(parser, state.depth > 0 ? "a closing bracket" : "END");
    }
    *out = pyr_parser_span(parser, offset);
    return PYR_OK;
}
