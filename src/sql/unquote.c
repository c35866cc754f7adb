/* unquote.c - the text that a string or name token stands for, and the way back. */
#include "base/cursor.h"
#include "base/text.h"
#include "sql/keywords.h"
#include "sql/sql_internal.h"

#include <string.h>

bool pyr_token_is_name(const pyr_token *token) {
    return token->kind == PYR_TOKEN_QUOTED_NAME ||
           (token->kind == PYR_TOKEN_WORD &&
            pyr_keyword_classify(token->text, token->length) != PYR_KEYWORD_RESERVED);
}

char *pyr_token_lower(const pyr_token *token, pyr_arena *arena) {
    char *text = pyr_arena_strndup(arena, token->text, token->length);
    for (size_t i = 0; text != NULL && i < token->length; ++i) {
        if (text[i] >= 'A' && text[i] <= 'Z') {
            text[i] = (char)(text[i] - 'A' + 'a');
        }
    }
    return text;
}

/* The value of up to most digits of a base at text[*i]; *i moves behind them. */
static uint32_t digits_value(const char *text, size_t end, size_t *i, size_t most, uint32_t base) {
    uint32_t value = 0;
    for (size_t taken = 0; taken < most && *i < end; ++taken, ++*i) {
        char c = text[*i];
        uint32_t digit = c >= '0' && c <= '9'   ? (uint32_t)(c - '0')
                         : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a' + 10)
                         : c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A' + 10)
                                                : 16;
        if (digit >= base) {
            break;
        }
        value = value * base + digit;
    }
    return value;
}

/* One escape behind the backslash at text[*i - 1]. PostgreSQL, "String Constants with C-Style
 * Escapes"; \u and \U are left to the engine that knows them. */
static bool unescape(const char *text, size_t end, size_t *i, char *out, size_t *length) {
    char c = text[(*i)++];
    static const char letters[] = "bfnrt";
    static const char values[] = "\b\f\n\r\t";
    const char *letter = strchr(letters, c);
    if (c != '\0' && letter != NULL) {
        c = values[letter - letters];
    } else if (c >= '0' && c <= '7') {
        --*i;
        c = (char)digits_value(text, end, i, 3, 8);
    } else if (c == 'x') {
        c = (char)digits_value(text, end, i, 2, 16);
    } else if (c == 'u' || c == 'U') {
        return false;
    }
    out[(*length)++] = c;
    return c != '\0';
}

char *pyr_token_unquote(const pyr_token *token, pyr_arena *arena, size_t *length, bool *valid) {
    const char *text = token->text;
    size_t start = 0;
    size_t end = token->length;
    *valid = true;
    if (token->kind == PYR_TOKEN_DOLLAR_STRING) {
        start = (size_t)((const char *)memchr(text + 1, '$', end - 1) - text) + 1;
        end -= start;
    } else if (token->kind != PYR_TOKEN_WORD) {
        start = token->kind == PYR_TOKEN_ESCAPE_STRING ? 2 : 1;
        end -= 1;
    }
    bool plain = token->kind == PYR_TOKEN_WORD || token->kind == PYR_TOKEN_DOLLAR_STRING;
    char *out = pyr_arena_alloc(arena, end - start + 1);
    if (out == NULL) {
        return NULL;
    }
    size_t written = 0;
    for (size_t i = start; i < end;) {
        char c = text[i++];
        if (!plain && c == text[start - 1]) {
            ++i; /* a doubled quote */
        }
        if (token->kind == PYR_TOKEN_ESCAPE_STRING && c == '\\') {
            if (!unescape(text, end, &i, out, &written)) {
                *valid = false;
                break;
            }
            continue;
        }
        out[written++] = c;
    }
    out[written] = '\0';
    *length = written;
    *valid = *valid && pyr_utf8_valid((const uint8_t *)out, written);
    return out;
}

void pyr_sql_quote_name(const char *name, pyr_text *text) {
    bool plain = name[0] != '\0' && !(name[0] >= '0' && name[0] <= '9');
    for (const char *c = name; plain && *c != '\0'; ++c) {
        plain = (*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9') || *c == '_';
    }
    if (plain && pyr_keyword_classify(name, strlen(name)) == PYR_KEYWORD_NONE) {
        pyr_text_add(text, name);
        return;
    }
    pyr_text_add_char(text, '"');
    for (const char *c = name; *c != '\0'; ++c) {
        pyr_text_add(text, *c == '"' ? "\"" : "");
        pyr_text_add_char(text, *c);
    }
    pyr_text_add_char(text, '"');
}

void pyr_sql_quote_string(const char *value, pyr_text *text) {
    pyr_text_add_char(text, '\'');
    for (const char *c = value; *c != '\0'; ++c) {
        pyr_text_add(text, *c == '\'' ? "'" : "");
        pyr_text_add_char(text, *c);
    }
    pyr_text_add_char(text, '\'');
}
