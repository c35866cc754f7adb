/* support_native.h - a catalog in memory, the native engine over it, and queries as text. */
#ifndef PYR_TESTS_SUPPORT_NATIVE_H
#define PYR_TESTS_SUPPORT_NATIVE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"
#include "engines/engine.h"

typedef struct native_fixture {
    pyr_catalog *catalog;
    pyr_engine *engine;
    pyr_engine_session *session;
    pyr_file_access files;
    pyr_query_ledger ledger;
    pyr_cancel_flag cancel;
    pyr_budget *budget;
    pyr_error error; /* of the last query */
} native_fixture;

void native_setup(native_fixture *fixture);
void native_teardown(native_fixture *fixture);

/* Table t: a INTEGER counting from 0, "B c" VARCHAR "v0", "v1", ... (each fifth null), d DOUBLE
 * a/2. One segment an entry of segments, of batches of batch_rows rows. */
void native_create_table(native_fixture *fixture, const char *name, const int64_t *segments,
                         size_t segments_count, int64_t batch_rows);
pyr_batch *native_batch(int64_t first, int64_t rows);

typedef struct native_query {
    pyr_arena arena;
    pyr_parsed *parsed;
    pyr_snapshot *snapshot;
    pyr_engine_query query;
} native_query;
/* Parses sql against the catalog's snapshot now. */
void native_query_init(native_fixture *fixture, const char *sql, pyr_batch *params,
                       native_query *out);
void native_query_deinit(native_query *query);

/* Runs sql. The result's rows go to *batches (a malloc'ed array of retained batches). */
pyr_status native_run(native_fixture *fixture, const char *sql, pyr_batch *params,
                      pyr_schema **schema, pyr_batch ***batches, size_t *count);
void native_batches_free(pyr_batch **batches, size_t count);
/* The result as text: "name type, ...\nvalue, ...\n". Errors as "SQLSTATE at N: message". */
char *native_text(native_fixture *fixture, const char *sql, pyr_batch *params);
#define assert_native(fixture, sql, expected)          \
    do {                                               \
        char *text_ = native_text(fixture, sql, NULL); \
        assert_string_equal(text_, expected);          \
        free(text_);                                   \
    } while (0)

/* A new folder below the system's temporary one; the caller frees the path. */
char *native_temp_folder(void);

#endif
