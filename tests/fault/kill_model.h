/* kill_model.h - what each writer thread of the kill test has done: it lies in memory shared with
 * the parent, so that it is there when the process is killed.
 *
 * A thread touches rows of its own alone. Before an operation it writes down the state that its
 * rows have after it (an op); when the call has returned, what it returned. So of each thread at
 * most one operation is in doubt when the process dies, and is there wholly or not at all.
 */
#ifndef PYR_FAULT_KILL_MODEL_H
#define PYR_FAULT_KILL_MODEL_H

#include "fault_db.h"

#include <stdatomic.h>

enum {
    OWNERS = 6,
    TXS_MAX = 4000, /* of an owner, before a fresh database is begun */
    KEYS = 64,      /* of an owner */
    EFFECTS_MAX = 16,
    KEY_EFFECTS_MAX = 64,
    BULK_ROWS = 5000 /* and more: a large append */
};

/* PLAIN and PAIR are shared by all threads, OWN is a table of the thread's that comes and goes.
 * PAIR has a sort_key: there compaction may give a writer 40001. */
typedef enum kill_table { PLAIN, PAIR, OWN, TABLES } kill_table;
extern const char *const kill_table_names[TABLES]; /* of OWN: to be followed by the owner */

/* The rows (owner, tx, n, v) of a transaction that wrote them: n from lo up to count, the values
 * those of revision. count 0: none. */
typedef struct tx_rows {
    int32_t count;
    int32_t lo;
    int32_t revision;
} tx_rows;
int64_t kill_row_value(int64_t owner, int64_t tx, int64_t n, int64_t revision);

typedef struct effect {
    kill_table table;
    int32_t tx;
    tx_rows after;
} effect;
typedef struct key_effect {
    int32_t key;
    int64_t after; /* 0: no such row */
} key_effect;

typedef enum op_stage { OP_NONE, OP_BEGUN, OP_DONE, OP_FAILED } op_stage;
typedef struct kill_op {
    _Atomic int stage;
    int effects_count;
    effect effects[EFFECTS_MAX];
    int keys_count;
    key_effect keys[KEY_EFFECTS_MAX];
    bool own_exists; /* after it */
    char text[96];   /* for people */
} kill_op;

typedef struct owner_model {
    int32_t txs; /* used; the next one's number */
    bool own_exists;
    tx_rows rows[TABLES][TXS_MAX];
    int64_t keyed[KEYS];
    kill_op op;
    int64_t done, conflicts; /* operations so far, of the whole test */
} owner_model;

typedef struct kill_model {
    owner_model owners[OWNERS];
    atomic_bool stop; /* the writers are to end */
    int told; /* of the writers' process: a byte goes there for each operation that is done */
    int64_t in_doubt, landed;
} kill_model;

void kill_model_clear(kill_model *model); /* of a fresh database; keeps the totals */
/* Whether an owner's numbers are used up. */
bool kill_model_is_full(const kill_model *model);
void kill_op_clear(kill_op *op, bool own_exists);
void kill_op_rows(kill_op *op, kill_table table, int32_t tx, tx_rows after);
void kill_op_key(kill_op *op, int32_t key, int64_t after);
/* What the op does, any number of times. */
void kill_op_apply(owner_model *model);

/* Reads the whole database and holds it against the model: what is acknowledged is there, once; an
 * operation in doubt wholly or not, and the model has then what was found. Prints what differs. */
bool kill_model_check(kill_model *model, fault_db *db);

/* The tables, where they are not there. */
void kill_make_tables(fault_db *db);
/* Recovery, then all that is promised, by a process that recovered and as one that only reads. Ends
 * the process where the database cannot be opened. */
bool kill_look(kill_model *model, const char *path);

/* Threads that write until model->stop, or until the process is killed. */
void kill_write(kill_model *model, fault_db *db, uint64_t seed);

#endif
