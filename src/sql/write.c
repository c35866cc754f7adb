/* write.c - INSERT and COPY. */
#include "sql/sql_internal.h"

#include <string.h>

static bool begins_query(const pyr_token *token) {
    static const char *const words[] = {"SELECT", "WITH",      "FROM",  "VALUES",
                                        "TABLE",  "SUMMARIZE", "PIVOT", "UNPIVOT"};
    return PYR_TOKEN_IS_ONE_OF(token, words) || pyr_token_is_char(token, '(');
}

/* ON CONFLICT, and not the condition of a join whose column is called so. */
static bool begins_conflict(const pyr_parser *parser) {
    pyr_lexer lexer = parser->lexer;
    pyr_token conflict = pyr_lexer_next(&lexer);
    pyr_token behind = pyr_lexer_next(&lexer);
    return pyr_token_is_word(&conflict, "CONFLICT") &&
           (pyr_token_is_char(&behind, '(') || pyr_token_is_word(&behind, "DO"));
}

/* The source goes on until ON CONFLICT or RETURNING outside of every bracket. */
static pyr_status parse_source(pyr_parser *parser, pyr_parsed *out) {
    size_t offset = parser->token.offset;
    size_t depth = 0;
    if (!begins_query(&parser->token)) {
        return pyr_parser_syntax(parser, "VALUES or a query");
    }
    for (; !pyr_parser_at_end(parser); pyr_parser_next(parser)) {
        const pyr_token *token = &parser->token;
        if (pyr_token_is_char(token, '(')) {
            ++depth;
        } else if (pyr_token_is_char(token, ')')) {
            if (depth-- == 0) {
                return pyr_parser_syntax(parser, NULL);
            }
        } else if (depth == 0 && pyr_token_is_word(token, "RETURNING")) {
            break;
        } else if (depth == 0 && pyr_token_is_word(token, "ON")) {
            if (begins_conflict(parser)) {
                break;
            }
        }
    }
    if (depth > 0) {
        return pyr_parser_syntax(parser, "\")\"");
    }
    out->query = pyr_parser_span(parser, offset);
    return PYR_OK;
}

/* [(a, b)], but no query in brackets: a column may be called values, yet "(values (" begins one. */
static pyr_status parse_insert_columns(pyr_parser *parser, pyr_parsed *out) {
    pyr_token inside = pyr_parser_peek(parser);
    bool is_query = begins_query(&inside);
    if (pyr_token_is_word(&inside, "VALUES")) {
        pyr_lexer lexer = parser->lexer;
        pyr_lexer_next(&lexer);
        pyr_token third = pyr_lexer_next(&lexer);
        is_query = pyr_token_is_char(&third, '(');
    }
    return pyr_parser_at_char(parser, '(') && !is_query
               ? pyr_parser_names(parser, &out->names, &out->names_count)
               : PYR_OK;
}

/* ON CONFLICT [(a, b) [WHERE c]] DO NOTHING | DO UPDATE SET ... [WHERE d]. */
static pyr_status parse_conflict(pyr_parser *parser, pyr_parsed *out) {
    pyr_conflict *conflict = &out->conflict;
    size_t offset = parser->token.offset;
    if (!pyr_parser_accept(parser, "ON")) {
        return PYR_OK;
    }
    if (conflict->action != PYR_CONFLICT_ERROR) {
        return pyr_error_set_sql(parser->error, PYR_ERROR_SQL, "42601", (int32_t)offset,
                                 "INSERT OR REPLACE and OR IGNORE take no ON CONFLICT");
    }
    conflict->offset = offset;
    PYR_TRY(pyr_parser_expect(parser, "CONFLICT"));
    if (pyr_parser_at_char(parser, '(')) {
        PYR_TRY(pyr_parser_names(parser, &conflict->columns, &conflict->columns_count));
        if (pyr_parser_accept(parser, "WHERE")) {
            PYR_TRY(
                pyr_parse_piece(parser, PYR_PIECE_EXPRESSION, "a condition", &conflict->condition));
        }
    }
    PYR_TRY(pyr_parser_expect(parser, "DO"));
    if (pyr_parser_accept(parser, "NOTHING")) {
        conflict->action = PYR_CONFLICT_NOTHING;
        return PYR_OK;
    }
    PYR_TRY(pyr_parser_expect(parser, "UPDATE"));
    PYR_TRY(pyr_parser_expect(parser, "SET"));
    conflict->action = PYR_CONFLICT_UPDATE;
    PYR_TRY(pyr_parse_assignments(parser, &out->assignments));
    return pyr_parser_accept(parser, "WHERE")
               ? pyr_parse_piece(parser, PYR_PIECE_EXPRESSION, "a condition", &out->where)
               : PYR_OK;
}

/* OR REPLACE, OR IGNORE. */
static pyr_status parse_or(pyr_parser *parser, pyr_parsed *out) {
    out->conflict.offset = parser->token.offset;
    if (!pyr_parser_accept(parser, "OR")) {
        return PYR_OK;
    }
    bool replace = pyr_parser_accept(parser, "REPLACE");
    out->conflict.action = replace ? PYR_CONFLICT_REPLACE : PYR_CONFLICT_NOTHING;
    return replace ? PYR_OK : pyr_parser_expect(parser, "IGNORE");
}

/* BY NAME, BY POSITION. */
static pyr_status parse_by(pyr_parser *parser, pyr_parsed *out) {
    size_t offset = parser->token.offset;
    if (!pyr_parser_accept(parser, "BY") || pyr_parser_accept(parser, "POSITION")) {
        return PYR_OK;
    }
    PYR_TRY(pyr_parser_expect(parser, "NAME"));
    out->by_name = true;
    return out->names_count == 0
               ? PYR_OK
               : pyr_error_set_sql(parser->error, PYR_ERROR_SQL, "42601", (int32_t)offset,
                                   "INSERT BY NAME takes no list of columns");
}

