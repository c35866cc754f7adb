/* set.c - SET, RESET, SHOW, DESCRIBE and the words of transactions and maintenance. */
#include "sql/sql_internal.h"

#include <string.h>

static void skip_scope(pyr_parser *parser) {
    static const char *const scopes[] = {"SESSION", "GLOBAL", "LOCAL"};
    pyr_token next = pyr_parser_peek(parser);
    if (!pyr_token_is_identifier(&next)) {
        return;
    }
    for (size_t i = 0; i < 3; ++i) {
        if (!pyr_token_is_word(&next, "TO") && pyr_parser_accept(parser, scopes[i])) {
            return;
        }
    }
}

/* A setting's name, dots included, in lower case. */
static pyr_status parse_setting(pyr_parser *parser, char **out) {
    size_t offset = parser->token.offset;
    /* Reserved words may name settings too ("SHOW ALL"). */
    do {
        if (!pyr_token_is_identifier(&parser->token)) {
            return pyr_parser_syntax(parser, "a setting's name");
        }
        pyr_parser_next(parser);
    } while (pyr_parser_accept_char(parser, '.'));
    pyr_span span = pyr_parser_span(parser, offset);
    bool quoted = span.text[0] == '"';
    pyr_token token = {.kind = PYR_TOKEN_WORD,
                       .text = span.text + quoted,
                       .length = span.length - 2 * (size_t)quoted};
    *out = pyr_token_lower(&token, parser->arena);
    return *out != NULL ? PYR_OK : pyr_parser_memory(parser);
}

pyr_status pyr_parse_set(pyr_parser *parser, pyr_parsed *out) {
    out->kind = PYR_PARSED_SET;
    skip_scope(parser);
    if (pyr_parser_at(parser, "VARIABLE")) {
        pyr_token what = parser->token;
        return pyr_parse_unknown(parser, out, "SET", &what);
    }
    pyr_token next = pyr_parser_peek(parser);
    bool time_zone = pyr_parser_at(parser, "TIME") && pyr_token_is_word(&next, "ZONE");
    if (time_zone) {
        pyr_parser_next(parser);
        pyr_parser_next(parser);
        out->name = pyr_arena_strdup(parser->arena, "timezone");
        if (out->name == NULL) {
            return pyr_parser_memory(parser);
        }
    } else {
        PYR_TRY(parse_setting(parser, &out->name));
        bool equals = parser->token.kind == PYR_TOKEN_OPERATOR && parser->token.length == 1 &&
                      parser->token.text[0] == '=';
        if (!equals && !pyr_parser_at(parser, "TO")) {
            return pyr_parser_syntax(parser, "= or TO");
        }
        pyr_parser_next(parser);
    }
    if (pyr_parser_accept(parser, "DEFAULT")) {
        return PYR_OK;
    }
    size_t offset = parser->token.offset;
    PYR_TRY(pyr_parser_value(parser, &out->value));
    if (!pyr_parser_at_end(parser)) {
        /* More than one token is taken as it stands ("a, b"). */
        pyr_parser_rest(parser);
        pyr_span span = pyr_parser_span(parser, offset);
        out->value = pyr_arena_strndup(parser->arena, span.text, span.length);
    }
    return out->value != NULL ? PYR_OK : pyr_parser_memory(parser);
}

pyr_status pyr_parse_use(pyr_parser *parser, pyr_parsed *out) {
    out->kind = PYR_PARSED_USE;
    return pyr_parser_qualified_name(parser, &out->table);
}

/* PRAGMA name = value is SET name = value. */
pyr_status pyr_parse_pragma(pyr_parser *parser, pyr_parsed *out) {
    pyr_token next = pyr_parser_peek(parser);
    bool equals = next.kind == PYR_TOKEN_OPERATOR && next.length == 1 && next.text[0] == '=';
    return equals ? pyr_parse_set(parser, out) : pyr_parse_unknown(parser, out, "PRAGMA", NULL);
}

pyr_status pyr_parse_reset(pyr_parser *parser, pyr_parsed *out) {
    out->kind = PYR_PARSED_RESET;
    skip_scope(parser);
    return parse_setting(parser, &out->name);
}

pyr_status pyr_parse_show(pyr_parser *parser, pyr_parsed *out) {
    pyr_token first = parser->token;
    if (pyr_parser_accept(parser, "TABLES")) {
        out->kind = PYR_PARSED_SHOW_TABLES;
        return pyr_parser_at_end(parser) ? PYR_OK
                                         : pyr_parse_unknown(parser, out, "SHOW TABLES FROM", NULL);
    }
    if (pyr_parser_accept(parser, "CREATE")) {
        PYR_TRY(pyr_parser_expect(parser, "TABLE"));
        out->kind = PYR_PARSED_SHOW_CREATE_TABLE;
        return pyr_parser_qualified_name(parser, &out->table);
    }
    pyr_token next = pyr_parser_peek(parser);
    if (next.kind != PYR_TOKEN_END && !pyr_token_is_char(&next, '.') &&
        first.kind == PYR_TOKEN_WORD) {
        pyr_parser_next(parser);
        return pyr_parse_unknown(parser, out, "SHOW", &first); /* SHOW ALL TABLES */
    }
    out->kind = PYR_PARSED_SHOW_SETTING;
    return parse_setting(parser, &out->name);
}

