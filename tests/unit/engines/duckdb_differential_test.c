/* The native engine against DuckDB: for statements that it covers, both give the same names, types,
 * rows and SQLSTATEs with places. Statements are generated from a seed (PYRALOG_SEED), so that a
 * failure can be had again. */
#include "support_duckdb.h"
#include "support_samples.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct pair {
    duck *d;
    pyr_engine *native;
    pyr_engine_session *session;
    uint64_t state; /* of the generator */
    int covered, failed;
} pair;

/* ---- Statements. ---- */

static unsigned roll(pair *p, unsigned sides) {
    p->state = p->state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(p->state >> 33) % sides;
}

#define PICK(p, words) ((words)[roll(p, sizeof(words) / sizeof((words)[0]))])

static void add_literal(pair *p, pyr_text *sql) {
    static const char *const literals[] = {"0",
                                           "1",
                                           "-1",
                                           "- 7",
                                           "2147483647",
                                           "-2147483648",
                                           "2147483648",
                                           "-2147483649",
                                           "9223372036854775807",
                                           "-9223372036854775808",
                                           "9223372036854775808",
                                           "170141183460469231731687303715884105727",
                                           "99999999999999999999999999999999999999999",
                                           "1.5",
                                           "-0.5",
                                           ".5",
                                           "5.",
                                           "00.100",
                                           "123456789012345678.123456789",
                                           "1e3",
                                           "1E-2",
                                           "-2.5e300",
                                           "1e400",
                                           "1_000",
                                           "0x1F",
                                           "0b101",
                                           "''",
                                           "'a'",
                                           "'it''s'",
                                           "'\xC3\xA9t\xC3\xA9 \xE6\xBC\xA2'",
                                           "E'a\\nb\\x41'",
                                           "$$dollar$$",
                                           "$x$a 'b' $$ c$x$",
                                           "NULL",
                                           "TRUE",
                                           "false",
                                           "'2024-01-01'",
                                           "x'00'"};
    pyr_text_add(sql, PICK(p, literals));
}

static const char *const columns[] = {
    "a",  "B",   "\"c d\"", "\"C D\"",       "s",      "\"S\"",      "d",  "flag", "ts",
    "tz", "dec", "i8",      "u64",           "bin",    "l",          "st", "h",    "u",
    "iv", "e",   "nope",    "\"\"\"q\"\"\"", "select", "\"select\"", "x"};
static const char *const aliases[] = {
    "", "", "", " AS z", " z", " AS \"Z z\"", " \"a\"", " AS 'text'", " AS select", " AS a"};
static const char *const tables[] = {"t",    "T",   "main.t",        "\"t\"",  "\"T\"",  "empty",
                                     "none", "one", "memory.main.t", "MAIN.T", "nope.t", "big"};

static void add_column(pair *p, pyr_text *sql, const char *qualifier) {
    static const char *const other[] = {"t.", "x.", "\"T\".", "wrong.", "one.", "empty."};
    unsigned kind = roll(p, 8);
    pyr_text_add(sql, kind == 0 ? PICK(p, other) : kind < 3 ? qualifier : "");
    pyr_text_add(sql, PICK(p, columns));
}

static void add_items(pair *p, pyr_text *sql, bool table, const char *qualifier) {
    unsigned count = 1 + roll(p, 4);
    for (unsigned i = 0; i < count; ++i) {
        pyr_text_add(sql, i > 0 ? (roll(p, 4) == 0 ? " ,\n " : ", ") : "");
        unsigned kind = table ? roll(p, 12) : 12 + roll(p, 4);
        if (kind == 0) {
            pyr_text_add(sql, "*");
            continue;
        }
        if (kind == 1) {
            pyr_text_add(sql, qualifier);
            pyr_text_add(sql, "*");
            continue;
        }
        if (kind < 10) {
            add_column(p, sql, qualifier);
        } else if (kind < 12) {
            pyr_text_add(sql, roll(p, 2) == 0 ? "COUNT(*)" : "count( )");
        } else if (kind == 12) {
            pyr_text_add(sql, roll(p, 2) == 0 ? "?" : "$1");
        } else {
            add_literal(p, sql);
        }
        pyr_text_add(sql, PICK(p, aliases));
    }
}

