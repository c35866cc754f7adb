/* oracle_model.c - see oracle_model.h. */
#include "oracle_model.h"

#include <stdlib.h>
#include <string.h>

const char *const oracle_names[ORACLE_TABLES] = {"p0", "p1", "d0", "k0", "k1"};

bool oracle_is_keyed(oracle_table table) {
    return table == K0 || table == K1;
}

int oracle_key(oracle_table table, const oracle_row *row) {
    return (int)(table == K0 ? row->id : row->a * KEYS_ID + row->id);
}

void oracle_copy(oracle_state *to, const oracle_state *from) {
    for (int i = 0; i < ORACLE_TABLES; ++i) {
        const oracle_rows *rows = &from->tables[i];
        memcpy(&to->tables[i], rows,
               offsetof(oracle_rows, rows) + (size_t)rows->count * sizeof(oracle_row));
        to->tables[i].touched = false;
        memset(to->tables[i].keys_touched, 0, sizeof(rows->keys_touched));
    }
}

static int compare_rows(const void *left, const void *right) {
    const oracle_row *a = left;
    const oracle_row *b = right;
    const int64_t as[] = {a->id, a->a, a->v, a->pad, a->x};
    const int64_t bs[] = {b->id, b->a, b->v, b->pad, b->x};
    for (int i = 0; i < 5; ++i) {
        if (as[i] != bs[i]) {
            return as[i] < bs[i] ? -1 : 1;
        }
    }
    return 0;
}

void oracle_sort(oracle_row *rows, int count) {
    qsort(rows, (size_t)count, sizeof(*rows), compare_rows);
}

static bool meets(const oracle_predicate *predicate, const oracle_row *row) {
    switch (predicate->kind) {
    case ALL:
        return true;
    case A_EQ:
        return row->a == predicate->x;
    case A_BETWEEN:
        return row->a >= predicate->x && row->a <= predicate->y;
    case ID_MOD:
        return row->id % predicate->x == predicate->y;
    case ID_EQ:
        return row->id == predicate->x;
    case ID_BETWEEN:
        return row->id >= predicate->x && row->id <= predicate->y;
    default:
        return row->v < predicate->x;
    }
}

/* ---- Changing one table. ---- */

typedef struct changing {
    oracle_table table;
    oracle_rows *rows;
    int64_t *versions;
    int64_t changed;
} changing;

static void touch(changing *self, const oracle_row *row) {
    self->rows->touched = true;
    if (oracle_is_keyed(self->table)) {
        self->rows->keys_touched[oracle_key(self->table, row)] = true;
    }
}

static void add(changing *self, oracle_row row) {
    if (self->rows->count == ROWS_MAX) {
        fault_die("the model is full");
    }
    touch(self, &row);
    row.version = ++*self->versions;
    row.x = self->rows->has_x ? self->rows->x_default : 0;
    self->rows->rows[self->rows->count++] = row;
}

static void set(changing *self, oracle_row *row, int64_t a, int64_t v) {
    touch(self, row);
    row->version = ++*self->versions;
    row->a = a;
    row->v = v;
}

static void take(changing *self, int index) {
    touch(self, &self->rows->rows[index]);
    self->rows->rows[index] = self->rows->rows[--self->rows->count];
}

/* The row of a key, or of a plain table the first one of an id from `from` on; -1. */
static int find(const changing *self, const oracle_row *like, int from) {
    for (int i = from; i < self->rows->count; ++i) {
        const oracle_row *row = &self->rows->rows[i];
        if (row->id == like->id && (self->table != K1 || row->a == like->a)) {
            return i;
        }
    }
    return -1;
}

/* ---- Statements. ---- */

