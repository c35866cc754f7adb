/* change.c - DELETE, UPDATE, TRUNCATE, and what stands before and behind statements that write:
 * WITH and RETURNING. They are taken apart into the texts (piece.c) of which the session builds a
 * query.
 */
#include "sql/sql_internal.h"

#include <string.h>

/* schema.t [AS] a. The word SET is an alias only behind AS, as in PostgreSQL. */
pyr_status pyr_parse_target(pyr_parser *parser, pyr_parsed *out) {
    PYR_TRY(pyr_parser_qualified_name(parser, &out->table));
    if (pyr_parser_accept(parser, "AS") ||
        (pyr_token_is_name(&parser->token) && !pyr_parser_at(parser, "SET"))) {
        return pyr_parser_name(parser, &out->alias);
    }
    return PYR_OK;
}

pyr_status pyr_parse_returning(pyr_parser *parser, pyr_parsed *out) {
    if (!pyr_parser_accept(parser, "RETURNING")) {
        return PYR_OK;
    }
    if (pyr_parser_at(parser, "DISTINCT") || pyr_parser_at(parser, "ALL")) {
        return pyr_parser_syntax(parser, "columns"); /* a query would take them for its own */
    }
    return pyr_parse_piece(parser, PYR_PIECE_COLUMNS, "columns", &out->returning);
}

/* [USING or FROM tables] [WHERE condition] [RETURNING columns]. */
static pyr_status parse_tail(pyr_parser *parser, const char *from_word, pyr_parsed *out) {
    if (pyr_parser_accept(parser, from_word)) {
        PYR_TRY(pyr_parse_piece(parser, PYR_PIECE_TABLES, "a table", &out->from));
    }
    if (pyr_parser_accept(parser, "WHERE")) {
        PYR_TRY(pyr_parse_piece(parser, PYR_PIECE_EXPRESSION, "a condition", &out->where));
    }
    return pyr_parse_returning(parser, out);
}

pyr_status pyr_parse_delete(pyr_parser *parser, pyr_parsed *out) {
    out->kind = PYR_PARSED_DELETE;
    PYR_TRY(pyr_parser_expect(parser, "FROM"));
    PYR_TRY(pyr_parse_target(parser, out));
    return parse_tail(parser, "USING", out);
}

pyr_status pyr_parse_truncate(pyr_parser *parser, pyr_parsed *out) {
    out->kind = PYR_PARSED_TRUNCATE;
    pyr_parser_accept(parser, "TABLE");
    return pyr_parse_target(parser, out);
}

static pyr_status add_assignment(pyr_parser *parser, pyr_assignments *out,
                                 const pyr_assignment *assignment) {
    if (out->count >= PYR_PARSE_COLUMNS_MAX) {
        return pyr_error_set_sql(parser->error, PYR_ERROR_LIMIT, "54011",
                                 (int32_t)assignment->offset, "more than %d assignments",
                                 PYR_PARSE_COLUMNS_MAX);
    }
    out->items = pyr_parser_grow(parser, out->items, out->count, sizeof(*out->items));
    if (out->items == NULL) {
        return pyr_parser_memory(parser);
    }
    out->items[out->count++] = *assignment;
    return PYR_OK;
}

pyr_status pyr_parse_assigned(pyr_parser *parser, pyr_assignment *out) {
    size_t offset = parser->token.offset;
    if (pyr_parser_accept(parser, "DEFAULT")) {
        out->is_default = true;
        out->value = pyr_parser_span(parser, offset);
        return PYR_OK;
    }
    return pyr_parse_piece(parser, PYR_PIECE_EXPRESSION, "a value", &out->value);
}

static pyr_status expect_equals(pyr_parser *parser) {
    const pyr_token *token = &parser->token;
    if (token->kind != PYR_TOKEN_OPERATOR || token->length != 1 || token->text[0] != '=') {
        return pyr_parser_syntax(parser, "\"=\"");
    }
    pyr_parser_next(parser);
    return PYR_OK;
}

/* Whether the current bracket closes right before what ends the list of assignments. */
static bool at_row(const pyr_parser *parser) {
    if (!pyr_parser_at_char(parser, '(')) {
        return false;
    }
    pyr_parser ahead = *parser;
    pyr_span inside;
    pyr_parser_next(&ahead);
    ahead.error = NULL;
    bool comma = false;
    do {
        comma = pyr_parser_expression(&ahead, NULL, &inside) == PYR_OK;
    } while (comma && pyr_parser_accept_char(&ahead, ','));
    if (!comma || !pyr_parser_accept_char(&ahead, ')')) {
        return false;
    }
    return pyr_parser_at_end(&ahead) || pyr_parser_at_char(&ahead, ',') ||
           pyr_parser_at(&ahead, "FROM") || pyr_parser_at(&ahead, "WHERE") ||
           pyr_parser_at(&ahead, "RETURNING") || pyr_parser_at(&ahead, "WHEN");
}

