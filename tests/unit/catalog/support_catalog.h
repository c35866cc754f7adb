/* support_catalog.h - tables of two columns, other processes and what lies in a database's folder,
 * for the tests of src/catalog. Each function fails the test when something goes wrong. */
#ifndef TESTS_CATALOG_SUPPORT_CATALOG_H
#define TESTS_CATALOG_SUPPORT_CATALOG_H

#include "unit/storage/support_storage.h"

#include "catalog/catalog.h"

#include <sys/types.h>

typedef struct fixture {
    char *folder;
    const char *path; /* FOLDER/db */
    pyr_error error;
} fixture;
int set_up(void **state);
int tear_down(void **state);
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* For writing, every append into a file of its own: hot segments have a test of theirs. */
pyr_catalog *open_catalog(const char *path);
pyr_catalog *open_readonly(const char *path);
/* a BIGINT NOT NULL, b VARCHAR. The caller releases it. */
pyr_schema *two_columns(void);
void create_table(pyr_catalog *catalog, const char *name);
void create_table_with(pyr_catalog *catalog, const char *name, const pyr_table_option *options,
                       size_t count);
/* rows from first on. */
pyr_batch *rows_batch(int64_t first, int64_t rows);
pyr_appender *open_appender(pyr_catalog *catalog, const char *name);
void append(pyr_appender *appender, int64_t first, int64_t rows);
void append_rows(pyr_catalog *catalog, const char *name, int64_t first, int64_t rows);

pyr_snapshot *snapshot_of(pyr_catalog *catalog);
/* Reads every batch: the number of rows, and the sum of a. -1 where the table is not there. */
int64_t count_rows(const pyr_snapshot *snapshot, const char *name, int64_t *sum);
int64_t rows_now(pyr_catalog *catalog, const char *name);

/* Files whose name ends in .arrow below PATH/segments. */
int count_files(const char *path);

/* This program again, in another process, as `--ROLE PATH`; main hands its arguments to play_role
 * first. hold: opens the database for writing, says so, and closes it when its input ends. append:
 * appends ten rows to t and ends without closing anything. */
typedef struct other {
    pid_t pid;
    int input;
    int output;
} other;
other start_other(const char *role, const char *path); /* returns when the other says so */
void end_other(other *process);                        /* closes its input and waits for it */
void kill_other(other *process);                       /* kill -9 */
/* -1 where the arguments name no role; else what main returns. */
int play_role(int argc, char **argv);

#endif
