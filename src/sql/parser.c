/* parser.c - the parser's tools: looking at tokens, names, lists, options, errors. */
#include "base/checked.h"
#include "sql/sql_internal.h"

#include <string.h>

void pyr_parser_init(pyr_parser *parser, const char *text, size_t length, pyr_arena *arena,
                     pyr_error *error) {
    *parser = (pyr_parser){.lexer = pyr_lexer_over(text, length), .arena = arena, .error = error};
    parser->token = pyr_lexer_next(&parser->lexer);
}

void pyr_parser_next(pyr_parser *parser) {
    parser->previous_end = parser->token.offset + parser->token.length;
    parser->token = pyr_lexer_next(&parser->lexer);
}

pyr_token pyr_parser_peek(const pyr_parser *parser) {
    pyr_lexer lexer = parser->lexer;
    return pyr_lexer_next(&lexer);
}

bool pyr_parser_at_end(const pyr_parser *parser) {
    return parser->token.kind == PYR_TOKEN_END;
}

bool pyr_parser_at(const pyr_parser *parser, const char *word) {
    return pyr_token_is_word(&parser->token, word);
}

bool pyr_parser_at_char(const pyr_parser *parser, char c) {
    return pyr_token_is_char(&parser->token, c);
}

bool pyr_parser_accept(pyr_parser *parser, const char *word) {
    if (!pyr_parser_at(parser, word)) {
        return false;
    }
    pyr_parser_next(parser);
    return true;
}

bool pyr_parser_accept_char(pyr_parser *parser, char c) {
    if (!pyr_parser_at_char(parser, c)) {
        return false;
    }
    pyr_parser_next(parser);
    return true;
}

pyr_status pyr_parser_syntax(const pyr_parser *parser, const char *expected) {
    const pyr_token *token = &parser->token;
    const char *colon = expected != NULL ? ": expected " : "";
    expected = expected != NULL ? expected : "";
    if (token->kind == PYR_TOKEN_END) {
        return pyr_error_set_sql(parser->error, PYR_ERROR_SQL, "42601", (int32_t)token->offset,
                                 "syntax error at end of input%s%s", colon, expected);
    }
    int shown = token->length > 80 ? 80 : (int)token->length;
    return pyr_error_set_sql(parser->error, PYR_ERROR_SQL, "42601", (int32_t)token->offset,
                             "syntax error at or near \"%.*s\"%s%s", shown, token->text, colon,
                             expected);
}

pyr_status pyr_parser_memory(const pyr_parser *parser) {
    return pyr_arena_error(parser->arena, parser->error);
}

pyr_status pyr_parser_expect(pyr_parser *parser, const char *word) {
    return pyr_parser_accept(parser, word) ? PYR_OK : pyr_parser_syntax(parser, word);
}

pyr_status pyr_parser_expect_char(pyr_parser *parser, char c) {
    char text[] = {'"', c, '"', '\0'};
    return pyr_parser_accept_char(parser, c) ? PYR_OK : pyr_parser_syntax(parser, text);
}

pyr_status pyr_parser_expect_end(pyr_parser *parser) {
    return pyr_parser_at_end(parser) ? PYR_OK : pyr_parser_syntax(parser, "the statement's end");
}

pyr_status pyr_parser_if_not_exists(pyr_parser *parser, pyr_parsed *out) {
    if (!pyr_parser_accept(parser, "IF")) {
        return PYR_OK;
    }
    PYR_TRY(pyr_parser_expect(parser, "NOT"));
    PYR_TRY(pyr_parser_expect(parser, "EXISTS"));
    out->if_not_exists = true;
    return out->or_replace ? pyr_error_set_sql(parser->error, PYR_ERROR_SQL, "42601",
                                               (int32_t)parser->previous_end,
                                               "OR REPLACE and IF NOT EXISTS contradict each other")
                           : PYR_OK;
}

void *pyr_parser_grow(pyr_parser *parser, void *array, size_t count, size_t size_bytes) {
    /* Doubled at 4, 8, 16, ...; in between there is room. */
    if (count != 0 && (count < 4 || (count & (count - 1)) != 0)) {
        return array;
    }
    void *grown = pyr_arena_array(parser->arena, count == 0 ? 4 : count * 2, size_bytes);
    if (grown != NULL && count > 0) {
        memcpy(grown, array, count * size_bytes);
    }
    return grown;
}

