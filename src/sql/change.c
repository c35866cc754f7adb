/* change.c - DELETE, UPDATE and TRUNCATE, taken apart into the texts of which the session builds a
 * query.
 *
 * A text may reach that query only when it is one condition, one value or one list of tables. What
 * would go on from there in a SELECT (ORDER BY, LIMIT, UNION, another SELECT) is an error here: in
 * the query it would be understood, and other rows would change than the statement names.
 */
#include "sql/keywords.h"
#include "sql/sql_internal.h"

#include <string.h>

typedef enum piece_kind {
    PIECE_EXPRESSION,
    PIECE_TABLES, /* of USING or FROM */
    PIECE_COLUMNS /* of RETURNING */
} piece_kind;

/* Where a piece is read: what stands behind the last token decides about some words. */
typedef struct piece_state {
    piece_kind kind;
    pyr_token previous; /* END before the first */
    size_t depth;       /* open brackets */
    size_t cases;       /* CASE without END outside of brackets; theirs are the engine's to check */
} piece_state;

static bool is_one_of(const pyr_token *token, const char *const *words, size_t count) {
    for (size_t i = 0; i < count; ++i) {
        if (pyr_token_is_word(token, words[i])) {
            return true;
        }
    }
    return false;
}

/* Whether a word that is reserved goes on with the piece, outside of every bracket. */
static bool reserved_word_continues(const pyr_parser *parser, const piece_state *state) {
    static const char *const expression_words[] = {
        "ALL",   "AND", "ANY",  "ARRAY", "ASYMMETRIC", "CASE",      "CAST", "COLLATE", "DISTINCT",
        "FALSE", "IN",  "NULL", "NOT",   "OR",         "SYMMETRIC", "SOME", "TO",      "TRUE"};
    static const char *const case_words[] = {"WHEN", "THEN", "ELSE", "END"};
    static const char *const table_words[] = {"AS", "LATERAL", "ON", "PIVOT", "UNPIVOT"};
    const pyr_token *token = &parser->token;
    const pyr_token next = pyr_parser_peek(parser);
    if (is_one_of(token, expression_words,
                  sizeof(expression_words) / sizeof(expression_words[0]))) {
        return true;
    }
    if (is_one_of(token, case_words, sizeof(case_words) / sizeof(case_words[0]))) {
        return state->cases > 0;
    }
    if (pyr_token_is_word(token, "FROM")) { /* IS [NOT] DISTINCT FROM */
        return pyr_token_is_word(&state->previous, "DISTINCT");
    }
    if (pyr_token_is_word(token, "WITH")) { /* TIMESTAMP WITH TIME ZONE */
        return pyr_token_is_word(&next, "TIME");
    }
    if (state->kind == PIECE_COLUMNS && pyr_token_is_word(token, "AS")) {
        return true;
    }
    if (state->kind != PIECE_TABLES) { /* WITHIN GROUP (ORDER BY ...); a table may be so called */
        return pyr_token_is_word(token, "GROUP") && pyr_token_is_word(&state->previous, "WITHIN");
    }
    if (pyr_token_is_word(token, "USING")) { /* of a JOIN; USING SAMPLE would follow the list */
        return pyr_token_is_char(&next, '(');
    }
    return is_one_of(token, table_words, sizeof(table_words) / sizeof(table_words[0]));
}

/* Whether a word behind the last token is a name, whichever it is: t.where, 1 AS where. */
static bool name_follows(const piece_state *state) {
    return pyr_token_is_char(&state->previous, '.') ||
           (state->kind == PIECE_COLUMNS && pyr_token_is_word(&state->previous, "AS"));
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
        bool between = strchr(",:", token->text[0]) != NULL && state->kind == PIECE_EXPRESSION;
        return between || strchr(")]}", token->text[0]) != NULL;
    }
    if (token->kind != PYR_TOKEN_WORD || name_follows(state)) {
        return false;
    }
    if (state->previous.kind == PYR_TOKEN_END && state->kind == PIECE_EXPRESSION &&
        pyr_token_is_word(token, "VALUES")) {
        /* Not reserved, and in brackets it would begin a query. */
        pyr_token next = pyr_parser_peek(parser);
        return pyr_token_is_char(&next, '(');
    }
    return pyr_keyword_classify(token->text, token->length) == PYR_KEYWORD_RESERVED &&
           !reserved_word_continues(parser, state);
}

