/* conjuncts_internal.h - the tokens of a query, shared by the files that look for conjuncts. */
#ifndef PYR_SQL_CONJUNCTS_INTERNAL_H
#define PYR_SQL_CONJUNCTS_INTERNAL_H

#include "sql/conjuncts.h"
#include "sql/lexer.h"

#include <string.h>
#include <strings.h>

typedef struct pyr_conjunct_reader {
    pyr_arena *arena;
    const char *table;
    pyr_token *tokens; /* an END before the first and behind the last */
    size_t count;
    const pyr_token *alias; /* what the table is called; NULL: its name */
    bool outer;             /* an outer join: columns are NULL that are not in the table */
    bool merged;            /* USING, NATURAL: a bare column may be another table's */
    bool failed;            /* out of memory */
    bool numbered;          /* there is a ?1: what ? stands for is not known */
    int32_t questions;      /* ? before questions_to, so that a long list is counted once */
    const pyr_token *questions_to;
    pyr_conjunct *conjuncts;
    size_t conjuncts_count, conjuncts_capacity;
} pyr_conjunct_reader;

/* conjuncts_place.c: the place behind the WHERE that belongs to the table's one place, which sets
 * alias, outer and merged; 0 where there is none, or what stands before it is not understood. */
size_t pyr_conjuncts_find_where(pyr_conjunct_reader *self);
/* Where the condition from first on ends. */
size_t pyr_conjuncts_find_end(const pyr_conjunct_reader *self, size_t first);

/* A keyword; what follows a point is a name whatever it is. */
static inline bool is_word(const pyr_token *token, const char *word) {
    return pyr_token_is_word(token, word) && !pyr_token_is_char(token - 1, '.');
}

#define IS_ONE_OF(token, words) \
    (PYR_TOKEN_IS_ONE_OF(token, words) && !pyr_token_is_char((token)-1, '.'))

static inline bool is_operator(const pyr_token *token, const char *operator) {
    return token->kind == PYR_TOKEN_OPERATOR && token->length == strlen(operator) &&
           memcmp(token->text, operator, token->length) == 0;
}

/* Brackets alone: CASE and END may be names within them (SELECT 1 AS case, {end: 1}). */
static inline int depth_change(const pyr_token *token) {
    static const char opening[] = "([{";
    static const char closing[] = ")]}";
    for (int i = 0; i < 3; ++i) {
        if (pyr_token_is_char(token, opening[i])) {
            return 1;
        }
        if (pyr_token_is_char(token, closing[i])) {
            return -1;
        }
    }
    return 0;
}

/* Where a walk over a condition stands. Outside of its brackets nothing is called CASE or END but
 * behind a point, so that there those words are a bracket, too. */
typedef struct condition_nesting {
    int brackets, cases;
} condition_nesting;

static inline void nesting_step(condition_nesting *self, const pyr_token *token) {
    self->brackets += depth_change(token);
    if (self->brackets == 0) {
        self->cases += is_word(token, "CASE") ? 1 : is_word(token, "END") ? -1 : 0;
    }
}

static inline bool nesting_is_outside(const condition_nesting *self) {
    return self->brackets == 0 && self->cases == 0;
}

#endif