static pyr_status unquote(pyr_parser *parser, char **out) {
    size_t length = 0;
    bool valid = false;
    *out = pyr_token_unquote(&parser->token, parser->arena, &length, &valid);
    if (*out == NULL) {
        return pyr_parser_memory(parser);
    }
    /* C strings end at a NUL. */
    if (!valid || strlen(*out) != length) {
        return pyr_error_set_sql(parser->error, PYR_ERROR_SQL, "22021",
                                 (int32_t)parser->token.offset,
                                 "not valid UTF-8, or an escape that is not supported here");
    }
    pyr_parser_next(parser);
    return PYR_OK;
}

pyr_status pyr_parser_name(pyr_parser *parser, char **out) {
    return pyr_token_is_name(&parser->token) ? unquote(parser, out)
                                             : pyr_parser_syntax(parser, "a name");
}

pyr_status pyr_parser_string(pyr_parser *parser, char **out) {
    return pyr_token_is_string(&parser->token) ? unquote(parser, out)
                                               : pyr_parser_syntax(parser, "a string in quotes");
}

pyr_status pyr_parser_qualified_name(pyr_parser *parser, pyr_name *out) {
    *out = (pyr_name){.offset = parser->token.offset};
    PYR_TRY(pyr_parser_name(parser, &out->name));
    if (pyr_parser_accept_char(parser, '.')) {
        out->schema_name = out->name;
        out->offset = parser->token.offset;
        PYR_TRY(pyr_parser_name(parser, &out->name));
    }
    if (pyr_parser_at_char(parser, '.')) {
        return pyr_error_set_sql(parser->error, PYR_ERROR_NOT_SUPPORTED, "0A000",
                                 (int32_t)parser->token.offset,
                                 "names of three parts are not supported: a table is called name "
                                 "or schema.name");
    }
    return PYR_OK;
}

pyr_status pyr_parser_names(pyr_parser *parser, char ***names, size_t *count) {
    PYR_TRY(pyr_parser_expect_char(parser, '('));
    do {
        if (*count >= PYR_PARSE_COLUMNS_MAX) {
            return pyr_error_set_sql(parser->error, PYR_ERROR_LIMIT, "54011",
                                     (int32_t)parser->token.offset, "more than %d names",
                                     PYR_PARSE_COLUMNS_MAX);
        }
        *names = pyr_parser_grow(parser, *names, *count, sizeof(**names));
        if (*names == NULL) {
            return pyr_parser_memory(parser);
        }
        PYR_TRY(pyr_parser_name(parser, &(*names)[*count]));
        ++*count;
    } while (pyr_parser_accept_char(parser, ','));
    return pyr_parser_expect_char(parser, ')');
}

pyr_span pyr_parser_span(const pyr_parser *parser, size_t offset) {
    return (pyr_span){parser->lexer.text + offset, parser->previous_end - offset, offset};
}

pyr_span pyr_parser_rest(pyr_parser *parser) {
    size_t offset = parser->token.offset;
    while (!pyr_parser_at_end(parser)) {
        pyr_parser_next(parser);
    }
    return pyr_parser_span(parser, offset);
}

pyr_status pyr_parser_expression(pyr_parser *parser, bool (*stop)(const pyr_parser *parser),
                                 pyr_span *out) {
    size_t offset = parser->token.offset;
    size_t depth = 0;
    bool first = true;
    for (; !pyr_parser_at_end(parser); first = false) {
        const pyr_token *token = &parser->token;
        bool opens = token->kind == PYR_TOKEN_PUNCTUATION && strchr("([{", token->text[0]) != NULL;
        bool closes = token->kind == PYR_TOKEN_PUNCTUATION && strchr(")]}", token->text[0]) != NULL;
        if (depth == 0 &&
            (closes || pyr_token_is_char(token, ',') || (!first && stop != NULL && stop(parser)))) {
            break;
        }
        depth = opens ? depth + 1 : closes ? depth - 1 : depth;
        pyr_parser_next(parser);
    }
    if (first || depth > 0) {
        return pyr_parser_syntax(parser, first ? "an expression" : "a closing bracket");
    }
    *out = pyr_parser_span(parser, offset);
    return PYR_OK;
}

