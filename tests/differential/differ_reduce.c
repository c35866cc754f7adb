/* differ_reduce.c - makes a failing statement small: takes runs of tokens away, long ones first, as
 * long as it fails in the same way. What is no SQL any more fails in another way. */
#include "differ.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum { TOKENS_MAX = 4096 };
typedef struct tokens {
    const char *starts[TOKENS_MAX];
    size_t lengths[TOKENS_MAX];
    size_t count;
} tokens;

static size_t token_length(const char *at) {
    size_t length = 1;
    if (*at == '\'') {
        while (at[length] != '\0' && at[length] != '\'') {
            ++length;
        }
        return at[length] != '\0' ? length + 1 : length;
    }
    while ((isalnum((unsigned char)*at) || *at == '_') &&
           (isalnum((unsigned char)at[length]) || at[length] == '_' || at[length] == '.')) {
        ++length;
    }
    return length;
}

static void split(const char *sql, tokens *out) {
    out->count = 0;
    while (*sql != '\0' && out->count < TOKENS_MAX) {
        if (isspace((unsigned char)*sql)) {
            ++sql;
            continue;
        }
        out->starts[out->count] = sql;
        out->lengths[out->count] = token_length(sql);
        sql += out->lengths[out->count++];
    }
}

/* All but the tokens from up to to - 1. */
static char *without(const tokens *of, size_t from, size_t to) {
    pyr_text text;
    pyr_text_init(&text);
    for (size_t i = 0; i < of->count; ++i) {
        if (i >= from && i < to) {
            continue;
        }
        pyr_text_append(&text, of->starts[i], of->lengths[i]);
        /* Operators of two characters stay together. */
        bool together = i + 1 < of->count && of->starts[i] + of->lengths[i] == of->starts[i + 1];
        pyr_text_add(&text, together ? "" : " ");
    }
    char *sql = pyr_text_move(&text);
    pyr_text_deinit(&text);
    return sql;
}

/* One pass with runs of that length; whether anything went. */
static bool pass(char **sql, size_t run, differ_fails fails, void *context) {
    bool any = false;
    tokens *of = malloc(sizeof(*of));
    split(*sql, of);
    for (size_t at = 0; of->count >= run && at + run <= of->count;) {
        char *shorter = without(of, at, at + run);
        if (!fails(context, shorter)) {
            free(shorter);
            ++at;
            continue;
        }
        free(*sql);
        *sql = shorter;
        split(*sql, of);
        any = true;
    }
    free(of);
    return any;
}

char *differ_reduce(const char *sql, differ_fails fails, void *context) {
    char *best = strdup(sql);
    for (bool any = true; any;) {
        any = false;
        for (size_t run = strlen(best) / 4 + 1 < 60 ? strlen(best) / 4 + 1 : 60; run > 0; --run) {
            any = pass(&best, run, fails, context) || any;
        }
    }
    return best;
}
