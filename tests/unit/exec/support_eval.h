/* support_eval.h - bound expressions and chunks built by hand. */
#ifndef PYR_TESTS_SUPPORT_EVAL_H
#define PYR_TESTS_SUPPORT_EVAL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "exec/eval.h"

#include <string.h>

#define T_BOOL ((pyr_sql_type){PYR_SQL_BOOLEAN, 0, 0})
#define T_I8 ((pyr_sql_type){PYR_SQL_TINYINT, 0, 0})
#define T_I32 ((pyr_sql_type){PYR_SQL_INTEGER, 0, 0})
#define T_I64 ((pyr_sql_type){PYR_SQL_BIGINT, 0, 0})
#define T_U8 ((pyr_sql_type){PYR_SQL_UTINYINT, 0, 0})
#define T_HUGE ((pyr_sql_type){PYR_SQL_HUGEINT, 0, 0})
#define T_F32 ((pyr_sql_type){PYR_SQL_FLOAT, 0, 0})
#define T_F64 ((pyr_sql_type){PYR_SQL_DOUBLE, 0, 0})
#define T_TEXT ((pyr_sql_type){PYR_SQL_VARCHAR, 0, 0})
#define T_DATE ((pyr_sql_type){PYR_SQL_DATE, 0, 0})
#define T_TIME ((pyr_sql_type){PYR_SQL_TIME, 0, 0})
#define T_STAMP ((pyr_sql_type){PYR_SQL_TIMESTAMP, 0, 0})
#define T_INTERVAL ((pyr_sql_type){PYR_SQL_INTERVAL, 0, 0})
#define T_DECIMAL(p, s) ((pyr_sql_type){PYR_SQL_DECIMAL, p, s})

/* Expressions live until the test group's teardown: support_free. */
pyr_bound_expr *col(int32_t index, pyr_sql_type type);
pyr_bound_expr *i64(pyr_sql_type type, int64_t value); /* integers and times, DECIMAL unscaled */
pyr_bound_expr *f64(double value);
pyr_bound_expr *str(const char *text);
pyr_bound_expr *null_of(pyr_sql_type type);
/* arguments end with NULL; its place is 7, may_fail is true. */
pyr_bound_expr *op(pyr_op op, pyr_sql_type type, ...);
pyr_bound_expr *part(pyr_op op, pyr_date_part part, pyr_sql_type type, pyr_bound_expr *a,
                     pyr_bound_expr *b);
pyr_bound_expr *kind(pyr_bound_expr_kind kind, pyr_sql_type type, ...);
int support_free(void **state);

/* A chunk of columns; all rows. */
typedef struct columns {
    pyr_chunk chunk;
    pyr_vector vectors[8];
    uint64_t words[8][PYR_VECTOR_WORDS]; /* validity */
    uint64_t mask[PYR_VECTOR_WORDS];
} columns;
void columns_init(columns *c, int32_t rows);
/* data borrowed; nulls: rows that are NULL, -1 at the end, or NULL. Gives the column's index. */
int32_t columns_add(columns *c, pyr_physical physical, const void *data, const int32_t *nulls);
/* As Arrow has them: bytes of all, one after the other. */
int32_t columns_add_text(columns *c, const char *bytes, const int32_t *offsets,
                         const int32_t *nulls);
/* Selects those rows, -1 at the end. */
void columns_select(columns *c, const int32_t *rows);
/* Runs one expression and keeps the evaluator until support_free. */
pyr_vector run(columns *c, pyr_bound_expr *expression);
/* The same: what it fails with; the message is in *error. */
pyr_status run_fails(columns *c, pyr_bound_expr *expression, pyr_error *error);
/* Conjuncts, ended by NULL: the rows left as a string of digits "0,2,5". */
const char *filtered(columns *c, char *room, ...);
/* One expression without columns. */
bool constant_of(pyr_bound_expr *expression, pyr_value *out); /* false: NULL */
const char *text_of(pyr_bound_expr *expression);              /* "NULL"; until support_free */

#endif
