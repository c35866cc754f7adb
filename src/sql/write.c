/* write.c - INSERT and COPY. */
#include "sql/sql_internal.h"

#include <string.h>

static bool begins_query(const pyr_token *token) {
    static const char *const words[] = {"SELECT", "WITH",      "FROM",  "VALUES",
                                        "TABLE",  "SUMMARIZE", "PIVOT", "UNPIVOT"};
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); ++i) {
        if (pyr_token_is_word(token, words[i])) {
            return true;
        }
    }
    return pyr_token_is_char(token, '(');
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
            pyr_token next = pyr_parser_peek(parser);
            if (pyr_token_is_word(&next, "CONFLICT")) {
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

pyr_status pyr_parse_insert(pyr_parser *parser, pyr_parsed *out) {
    out->kind = PYR_PARSED_INSERT;
    if (pyr_parser_accept(parser, "OR")) {
        if (!pyr_parser_accept(parser, "REPLACE")) {
            PYR_TRY(pyr_parser_expect(parser, "IGNORE"));
        }
        out->on_conflict = true;
    }
    PYR_TRY(pyr_parser_expect(parser, "INTO"));
    PYR_TRY(pyr_parser_qualified_name(parser, &out->table));
    if (pyr_parser_accept(parser, "AS")) {
        char *alias = NULL;
        PYR_TRY(pyr_parser_name(parser, &alias));
    }
    pyr_token inside = pyr_parser_peek(parser);
    /* A column may be called values, but "(values (" begins a query. */
    bool is_query = begins_query(&inside);
    if (pyr_token_is_word(&inside, "VALUES")) {
        pyr_lexer lexer = parser->lexer;
        pyr_lexer_next(&lexer);
        pyr_token third = pyr_lexer_next(&lexer);
        is_query = pyr_token_is_char(&third, '(');
    }
    if (pyr_parser_at_char(parser, '(') && !is_query) {
        PYR_TRY(pyr_parser_names(parser, &out->names, &out->names_count));
    }
    if (pyr_parser_accept(parser, "BY")) {
        if (!pyr_parser_accept(parser, "POSITION")) {
            return pyr_error_set_sql(parser->error, PYR_ERROR_NOT_SUPPORTED, "0A000",
                                     (int32_t)parser->token.offset,
                                     "INSERT BY NAME is not supported by this version: list the "
                                     "columns behind the table's name");
        }
    }
    if (pyr_parser_accept(parser, "DEFAULT")) {
        PYR_TRY(pyr_parser_expect(parser, "VALUES"));
        out->default_values = true;
    } else {
        PYR_TRY(parse_source(parser, out));
    }
    if (pyr_parser_at(parser, "ON")) {
        out->on_conflict = true;
        while (!pyr_parser_at_end(parser) && !pyr_parser_at(parser, "RETURNING")) {
            pyr_parser_next(parser);
        }
    }
    if (pyr_parser_accept(parser, "RETURNING")) {
        out->returning = true;
        if (pyr_parser_at_end(parser)) {
            return pyr_parser_syntax(parser, "columns");
        }
        pyr_parser_rest(parser);
    }
    return PYR_OK;
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
