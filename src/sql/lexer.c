/* lexer.c - the tokens of SQL text. Linear in the text: no rule looks back. */
#include "sql/lexer.h"

#include <string.h>
#include <strings.h>

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool is_name_start(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c >= 0x80;
}

static bool is_name_part(char c) {
    return is_name_start(c) || is_digit(c) || c == '$';
}

/* '?' is a parameter here and ':' stands alone or in '::' and ':='. */
static bool is_operator(char c) {
    return c != '\0' && strchr("~!@#^&|`+-*/%<>=", c) != NULL;
}

static char at(const pyr_lexer *lexer, size_t position) {
    return position < lexer->length ? lexer->text[position] : '\0';
}

/* Bytes of the Unicode white space at position, 0 where there is none: U+00A0, U+2000..U+200D,
 * U+202F, U+205F, U+2060, U+3000, U+FEFF, which DuckDB takes as spaces outside of quotes. */
static size_t unicode_space(const pyr_lexer *lexer, size_t position) {
    unsigned char a = (unsigned char)at(lexer, position);
    unsigned char b = (unsigned char)at(lexer, position + 1);
    unsigned char c = (unsigned char)at(lexer, position + 2);
    if (a == 0xC2 && b == 0xA0) {
        return 2;
    }
    if (a == 0xE2 && b == 0x80 && ((c >= 0x80 && c <= 0x8D) || c == 0xAF)) {
        return 3;
    }
    if (a == 0xE2 && b == 0x81 && (c == 0x9F || c == 0xA0)) {
        return 3;
    }
    if ((a == 0xE3 && b == 0x80 && c == 0x80) || (a == 0xEF && b == 0xBB && c == 0xBF)) {
        return 3;
    }
    return 0;
}

/* Skips a nested comment that begins at position; false where it does not end. */
static bool skip_block_comment(const pyr_lexer *lexer, size_t *position) {
    size_t depth = 0;
    size_t i = *position;
    while (i < lexer->length) {
        if (lexer->text[i] == '/' && at(lexer, i + 1) == '*') {
            ++depth;
            i += 2;
        } else if (lexer->text[i] == '*' && at(lexer, i + 1) == '/') {
            i += 2;
            if (--depth == 0) {
                *position = i;
                return true;
            }
        } else {
            ++i;
        }
    }
    return false;
}

/* White space and comments. false: a comment at *position does not end. */
static bool skip_space(pyr_lexer *lexer) {
    for (;;) {
        char c = at(lexer, lexer->position);
        size_t wide = 0;
        if (lexer->position >= lexer->length) {
            return true;
        }
        if (c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v') {
            ++lexer->position;
        } else if (c == '-' && at(lexer, lexer->position + 1) == '-') {
            const char *start = lexer->text + lexer->position;
            const char *end = memchr(start, '\n', lexer->length - lexer->position);
            lexer->position = end != NULL ? (size_t)(end - lexer->text) + 1 : lexer->length;
        } else if (c == '/' && at(lexer, lexer->position + 1) == '*') {
            if (!skip_block_comment(lexer, &lexer->position)) {
                return false;
            }
        } else if ((wide = unicode_space(lexer, lexer->position)) > 0) {
            lexer->position += wide;
        } else {
            return true;
        }
    }
}

static pyr_token take(pyr_lexer *lexer, pyr_token_kind kind, size_t end) {
    pyr_token token = {.kind = kind,
                       .text = lexer->text + lexer->position,
                       .length = end - lexer->position,
                       .offset = lexer->position};
    lexer->position = end;
    return token;
}

static pyr_token fail(pyr_lexer *lexer, const char *problem, size_t end) {
    pyr_token token = take(lexer, PYR_TOKEN_ERROR, end);
    token.problem = problem;
    return token;
}

/* The text ends inside a string, a name or a comment. */
static pyr_token fail_open(pyr_lexer *lexer, const char *problem) {
    pyr_token token = fail(lexer, problem, lexer->length);
    token.open = true;
    return token;
}