static void add_limits(pair *p, pyr_text *sql) {
    static const char *const counts[] = {"0",
                                         "1",
                                         "2",
                                         "7",
                                         "2048",
                                         "2049",
                                         "5000",
                                         "ALL",
                                         "NULL",
                                         "9223372036854775807",
                                         "4999",
                                         "6001",
                                         "$1",
                                         "-1",
                                         "1.5",
                                         "'3'",
                                         "4611686018427387904"};
    unsigned kind = roll(p, 6);
    if (kind == 1 || kind == 3) {
        pyr_text_printf(sql, " LIMIT %s", PICK(p, counts));
    }
    if (kind == 2 || kind == 3 || kind == 4) {
        pyr_text_printf(sql, " OFFSET %s", PICK(p, counts));
    }
    if (kind == 4) {
        pyr_text_printf(sql, " LIMIT %s", PICK(p, counts));
    }
}

static void add_from(pair *p, pyr_text *sql, const char *table, const char *alias) {
    pyr_text_printf(sql, "%s%s", table, alias);
    (void)p;
}

static void generate(pair *p, pyr_text *sql) {
    static const char *const alias[][2] = {{"", ""},     {"", ""},     {" AS x", "x."},
                                           {" x", "X."}, {" t", "t."}, {" AS \"y z\"", "\"y z\"."}};
    static const char *const comments[] = {"", "", "/* \xC3\xA9 /* nested */ */ ", "-- line\n",
                                           "\t\n "};
    const char *table = PICK(p, tables);
    const char *const *as = alias[roll(p, sizeof(alias) / sizeof(alias[0]))];
    char qualifier[64];
    const char *last = strrchr(table, '.');
    snprintf(qualifier, sizeof(qualifier), "%s.", last != NULL ? last + 1 : table);
    const char *qualify = as[1][0] != '\0' ? as[1] : qualifier;
    pyr_text_add(sql, PICK(p, comments));
    switch (roll(p, 10)) {
    case 0: /* without a table */
        pyr_text_add(sql, "SELECT ");
        add_items(p, sql, false, "");
        break;
    case 1: { /* VALUES */
        unsigned width = 1 + roll(p, 3);
        unsigned rows = 1 + roll(p, 3);
        pyr_text_add(sql, "VALUES ");
        for (unsigned i = 0; i < rows; ++i) {
            pyr_text_add(sql, i > 0 ? ", (" : "(");
            for (unsigned j = 0; j < width; ++j) {
                pyr_text_add(sql, j > 0 ? ", " : "");
                add_literal(p, sql);
            }
            pyr_text_add(sql, ")");
        }
        break;
    }
    case 2:
        pyr_text_add(sql, "FROM ");
        add_from(p, sql, table, as[0]);
        if (roll(p, 2) == 0) {
            pyr_text_add(sql, " SELECT ");
            add_items(p, sql, true, qualify);
        }
        break;
    case 3:
        pyr_text_printf(sql, "TABLE %s", table);
        break;
    default:
        pyr_text_add(sql, roll(p, 2) == 0 ? "SELECT " : "select\n");
        add_items(p, sql, true, qualify);
        pyr_text_add(sql, " FROM ");
        pyr_text_add(sql, PICK(p, comments));
        add_from(p, sql, table, as[0]);
    }
    add_limits(p, sql);
}

/* ---- Running. ---- */

