/* statement.c - from text to a parsed statement: the dispatcher, and EXPLAIN, PREPARE, EXECUTE,
 * DEALLOCATE. */
#include "sql/keywords.h"
#include "sql/sql_internal.h"

#include <limits.h>
#include <string.h>
#include <strings.h>

pyr_status pyr_parse_unknown(pyr_parser *parser, pyr_parsed *out, const char *first,
                             const pyr_token *second) {
    out->kind = PYR_PARSED_UNKNOWN;
    out->keyword =
        second != NULL && second->kind == PYR_TOKEN_WORD
            ? pyr_arena_printf(parser->arena, "%s %.*s", first, (int)second->length, second->text)
            : pyr_arena_strdup(parser->arena, first);
    if (out->keyword == NULL) {
        return pyr_parser_memory(parser);
    }
    for (char *c = out->keyword; *c != '\0'; ++c) {
        *c = *c >= 'a' && *c <= 'z' ? (char)(*c - 'a' + 'A') : *c;
    }
    pyr_parser_rest(parser);
    return PYR_OK;
}

static pyr_status parse_explain_option(pyr_parser *parser, pyr_parsed *out) {
    pyr_token name = parser->token;
    char *value = NULL;
    pyr_parser_next(parser);
    if (!pyr_parser_at_char(parser, ',') && !pyr_parser_at_char(parser, ')')) {
        PYR_TRY(pyr_parser_value(parser, &value));
    }
    bool off = value != NULL && (strcasecmp(value, "false") == 0 || strcasecmp(value, "off") == 0);
    if (pyr_token_is_word(&name, "ANALYZE") || pyr_token_is_word(&name, "ANALYSE")) {
        out->analyze = !off;
        return PYR_OK;
    }
    if (pyr_token_is_word(&name, "FORMAT") && value != NULL &&
        (strcasecmp(value, "json") == 0 || strcasecmp(value, "text") == 0)) {
        out->json = strcasecmp(value, "json") == 0;
        return PYR_OK;
    }
    return pyr_error_set_sql(parser->error, PYR_ERROR_SQL, "42601", (int32_t)name.offset,
                             "EXPLAIN: unknown option \"%.*s%s%s\": there are FORMAT JSON, FORMAT "
                             "TEXT and ANALYZE",
                             name.length > 60 ? 60 : (int)name.length, name.text,
                             value != NULL ? " " : "", value != NULL ? value : "");
}

/* A statement inside a statement. */
static pyr_status parse_inner(pyr_parser *parser, pyr_parsed *out) {
    if (++parser->depth > PYR_PARSE_DEPTH_MAX) {
        return pyr_error_set_sql(parser->error, PYR_ERROR_LIMIT, "54001",
                                 (int32_t)parser->token.offset,
                                 "statements are nested more than %d deep", PYR_PARSE_DEPTH_MAX);
    }
    PYR_TRY(pyr_parse_statement(parser, &out->inner));
    --parser->depth;
    return PYR_OK;
}

static pyr_status parse_explain(pyr_parser *parser, pyr_parsed *out) {
    out->kind = PYR_PARSED_EXPLAIN;
    out->analyze = pyr_parser_accept(parser, "ANALYZE") || pyr_parser_accept(parser, "ANALYSE");
    pyr_token inside = pyr_parser_peek(parser);
    if (pyr_parser_at_char(parser, '(') &&
        (pyr_token_is_word(&inside, "FORMAT") || pyr_token_is_word(&inside, "ANALYZE") ||
         pyr_token_is_word(&inside, "ANALYSE"))) {
        pyr_parser_next(parser);
        do {
            PYR_TRY(parse_explain_option(parser, out));
        } while (pyr_parser_accept_char(parser, ','));
        PYR_TRY(pyr_parser_expect_char(parser, ')'));
    }
    return parse_inner(parser, out);
}

static pyr_status parse_prepare(pyr_parser *parser, pyr_parsed *out) {
    out->kind = PYR_PARSED_PREPARE;
    PYR_TRY(pyr_parser_name(parser, &out->name));
    if (pyr_parser_accept_char(parser, '(')) {
        /* Types given here say nothing that binding does not find out. */
        do {
            pyr_span type;
            PYR_TRY(pyr_parser_expression(parser, NULL, &type));
        } while (pyr_parser_accept_char(parser, ','));
        PYR_TRY(pyr_parser_expect_char(parser, ')'));
    }
    PYR_TRY(pyr_parser_expect(parser, "AS"));
    return parse_inner(parser, out);
}