pyr_status pyr_parse_insert(pyr_parser *parser, pyr_parsed *out) {
    out->kind = PYR_PARSED_INSERT;
    PYR_TRY(parse_or(parser, out));
    PYR_TRY(pyr_parser_expect(parser, "INTO"));
    PYR_TRY(pyr_parser_qualified_name(parser, &out->table));
    if (pyr_parser_accept(parser, "AS")) {
        PYR_TRY(pyr_parser_name(parser, &out->alias));
    }
    PYR_TRY(parse_insert_columns(parser, out));
    PYR_TRY(parse_by(parser, out));
    size_t offset = parser->token.offset;
    if (pyr_parser_accept(parser, "DEFAULT")) {
        PYR_TRY(pyr_parser_expect(parser, "VALUES"));
        if (out->by_name || out->names_count > 0) {
            return pyr_error_set_sql(parser->error, PYR_ERROR_SQL, "42601", (int32_t)offset,
                                     "DEFAULT VALUES takes no columns and no BY NAME");
        }
        out->default_values = true;
    } else {
        PYR_TRY(parse_source(parser, out));
    }
    PYR_TRY(parse_conflict(parser, out));
    return pyr_parse_returning(parser, out);
}

/* PostgreSQL's options without brackets: CSV HEADER DELIMITER AS ';'. */
static pyr_status parse_bare_options(pyr_parser *parser, pyr_parsed *out) {
    static const char *const formats[] = {"CSV", "PARQUET", "JSON", "ARROW"};
    while (!pyr_parser_at_end(parser)) {
        pyr_token token = parser->token;
        char *name = NULL;
        char *value = NULL;
        if (token.kind != PYR_TOKEN_WORD) {
            return pyr_parser_syntax(parser, "an option of COPY");
        }
        name = pyr_token_lower(&token, parser->arena);
        if (name == NULL) {
            return pyr_parser_memory(parser);
        }
        pyr_parser_next(parser);
        pyr_parser_accept(parser, "AS");
        if (pyr_token_is_string(&parser->token)) {
            PYR_TRY(pyr_parser_string(parser, &value));
        } else if (pyr_token_is_word(&token, "FORMAT")) {
            PYR_TRY(pyr_parser_name(parser, &value));
        }
        for (size_t i = 0; value == NULL && i < sizeof(formats) / sizeof(formats[0]); ++i) {
            if (pyr_token_is_word(&token, formats[i])) {
                value = name;
                name = "format";
            }
        }
        PYR_TRY(pyr_parser_add_option(parser, out, name, value, token.offset));
    }
    return PYR_OK;
}

/* FROM or TO, the path and the options. */
static pyr_status parse_copy_target(pyr_parser *parser, pyr_parsed *out) {
    if (pyr_parser_at(parser, "STDIN") || pyr_parser_at(parser, "STDOUT")) {
        return pyr_error_set_sql(parser->error, PYR_ERROR_NOT_SUPPORTED, "0A000",
                                 (int32_t)parser->token.offset,
                                 "COPY with STDIN or STDOUT is not supported: give a path, or use "
                                 "the ingest command");
    }
    PYR_TRY(pyr_parser_string(parser, &out->path));
    bool with = pyr_parser_accept(parser, "WITH");
    if (pyr_parser_at_char(parser, '(')) {
        return pyr_parser_options(parser, out);
    }
    if (with && pyr_parser_at_end(parser)) {
        return pyr_parser_syntax(parser, "options");
    }
    return parse_bare_options(parser, out);
}

pyr_status pyr_parse_copy(pyr_parser *parser, pyr_parsed *out) {
    if (pyr_parser_at_char(parser, '(')) {
        out->kind = PYR_PARSED_COPY_TO;
        pyr_parser_next(parser);
        size_t offset = parser->token.offset;
        if (!begins_query(&parser->token)) {
            return pyr_parser_syntax(parser, "a query");
        }
        size_t depth = 1;
        while (depth > 0) {
            if (pyr_parser_at_end(parser)) {
                return pyr_parser_syntax(parser, "\")\"");
            }
            depth += pyr_parser_at_char(parser, '(');
            depth -= pyr_parser_at_char(parser, ')');
            if (depth > 0) {
                pyr_parser_next(parser);
            }
        }
        out->query = pyr_parser_span(parser, offset);
        PYR_TRY(pyr_parser_expect_char(parser, ')'));
        PYR_TRY(pyr_parser_expect(parser, "TO"));
        return parse_copy_target(parser, out);
    }
    if (pyr_parser_at(parser, "FROM")) {
        /* COPY FROM DATABASE a TO b is DuckDB's. */
        return pyr_parse_unknown(parser, out, "COPY FROM DATABASE", NULL);
    }
    PYR_TRY(pyr_parser_qualified_name(parser, &out->table));
    if (pyr_parser_at_char(parser, '(')) {
        PYR_TRY(pyr_parser_names(parser, &out->names, &out->names_count));
    }
    out->kind = PYR_PARSED_COPY_FROM;
    if (!pyr_parser_accept(parser, "FROM")) {
        out->kind = PYR_PARSED_COPY_TO;
        if (!pyr_parser_accept(parser, "TO")) {
            return pyr_parser_syntax(parser, "FROM or TO");
        }
    }
    return parse_copy_target(parser, out);
}