pyr_status pyr_parser_add_option(pyr_parser *parser, pyr_parsed *parsed, const char *name,
                                 char *value, size_t offset) {
    for (size_t i = 0; i < parsed->options_count; ++i) {
        if (strcmp(parsed->options[i].name, name) == 0) {
            return pyr_error_set_sql(parser->error, PYR_ERROR_SQL, "42601", (int32_t)offset,
                                     "option \"%s\" is given twice", name);
        }
    }
    if (parsed->options_count >= PYR_PARSE_OPTIONS_MAX) {
        return pyr_error_set_sql(parser->error, PYR_ERROR_LIMIT, "54000", (int32_t)offset,
                                 "more than %d options", PYR_PARSE_OPTIONS_MAX);
    }
    parsed->options =
        pyr_parser_grow(parser, parsed->options, parsed->options_count, sizeof(*parsed->options));
    char *copy = pyr_arena_strdup(parser->arena, name);
    if (parsed->options == NULL || copy == NULL) {
        return pyr_parser_memory(parser);
    }
    parsed->options[parsed->options_count++] =
        (pyr_option_value){.name = copy, .value = value, .offset = offset};
    return PYR_OK;
}

static bool at_value_start(const pyr_parser *parser) {
    const pyr_token *token = &parser->token;
    switch (token->kind) {
    case PYR_TOKEN_WORD:
    case PYR_TOKEN_QUOTED_NAME:
    case PYR_TOKEN_INTEGER:
    case PYR_TOKEN_DECIMAL:
    case PYR_TOKEN_FLOAT:
        return true;
    case PYR_TOKEN_OPERATOR:
        return token->length == 1 && (token->text[0] == '-' || token->text[0] == '*');
    case PYR_TOKEN_PUNCTUATION:
        return strchr("([{", token->text[0]) != NULL;
    default:
        return pyr_token_is_string(token);
    }
}

pyr_status pyr_parser_value(pyr_parser *parser, char **out) {
    size_t offset = parser->token.offset;
    if (!at_value_start(parser)) {
        return pyr_parser_syntax(parser, "a value");
    }
    if (pyr_token_is_string(&parser->token) || parser->token.kind == PYR_TOKEN_QUOTED_NAME) {
        return unquote(parser, out);
    }
    if (pyr_parser_at_char(parser, '(') || pyr_parser_at_char(parser, '[') ||
        pyr_parser_at_char(parser, '{')) {
        size_t depth = 0;
        do {
            const pyr_token *token = &parser->token;
            if (token->kind == PYR_TOKEN_END) {
                return pyr_parser_syntax(parser, "a closing bracket");
            }
            if (token->kind == PYR_TOKEN_PUNCTUATION) {
                depth += strchr("([{", token->text[0]) != NULL;
                depth -= strchr(")]}", token->text[0]) != NULL;
            }
            pyr_parser_next(parser);
        } while (depth > 0);
    } else {
        bool sign = parser->token.kind == PYR_TOKEN_OPERATOR && parser->token.text[0] == '-';
        pyr_parser_next(parser);
        if (sign) {
            if (parser->token.kind != PYR_TOKEN_INTEGER &&
                parser->token.kind != PYR_TOKEN_DECIMAL && parser->token.kind != PYR_TOKEN_FLOAT) {
                return pyr_parser_syntax(parser, "a number");
            }
            pyr_parser_next(parser);
        }
    }
    pyr_span span = pyr_parser_span(parser, offset);
    *out = pyr_arena_strndup(parser->arena, span.text, span.length);
    return *out != NULL ? PYR_OK : pyr_parser_memory(parser);
}

pyr_status pyr_parser_options(pyr_parser *parser, pyr_parsed *parsed) {
    PYR_TRY(pyr_parser_expect_char(parser, '('));
    do {
        pyr_token token = parser->token;
        if (!pyr_token_is_identifier(&token)) {
            return pyr_parser_syntax(parser, "an option's name");
        }
        char *name = NULL;
        PYR_TRY(unquote(parser, &name));
        for (char *c = name; *c != '\0'; ++c) {
            *c = *c >= 'A' && *c <= 'Z' ? (char)(*c - 'A' + 'a') : *c;
        }
        bool equals = parser->token.kind == PYR_TOKEN_OPERATOR && parser->token.length == 1 &&
                      parser->token.text[0] == '=';
        char *value = NULL;
        if (equals) {
            pyr_parser_next(parser);
        }
        bool nested = parser->token.kind == PYR_TOKEN_PUNCTUATION && at_value_start(parser);
        if (equals || at_value_start(parser)) {
            PYR_TRY(pyr_parser_value(parser, &value));
        }
        PYR_TRY(pyr_parser_add_option(parser, parsed, name, value, token.offset));
        parsed->options[parsed->options_count - 1].nested = nested;
    } while (pyr_parser_accept_char(parser, ','));
    return pyr_parser_expect_char(parser, ')');
}