/* Consumes one piece: at least a token, brackets and CASE closed. */
static pyr_status parse_piece(pyr_parser *parser, piece_kind kind, const char *expected,
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

/* schema.t [AS] a. The word SET is an alias only behind AS, as in PostgreSQL. */
static pyr_status parse_target(pyr_parser *parser, pyr_parsed *out) {
    PYR_TRY(pyr_parser_qualified_name(parser, &out->table));
    if (pyr_parser_accept(parser, "AS") ||
        (pyr_token_is_name(&parser->token) && !pyr_parser_at(parser, "SET"))) {
        return pyr_parser_name(parser, &out->alias);
    }
    return PYR_OK;
}

/* [USING or FROM tables] [WHERE condition] [RETURNING columns]. */
static pyr_status parse_tail(pyr_parser *parser, const char *from_word, pyr_parsed *out) {
    if (pyr_parser_accept(parser, from_word)) {
        PYR_TRY(parse_piece(parser, PIECE_TABLES, "a table", &out->from));
    }
    if (pyr_parser_accept(parser, "WHERE")) {
        PYR_TRY(parse_piece(parser, PIECE_EXPRESSION, "a condition", &out->where));
    }
    if (pyr_parser_accept(parser, "RETURNING")) {
        out->returning = true;
        /* Nothing asks for the text yet, but a WHERE behind it must not be taken for a column. */
        pyr_span columns;
        PYR_TRY(parse_piece(parser, PIECE_COLUMNS, "columns", &columns));
    }
    return PYR_OK;
}

pyr_status pyr_parse_delete(pyr_parser *parser, pyr_parsed *out) {
    out->kind = PYR_PARSED_DELETE;
    PYR_TRY(pyr_parser_expect(parser, "FROM"));
    PYR_TRY(parse_target(parser, out));
    return parse_tail(parser, "USING", out);
}

pyr_status pyr_parse_truncate(pyr_parser *parser, pyr_parsed *out) {
    out->kind = PYR_PARSED_TRUNCATE;
    pyr_parser_accept(parser, "TABLE");
    return parse_target(parser, out);
}

/* column = value, column = DEFAULT. */
static pyr_status parse_assignment(pyr_parser *parser, pyr_parsed *out) {
    if (out->assignments_count >= PYR_PARSE_COLUMNS_MAX) {
        return pyr_error_set_sql(parser->error, PYR_ERROR_LIMIT, "54011",
                                 (int32_t)parser->token.offset, "more than %d assignments",
                                 PYR_PARSE_COLUMNS_MAX);
    }
    out->assignments = pyr_parser_grow(parser, out->assignments, out->assignments_count,
                                       sizeof(*out->assignments));
    if (out->assignments == NULL) {
        return pyr_parser_memory(parser);
    }
    pyr_assignment assignment = {.offset = parser->token.offset};
    PYR_TRY(pyr_parser_name(parser, &assignment.column));
    const pyr_token *token = &parser->token;
    if (token->kind != PYR_TOKEN_OPERATOR || token->length != 1 || token->text[0] != '=') {
        return pyr_parser_syntax(parser, "\"=\"");
    }
    pyr_parser_next(parser);
    size_t offset = parser->token.offset;
    if (pyr_parser_accept(parser, "DEFAULT")) {
        assignment.is_default = true;
        assignment.value = pyr_parser_span(parser, offset);
    } else {
        PYR_TRY(parse_piece(parser, PIECE_EXPRESSION, "a value", &assignment.value));
    }
    out->assignments[out->assignments_count++] = assignment;
    return PYR_OK;
}

/* Behind the last assignment DuckDB allows one more comma. */
static bool at_list_end(const pyr_parser *parser) {
    return pyr_parser_at_end(parser) || pyr_parser_at(parser, "FROM") ||
           pyr_parser_at(parser, "WHERE") || pyr_parser_at(parser, "RETURNING");
}

pyr_status pyr_parse_update(pyr_parser *parser, pyr_parsed *out) {
    out->kind = PYR_PARSED_UPDATE;
    PYR_TRY(parse_target(parser, out));
    PYR_TRY(pyr_parser_expect(parser, "SET"));
    do {
        if (pyr_parser_at_char(parser, '(')) {
            PYR_TRY(pyr_parse_unknown(parser, out, "UPDATE", NULL));
            out->keyword = pyr_arena_strdup(parser->arena, "UPDATE (a, b)");
            return out->keyword != NULL ? PYR_OK : pyr_parser_memory(parser);
        }
        PYR_TRY(parse_assignment(parser, out));
    } while (pyr_parser_accept_char(parser, ',') && !at_list_end(parser));
    return parse_tail(parser, "FROM", out);
}

pyr_status pyr_parse_with(pyr_parser *parser, pyr_parsed *out) {
    static const char *const writing[] = {"DELETE", "UPDATE", "INSERT", "MERGE"};
    /* The statement's own verb is what stands first behind a closing bracket and does not belong
     * to the list: WITH a(x) AS (...), b USING KEY (x) AS (...) DELETE. */
    pyr_parser ahead = *parser;
    size_t depth = 0;
    bool closed = false;
    for (; !pyr_parser_at_end(&ahead); pyr_parser_next(&ahead)) {
        const pyr_token *token = &ahead.token;
        if (closed && !pyr_token_is_char(token, ',') && !pyr_token_is_word(token, "AS") &&
            !pyr_token_is_word(token, "USING")) {
            break;
        }
        closed = false;
        if (pyr_token_is_char(token, '(')) {
            ++depth;
        } else if (pyr_token_is_char(token, ')') && depth > 0) {
            closed = --depth == 0;
        }
    }
    if (!is_one_of(&ahead.token, writing, sizeof(writing) / sizeof(writing[0]))) {
        return pyr_parse_query(parser, out);
    }
    pyr_token verb = ahead.token;
    return pyr_parse_unknown(parser, out, "WITH ...", &verb);
}
