/* differ.h - the native engine against DuckDB, and against itself with other threads, morsels and
 * layouts: statements made from a seed over tables whose rows every layout has alike.
 *
 * differ_db.c makes the databases and runs statements, differ_result.c holds and compares results,
 * differ_expr.c and differ_query.c make statements, differ_reduce.c makes failing ones small.
 */
#ifndef PYR_TESTS_DIFFER_H
#define PYR_TESTS_DIFFER_H

#include "base/text.h"
#include "session/session.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- Random numbers that a seed repeats (splitmix64). ---- */
typedef struct differ_random {
    uint64_t state;
} differ_random;
uint64_t differ_next(differ_random *random);
static inline unsigned differ_below(differ_random *random, unsigned below) {
    return (unsigned)((differ_next(random) >> 11) % below);
}
#define DIFFER_PICK(random, list) \
    ((list)[differ_below(random, (unsigned)(sizeof(list) / sizeof((list)[0])))])

/* ---- Results. ---- */

/* A row: its values as text, each but those of floats, and the floats' values beside. */
typedef struct differ_row {
    char *text;
    double *floats;
} differ_row;

typedef struct differ_result {
    pyr_error error; /* PYR_OK: it ran */
    char *schema;    /* "name TYPE, ..." */
    differ_row *rows;
    size_t count, capacity;
    size_t floats; /* of a row */
} differ_result;

void differ_result_deinit(differ_result *result);
/* Takes all of the stream. */
pyr_status differ_result_read(differ_result *result, pyr_stream *stream, pyr_error *error);
/* Whether both say the same: names, types, rows (in their order where ordered, else as a multiset;
 * floats within a tolerance), SQLSTATEs. false: difference says what not. */
bool differ_result_same(differ_result *a, differ_result *b, bool ordered, pyr_text *difference);

/* ---- Databases. ---- */

enum { DIFFER_LAYOUTS = 3 };
typedef struct differ_db {
    pyr_database *dbs[DIFFER_LAYOUTS];
    pyr_connection *natives[DIFFER_LAYOUTS];
    pyr_connection *duckdb; /* of the first layout */
} differ_db;

void differ_db_open(differ_db *db); /* failures end the process */
void differ_db_close(differ_db *db);
/* The tables of differ_db_open: all have the same columns. */
extern const char *const differ_tables[];
enum { DIFFER_TABLES = 6, DIFFER_EXTREMES = 3 /* index of the table of extreme values */ };

/* How the native engine is to run. */
typedef struct differ_way {
    unsigned layout, threads;
    int64_t morsel_rows; /* 0: as it likes */
    bool all_batches;
} differ_way;
void differ_run_native(differ_db *db, const char *sql, const differ_way *way,
                       differ_result *result);
void differ_run_duckdb(differ_db *db, const char *sql, differ_result *result);

/* ---- Statements. ---- */

typedef enum differ_class {
    DIFFER_BOOL,
    DIFFER_INT,
    DIFFER_UINT,
    DIFFER_DECIMAL,
    DIFFER_FLOAT,
    DIFFER_TEXT,
    DIFFER_BLOB,
    DIFFER_DATE,
    DIFFER_TIME,
    DIFFER_TIMESTAMP,
    DIFFER_OTHER_TIMESTAMP, /* seconds, milliseconds, nanoseconds */
    DIFFER_TIMESTAMPTZ,
    DIFFER_INTERVAL,
    DIFFER_CLASSES
} differ_class;

typedef struct differ_column {
    char name[48];
    differ_class kind;
} differ_column;

enum { DIFFER_COLUMNS_MAX = 120 };
typedef struct differ_scope {
    differ_column columns[DIFFER_COLUMNS_MAX];
    unsigned count;
} differ_scope;

typedef struct differ_statement {
    pyr_text sql;
    bool ordered; /* rows come in one order only */
} differ_statement;

typedef struct differ_maker {
    differ_random random;
    bool risky;   /* values may leave their types' ranges: nothing may hide errors then */
    bool inexact; /* a value depends on the order of additions */
    bool inner;   /* within a subquery: nothing inexact */
    int names;    /* given so far */
} differ_maker;

/* The table's columns as alias.name, added to scope. */
void differ_scope_add_table(differ_scope *scope, const char *alias);
void differ_scope_add(differ_scope *scope, const char *name, differ_class kind);
const differ_column *differ_scope_pick(differ_maker *maker, const differ_scope *scope,
                                       differ_class kind); /* NULL: none */
void differ_add_expr(differ_maker *maker, pyr_text *sql, const differ_scope *scope,
                     differ_class kind, int depth);
void differ_add_leaf(differ_maker *maker, pyr_text *sql, const differ_scope *scope,
                     differ_class kind);
differ_class differ_any_class(differ_maker *maker);

/* The statement of that number of a seed. */
void differ_make(uint64_t seed, uint64_t number, differ_statement *out);

/* ---- Small failures. ---- */

/* fails: whether sql still fails as the whole one does. */
typedef bool (*differ_fails)(void *context, const char *sql);
char *differ_reduce(const char *sql, differ_fails fails, void *context); /* malloc'ed */

#endif
