/* kill_writer.c - the threads that write while the process is killed: one operation after the other
 * on rows of their own, in tables that all share. See kill_model.h. */
#include "kill_model.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct writer {
    pthread_t thread;
    int owner;
    owner_model *model;
    fault_db db;
    fault_random random;
    const atomic_bool *stop;
    int told;
    bool broken; /* a statement of the transaction failed */
    char *sql;
} writer;

enum { SQL_BYTES = 64 << 10 };

static int64_t below(writer *self, int64_t limit) {
    return fault_below(&self->random, limit);
}

/* ---- One operation: begin, statements, end. ---- */

static void begin_op(writer *self) {
    kill_op_clear(&self->model->op, self->model->own_exists);
    self->broken = false;
}

/* What the operation does has been written down. */
static void start_op(writer *self, const char *text) {
    (void)snprintf(self->model->op.text, sizeof(self->model->op.text), "%s", text);
    atomic_store(&self->model->op.stage, OP_BEGUN);
}

static void end_op(writer *self, bool done) {
    atomic_store(&self->model->op.stage, done ? OP_DONE : OP_FAILED);
    if (done) {
        kill_op_apply(self->model);
    }
    self->model->done += done;
    self->model->conflicts += !done;
    atomic_store(&self->model->op.stage, OP_NONE);
    if (self->told >= 0) {
        (void)!write(self->told, "", 1);
    }
}

static bool touches_pair(const kill_op *op) {
    for (int i = 0; i < op->effects_count; ++i) {
        if (op->effects[i].table == PAIR) {
            return true;
        }
    }
    return false;
}

/* Only a conflict may be refused, and that only by the table whose rows compaction sorts. */
static void note(writer *self, pyr_status status) {
    if (status == PYR_OK) {
        return;
    }
    if (strcmp(self->db.error.sqlstate, "40001") != 0 || !touches_pair(&self->model->op)) {
        fault_die("owner %d: %s: %.200s: %s: %s", self->owner, self->model->op.text, self->sql,
                  self->db.error.sqlstate, self->db.error.message);
    }
    self->broken = true;
}

static void run(writer *self) {
    if (!self->broken) {
        note(self, fault_run_text(&self->db, self->sql));
    }
}

static void run_named(writer *self, const char *sql) {
    (void)snprintf(self->sql, SQL_BYTES, "%s", sql);
    run(self);
}

/* ---- Statements. ---- */

static const char *table_name(const writer *self, kill_table table, char name[16]) {
    (void)snprintf(name, 16, table == OWN ? "%s%d" : "%s", kill_table_names[table], self->owner);
    return name;
}

static void insert(writer *self, kill_table table, int32_t tx, int32_t count) {
    char name[16];
    int length =
        snprintf(self->sql, SQL_BYTES, "INSERT INTO %s VALUES ", table_name(self, table, name));
    for (int32_t n = 0; n < count; ++n) {
        length += snprintf(self->sql + length, (size_t)(SQL_BYTES - length), "%s(%d, %d, %d, %lld)",
                           n > 0 ? ", " : "", self->owner, (int)tx, (int)n,
                           (long long)kill_row_value(self->owner, tx, n, 0));
    }
    run(self);
}

static void change(writer *self, kill_table table, int32_t tx, tx_rows after) {
    char name[16];
    const tx_rows *before = &self->model->rows[table][tx];
    table_name(self, table, name);
    if (after.count == 0) {
        (void)snprintf(self->sql, SQL_BYTES, "DELETE FROM %s WHERE owner = %d AND tx = %d", name,
                       self->owner, (int)tx);
    } else if (after.lo != before->lo) {
        (void)snprintf(self->sql, SQL_BYTES,
                       "DELETE FROM %s WHERE owner = %d AND tx = %d AND n < %d", name, self->owner,
                       (int)tx, (int)after.lo);
    } else {
        (void)snprintf(self->sql, SQL_BYTES,
                       "UPDATE %s SET v = v + 1000003 WHERE owner = %d AND tx = %d", name,
                       self->owner, (int)tx);
    }
    run(self);
}

