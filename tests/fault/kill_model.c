/* kill_model.c - see kill_model.h. */
#include "kill_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const kill_table_names[TABLES] = {"plain", "pair", "own"};

int64_t kill_row_value(int64_t owner, int64_t tx, int64_t n, int64_t revision) {
    return ((owner * TXS_MAX + tx) * 7919 + n) % 1000003 + revision * 1000003;
}

void kill_model_clear(kill_model *model) {
    for (int i = 0; i < OWNERS; ++i) {
        owner_model *owner = &model->owners[i];
        owner->txs = 0;
        owner->own_exists = false;
        memset(owner->rows, 0, sizeof(owner->rows));
        memset(owner->keyed, 0, sizeof(owner->keyed));
        kill_op_clear(&owner->op, false);
    }
}

bool kill_model_is_full(const kill_model *model) {
    for (int i = 0; i < OWNERS; ++i) {
        if (model->owners[i].txs >= TXS_MAX * 3 / 4) {
            return true;
        }
    }
    return false;
}

/* ---- Operations. ---- */

void kill_op_clear(kill_op *op, bool own_exists) {
    atomic_store(&op->stage, OP_NONE);
    op->effects_count = 0;
    op->keys_count = 0;
    op->own_exists = own_exists;
    op->text[0] = '\0';
}

void kill_op_rows(kill_op *op, kill_table table, int32_t tx, tx_rows after) {
    if (op->effects_count == EFFECTS_MAX) {
        fault_die("too many effects");
    }
    op->effects[op->effects_count++] = (effect){table, tx, after};
}

void kill_op_key(kill_op *op, int32_t key, int64_t after) {
    if (op->keys_count == KEY_EFFECTS_MAX) {
        fault_die("too many keys");
    }
    op->keys[op->keys_count++] = (key_effect){key, after};
}

void kill_op_apply(owner_model *model) {
    const kill_op *op = &model->op;
    for (int i = 0; i < op->effects_count; ++i) {
        model->rows[op->effects[i].table][op->effects[i].tx] = op->effects[i].after;
    }
    for (int i = 0; i < op->keys_count; ++i) {
        model->keyed[op->keys[i].key] = op->keys[i].after;
    }
    model->own_exists = op->own_exists;
}

/* ---- What is found. Rows are summed up by a hash each: equal sums of as many rows are equal rows.
 * ---- */

typedef struct found_rows {
    int64_t count;
    uint64_t sum;
} found_rows;

typedef struct all_found {
    found_rows rows[TABLES][OWNERS][TXS_MAX];
    int64_t keyed[OWNERS][KEYS];
    bool own_exists[OWNERS];
    int64_t foreign; /* rows that nobody can have written */
    int table;       /* being read */
} all_found;

static uint64_t hash_row(int64_t n, int64_t value) {
    return fault_mix((uint64_t)n * 0x9e3779b97f4a7c15U + (uint64_t)value);
}

static void see_row(void *context, const int64_t *values) {
    all_found *self = context;
    if (values[0] < 0 || values[0] >= OWNERS || values[1] < 0 || values[1] >= TXS_MAX) {
        self->foreign += 1;
        return;
    }
    found_rows *rows = &self->rows[self->table][values[0]][values[1]];
    rows->count += 1;
    rows->sum += hash_row(values[2], values[3]);
}

/* (owner, k, v, u), u is UNIQUE. */
static void see_keyed(void *context, const int64_t *values) {
    all_found *self = context;
    if (values[0] < 0 || values[0] >= OWNERS || values[1] < 0 || values[1] >= KEYS ||
        self->keyed[values[0]][values[1]] != 0 ||
        values[3] != (values[0] * KEYS + values[1]) * 1000000 + values[2]) {
        self->foreign += 1;
        return;
    }
    self->keyed[values[0]][values[1]] = values[2];
}

static void read_table(all_found *self, fault_db *db, kill_table table, int owner) {
    char sql[64];
    self->table = (int)table;
    if (table == OWN) {
        (void)snprintf(sql, sizeof(sql), "SELECT * FROM own%d", owner);
    } else {
        (void)snprintf(sql, sizeof(sql), "SELECT * FROM %s", kill_table_names[table]);
    }
    if (fault_rows(db, sql, see_row, self) != PYR_OK) {
        fault_die("%s: %s: %s", sql, db->error.sqlstate, db->error.message);
    }
}

static void read_all(all_found *self, fault_db *db) {
    read_table(self, db, PLAIN, 0);
    read_table(self, db, PAIR, 0);
    for (int i = 0; i < OWNERS; ++i) {
        char name[16];
        (void)snprintf(name, sizeof(name), "own%d", i);
        self->own_exists[i] = fault_has_table(db, name);
        if (self->own_exists[i]) {
            read_table(self, db, OWN, i);
        }
    }
    if (fault_rows(db, "SELECT * FROM keyed", see_keyed, self) != PYR_OK) {
        fault_die("keyed: %s: %s", db->error.sqlstate, db->error.message);
    }
}

