/* oracle_print.c - the SQL of a statement of oracle_model.h. */
#include "oracle_model.h"

#include <stdarg.h>
#include <stdio.h>

typedef struct printer {
    char *sql;
    size_t size_bytes;
    size_t length;
} printer;

__attribute__((format(printf, 2, 3))) static void add(printer *self, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int length =
        vsnprintf(self->sql + self->length, self->size_bytes - self->length, format, arguments);
    va_end(arguments);
    if (length < 0 || self->length + (size_t)length >= self->size_bytes) {
        fault_die("a statement is too long");
    }
    self->length += (size_t)length;
}

static void add_where(printer *self, const oracle_predicate *predicate) {
    long long x = predicate->x;
    long long y = predicate->y;
    switch (predicate->kind) {
    case ALL:
        break;
    case A_EQ:
        add(self, " WHERE a = %lld", x);
        break;
    case A_BETWEEN:
        add(self, " WHERE a BETWEEN %lld AND %lld", x, y);
        break;
    case ID_MOD:
        add(self, " WHERE id %% %lld = %lld", x, y);
        break;
    case ID_EQ:
        add(self, " WHERE id = %lld", x);
        break;
    case ID_BETWEEN:
        add(self, " WHERE id >= %lld AND id <= %lld", x, y);
        break;
    default:
        add(self, " WHERE v < %lld", x);
        break;
    }
}

static void add_values(printer *self, const oracle_statement *statement) {
    for (int i = 0; i < statement->count; ++i) {
        const oracle_row *row = &statement->rows[i];
        add(self, "%s(%lld, %lld, %lld)", i > 0 ? ", " : "VALUES ", (long long)row->id,
            (long long)row->a, (long long)row->v);
    }
}

static void add_insert(printer *self, const oracle_statement *statement) {
    const char *target = statement->table == K0 ? "(id)" : "(a, id)";
    add(self, "INSERT %sINTO %s (id, a, v) ",
        statement->kind == INSERT_REPLACE ? "OR REPLACE " : "", oracle_names[statement->table]);
    add_values(self, statement);
    if (statement->kind == INSERT_NOTHING) {
        add(self, " ON CONFLICT DO NOTHING");
    } else if (statement->kind == INSERT_UPDATE) {
        add(self, " ON CONFLICT %s DO UPDATE SET v = v + excluded.v", target);
    }
}

static void add_merge(printer *self, const oracle_statement *statement) {
    add(self, "MERGE INTO %s AS t USING (", oracle_names[statement->table]);
    add_values(self, statement);
    add(self,
        ") AS s(id, a, v) ON t.id = s.id%s WHEN MATCHED AND s.v %% 3 = 0 THEN DELETE WHEN MATCHED "
        "THEN UPDATE SET v = s.v WHEN NOT MATCHED THEN INSERT (id, a, v) VALUES (s.id, s.a, s.v)",
        statement->table == K1 ? " AND t.a = s.a" : "");
}

void oracle_print(const oracle_statement *statement, char *sql, size_t size_bytes) {
    printer self = {sql, size_bytes, 0};
    const char *name = oracle_names[statement->table];
    switch (statement->kind) {
    case INSERT_RANGE:
        add(&self,
            "INSERT INTO %s (id, a, v, pad) SELECT i, i %% %d, i, repeat('x', %lld) FROM "
            "range(%lld, %lld) r(i)",
            name, KEYS_A, (long long)statement->rows[0].pad, (long long)statement->rows[0].id,
            (long long)statement->rows[0].id + statement->count);
        break;
    case INSERT_SELECT:
        add(&self, "INSERT INTO %s (id, a, v, pad) SELECT id, a, v + %lld, pad FROM %s", name,
            (long long)statement->c, oracle_names[statement->source]);
        add_where(&self, &statement->predicate);
        break;
    case UPDATE_V:
        add(&self, "UPDATE %s SET v = v + %lld", name, (long long)statement->c);
        add_where(&self, &statement->predicate);
        break;
    case UPDATE_A:
    case UPDATE_X:
        add(&self, "UPDATE %s SET %s = %lld", name, statement->kind == UPDATE_A ? "a" : "x",
            (long long)statement->c);
        add_where(&self, &statement->predicate);
        break;
    case DELETE:
        add(&self, "DELETE FROM %s", name);
        add_where(&self, &statement->predicate);
        break;
    case TRUNCATE:
        add(&self, "TRUNCATE %s", name);
        break;
    case MERGE:
        add_merge(&self, statement);
        break;
    default:
        add_insert(&self, statement);
        break;
    }
}