static int64_t bulk_value(void *context, int64_t row, int column) {
    const int32_t *of = context; /* owner, tx */
    return column == 0   ? of[0]
           : column == 1 ? of[1]
           : column == 2 ? row
                         : kill_row_value(of[0], of[1], row, 0);
}

static void ingest(writer *self, kill_table table, int32_t tx, int32_t count) {
    static const char *const columns[] = {"owner", "tx", "n", "v"};
    char name[16];
    int32_t of[] = {self->owner, tx};
    fault_source source = {columns, 4, count, 1 + below(self, 50000), bulk_value, of};
    (void)snprintf(self->sql, SQL_BYTES, "ingest of %d", (int)count);
    note(self, fault_ingest(&self->db, table_name(self, table, name), &source));
}

/* A transaction of the past that has rows; -1. At least rows_min of them. */
static int32_t pick(writer *self, kill_table table, int32_t rows_min) {
    int32_t txs = self->model->txs;
    for (int i = 0; i < 20 && txs > 0; ++i) {
        int32_t tx = (int32_t)below(self, txs);
        if (self->model->rows[table][tx].count >= rows_min && rows_min > 0) {
            return tx;
        }
    }
    return -1;
}

/* All gone, the first ones gone, or another revision. */
static tx_rows pick_change(writer *self, tx_rows rows) {
    int64_t kind = below(self, 3);
    if (kind == 0) {
        return (tx_rows){0, 0, 0};
    }
    if (kind == 1 && rows.count - rows.lo > 1) {
        rows.lo += (int32_t)(1 + below(self, rows.count - rows.lo - 1));
    } else {
        rows.revision += 1;
    }
    return rows;
}

/* ---- Operations. ---- */

static void do_insert(writer *self) {
    int32_t count = below(self, 2) == 0 ? 1 : (int32_t)(2 + below(self, 40));
    kill_table table = (kill_table)below(self, 2);
    int32_t tx = self->model->txs++;
    begin_op(self);
    kill_op_rows(&self->model->op, table, tx, (tx_rows){count, 0, 0});
    start_op(self, "insert");
    insert(self, table, tx, count);
    end_op(self, !self->broken);
}

static int32_t find_bulk(const owner_model *model, kill_table table) {
    int32_t found = -1;
    int count = 0;
    for (int32_t tx = 0; tx < model->txs; ++tx) {
        if (model->rows[table][tx].count >= BULK_ROWS) {
            found = found < 0 ? tx : found;
            count += 1;
        }
    }
    return count >= 2 ? found : -1;
}

/* The oldest one goes in the same transaction where there are two. */
static void do_ingest(writer *self) {
    kill_table table = (kill_table)below(self, 2);
    int32_t old = find_bulk(self->model, table);
    int32_t tx = self->model->txs++;
    int32_t count = (int32_t)(BULK_ROWS + below(self, below(self, 8) == 0 ? 150000 : 25000));
    begin_op(self);
    kill_op_rows(&self->model->op, table, tx, (tx_rows){count, 0, 0});
    if (old >= 0) {
        kill_op_rows(&self->model->op, table, old, (tx_rows){0, 0, 0});
    }
    start_op(self, "ingest");
    if (old >= 0) {
        run_named(self, "BEGIN");
        change(self, table, old, (tx_rows){0, 0, 0});
    }
    if (!self->broken) {
        ingest(self, table, tx, count);
    }
    if (old >= 0) {
        run_named(self, "COMMIT");
    }
    if (old >= 0 && self->broken) {
        (void)fault_run(&self->db, "ROLLBACK");
    }
    end_op(self, !self->broken);
}

