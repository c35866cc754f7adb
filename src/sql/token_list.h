/* token_list.h - a whole text's tokens, for who looks for something in it more than once or from
 * both sides, without a grammar.
 */
#ifndef PYR_SQL_TOKEN_LIST_H
#define PYR_SQL_TOKEN_LIST_H

#include "base/error.h"
#include "sql/lexer.h"

#include <string.h>

/* Immutable once read: any number of threads. The text must outlive it. */
typedef struct pyr_token_list {
    const pyr_token *tokens; /* the first; an END before it and one behind the last */
    size_t count;            /* without the two; 0 and tokens NULL: nothing was read */
    bool numbered;           /* there is a ?1: what ? stands for is not known */
    void *memory;
} pyr_token_list;

/* PYR_ERROR_MEMORY. */
PYR_MUST_CHECK pyr_status pyr_token_list_read(const char *text, size_t length, pyr_token_list *out,
                                              pyr_error *error);
void pyr_token_list_deinit(pyr_token_list *list); /* zeroed: nothing */
/* Whether the name stands anywhere in the text, as a name or within a string. */
bool pyr_token_list_mentions(const pyr_token_list *list, const char *name);

/* ---- Of a token in a list, which has neighbours. ---- */

/* A keyword; what follows a point is a name whatever it is. */
static inline bool pyr_token_is_keyword(const pyr_token *token, const char *word) {
    return pyr_token_is_word(token, word) && !pyr_token_is_char(token - 1, '.');
}
#define PYR_TOKEN_IS_KEYWORD_OF(token, words) \
    (PYR_TOKEN_IS_ONE_OF(token, words) && !pyr_token_is_char((token)-1, '.'))

static inline bool pyr_token_is_operator(const pyr_token *token, const char *operator) {
    return token->kind == PYR_TOKEN_OPERATOR && token->length == strlen(operator) &&
           memcmp(token->text, operator, token->length) == 0;
}

/* Brackets alone: CASE and END may be names within them (SELECT 1 AS case, {end: 1}). */
static inline int pyr_token_bracket(const pyr_token *token) {
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

#endif
