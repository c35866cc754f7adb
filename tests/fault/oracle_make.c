/* oracle_make.c - see oracle_make.h. */
#include "oracle_make.h"

#include <string.h>

enum { ROWS_WANTED = 500 }; /* a table of more is made smaller */

static oracle_table pick_table(const oracle_state *seen, fault_random *random) {
    oracle_table table = (oracle_table)fault_below(random, ORACLE_TABLES);
    return seen->tables[table].incarnation != 0 ? table : P0;
}

static oracle_predicate make_predicate(fault_random *random) {
    oracle_predicate out = {(oracle_where)(1 + fault_below(random, 6)), 0, 0};
    switch (out.kind) {
    case ID_MOD:
        out.x = 2 + fault_below(random, 9);
        out.y = fault_below(random, out.x);
        break;
    case A_EQ:
        out.x = fault_below(random, KEYS_A);
        break;
    case A_BETWEEN:
        out.x = fault_below(random, KEYS_A);
        out.y = out.x + fault_below(random, 3);
        break;
    case ID_BETWEEN:
        out.x = fault_below(random, KEYS_ID);
        out.y = out.x + fault_below(random, 12);
        break;
    case V_LESS:
        out.x = fault_below(random, 100);
        break;
    default:
        out.x = fault_below(random, KEYS_ID);
        break;
    }
    return out;
}

/* Rows of different ids, in no order. */
static void make_rows(fault_random *random, int count, oracle_statement *out) {
    int64_t id = fault_below(random, KEYS_ID);
    out->count = count;
    for (int i = 0; i < count; ++i) {
        id = (id + 7) % KEYS_ID; /* 7 and KEYS_ID have no factor in common */
        out->rows[i] =
            (oracle_row){.id = id, .a = fault_below(random, KEYS_A), .v = fault_below(random, 100)};
    }
}

static oracle_kind pick_kind(fault_random *random, oracle_table table, const oracle_rows *rows) {
    static const oracle_kind plain[] = {INSERT_VALUES, INSERT_VALUES, INSERT_RANGE, INSERT_SELECT,
                                        UPDATE_V,      UPDATE_V,      UPDATE_A,     DELETE,
                                        DELETE,        MERGE,         MERGE};
    static const oracle_kind keyed[] = {
        INSERT_VALUES,  INSERT_VALUES, INSERT_NOTHING, INSERT_UPDATE, INSERT_UPDATE, INSERT_REPLACE,
        INSERT_REPLACE, UPDATE_V,      UPDATE_V,       DELETE,        DELETE,        MERGE};
    if (fault_below(random, 60) == 0) {
        return TRUNCATE;
    }
    if (rows->count > ROWS_WANTED) {
        return DELETE;
    }
    return oracle_is_keyed(table) ? keyed[fault_below(random, sizeof(keyed) / sizeof(*keyed))]
                                  : plain[fault_below(random, sizeof(plain) / sizeof(*plain))];
}

void oracle_make(const oracle_state *seen, fault_random *random, int64_t *next_id,
                 oracle_statement *out) {
    memset(out, 0, offsetof(oracle_statement, rows));
    out->table = pick_table(seen, random);
    out->source = pick_table(seen, random);
    out->kind = pick_kind(random, out->table, &seen->tables[out->table]);
    out->predicate = make_predicate(random);
    out->c = fault_below(random, KEYS_A);
    if (out->kind == INSERT_SELECT && seen->tables[out->source].count > ROWS_WANTED / 2) {
        out->kind = INSERT_VALUES;
    }
    if (out->kind == INSERT_RANGE) {
        out->count = (int)(90 + fault_below(random, 60)); /* 256 KiB and more are a file */
        out->rows[0] = (oracle_row){.id = *next_id, .pad = 3000};
        *next_id += out->count;
    } else if (out->kind == DELETE && seen->tables[out->table].count > ROWS_WANTED) {
        out->predicate = (oracle_predicate){ID_MOD, 3, fault_below(random, 3)};
    } else if (out->kind == TRUNCATE || (out->kind == DELETE && fault_below(random, 20) == 0)) {
        out->predicate.kind = ALL;
    } else {
        make_rows(random, 1 + (int)fault_below(random, out->kind == MERGE ? 8 : 20), out);
    }
}
