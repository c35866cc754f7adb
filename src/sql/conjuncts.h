/* conjuncts.h - what a query's text says of one table's rows: the conditions that each row that
 * counts must meet, for who can leave out rows before the query's engine looks at them.
 *
 * Found from tokens alone, without knowing what else the text means. What is not understood is left
 * out, never guessed; the query keeps its whole condition.
 */
#ifndef PYR_SQL_CONJUNCTS_H
#define PYR_SQL_CONJUNCTS_H

#include "sql/select.h"
#include "sql/token_list.h"

typedef enum pyr_constant_type {
    PYR_CONSTANT_PLAIN, /* a literal as it stands; parameters, too */
    PYR_CONSTANT_DATE,  /* DATE '...', '...'::DATE: literal is the string */
    PYR_CONSTANT_TIMESTAMP,
    PYR_CONSTANT_TIMESTAMPTZ
} pyr_constant_type;

typedef struct pyr_constant {
    pyr_constant_type type;
    int32_t parameter;   /* from 1; 0: literal */
    pyr_literal literal; /* never NULL */
} pyr_constant;

typedef enum pyr_conjunct_kind {
    PYR_CONJUNCT_COMPARE, /* column comparison constants[0] */
    PYR_CONJUNCT_BETWEEN, /* from constants[0] to constants[1]; all three in one type */
    PYR_CONJUNCT_IN,      /* equal to one of the constants, all of one kind */
    PYR_CONJUNCT_IS_NULL,
    PYR_CONJUNCT_IS_NOT_NULL
} pyr_conjunct_kind;

typedef struct pyr_conjunct {
    pyr_conjunct_kind kind;
    const char *column; /* without quotes, in whatever case it stood; may be no column at all */
    pyr_comparison comparison;
    pyr_constant *constants;
    size_t count;
} pyr_conjunct;

/* The conjuncts of the WHERE that belongs to the table's one place in a text (table_place.h), in
 * the arena; *count 0 where it has none. function: as for pyr_sql_find_place. A row of the table
 * that does not meet a conjunct, and so one for which it is NULL, does not reach what stands behind
 * WHERE. PYR_ERROR_MEMORY. */
PYR_MUST_CHECK pyr_status pyr_sql_conjuncts(const pyr_token_list *list, const char *table,
                                            bool function, pyr_arena *arena, pyr_conjunct **out,
                                            size_t *count, pyr_error *error);

#endif