static void do_change(writer *self) {
    kill_table table = (kill_table)below(self, 2);
    int32_t tx = pick(self, table, 1);
    if (tx < 0) {
        return;
    }
    tx_rows after = pick_change(self, self->model->rows[table][tx]);
    begin_op(self);
    kill_op_rows(&self->model->op, table, tx, after);
    start_op(self, "change");
    change(self, table, tx, after);
    end_op(self, !self->broken);
}

static bool all_keys_are_there(const owner_model *model, int first, int count) {
    for (int k = first; k < first + count; ++k) {
        if (model->keyed[k] == 0) {
            return false;
        }
    }
    return true;
}

/* Keys from first on: ON CONFLICT DO UPDATE, or UPDATE where that does the same. */
static void upsert(writer *self, int first, int count, int64_t value) {
    if (below(self, 2) == 0 && all_keys_are_there(self->model, first, count)) {
        (void)snprintf(
            self->sql, SQL_BYTES,
            "UPDATE keyed SET v = %lld, u = (owner * %d + k) * 1000000 + %lld WHERE owner "
            "= %d AND k BETWEEN %d AND %d",
            (long long)value, KEYS, (long long)value, self->owner, first, first + count - 1);
        run(self);
        return;
    }
    int length = snprintf(self->sql, SQL_BYTES, "INSERT INTO keyed VALUES ");
    for (int k = first; k < first + count; ++k) {
        length +=
            snprintf(self->sql + length, (size_t)(SQL_BYTES - length), "%s(%d, %d, %lld, %lld)",
                     k > first ? ", " : "", self->owner, k, (long long)value,
                     ((long long)self->owner * KEYS + k) * 1000000 + (long long)value);
    }
    (void)snprintf(self->sql + length, (size_t)(SQL_BYTES - length),
                   " ON CONFLICT (owner, k) DO UPDATE SET v = excluded.v, u = excluded.u");
    run(self);
}

static void delete_keys(writer *self, int first, int count) {
    (void)snprintf(self->sql, SQL_BYTES,
                   "DELETE FROM keyed WHERE owner = %d AND k >= %d AND k < %d", self->owner, first,
                   first + count);
    run(self);
}

static void do_keyed(writer *self) {
    int first = (int)below(self, KEYS);
    int count = 1 + (int)below(self, KEYS - first < 20 ? KEYS - first : 20);
    int64_t value = below(self, 3) == 0 ? 0 : 1 + self->model->done;
    begin_op(self);
    for (int k = first; k < first + count; ++k) {
        kill_op_key(&self->model->op, k, value);
    }
    start_op(self, value == 0 ? "delete keys" : "upsert");
    if (value == 0) {
        delete_keys(self, first, count);
    } else {
        upsert(self, first, count, value);
    }
    end_op(self, !self->broken);
}

/* Rows of both tables under one number, changes of older ones, keys: all or nothing. */
static void do_transaction(writer *self) {
    kill_op *op = &self->model->op;
    int32_t tx = self->model->txs++;
    int32_t counts[] = {(int32_t)(1 + below(self, 30)), (int32_t)(1 + below(self, 30))};
    int32_t old[2];
    tx_rows after[2];
    int64_t value = 1 + self->model->done;
    int first = (int)below(self, KEYS - 8);
    bool roll_back = below(self, 8) == 0;
    begin_op(self);
    for (int i = 0; i < 2; ++i) {
        old[i] = pick(self, (kill_table)i, 1);
        after[i] =
            old[i] < 0 ? (tx_rows){0, 0, 0} : pick_change(self, self->model->rows[i][old[i]]);
        if (!roll_back) {
            kill_op_rows(op, (kill_table)i, tx, (tx_rows){counts[i], 0, 0});
        }
        if (!roll_back && old[i] >= 0) {
            kill_op_rows(op, (kill_table)i, old[i], after[i]);
        }
    }
    for (int k = first; k < first + 8 && !roll_back; ++k) {
        kill_op_key(op, k, value);
    }
    start_op(self, roll_back ? "transaction rolled back" : "transaction");
    run_named(self, "BEGIN");
    for (int i = 0; i < 2; ++i) {
        insert(self, (kill_table)i, tx, counts[i]);
        if (old[i] >= 0) {
            change(self, (kill_table)i, old[i], after[i]);
        }
    }
    upsert(self, first, 8, value);
    if (!roll_back) {
        run_named(self, "COMMIT");
    }
    if (roll_back || self->broken) {
        (void)fault_run(&self->db, "ROLLBACK");
    }
    end_op(self, !self->broken);
}

