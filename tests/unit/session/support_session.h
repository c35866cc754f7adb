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
/* A folder that teardown does not know of: the caller removes it with remove_folder. */
char *make_folder(void);
void remove_folder(char *folder);

#endif
