/* oracle_model.h - tables in memory with snapshot isolation, as simple as can be: a transaction has
 * a copy of everything as it was when it began, and one that it changes; a commit compares the two.
 */
#ifndef PYR_FAULT_ORACLE_MODEL_H
#define PYR_FAULT_ORACLE_MODEL_H

#include "fault_db.h"

enum { ROWS_MAX = 6000, VALUES_MAX = 40, KEYS_A = 5, KEYS_ID = 60, KEYS_MAX = KEYS_A * KEYS_ID };

/* P0, P1: plain tables, in which an id may stand several times. K0 has PRIMARY KEY (id), K1 (a,
 * id). D0 is plain and comes and goes. Columns of all: id, a, v BIGINT, pad VARCHAR; x BIGINT comes
 * and goes. */
typedef enum oracle_table { P0, P1, D0, K0, K1, ORACLE_TABLES } oracle_table;
extern const char *const oracle_names[ORACLE_TABLES];
bool oracle_is_keyed(oracle_table table);

/* version: another number for each time any row was written. */
typedef struct oracle_row {
    int64_t version, id, a, v, pad, x; /* pad: its length; x: 0 where there is no such column */
} oracle_row;
typedef struct oracle_rows {
    int64_t incarnation; /* 0: there is no such table */
    int64_t alterations;
    bool has_x;
    int64_t x_default;
    int count;
    bool touched; /* by a transaction, in whatever way */
    bool keys_touched[KEYS_MAX];
    oracle_row rows[ROWS_MAX];
} oracle_rows;
typedef struct oracle_state {
    oracle_rows tables[ORACLE_TABLES];
} oracle_state;
void oracle_copy(oracle_state *to, const oracle_state *from);
/* 0 up to KEYS_MAX - 1. */
int oracle_key(oracle_table table, const oracle_row *row);
/* Ascending by id, a, v, pad. */
void oracle_sort(oracle_row *rows, int count);

typedef enum oracle_where { ALL, A_EQ, A_BETWEEN, ID_MOD, ID_EQ, ID_BETWEEN, V_LESS } oracle_where;
typedef struct oracle_predicate {
    oracle_where kind;
    int64_t x, y;
} oracle_predicate;

typedef enum oracle_kind {
    INSERT_VALUES,
    INSERT_RANGE,   /* rows of 3,000 bytes each, which make a file */
    INSERT_SELECT,  /* from source where predicate, v + c */
    INSERT_NOTHING, /* ON CONFLICT DO NOTHING; keyed tables alone, like the next two */
    INSERT_UPDATE,  /* ON CONFLICT DO UPDATE SET v = v + excluded.v */
    INSERT_REPLACE,
    UPDATE_V, /* SET v = v + c WHERE predicate */
    UPDATE_A, /* SET a = c; plain tables alone */
    UPDATE_X, /* SET x = c where there is an x */
    DELETE,
    TRUNCATE,
    MERGE, /* v is divisible by 3: DELETE, else UPDATE SET v, else INSERT */
    STATEMENT_KINDS
} oracle_kind;
typedef struct oracle_statement {
    oracle_kind kind;
    oracle_table table, source;
    oracle_predicate predicate;
    int64_t c;
    int count;
    oracle_row
        rows[VALUES_MAX]; /* of another id (and a) each; INSERT_RANGE: the first one, count */
} oracle_statement;

void oracle_print(const oracle_statement *statement, char *sql, size_t size_bytes);
/* Changes state as the statement does; versions: the last number given. NULL, or the SQLSTATE that
 * it fails with, having changed nothing. rows_changed: what it reports. */
const char *oracle_apply(oracle_state *state, const oracle_statement *statement, int64_t *versions,
                         int64_t *rows_changed);

/* ALTER TABLE ADD COLUMN x BIGINT DEFAULT x_default, or DROP COLUMN x where it is there. */
void oracle_alter(oracle_rows *rows, int64_t x_default);

/* What a commit may answer. */
typedef struct oracle_verdict {
    bool may_succeed;
    bool conflict; /* 40001 */
    bool key;      /* 23505 */
    bool table;    /* 42P01 */
} oracle_verdict;
/* Of the transaction that made mine out of base, while committed is what is there now. */
oracle_verdict oracle_judge(const oracle_state *committed, const oracle_state *base,
                            const oracle_state *mine);
/* The commit, where it succeeds. */
void oracle_commit(oracle_state *committed, const oracle_state *base, const oracle_state *mine);

#endif
