/* table_place.h - the one place of a query where a table is named, and the condition that belongs
 * to it: for who leaves out rows or files before the query's engine looks at them.
 *
 * Found from tokens alone, without knowing what else the text means. What is not understood is no
 * place, never a guess.
 */
#ifndef PYR_SQL_TABLE_PLACE_H
#define PYR_SQL_TABLE_PLACE_H

#include "sql/token_list.h"

/* Borrows the list's tokens. */
typedef struct pyr_table_place {
    const pyr_token *alias; /* what the table is called; NULL: its name */
    bool joined;            /* there are other tables beside it */
    bool outer;             /* an outer join: columns are NULL that are not in the table */
    bool merged;            /* USING, NATURAL: a bare column may be another table's */
    const pyr_token *from;  /* the condition behind WHERE, up to to; not empty */
    const pyr_token *to;
} pyr_table_place;

/* table: in any case, in any schema; "t" as the argument of pyr_scan_rows('s', 't') counts as its
 * name. function: it is a table function's, t('x', 1), whose arguments have no brackets. false
 * where it is named more than once, or by something that may mean it (a string, query_table), its
 * columns have other names (AS t(a, b)), there is no WHERE, or the text is not understood. A row of
 * the table for which a part of the condition is false or NULL does not reach what stands behind
 * WHERE; of an outer join that holds for parts that are never true of NULL. */
bool pyr_sql_find_place(const pyr_token_list *list, const char *table, bool function,
                        pyr_table_place *out);

/* Whether an AND of the tokens may not be what holds them together: beside an OR, an operator that
 * may bind less, or in a query; or brackets that do not fit. */
bool pyr_condition_is_whole(const pyr_token *from, const pyr_token *to);
/* The AND behind the first part of a condition that is not whole; to: there is one part alone.
 * a BETWEEN 1 AND 2 AND (c AND d): two parts. */
const pyr_token *pyr_condition_part_end(const pyr_token *from, const pyr_token *to);

#endif