static pyr_status parse_execute(pyr_parser *parser, pyr_parsed *out) {
    out->kind = PYR_PARSED_EXECUTE;
    PYR_TRY(pyr_parser_name(parser, &out->name));
    if (!pyr_parser_accept_char(parser, '(')) {
        return PYR_OK;
    }
    if (pyr_parser_accept_char(parser, ')')) {
        return PYR_OK;
    }
    do {
        if (out->arguments_count >= PYR_PARSE_PARAMETERS_MAX) {
            return pyr_error_set_sql(parser->error, PYR_ERROR_LIMIT, "54023",
                                     (int32_t)parser->token.offset, "more than %d arguments",
                                     PYR_PARSE_PARAMETERS_MAX);
        }
        out->arguments =
            pyr_parser_grow(parser, out->arguments, out->arguments_count, sizeof(*out->arguments));
        if (out->arguments == NULL) {
            return pyr_parser_memory(parser);
        }
        PYR_TRY(pyr_parser_expression(parser, NULL, &out->arguments[out->arguments_count]));
        ++out->arguments_count;
    } while (pyr_parser_accept_char(parser, ','));
    return pyr_parser_expect_char(parser, ')');
}

static pyr_status parse_deallocate(pyr_parser *parser, pyr_parsed *out) {
    out->kind = PYR_PARSED_DEALLOCATE;
    pyr_token next = pyr_parser_peek(parser);
    if (pyr_parser_at(parser, "PREPARE") && next.kind != PYR_TOKEN_END) {
        pyr_parser_next(parser);
    }
    if (pyr_parser_accept(parser, "ALL")) {
        out->name = pyr_arena_strdup(parser->arena, "all");
        return out->name != NULL ? PYR_OK : pyr_parser_memory(parser);
    }
    return pyr_parser_name(parser, &out->name);
}

typedef struct statement_word {
    const char *word;
    pyr_status (*parse)(pyr_parser *parser, pyr_parsed *out);
    bool keep_word; /* the parser looks at the first word itself */
} statement_word;

static const statement_word statements[] = {
    {"SELECT", pyr_parse_query, true},       {"WITH", pyr_parse_with, true},
    {"FROM", pyr_parse_query, true},         {"VALUES", pyr_parse_query, true},
    {"TABLE", pyr_parse_query, true},        {"PIVOT", pyr_parse_query, true},
    {"PIVOT_WIDER", pyr_parse_query, true},  {"PIVOT_LONGER", pyr_parse_query, true},
    {"UNPIVOT", pyr_parse_query, true},      {"SUMMARIZE", pyr_parse_query, true},
    {"INSERT", pyr_parse_insert, false},     {"DELETE", pyr_parse_delete, false},
    {"UPDATE", pyr_parse_update, false},     {"TRUNCATE", pyr_parse_truncate, false},
    {"MERGE", pyr_parse_merge, false},       {"CREATE", pyr_parse_create, false},
    {"ALTER", pyr_parse_alter, false},       {"DROP", pyr_parse_drop, false},
    {"COMMENT", pyr_parse_comment, false},   {"USE", pyr_parse_use, false},
    {"COPY", pyr_parse_copy, false},         {"SET", pyr_parse_set, false},
    {"RESET", pyr_parse_reset, false},       {"PRAGMA", pyr_parse_pragma, false},
    {"SHOW", pyr_parse_show, false},         {"DESCRIBE", pyr_parse_describe, false},
    {"DESC", pyr_parse_describe, false},     {"EXPLAIN", parse_explain, false},
    {"PREPARE", parse_prepare, false},       {"EXECUTE", parse_execute, false},
    {"DEALLOCATE", parse_deallocate, false}, {"BEGIN", pyr_parse_transaction, true},
    {"START", pyr_parse_transaction, true},  {"COMMIT", pyr_parse_transaction, true},
    {"END", pyr_parse_transaction, true},    {"ROLLBACK", pyr_parse_transaction, true},
    {"ABORT", pyr_parse_transaction, true},  {"CHECKPOINT", pyr_parse_transaction, true},
    {"VACUUM", pyr_parse_transaction, true}, {"BACKUP", pyr_parse_backup, false},
};

static pyr_status parse_first_word(pyr_parser *parser, pyr_parsed *out) {
    if (pyr_parser_at_char(parser, '(')) {
        return pyr_parse_query(parser, out);
    }
    for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); ++i) {
        if (pyr_parser_at(parser, statements[i].word)) {
            if (!statements[i].keep_word) {
                pyr_parser_next(parser);
            }
            return statements[i].parse(parser, out);
        }
    }
    pyr_token first = parser->token;
    if (first.kind != PYR_TOKEN_WORD || !pyr_keyword_begins_statement(first.text, first.length)) {
        return pyr_parser_syntax(parser, NULL);
    }
    char *word = pyr_arena_strndup(parser->arena, first.text, first.length);
    if (word == NULL) {
        return pyr_parser_memory(parser);
    }
    pyr_parser_next(parser);
    return pyr_parse_unknown(parser, out, word, NULL);
}