/* ---- Comparing. ---- */

static bool rows_match(int owner, int32_t tx, const tx_rows *expected, const found_rows *rows) {
    if (rows->count != expected->count - expected->lo) {
        return false;
    }
    uint64_t sum = 0;
    for (int32_t n = expected->lo; n < expected->count; ++n) {
        sum += hash_row(n, kill_row_value(owner, tx, n, expected->revision));
    }
    return sum == rows->sum;
}

static bool tables_match(const owner_model *model, int owner, const all_found *found, bool print) {
    bool well = true;
    for (int table = 0; table < TABLES; ++table) {
        for (int32_t tx = 0; tx < TXS_MAX; ++tx) {
            const tx_rows *expected = &model->rows[table][tx];
            const found_rows *rows = &found->rows[table][owner][tx];
            if (rows_match(owner, tx, expected, rows)) {
                continue;
            }
            well = false;
            if (print) {
                (void)fprintf(stderr,
                              "%s: owner %d tx %d: %lld rows; expected %d to %d, revision %d\n",
                              kill_table_names[table], owner, (int)tx, (long long)rows->count,
                              (int)expected->lo, (int)expected->count, (int)expected->revision);
            }
        }
    }
    return well;
}

static bool owner_matches(const owner_model *model, int owner, const all_found *found, bool print) {
    bool well = tables_match(model, owner, found, print);
    for (int key = 0; key < KEYS; ++key) {
        if (model->keyed[key] != found->keyed[owner][key]) {
            well = false;
            if (print) {
                (void)fprintf(stderr, "keyed: owner %d key %d: %lld instead of %lld\n", owner, key,
                              (long long)found->keyed[owner][key], (long long)model->keyed[key]);
            }
        }
    }
    if (model->own_exists != found->own_exists[owner]) {
        well = false;
        if (print) {
            (void)fprintf(stderr, "own%d: is %sthere\n", owner,
                          found->own_exists[owner] ? "" : "not ");
        }
    }
    return well;
}

static bool check_owner(kill_model *model, int owner, const all_found *found) {
    owner_model *self = &model->owners[owner];
    int stage = atomic_load(&self->op.stage);
    if (stage == OP_DONE) {
        kill_op_apply(self); /* the process died between the call's return and this */
    }
    if (stage != OP_BEGUN) {
        bool well = owner_matches(self, owner, found, true);
        kill_op_clear(&self->op, self->own_exists);
        return well;
    }
    model->in_doubt += 1;
    if (!owner_matches(self, owner, found, false)) {
        owner_model before = *self;
        kill_op_apply(self);
        model->landed += 1;
        if (!owner_matches(self, owner, found, false)) {
            (void)fprintf(stderr, "in doubt was: %s\nagainst what was before:\n", self->op.text);
            (void)owner_matches(&before, owner, found, true);
            (void)fprintf(stderr, "against what is after:\n");
            (void)owner_matches(self, owner, found, true);
            return false;
        }
    }
    kill_op_clear(&self->op, self->own_exists);
    return true;
}

static int64_t all_rows(const kill_model *model, kill_table table) {
    int64_t count = 0;
    for (int i = 0; i < OWNERS; ++i) {
        for (int tx = 0; tx < TXS_MAX; ++tx) {
            count += model->owners[i].rows[table][tx].count - model->owners[i].rows[table][tx].lo;
        }
    }
    return count;
}

/* Statistics and point look-ups say the same as a scan. */
static bool check_other_ways(const kill_model *model, fault_db *db) {
    bool well = true;
    for (int table = PLAIN; table <= PAIR; ++table) {
        int64_t count = fault_value(db, "SELECT count(*) FROM %s", kill_table_names[table]);
        if (count != all_rows(model, (kill_table)table)) {
            (void)fprintf(stderr, "count(*) of %s: %lld\n", kill_table_names[table],
                          (long long)count);
            well = false;
        }
    }
    for (int i = 0; i < OWNERS; ++i) {
        int key = (int)(model->owners[i].done % KEYS);
        int64_t value = fault_value(
            db, "SELECT coalesce(max(v), 0) FROM keyed WHERE owner = %d AND k = %d", i, key);
        if (value != model->owners[i].keyed[key]) {
            (void)fprintf(stderr, "keyed: owner %d key %d looked up: %lld\n", i, key,
                          (long long)value);
            well = false;
        }
    }
    return well;
}

bool kill_model_check(kill_model *model, fault_db *db) {
    all_found *found = calloc(1, sizeof(*found));
    if (found == NULL) {
        fault_die("out of memory");
    }
    read_all(found, db);
    bool well = found->foreign == 0;
    if (!well) {
        (void)fprintf(stderr, "%lld rows that nobody wrote\n", (long long)found->foreign);
    }
    for (int i = 0; i < OWNERS; ++i) {
        well &= check_owner(model, i, found);
    }
    free(found);
    return well && check_other_ways(model, db);
}