/* "name TYPE, ..." and the rows. Types are SQL's: DuckDB gives a dictionary's values plain. */
static pyr_status print_stream(pyr_stream *stream, pyr_text *text, pyr_error *error) {
    for (int32_t i = 0; i < stream->schema->fields_count; ++i) {
        pyr_field *field = stream->schema->fields[i];
        pyr_text_printf(text, "%s%s ", i > 0 ? ", " : "", field->name);
        pyr_sql_type_print(field, text);
    }
    pyr_text_add_char(text, '\n');
    for (;;) {
        pyr_batch *batch = NULL;
        PYR_TRY(pyr_stream_next(stream, &batch, error));
        if (batch == NULL) {
            return PYR_OK;
        }
        for (int64_t row = 0; row < batch->rows; ++row) {
            for (int32_t i = 0; i < batch->columns_count; ++i) {
                pyr_text_add(text, i > 0 ? "|" : "");
                pyr_array_print_value(batch->columns[i], row, text);
            }
            pyr_text_add_char(text, '\n');
        }
        pyr_batch_release(batch);
    }
}

static pyr_status run(pyr_engine_session *session, const pyr_engine_query *query, pyr_text *text,
                      pyr_error *error) {
    const pyr_engine_ops *ops = session->engine->ops;
    pyr_prepared *prepared = NULL;
    pyr_stream *stream = NULL;
    pyr_error_clear(error);
    pyr_status status = ops->prepare(session, query, &prepared, error);
    if (status == PYR_OK) {
        status = ops->execute(prepared, query, &stream, error);
    }
    if (status == PYR_OK) {
        status = print_stream(stream, text, error);
    }
    pyr_stream_destroy(stream);
    if (prepared != NULL) {
        ops->prepared_destroy(prepared);
    }
    return status;
}

/* DuckDB does not always know the place. */
static bool same_error(const pyr_error *native, const pyr_error *duckdb) {
    return strcmp(native->sqlstate, duckdb->sqlstate) == 0 &&
           (native->position == duckdb->position || duckdb->position < 0);
}

static void compare(pair *p, const char *sql) {
    duck *d = p->d;
    pyr_arena arena;
    pyr_parsed *parsed = NULL;
    pyr_error errors[2];
    pyr_text texts[2];
    pyr_arena_init(&arena, NULL);
    pyr_text_init(&texts[0]);
    pyr_text_init(&texts[1]);
    pyr_engine_query query = duck_query(d, sql);
    if (pyr_sql_parse(sql, strlen(sql), &arena, &parsed, &errors[0]) == PYR_OK) {
        query.select = parsed->select;
        query.not_covered = parsed->not_covered;
        pyr_status native = run(p->session, &query, &texts[0], &errors[0]);
        if (native != PYR_ERROR_NOT_SUPPORTED || strcmp(errors[0].sqlstate, "42P01") == 0) {
            ++p->covered;
            p->failed += native != PYR_OK ? 1 : 0;
            pyr_status duckdb = run(d->session, &query, &texts[1], &errors[1]);
            if ((native == PYR_OK) != (duckdb == PYR_OK)) {
                fail_msg("%s\nnative: %s %s\nDuckDB: %s %s", sql,
                         native == PYR_OK ? "ran" : errors[0].sqlstate, errors[0].message,
                         duckdb == PYR_OK ? "ran" : errors[1].sqlstate, errors[1].message);
            }
            if (native == PYR_OK && strcmp(pyr_text_get(&texts[0]), pyr_text_get(&texts[1])) != 0) {
                fail_msg("%s\nnative: %.300s\nDuckDB: %.300s", sql, pyr_text_get(&texts[0]),
                         pyr_text_get(&texts[1]));
            }
            if (native != PYR_OK && !same_error(&errors[0], &errors[1])) {
                fail_msg("%s\nnative: %s at %d: %s\nDuckDB: %s at %d: %s", sql, errors[0].sqlstate,
                         errors[0].position, errors[0].message, errors[1].sqlstate,
                         errors[1].position, errors[1].message);
            }
        }
    }
    pyr_parsed_deinit(parsed);
    pyr_text_deinit(&texts[0]);
    pyr_text_deinit(&texts[1]);
    pyr_arena_deinit(&arena);
}

/* ---- Tables. ---- */