pyr_status pyr_parse_statement(pyr_parser *parser, pyr_parsed **out) {
    pyr_parsed *parsed = pyr_arena_alloc(parser->arena, sizeof(*parsed));
    if (parsed == NULL) {
        return pyr_parser_memory(parser);
    }
    *out = parsed; /* given at once, so that what it holds is released when parsing fails */
    size_t offset = parser->token.offset;
    parsed->parameters_count = parser->parameters_count;
    PYR_TRY(parse_first_word(parser, parsed));
    PYR_TRY(pyr_parser_expect_end(parser));
    parsed->text = pyr_parser_span(parser, offset);
    return PYR_OK;
}

static pyr_status count_parameter(pyr_parser *parser, const pyr_token *token, int32_t *questions,
                                  int32_t *numbered) {
    int32_t number = *questions + 1;
    if (token->kind == PYR_TOKEN_PARAMETER) {
        number = 0;
        for (size_t i = 1; i < token->length && number <= PYR_PARSE_PARAMETERS_MAX; ++i) {
            number = number * 10 + (token->text[i] - '0');
        }
    }
    if (number < 1 || number > PYR_PARSE_PARAMETERS_MAX) {
        return pyr_error_set_sql(parser->error, PYR_ERROR_SQL, "42P02", (int32_t)token->offset,
                                 "there is no parameter %.*s: parameters are $1 to $%d",
                                 token->length > 20 ? 20 : (int)token->length, token->text,
                                 PYR_PARSE_PARAMETERS_MAX);
    }
    if (token->kind == PYR_TOKEN_PARAMETER) {
        *numbered = number > *numbered ? number : *numbered;
    } else {
        *questions = number;
    }
    if (*questions > 0 && *numbered > 0) {
        return pyr_error_set_sql(parser->error, PYR_ERROR_SQL, "42601", (int32_t)token->offset,
                                 "? and $1 cannot stand in one statement");
    }
    return PYR_OK;
}

pyr_status pyr_parser_scan(pyr_parser *parser) {
    pyr_lexer lexer = parser->lexer;
    pyr_token token = parser->token;
    int32_t questions = 0;
    int32_t numbered = 0;
    bool ended = false;
    for (; token.kind != PYR_TOKEN_END; token = pyr_lexer_next(&lexer)) {
        if (token.kind == PYR_TOKEN_ERROR) {
            return pyr_error_set_sql(parser->error, PYR_ERROR_SQL, "42601", (int32_t)token.offset,
                                     "%s at or near \"%.*s\"", token.problem,
                                     token.length > 40 ? 40 : (int)token.length, token.text);
        }
        if (ended) {
            return pyr_error_set_sql(parser->error, PYR_ERROR_SQL, "42601", (int32_t)token.offset,
                                     "one statement was expected, here begins another");
        }
        if (token.kind == PYR_TOKEN_SEMICOLON) {
            ended = true;
            parser->lexer.length = token.offset;
        }
        if (token.kind == PYR_TOKEN_PARAMETER || token.kind == PYR_TOKEN_QUESTION) {
            PYR_TRY(count_parameter(parser, &token, &questions, &numbered));
        }
    }
    parser->parameters_count = questions > 0 ? questions : numbered;
    if (parser->token.kind == PYR_TOKEN_SEMICOLON) {
        parser->token.kind = PYR_TOKEN_END;
        parser->token.length = 0;
    }
    return PYR_OK;
}

pyr_status pyr_sql_parse(const char *text, size_t length, pyr_arena *arena, pyr_parsed **out,
                         pyr_error *error) {
    *out = NULL;
    if (length > INT32_MAX) {
        return pyr_error_set(error, PYR_ERROR_LIMIT, "a statement of %zu bytes: 2 GiB are the most",
                             length);
    }
    pyr_parser parser;
    pyr_parser_init(&parser, text, length, arena, error);
    PYR_TRY(pyr_parser_scan(&parser));
    pyr_parsed *parsed = NULL;
    pyr_status status = pyr_parse_statement(&parser, &parsed);
    if (status != PYR_OK) {
        pyr_parsed_deinit(parsed);
        return status;
    }
    *out = parsed;
    return PYR_OK;
}

void pyr_parsed_deinit(pyr_parsed *parsed) {
    for (; parsed != NULL; parsed = parsed->inner) {
        for (size_t i = 0; i < parsed->columns_count; ++i) {
            pyr_field_release(parsed->columns[i].field);
            parsed->columns[i].field = NULL;
        }
        for (size_t i = 0; i < parsed->partitions_count; ++i) {
            pyr_field_release(parsed->partitions[i].field);
            parsed->partitions[i].field = NULL;
        }
    }
}