static const char *insert(changing *self, const oracle_statement *statement) {
    for (int i = 0; i < statement->count && oracle_is_keyed(self->table); ++i) {
        bool there = find(self, &statement->rows[i], 0) >= 0;
        if (there && statement->kind == INSERT_VALUES) {
            return "23505";
        }
    }
    for (int i = 0; i < statement->count; ++i) {
        const oracle_row *row = &statement->rows[i];
        int at = oracle_is_keyed(self->table) ? find(self, row, 0) : -1;
        if (at < 0) {
            add(self, *row);
        } else if (statement->kind == INSERT_UPDATE) {
            set(self, &self->rows->rows[at], self->rows->rows[at].a,
                self->rows->rows[at].v + row->v);
        } else if (statement->kind == INSERT_REPLACE) {
            int64_t x = self->rows->rows[at].x; /* columns that are not given stay */
            take(self, at);
            add(self, *row);
            self->rows->rows[self->rows->count - 1].x = x;
        } else {
            continue;
        }
        self->changed += 1;
    }
    return NULL;
}

static void insert_range(changing *self, const oracle_statement *statement) {
    for (int i = 0; i < statement->count; ++i) {
        oracle_row row = statement->rows[0];
        row.id += i;
        row.a = row.id % KEYS_A;
        row.v = row.id;
        add(self, row);
    }
    self->changed = statement->count;
}

static void insert_select(changing *self, const oracle_state *state,
                          const oracle_statement *statement) {
    const oracle_rows *from = &state->tables[statement->source];
    int count = from->count; /* it may be the same table */
    for (int i = 0; i < count; ++i) {
        oracle_row row = from->rows[i];
        if (meets(&statement->predicate, &row)) {
            row.v += statement->c;
            add(self, row);
            self->changed += 1;
        }
    }
}

static void change(changing *self, const oracle_statement *statement) {
    for (int i = self->rows->count - 1; i >= 0; --i) {
        oracle_row *row = &self->rows->rows[i];
        if (!meets(&statement->predicate, row)) {
            continue;
        }
        self->changed += 1;
        if (statement->kind == UPDATE_V) {
            set(self, row, row->a, row->v + statement->c);
        } else if (statement->kind == UPDATE_A) {
            set(self, row, statement->c, row->v);
        } else if (statement->kind == UPDATE_X) {
            set(self, row, row->a, row->v);
            row->x = statement->c;
        } else {
            take(self, i);
        }
    }
}

static void merge(changing *self, const oracle_statement *statement) {
    for (int i = 0; i < statement->count; ++i) {
        const oracle_row *row = &statement->rows[i];
        int at = find(self, row, 0);
        self->changed += at < 0;
        if (at < 0) {
            add(self, *row);
            continue;
        }
        while (at >= 0) {
            self->changed += 1;
            if (row->v % 3 == 0) {
                take(self, at);
                at = find(self, row, at);
            } else {
                set(self, &self->rows->rows[at], self->rows->rows[at].a, row->v);
                at = find(self, row, at + 1);
            }
        }
    }
}

const char *oracle_apply(oracle_state *state, const oracle_statement *statement, int64_t *versions,
                         int64_t *rows_changed) {
    changing self = {statement->table, &state->tables[statement->table], versions, 0};
    const char *outcome = NULL;
    if (self.rows->incarnation == 0) {
        return "42P01";
    }
    switch (statement->kind) {
    case INSERT_RANGE:
        insert_range(&self, statement);
        break;
    case INSERT_SELECT:
        insert_select(&self, state, statement);
        break;
    case UPDATE_V:
    case UPDATE_A:
    case UPDATE_X:
    case DELETE:
    case TRUNCATE:
        change(&self, statement);
        break;
    case MERGE:
        merge(&self, statement);
        break;
    default:
        outcome = insert(&self, statement);
        break;
    }
    *rows_changed = self.changed;
    return outcome;
}

void oracle_alter(oracle_rows *rows, int64_t x_default) {
    rows->has_x = !rows->has_x;
    rows->x_default = x_default;
    rows->alterations += 1;
    for (int i = 0; i < rows->count; ++i) {
        rows->rows[i].x = rows->has_x ? x_default : 0;
    }
}

/* ---- Commits. ---- */

static bool has_version(const oracle_rows *rows, int64_t version) {
    for (int i = 0; i < rows->count; ++i) {
        if (rows->rows[i].version == version) {
            return true;
        }
    }
    return false;
}

/* Of a key: 0 where there is none. */
static void versions_of_keys(oracle_table table, const oracle_rows *rows,
                             int64_t versions[KEYS_MAX]) {
    memset(versions, 0, KEYS_MAX * sizeof(*versions));
    for (int i = 0; i < rows->count; ++i) {
        versions[oracle_key(table, &rows->rows[i])] = rows->rows[i].version;
    }
}