/* What fills the thread's own table; -1. */
static int32_t find_own(const owner_model *model) {
    int32_t tx = model->txs - 1;
    while (tx >= 0 && model->rows[OWN][tx].count == 0) {
        --tx;
    }
    return tx;
}

/* The thread's own table: made (with rows or without), filled, truncated, dropped. */
static void do_own(writer *self) {
    kill_op *op = &self->model->op;
    owner_model *model = self->model;
    int32_t tx = find_own(model);
    begin_op(self);
    if (!model->own_exists) {
        op->own_exists = true;
        start_op(self, "create own");
        (void)snprintf(self->sql, SQL_BYTES,
                       "CREATE TABLE own%d (owner BIGINT, tx BIGINT, n BIGINT, v BIGINT)",
                       self->owner);
        run(self);
    } else if (tx < 0) {
        tx = model->txs++;
        int32_t count = below(self, 3) == 0 ? BULK_ROWS * 3 : 1 + (int32_t)below(self, 20);
        kill_op_rows(op, OWN, tx, (tx_rows){count, 0, 0});
        start_op(self, "fill own");
        if (count < BULK_ROWS) {
            insert(self, OWN, tx, count);
        } else {
            ingest(self, OWN, tx, count);
        }
    } else {
        kill_op_rows(op, OWN, tx, (tx_rows){0, 0, 0});
        bool drop = below(self, 2) == 0;
        op->own_exists = !drop;
        start_op(self, drop ? "drop own" : "truncate own");
        (void)snprintf(self->sql, SQL_BYTES, "%s own%d", drop ? "DROP TABLE" : "TRUNCATE",
                       self->owner);
        run(self);
    }
    end_op(self, !self->broken);
}

static void do_maintain(writer *self) {
    begin_op(self);
    start_op(self, "maintain");
    run_named(self, below(self, 2) == 0 ? "CHECKPOINT" : "VACUUM");
    end_op(self, !self->broken);
}

static void do_one(writer *self) {
    int64_t choice = below(self, 100);
    if (choice < 40) {
        do_insert(self);
    } else if (choice < 45) {
        do_ingest(self);
    } else if (choice < 60) {
        do_change(self);
    } else if (choice < 75) {
        do_keyed(self);
    } else if (choice < 92) {
        do_transaction(self);
    } else if (choice < 98) {
        do_own(self);
    } else {
        do_maintain(self);
    }
}

static void *work(void *argument) {
    writer *self = argument;
    while (!atomic_load(self->stop) && self->model->txs < TXS_MAX) {
        do_one(self);
    }
    return NULL;
}

void kill_write(kill_model *model, fault_db *db, uint64_t seed) {
    static writer writers[OWNERS];
    for (int i = 0; i < OWNERS; ++i) {
        writer *self = &writers[i];
        *self = (writer){
            .owner = i, .model = &model->owners[i], .stop = &model->stop, .told = model->told};
        self->random.state = seed + (uint64_t)i;
        self->sql = malloc(SQL_BYTES);
        if (self->sql == NULL || fault_connect(&self->db, db) != PYR_OK ||
            pthread_create(&self->thread, NULL, work, self) != 0) {
            fault_die("a writer could not be started");
        }
    }
    for (int i = 0; i < OWNERS; ++i) {
        (void)pthread_join(writers[i].thread, NULL);
        fault_disconnect(&writers[i].db);
        free(writers[i].sql);
    }
}