/* The end of a quoted thing whose opening quote stands at position; 0 where it does not end. A
 * doubled quote stands for itself, and with escapes so does a quote behind a backslash. */
static size_t quoted_end(const pyr_lexer *lexer, size_t position, char quote, bool escapes) {
    for (size_t i = position + 1; i < lexer->length; ++i) {
        if (escapes && lexer->text[i] == '\\') {
            ++i;
        } else if (lexer->text[i] == quote) {
            if (at(lexer, i + 1) != quote) {
                return i + 1;
            }
            ++i;
        }
    }
    return 0;
}

static pyr_token lex_quoted(pyr_lexer *lexer, size_t quote_position, pyr_token_kind kind) {
    char quote = lexer->text[quote_position];
    size_t end = quoted_end(lexer, quote_position, quote, kind == PYR_TOKEN_ESCAPE_STRING);
    if (end == 0) {
        return fail_open(lexer, quote == '"' ? "unterminated quoted identifier"
                                             : "unterminated quoted string");
    }
    if (kind == PYR_TOKEN_QUOTED_NAME && end - lexer->position == 2) {
        return fail(lexer, "zero-length delimited identifier", end);
    }
    return take(lexer, kind, end);
}

/* $1, $name, $$text$$, $tag$text$tag$. */
static pyr_token lex_dollar(pyr_lexer *lexer) {
    size_t i = lexer->position + 1;
    if (is_digit(at(lexer, i))) {
        while (is_digit(at(lexer, i))) {
            ++i;
        }
        return take(lexer, PYR_TOKEN_PARAMETER, i);
    }
    /* A tag is a name without '$'. */
    while (is_name_part(at(lexer, i)) && at(lexer, i) != '$') {
        ++i;
    }
    if (at(lexer, i) != '$') {
        return i > lexer->position + 1 ? take(lexer, PYR_TOKEN_NAMED_PARAMETER, i)

                                       : fail(lexer, "syntax error", i);
    }
    const char *tag = lexer->text + lexer->position;
    size_t tag_length = i + 1 - lexer->position;
    for (size_t end = i + 1; end + tag_length <= lexer->length;) {
        const char *found = memchr(lexer->text + end, '$', lexer->length - tag_length + 1 - end);
        if (found == NULL) {
            break;
        }
        end = (size_t)(found - lexer->text);
        if (memcmp(found, tag, tag_length) == 0) {
            return take(lexer, PYR_TOKEN_DOLLAR_STRING, end + tag_length);
        }
        ++end;
    }
    return fail_open(lexer, "unterminated dollar-quoted string");
}

/* Digits with single underscores between them. */
static size_t skip_digits(const pyr_lexer *lexer, size_t i) {
    while (is_digit(at(lexer, i)) || (at(lexer, i) == '_' && is_digit(at(lexer, i + 1)) && i > 0 &&
                                      is_digit(at(lexer, i - 1)))) {
        ++i;
    }
    return i;
}

static pyr_token lex_number(pyr_lexer *lexer) {
    pyr_token_kind kind = PYR_TOKEN_INTEGER;
    size_t i = skip_digits(lexer, lexer->position);
    /* "1..2" is 1, '.', '.', 2. */
    if (at(lexer, i) == '.' && at(lexer, i + 1) != '.') {
        kind = PYR_TOKEN_DECIMAL;
        ++i;
        if (is_digit(at(lexer, i))) {
            i = skip_digits(lexer, i);
        }
    }
    if (at(lexer, i) == 'e' || at(lexer, i) == 'E') {
        size_t exponent = i + 1;
        if (at(lexer, exponent) == '+' || at(lexer, exponent) == '-') {
            ++exponent;
        }
        if (is_digit(at(lexer, exponent))) {
            kind = PYR_TOKEN_FLOAT;
            i = exponent;
            while (is_digit(at(lexer, i))) {
                ++i;
            }
        }
    }
    return take(lexer, kind, i);
}

