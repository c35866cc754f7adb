/* fault_db.h - what the fault tests share: an open database, statements, rows, and what a database
 * that lost nothing looks like. A failure that no test expects is printed and ends the process with
 * FAULT_BROKEN.
 */
#ifndef PYR_FAULT_DB_H
#define PYR_FAULT_DB_H

#include "pyralog.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { FAULT_BROKEN = 3, FAULT_COLUMNS_MAX = 8 };

typedef struct fault_db {
    const char *path; /* borrowed */
    pyr_database *db;
    pyr_connection *connection;
    int64_t rows_changed; /* by the last statement that was run */
    pyr_error error;      /* of the last call that failed */
} fault_db;

/* Prints and ends the process. */
_Noreturn void fault_die(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* PYR_OK, or error is set and nothing is open. */
pyr_status fault_open(fault_db *self, const char *path, bool readonly);
/* The same, where failure is the end of the process. */
void fault_must_open(fault_db *self, const char *path, bool readonly);
/* Another connection to the same database; fault_disconnect closes it. */
pyr_status fault_connect(fault_db *self, const fault_db *other);
void fault_disconnect(fault_db *self);
void fault_close(fault_db *self);

/* One statement, printf's way (up to 64 KiB). */
pyr_status fault_run(fault_db *self, const char *format, ...) __attribute__((format(printf, 2, 3)));
pyr_status fault_run_text(fault_db *self, const char *sql);
/* The same, where failure is the end of the process. */
void fault_must(fault_db *self, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Every row of a query whose columns are BIGINTs without nulls. */
typedef void (*fault_visit)(void *context, const int64_t *values);
pyr_status fault_rows(fault_db *self, const char *sql, fault_visit visit, void *context);
/* The value of a query of one row and column. */
int64_t fault_value(fault_db *self, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Whether there is such a table. */
bool fault_has_table(fault_db *self, const char *name);

/* Batches of BIGINTs, all columns of rows_count rows, by value(context, row, column); rows_max a
 * batch. */
typedef int64_t (*fault_make)(void *context, int64_t row, int column);
typedef struct fault_source {
    const char *const *names;
    int columns;
    int64_t rows_count;
    int64_t rows_max;
    fault_make make;
    void *context;
} fault_source;
pyr_status fault_ingest(fault_db *self, const char *table, const fault_source *source);

/* Whether verify finds nothing bad; prints what it finds. */
bool fault_verify(fault_db *self);
/* Whether every file below segments/ is named by the catalog and is there, and tmp/ is empty. The
 * database is to be open and at rest: nobody writes. */
bool fault_files_are_named(fault_db *self);

/* ---- Random numbers that a seed repeats (splitmix64). ---- */
typedef struct fault_random {
    uint64_t state;
} fault_random;
uint64_t fault_mix(uint64_t value);
uint64_t fault_next(fault_random *random);
/* 0 up to below - 1. */
int64_t fault_below(fault_random *random, int64_t below);

/* ---- Processes, folders. ---- */
/* How a child ended, as waitpid says it. */
int fault_wait(pid_t child);
bool fault_ended(int status, int code); /* by itself, with this code */
/* A fresh folder's path below TMPDIR; malloc'ed. */
char *fault_folder(const char *name);
char *fault_join(const char *folder, const char *name); /* malloc'ed */
void fault_remove(const char *path);
/* libduckdb loaded, so that processes forked from here need not; nothing of it runs. */
void fault_load_engine(void);

#endif
