/* support_duckdb.h - an engine over a catalog in memory, for the tests of the DuckDB engine. */
#ifndef PYR_TESTS_SUPPORT_DUCKDB_H
#define PYR_TESTS_SUPPORT_DUCKDB_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"
#include "catalog/change.h"
#include "engines/duckdb/duckdb_engine.h"

typedef struct duck {
    pyr_catalog *catalog;
    pyr_snapshot *snapshot;
    pyr_engine *engine;
    pyr_engine_session *session;
    pyr_file_access files; /* unrestricted until changed */
    pyr_query_ledger ledger;
    pyr_cancel_flag cancel;
    unsigned threads;
    size_t memory_limit_bytes;
    const char *time_unit;
    const char *temp_folder;
    pyr_batch *params; /* borrowed; NULL: none */
    bool all_batches;  /* zone maps skip none */
    pyr_error error;
    char folder[64]; /* a temporary one, removed at the end */
} duck;

/* cmocka fixtures. duck_setup_restricted: files only below folder. */
int duck_setup(void **state);
int duck_setup_restricted(void **state);
int duck_teardown(void **state);

/* Appends a batch to a table of main, made where it is not there; takes the batch's reference. The
 * snapshot is the newest afterwards. */
void duck_append(duck *d, const char *table, pyr_batch *batch);
/* A view, macro and the like of main; the snapshot is the newest afterwards. */
void duck_define(duck *d, pyr_entry_kind kind, const char *name, const char *definition);
/* Table "t" of rows in batches of batch_rows: a BIGINT = row, b BIGINT = -row, c DOUBLE = row / 4
 * with each seventh NULL, s VARCHAR ("s<row % 100>", or long ones at each tenth row), d DATE, k
 * dictionary<utf8> of row % 5, flag BOOLEAN. */
void duck_fill(duck *d, int64_t rows, int64_t batch_rows);
pyr_batch *duck_rows(int64_t first, int64_t count);
/* A batch of one schema from arrays; takes both. */
pyr_batch *duck_batch(const char *const *names, pyr_array **columns, int32_t count);
pyr_array *duck_int64s(const int64_t *values, int64_t count);

pyr_engine_query duck_query(duck *d, const char *sql);
/* Runs it; the rows as text: values by '|', rows by '\n'. The caller frees. */
char *duck_ask(duck *d, const char *sql);
void duck_equals(duck *d, const char *sql, const char *expected);
/* It fails with that SQLSTATE, in prepare, execute or while it is read. d->error has the rest. */
void duck_fails(duck *d, const char *sql, const char *sqlstate);
/* The first failure, or PYR_OK; the last schema. */
pyr_status duck_run(duck *d, const char *sql, pyr_text *rows, pyr_schema **schema);

#endif