pyr_status pyr_parse_describe(pyr_parser *parser, pyr_parsed *out) {
    static const char *const queries[] = {"SELECT", "WITH",  "FROM",    "VALUES",
                                          "TABLE",  "PIVOT", "UNPIVOT", "SUMMARIZE"};
    out->kind = PYR_PARSED_DESCRIBE;
    if (pyr_parser_at_end(parser)) {
        out->kind = PYR_PARSED_SHOW_TABLES;
        return PYR_OK;
    }
    bool is_query = pyr_parser_at_char(parser, '(');
    for (size_t i = 0; !is_query && i < sizeof(queries) / sizeof(queries[0]); ++i) {
        is_query = pyr_parser_at(parser, queries[i]);
    }
    if (is_query) {
        out->query = pyr_parser_rest(parser);
        return PYR_OK;
    }
    pyr_token next = pyr_parser_peek(parser);
    if (pyr_token_is_string(&parser->token) || pyr_token_is_char(&next, '(')) {
        /* DESCRIBE 'x.arrow', DESCRIBE read_csv('x'): the query stands for itself. */
        pyr_span rest = pyr_parser_rest(parser);
        char *text = pyr_arena_printf(parser->arena, "FROM %.*s", (int)rest.length, rest.text);
        if (text == NULL) {
            return pyr_parser_memory(parser);
        }
        out->query = (pyr_span){text, strlen(text), rest.offset};
        return PYR_OK;
    }
    return pyr_parser_qualified_name(parser, &out->table);
}

static pyr_status parse_as_of(pyr_parser *parser, pyr_parsed *out) {
    PYR_TRY(pyr_parser_expect(parser, "OF"));
    size_t offset = parser->token.offset;
    const char *name = NULL;
    if (pyr_parser_accept(parser, "VERSION")) {
        name = "as_of_version";
    } else if (pyr_parser_accept(parser, "TIMESTAMP")) {
        name = "as_of_timestamp";
    } else {
        return pyr_parser_syntax(parser, "VERSION or TIMESTAMP");
    }
    char *value = NULL;
    PYR_TRY(pyr_parser_value(parser, &value));
    return pyr_parser_add_option(parser, out, name, value, offset);
}

static pyr_status parse_begin(pyr_parser *parser, pyr_parsed *out) {
    out->kind = PYR_PARSED_BEGIN;
    if (!pyr_parser_accept(parser, "TRANSACTION")) {
        pyr_parser_accept(parser, "WORK");
    }
    while (!pyr_parser_at_end(parser)) {
        if (pyr_parser_accept(parser, "READ")) {
            out->read_only = pyr_parser_accept(parser, "ONLY");
            if (!out->read_only) {
                PYR_TRY(pyr_parser_expect(parser, "WRITE"));
            }
        } else if (pyr_parser_accept(parser, "AS")) {
            PYR_TRY(parse_as_of(parser, out));
        } else if (!pyr_parser_accept_char(parser, ',')) {
            return pyr_parser_syntax(parser, "READ ONLY, READ WRITE or AS OF");
        }
    }
    return PYR_OK;
}

pyr_status pyr_parse_backup(pyr_parser *parser, pyr_parsed *out) {
    out->kind = PYR_PARSED_BACKUP;
    PYR_TRY(pyr_parser_expect(parser, "TO"));
    return pyr_parser_string(parser, &out->path);
}

/* t, t(a, b): the columns are those of ANALYZE. */
static pyr_status parse_vacuumed(pyr_parser *parser, pyr_parsed *out) {
    PYR_TRY(pyr_parser_qualified_name(parser, &out->table));
    if (!pyr_parser_accept_char(parser, '(')) {
        return PYR_OK;
    }
    do {
        char *column = NULL;
        PYR_TRY(pyr_parser_name(parser, &column));
    } while (pyr_parser_accept_char(parser, ','));
    return pyr_parser_expect_char(parser, ')');
}

pyr_status pyr_parse_transaction(pyr_parser *parser, pyr_parsed *out) {
    pyr_token first = parser->token;
    pyr_parser_next(parser);
    if (pyr_token_is_word(&first, "BEGIN")) {
        return parse_begin(parser, out);
    }
    if (pyr_token_is_word(&first, "START")) {
        return pyr_parser_at(parser, "TRANSACTION") ? parse_begin(parser, out)
                                                    : pyr_parser_expect(parser, "TRANSACTION");
    }
    if (pyr_token_is_word(&first, "CHECKPOINT")) {
        out->kind = PYR_PARSED_CHECKPOINT;
        return pyr_parser_at_end(parser) ? PYR_OK : pyr_parser_qualified_name(parser, &out->table);
    }
    if (pyr_token_is_word(&first, "VACUUM")) {
        out->kind = PYR_PARSED_VACUUM;
        pyr_parser_accept(parser, "ANALYZE"); /* statistics are the zone maps: always there */
        return pyr_parser_at_end(parser) ? PYR_OK : parse_vacuumed(parser, out);
    }
    bool back = pyr_token_is_word(&first, "ROLLBACK") || pyr_token_is_word(&first, "ABORT");
    out->kind = back ? PYR_PARSED_ROLLBACK : PYR_PARSED_COMMIT;
    if (!pyr_parser_accept(parser, "TRANSACTION")) {
        pyr_parser_accept(parser, "WORK");
    }
    if (back && pyr_parser_at(parser, "TO")) {
        return pyr_parse_unknown(parser, out, "ROLLBACK TO SAVEPOINT", NULL);
    }
    return PYR_OK;
}