/* The rows of a query of DuckDB, as batches of a table. */
static void store_query(pair *p, const char *table, const char *sql) {
    pyr_engine_query query = duck_query(p->d, sql);
    const pyr_engine_ops *ops = p->d->engine->ops;
    pyr_prepared *prepared = NULL;
    pyr_stream *stream = NULL;
    check_ok(ops->prepare(p->d->session, &query, &prepared, error));
    check_ok(ops->execute(prepared, &query, &stream, error));
    for (;;) {
        pyr_batch *batch = NULL;
        check_ok(pyr_stream_next(stream, &batch, error));
        if (batch == NULL) {
            break;
        }
        duck_append(p->d, table, batch);
    }
    pyr_stream_destroy(stream);
    ops->prepared_destroy(prepared);
}

#define COLUMNS                                                                                    \
    "i AS a, -i AS \"B\", CASE WHEN i % 7 <> 0 THEN i / 4 END AS \"c d\", "                        \
    "CASE WHEN i % 5 <> 0 THEN 'value ' || i || ' of a text' END AS s, "                           \
    "DATE '2024-01-01' + i::INTEGER AS d, i % 3 = 0 AS flag, "                                     \
    "TIMESTAMP '2024-01-01' + to_minutes(i) AS ts, "                                               \
    "TIMESTAMPTZ '2024-01-01 00:00:00+00' + to_seconds(i) AS tz, (i / 8)::DECIMAL(9, 3) AS dec, "  \
    "(i % 100)::TINYINT AS i8, (i * 1500000000000000)::UBIGINT AS u64, "                           \
    "('b' || i)::BLOB AS bin, [i, NULL, i + 1] AS l, {'x': i, 'y': 'v' || i} AS st, "              \
    "i::HUGEINT * 100000000000000000000 AS h, md5(i::VARCHAR)::UUID AS u, to_days(i::INTEGER) AS " \
    "iv, "                                                                                         \
    "(CASE i % 2 WHEN 0 THEN 'even' ELSE 'odd' END)::ENUM ('even', 'odd') AS e, i AS \"select\", " \
    "i AS \"\"\"q\"\"\""

static void fill(pair *p) {
    store_query(p, "t", "SELECT " COLUMNS " FROM range(2100) r(i)");
    store_query(p, "one", "SELECT " COLUMNS " FROM range(1) r(i)");
    store_query(p, "big", "SELECT range AS a, 'x' AS s FROM range(5000)");
    static const char *const names[] = {"a", "s"};
    static const int64_t none[1] = {0};
    pyr_array *arrays[2] = {duck_int64s(none, 0), duck_int64s(none, 0)};
    duck_append(p->d, "empty", duck_batch(names, arrays, 2));
}

static int setup(void **state) {
    pair *p = calloc(1, sizeof(*p));
    assert_non_null(p);
    void *d = NULL;
    assert_int_equal(duck_setup(&d), 0);
    p->d = d;
    check_ok(pyr_engine_native_create(&p->native, error));
    check_ok(p->native->ops->session_create(p->native, &p->d->files, &p->session, error));
    fill(p);
    *state = p;
    return 0;
}

static int teardown(void **state) {
    pair *p = *state;
    void *d = p->d;
    p->native->ops->session_destroy(p->session);
    p->native->ops->destroy(p->native);
    free(p);
    return duck_teardown(&d);
}

static void generated_statements_give_the_same(void **state) {
    enum { STATEMENTS = 1200 };
    pair *p = *state;
    const char *seed = getenv("PYRALOG_SEED");
    p->state = seed != NULL ? strtoull(seed, NULL, 10) : 1;
    static const char *const names[] = {"p"};
    static const int64_t three[] = {3};
    pyr_array *value = duck_int64s(three, 1);
    p->d->params = duck_batch(names, &value, 1);
    for (int i = 0; i < STATEMENTS; ++i) {
        pyr_text sql;
        pyr_text_init(&sql);
        generate(p, &sql);
        compare(p, pyr_text_get(&sql));
        pyr_text_deinit(&sql);
    }
    /* The generator does what it is for. */
    assert_true(p->covered > STATEMENTS / 4);
    assert_true(p->failed > STATEMENTS / 50 && p->failed < p->covered / 2);
    pyr_batch_release(p->d->params);
    p->d->params = NULL;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(generated_statements_give_the_same, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
