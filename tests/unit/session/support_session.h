/* support_session.h - a database in memory with one connection, and short ways to ask it things. */
#ifndef PYR_TESTS_SUPPORT_SESSION_H
#define PYR_TESTS_SUPPORT_SESSION_H

#include "arrow/batch.h"
#include "pyralog.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

typedef struct fixture {
    pyr_database *db;
    pyr_connection *connection;
    pyr_error error;
} fixture;

int fixture_setup(void **state);
int fixture_teardown(void **state);

/* Runs statements that must succeed; gives the last one's rows changed. */
int64_t run(fixture *f, const char *sql);
/* Runs statements that must fail; checks the SQLSTATE. The error stays in f->error. */
void run_fails(fixture *f, const char *sql, const char *sqlstate);
/* The whole result as text: columns by '|', rows by '\n'. The caller frees it. */
char *ask(fixture *f, const char *sql, const pyr_params *params);
void expect(fixture *f, const char *sql, const char *text);
/* sql with its %s replaced by argument, run with run, expect, run_fails. */
int64_t run_with(fixture *f, const char *sql, const char *argument);
void expect_with(fixture *f, const char *sql, const char *argument, const char *text);
void run_with_fails(fixture *f, const char *sql, const char *argument, const char *sqlstate);

/* One row of parameters, as a program would hand them over. Takes the columns. */
typedef struct bound_params {
    struct ArrowSchema schema;
    struct ArrowArray array;
    pyr_params params;
} bound_params;
void params_init(bound_params *params, pyr_array **columns, int32_t count);
void params_deinit(bound_params *params);
/* A column of one value. */
pyr_array *int64_value(int64_t value);
pyr_array *text_value(const char *value);

/* Batches as a foreign stream; the caller keeps its batches. */
void stream_of(pyr_batch **batches, size_t count, struct ArrowArrayStream *out);
/* How many rows a stream has; it is released. */
int64_t drain(struct ArrowArrayStream *stream);
/* The value of one key of the ledger's copies; 0 where it is not there. */
int64_t copied(const pyr_ledger_report *ledger, const char *reason);
/* A folder that teardown does not know of: the caller removes it with remove_folder. */
char *make_folder(void);
void remove_folder(char *folder);

#endif
