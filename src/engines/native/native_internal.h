/* native_internal.h - binding a select tree: shared by the files of the native engine. */
#ifndef PYR_ENGINES_NATIVE_NATIVE_INTERNAL_H
#define PYR_ENGINES_NATIVE_NATIVE_INTERNAL_H

#include "catalog/keyed.h"
#include "engines/engine.h"
#include "sql/select.h"

/* A query bound to a snapshot and to parameters. Holds references, nothing of the query's. */
typedef struct pyr_native_plan {
    pyr_table *table;         /* NULL: a query of literals */
    pyr_schema *table_schema; /* that it was bound to: for pyr_native_bind_again */
    bool count;               /* COUNT(*): items of BIGINT, one row */
    int32_t *scan;            /* the table's columns read, distinct, in the table's order */
    int32_t scan_count;
    int32_t *output; /* indices into scan, one a result column */
    int32_t output_count;
    pyr_schema *schema;    /* NULL: depends on parameters that are not there */
    int64_t offset, limit; /* limit -1: none */
    bool limits_known;     /* false: LIMIT or OFFSET is a parameter that is not there */
    /* WHERE and ORDER BY, of a table with keys alone. */
    bool by_key;           /* in the order of the primary key, and range where keys_known */
    bool keys_known;       /* false: a value is a parameter that is not there */
    int32_t range_columns; /* of the primary key: those that conditions are about */
    pyr_keyed_range range;
    pyr_batch *point; /* the keys there may be, their columns in key order; NULL: a range */
    size_t points;    /* how many the statement names; 0: a range */
} pyr_native_plan;

/* PYR_ERROR_NOT_SUPPORTED where another engine may know better: with SQLSTATE 42P01 for a table's
 * name, 0A000 for the rest ("the native engine does not cover ..."). */
PYR_MUST_CHECK pyr_status pyr_native_bind(const pyr_engine_query *query, pyr_native_plan *out,
                                          pyr_error *error);
void pyr_native_plan_deinit(pyr_native_plan *plan);
/* Lets go of the table and of what came from parameters. */
void pyr_native_plan_rest(pyr_native_plan *plan);
/* A plan that rests, of the same tree: only what depends on parameters and rows is bound. false:
 * the table has other columns now, or binding fails; it rests on. */
bool pyr_native_bind_again(const pyr_engine_query *query, pyr_native_plan *plan);
pyr_status pyr_native_not_covered(pyr_error *error, size_t position, const char *format, ...)
    PYR_PRINTF(3, 4);

/* The table of a FROM: of the snapshot, or over files. Retained. */
PYR_MUST_CHECK pyr_status pyr_native_find_table(const pyr_engine_query *query, const pyr_from *from,
                                                pyr_table **out, pyr_error *error);

/* Literals and parameters: VALUES, or the items of a SELECT without FROM. *schema is NULL where it
 * depends on parameters that are not there. batch NULL: only the schema. */
PYR_MUST_CHECK pyr_status pyr_native_rows(const pyr_engine_query *query, pyr_schema **schema,
                                          pyr_batch **batch, pyr_error *error);
/* The value of LIMIT or OFFSET; *known false where its parameter is not there. NULL: *given false.
 */
PYR_MUST_CHECK pyr_status pyr_native_row_count(const pyr_engine_query *query,
                                               const pyr_row_count *count, bool *known, bool *given,
                                               int64_t *value, pyr_error *error);
/* WHERE and ORDER BY over plan's table, whose columns are qualified with alias: what the order of a
 * primary key answers. PYR_ERROR_NOT_SUPPORTED for everything else. */
PYR_MUST_CHECK pyr_status pyr_native_bind_keys(const pyr_engine_query *query, const char *alias,
                                               pyr_native_plan *plan, pyr_error *error);
/* The array that is bound to a parameter, borrowed; NULL: no parameters are there. */
PYR_MUST_CHECK pyr_status pyr_native_parameter(const pyr_engine_query *query,
                                               const pyr_expression *expression, pyr_array **out,
                                               pyr_error *error);
/* Fields $1, $2, ... of the types the query gives them; NULL where there are none. table: the one
 * of FROM, NULL where there is none. */
PYR_MUST_CHECK pyr_status pyr_native_parameters(const pyr_select *select, const pyr_table *table,
                                                pyr_schema **out, pyr_error *error);
/* The name of a column that resembles name, NULL where none does. */
const char *pyr_native_suggest(const pyr_schema *schema, const char *name);

/* ---- analytic.c: every query that the plan covers, by the vectorized engine. ---- */

typedef struct pyr_native_query pyr_native_query;
PYR_MUST_CHECK pyr_status pyr_native_query_create(const pyr_engine_query *query,
                                                  pyr_native_query **out, pyr_error *error);
void pyr_native_query_release(pyr_native_query *query);             /* NULL allowed */
pyr_schema *pyr_native_query_schema(const pyr_native_query *query); /* borrowed */
/* query: of the same snapshot and parameters. Any number of times. */
PYR_MUST_CHECK pyr_status pyr_native_query_execute(pyr_native_query *self,
                                                   const pyr_engine_query *query, pyr_stream **out,
                                                   pyr_error *error);
void pyr_native_query_explain(const pyr_native_query *query, struct pyr_text *out);

#endif
