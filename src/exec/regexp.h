/* regexp.h - regular expressions: RE2's patterns, as DuckDB has them, run by PCRE2 with its JIT. */
#ifndef PYR_EXEC_REGEXP_H
#define PYR_EXEC_REGEXP_H

#include "base/text.h"
#include "kernels/value.h"

/* RE2's pattern (UTF-8) as PCRE2 takes it with UTF, DOLLAR_ENDONLY, ALT_CIRCUMFLEX, NEWLINE_LF.
 * groups: that capture. false: something in it has no equal, or is wrong; or memory was out
 * (out->failed). */
bool pyr_regexp_translate(const uint8_t *pattern, size_t length, pyr_text *out, int *groups);

typedef struct pyr_regexp pyr_regexp;
typedef struct pyr_regexp_options {
    bool ignore_case, dot_all, literal, full; /* full: the whole text must match */
} pyr_regexp_options;
/* NULL: not to be translated or compiled, or out of memory. One thread. */
pyr_regexp *pyr_regexp_create(const uint8_t *pattern, size_t length, pyr_regexp_options options);
void pyr_regexp_destroy(pyr_regexp *regexp); /* NULL allowed */
int pyr_regexp_groups(const pyr_regexp *regexp);

#define PYR_REGEXP_NONE 0
#define PYR_REGEXP_LIMIT (-1) /* more steps or memory than allowed: nothing is known */
#define PYR_REGEXP_NO_UTF8 (-2)
/* The first match from byte `start` on, asked of a text first with start 0: a positive number; its
 * places are in pyr_regexp_places (2 * (1 + groups), SIZE_MAX where a group has no part). */
int pyr_regexp_match(pyr_regexp *regexp, pyr_string text, size_t start);
const size_t *pyr_regexp_places(const pyr_regexp *regexp);

#endif