static void judge_keys(oracle_table table, const oracle_rows *committed, const oracle_rows *base,
                       const oracle_rows *mine, oracle_verdict *verdict) {
    int64_t now[KEYS_MAX];
    int64_t before[KEYS_MAX];
    int64_t after[KEYS_MAX];
    versions_of_keys(table, committed, now);
    versions_of_keys(table, base, before);
    versions_of_keys(table, mine, after);
    for (int i = 0; i < KEYS_MAX; ++i) {
        if (mine->keys_touched[i] && now[i] != before[i]) {
            /* Written and taken back: whether that is a conflict is the system's own affair. */
            verdict->may_succeed &= after[i] == before[i];
            verdict->conflict = true;
            verdict->key |= before[i] == 0;
        }
    }
}

static void judge_rows(const oracle_rows *committed, const oracle_rows *base,
                       const oracle_rows *mine, oracle_verdict *verdict) {
    for (int i = 0; i < base->count; ++i) {
        int64_t version = base->rows[i].version;
        if (!has_version(mine, version) && !has_version(committed, version)) {
            verdict->may_succeed = false;
            verdict->conflict = true;
        }
    }
}

static bool adds_rows(const oracle_rows *base, const oracle_rows *mine) {
    for (int i = 0; i < mine->count; ++i) {
        if (!has_version(base, mine->rows[i].version)) {
            return true;
        }
    }
    return false;
}

static bool changes_something(const oracle_rows *base, const oracle_rows *mine) {
    if (base->count != mine->count) {
        return true;
    }
    for (int i = 0; i < base->count; ++i) {
        if (!has_version(mine, base->rows[i].version)) {
            return true;
        }
    }
    return false;
}

oracle_verdict oracle_judge(const oracle_state *committed, const oracle_state *base,
                            const oracle_state *mine) {
    oracle_verdict verdict = {.may_succeed = true};
    for (int i = 0; i < ORACLE_TABLES; ++i) {
        if (!mine->tables[i].touched) {
            continue;
        }
        if (committed->tables[i].incarnation != base->tables[i].incarnation) {
            verdict.may_succeed &= !changes_something(&base->tables[i], &mine->tables[i]);
            verdict.table = true;
            continue;
        }
        if (committed->tables[i].alterations != base->tables[i].alterations) {
            /* Tables with keys are made anew: what was deleted of the old one is deleted nowhere.
             */
            verdict.may_succeed &= oracle_is_keyed((oracle_table)i)
                                       ? !changes_something(&base->tables[i], &mine->tables[i])
                                       : !adds_rows(&base->tables[i], &mine->tables[i]);
            verdict.conflict = true;
        }
        if (oracle_is_keyed((oracle_table)i)) {
            judge_keys((oracle_table)i, &committed->tables[i], &base->tables[i], &mine->tables[i],
                       &verdict);
        } else {
            judge_rows(&committed->tables[i], &base->tables[i], &mine->tables[i], &verdict);
        }
    }
    return verdict;
}

static void commit_table(oracle_rows *committed, const oracle_rows *base, const oracle_rows *mine) {
    for (int i = committed->count - 1; i >= 0; --i) {
        int64_t version = committed->rows[i].version;
        if (has_version(base, version) && !has_version(mine, version)) {
            committed->rows[i] = committed->rows[--committed->count];
        }
    }
    for (int i = 0; i < mine->count; ++i) {
        if (!has_version(base, mine->rows[i].version)) {
            if (committed->count == ROWS_MAX) {
                fault_die("the model is full");
            }
            committed->rows[committed->count++] = mine->rows[i];
        }
    }
}

void oracle_commit(oracle_state *committed, const oracle_state *base, const oracle_state *mine) {
    for (int i = 0; i < ORACLE_TABLES; ++i) {
        if (mine->tables[i].touched &&
            committed->tables[i].incarnation == base->tables[i].incarnation) {
            commit_table(&committed->tables[i], &base->tables[i], &mine->tables[i]);
        }
    }
}