/* The longest run of operator characters that begins no comment and, unless it has one of
 * ~!@#%^&|`, does not end in + or - ("=-1" is = and -). */
static pyr_token lex_operator(pyr_lexer *lexer) {
    size_t i = lexer->position;
    bool special = false;
    while (is_operator(at(lexer, i))) {
        char c = lexer->text[i];
        if ((c == '-' && at(lexer, i + 1) == '-') || (c == '/' && at(lexer, i + 1) == '*')) {
            break;
        }
        special = special || strchr("~!@#%^&|`", c) != NULL;
        ++i;
    }
    while (!special && i > lexer->position + 1 &&
           (lexer->text[i - 1] == '+' || lexer->text[i - 1] == '-')) {
        --i;
    }
    return take(lexer, PYR_TOKEN_OPERATOR, i);
}

pyr_token pyr_lexer_next(pyr_lexer *lexer) {
    if (!skip_space(lexer)) {
        return fail_open(lexer, "unterminated /* comment");
    }
    if (lexer->position >= lexer->length) {
        return take(lexer, PYR_TOKEN_END, lexer->length);
    }
    size_t position = lexer->position;
    char c = lexer->text[position];
    char next = at(lexer, position + 1);
    if ((c == 'e' || c == 'E') && next == '\'') {
        return lex_quoted(lexer, position + 1, PYR_TOKEN_ESCAPE_STRING);
    }
    if (is_name_start(c)) {
        size_t end = position + 1;
        while (is_name_part(at(lexer, end)) && unicode_space(lexer, end) == 0) {
            ++end;
        }
        return take(lexer, PYR_TOKEN_WORD, end);
    }
    if (is_digit(c) || (c == '.' && is_digit(next))) {
        return lex_number(lexer);
    }
    switch (c) {
    case '\'':
        return lex_quoted(lexer, position, PYR_TOKEN_STRING);
    case '"':
        return lex_quoted(lexer, position, PYR_TOKEN_QUOTED_NAME);
    case '$':
        return lex_dollar(lexer);
    case '?':
        return take(lexer, PYR_TOKEN_QUESTION, position + 1);
    case ';':
        return take(lexer, PYR_TOKEN_SEMICOLON, position + 1);
    case ':':
        return next == ':' || next == '=' ? take(lexer, PYR_TOKEN_OPERATOR, position + 2)
                                          : take(lexer, PYR_TOKEN_PUNCTUATION, position + 1);
    case '(':
    case ')':
    case '[':
    case ']':
    case '{':
    case '}':
    case ',':
    case '.':
        return take(lexer, PYR_TOKEN_PUNCTUATION, position + 1);
    default:
        return is_operator(c) ? lex_operator(lexer) : fail(lexer, "syntax error", position + 1);
    }
}

bool pyr_token_is_word(const pyr_token *token, const char *word) {
    if (token->kind != PYR_TOKEN_WORD || strlen(word) != token->length) {
        return false;
    }
    for (size_t i = 0; i < token->length; ++i) {
        char c = token->text[i];
        if ((c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c) != word[i]) {
            return false;
        }
    }
    return true;
}

bool pyr_token_is_one_of(const pyr_token *token, const char *const *words, size_t count) {
    for (size_t i = 0; i < count; ++i) {
        if (pyr_token_is_word(token, words[i])) {
            return true;
        }
    }
    return false;
}

bool pyr_token_is_char(const pyr_token *token, char c) {
    return token->kind == PYR_TOKEN_PUNCTUATION && token->text[0] == c;
}

bool pyr_token_is_identifier(const pyr_token *token) {
    return token->kind == PYR_TOKEN_WORD || token->kind == PYR_TOKEN_QUOTED_NAME;
}

bool pyr_token_names(const pyr_token *token, const char *name) {
    size_t quotes = token->kind == PYR_TOKEN_QUOTED_NAME ? 1 : 0;
    size_t length = strlen(name);
    return pyr_token_is_identifier(token) && token->length == length + 2 * quotes &&
           strncasecmp(token->text + quotes, name, length) == 0;
}