/* (a, b) = (x, y): one each; (a, b) = x: that one for all. */
static pyr_status parse_row_assignment(pyr_parser *parser, pyr_assignments *out) {
    size_t offset = parser->token.offset;
    char **names = NULL;
    size_t count = 0;
    PYR_TRY(pyr_parser_names(parser, &names, &count));
    PYR_TRY(expect_equals(parser));
    bool row = at_row(parser);
    size_t values = 0;
    pyr_assignment assignment = {.offset = offset};
    if (row) {
        pyr_parser_next(parser);
    } else {
        PYR_TRY(pyr_parse_assigned(parser, &assignment));
    }
    do {
        if (row) {
            assignment = (pyr_assignment){.offset = offset};
            PYR_TRY(pyr_parse_assigned(parser, &assignment));
        }
        for (size_t i = values; i < count && (i == values || !row); ++i) {
            assignment.column = names[i];
            PYR_TRY(add_assignment(parser, out, &assignment));
        }
        values += row ? 1 : count;
    } while (row && pyr_parser_accept_char(parser, ','));
    if (values != count) {
        return pyr_error_set_sql(parser->error, PYR_ERROR_SQL, "42601", (int32_t)offset,
                                 "%zu columns are set, but %zu values are given", count, values);
    }
    return row ? pyr_parser_expect_char(parser, ')') : PYR_OK;
}

/* column = value, column = DEFAULT. */
static pyr_status parse_assignment(pyr_parser *parser, pyr_assignments *out) {
    pyr_assignment assignment = {.offset = parser->token.offset};
    PYR_TRY(pyr_parser_name(parser, &assignment.column));
    PYR_TRY(expect_equals(parser));
    PYR_TRY(pyr_parse_assigned(parser, &assignment));
    return add_assignment(parser, out, &assignment);
}

/* Behind the last assignment DuckDB allows one more comma. */
static bool at_list_end(const pyr_parser *parser) {
    return pyr_parser_at_end(parser) || pyr_parser_at(parser, "FROM") ||
           pyr_parser_at(parser, "WHERE") || pyr_parser_at(parser, "RETURNING");
}

pyr_status pyr_parse_assignments(pyr_parser *parser, pyr_assignments *out) {
    do {
        PYR_TRY(pyr_parser_at_char(parser, '(') ? parse_row_assignment(parser, out)
                                                : parse_assignment(parser, out));
    } while (pyr_parser_accept_char(parser, ',') && !at_list_end(parser));
    return PYR_OK;
}

pyr_status pyr_parse_update(pyr_parser *parser, pyr_parsed *out) {
    out->kind = PYR_PARSED_UPDATE;
    PYR_TRY(pyr_parse_target(parser, out));
    PYR_TRY(pyr_parser_expect(parser, "SET"));
    PYR_TRY(pyr_parse_assignments(parser, &out->assignments));
    return parse_tail(parser, "FROM", out);
}

/* Goes to the statement's own verb: what stands first behind a closing bracket and does not belong
 * to the list: WITH a(x) AS (...), b USING KEY (x) AS (...) DELETE. */
static void skip_with(pyr_parser *parser) {
    size_t depth = 0;
    bool closed = false;
    for (; !pyr_parser_at_end(parser); pyr_parser_next(parser)) {
        const pyr_token *token = &parser->token;
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
}

pyr_status pyr_parse_with(pyr_parser *parser, pyr_parsed *out) {
    static const struct {
        const char *verb;
        pyr_status (*parse)(pyr_parser *parser, pyr_parsed *out);
    } writing[] = {{"DELETE", pyr_parse_delete},
                   {"UPDATE", pyr_parse_update},
                   {"INSERT", pyr_parse_insert},
                   {"MERGE", pyr_parse_merge}};
    pyr_parser ahead = *parser;
    skip_with(&ahead);
    for (size_t i = 0; i < sizeof(writing) / sizeof(writing[0]); ++i) {
        if (pyr_parser_at(&ahead, writing[i].verb)) {
            size_t offset = parser->token.offset;
            *parser = ahead;
            out->with = pyr_parser_span(parser, offset);
            pyr_parser_next(parser);
            return writing[i].parse(parser, out);
        }
    }
    return pyr_parse_query(parser, out);
}
