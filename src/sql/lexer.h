/* lexer.h - SQL text into tokens, by PostgreSQL's lexical rules as DuckDB has them.
 *
 * Invariants:
 *  1. A token points into the text; nothing is allocated or copied.
 *  2. Every token but END advances by at least one byte, so a loop over tokens ends.
 *  3. Bytes at and above 0x80 belong to names, except Unicode white space, which is skipped.
 * Source of the rules: PostgreSQL documentation, "Lexical Structure" (operators, dollar quoting,
 * nested comments), and DuckDB's behaviour where it differs (1_000, ? as a parameter, no 0x1F).
 */
#ifndef PYR_SQL_LEXER_H
#define PYR_SQL_LEXER_H

#include "base/arena.h"

#include <stdbool.h>
#include <stddef.h>

typedef enum pyr_token_kind {
    PYR_TOKEN_END,
    PYR_TOKEN_WORD,            /* a name or keyword without quotes */
    PYR_TOKEN_QUOTED_NAME,     /* "a""b", quotes included */
    PYR_TOKEN_STRING,          /* 'a''b' */
    PYR_TOKEN_ESCAPE_STRING,   /* E'a\nb' */
    PYR_TOKEN_DOLLAR_STRING,   /* $tag$a$tag$ */
    PYR_TOKEN_INTEGER,         /* 12, 1_000 */
    PYR_TOKEN_DECIMAL,         /* 1.5, .5, 5. */
    PYR_TOKEN_FLOAT,           /* 1e3, 1.5e-3 */
    PYR_TOKEN_QUESTION,        /* ? */
    PYR_TOKEN_PARAMETER,       /* $1 */
    PYR_TOKEN_NAMED_PARAMETER, /* $name */
    PYR_TOKEN_SEMICOLON,
    PYR_TOKEN_PUNCTUATION, /* one of ( ) [ ] { } , . : */
    PYR_TOKEN_OPERATOR,    /* =, ||, ::, := and the like */
    PYR_TOKEN_ERROR        /* see problem */
} pyr_token_kind;

typedef struct pyr_token {
    pyr_token_kind kind;
    const char *text;
    size_t length;
    size_t offset; /* from the start of the text */
    /* ERROR: what is wrong ("unterminated quoted string"); static. */
    const char *problem;
    bool open; /* ERROR: the text ended inside a string, name or comment */
} pyr_token;

typedef struct pyr_lexer {
    const char *text;
    size_t length;
    size_t position;
} pyr_lexer;

static inline pyr_lexer pyr_lexer_over(const char *text, size_t length) {
    pyr_lexer lexer = {text, length, 0};
    return lexer;
}
/* The next token; END again and again at the end. ERROR covers the bytes that are wrong. */
pyr_token pyr_lexer_next(pyr_lexer *lexer);

/* Whether token is this word, without case. word is in upper case. */
bool pyr_token_is_word(const pyr_token *token, const char *word);
bool pyr_token_is_one_of(const pyr_token *token, const char *const *words, size_t count);
/* words: an array, not a pointer. */
#define PYR_TOKEN_IS_ONE_OF(token, words) \
    pyr_token_is_one_of(token, words, sizeof(words) / sizeof((words)[0]))
bool pyr_token_is_char(const pyr_token *token, char c);
/* A word or a quoted name. */
bool pyr_token_is_identifier(const pyr_token *token);
/* Whether token is this name, quoted or not, without case. One with quotes inside is none. */
bool pyr_token_names(const pyr_token *token, const char *name);
static inline bool pyr_token_is_string(const pyr_token *token) {
    return token->kind == PYR_TOKEN_STRING || token->kind == PYR_TOKEN_ESCAPE_STRING ||
           token->kind == PYR_TOKEN_DOLLAR_STRING;
}

/* Text of a string or name token without its quotes; escapes are resolved. NULL when out of memory,
 * or (*valid false) when an escape is wrong. */
char *pyr_token_unquote(const pyr_token *token, pyr_arena *arena, size_t *length, bool *valid);

#endif
