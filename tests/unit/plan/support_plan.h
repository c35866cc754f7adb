/* support_plan.h - a catalog in memory, tables by their SQL, and plans as text. */
#ifndef PYR_TESTS_SUPPORT_PLAN_H
#define PYR_TESTS_SUPPORT_PLAN_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"
#include "plan/bind.h"

typedef struct plan_fixture {
    pyr_catalog *catalog;
    pyr_budget *budget;
    pyr_query_ledger ledger;
    pyr_error error; /* of the last statement */
} plan_fixture;

void plan_setup(plan_fixture *fixture);
void plan_teardown(plan_fixture *fixture);
/* CREATE TABLE statements, divided by ';'; others are passed over. */
void plan_create(plan_fixture *fixture, const char *sql);
/* Appends rows of BIGINT columns: values row by row; INT64_MIN is NULL. */
void plan_append(plan_fixture *fixture, const char *table, const int64_t *values, size_t rows,
                 size_t columns);

/* The statement's plan; optimize: after the rules. */
pyr_status plan_bind(plan_fixture *fixture, const char *sql, bool optimize, pyr_plan *out);
/* As lines, or "0A000 at 7: message"; the caller frees it. */
char *plan_text(plan_fixture *fixture, const char *sql, bool optimize);
#define assert_plan(fixture, sql, optimize, expected)    \
    do {                                                 \
        char *text_ = plan_text(fixture, sql, optimize); \
        assert_string_equal(text_, expected);            \
        free(text_);                                     \
    } while (0)

/* The corpora's folder; skips the test, visibly, where there is none. */
const char *plan_corpora(void);
char *plan_read_file(const char *path); /* NULL: there is none */

#endif
