/* keywords.h - which words have a meaning of their own in DuckDB's grammar. */
#ifndef PYR_SQL_KEYWORDS_H
#define PYR_SQL_KEYWORDS_H

#include <stdbool.h>
#include <stddef.h>

typedef enum pyr_keyword_class {
    PYR_KEYWORD_NONE,     /* any name, the unreserved keywords too */
    PYR_KEYWORD_COLUMN,   /* a column or table may be called so, a function not */
    PYR_KEYWORD_OPERATOR, /* may name a function or type, never a column or table */
    PYR_KEYWORD_RESERVED  /* only in quotes */
} pyr_keyword_class;

/* Without case. */
pyr_keyword_class pyr_keyword_classify(const char *word, size_t length);
/* Any keyword, the unreserved ones too: what DuckDB quotes where it prints an expression, and what
 * cannot name a result without AS. */
bool pyr_keyword_is_any(const char *word, size_t length);
/* Whether a statement of DuckDB's or ours may begin with this word. */
bool pyr_keyword_begins_statement(const char *word, size_t length);

#endif
