/* Every type of DuckDB's: its values stored in a table of ours come back the same, through DuckDB
 * and through the native engine. */
#include "support_duckdb.h"
#include "support_samples.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void store_query(duck *d, const char *table, const char *sql) {
    pyr_engine_query query = duck_query(d, sql);
    const pyr_engine_ops *ops = d->engine->ops;
    pyr_prepared *prepared = NULL;
    pyr_stream *stream = NULL;
    check_ok(ops->prepare(d->session, &query, &prepared, error));
    check_ok(ops->execute(prepared, &query, &stream, error));
    for (;;) {
        pyr_batch *batch = NULL;
        check_ok(pyr_stream_next(stream, &batch, error));
        if (batch == NULL) {
            break;
        }
        duck_append(d, table, batch);
    }
    pyr_stream_destroy(stream);
    ops->prepared_destroy(prepared);
}

/* The native engine's rows, as duck_ask prints DuckDB's. */
static char *ask_native(duck *d, const char *sql) {
    pyr_arena arena;
    pyr_parsed *parsed = NULL;
    pyr_engine *engine = NULL;
    duck native = *d;
    pyr_arena_init(&arena, NULL);
    check_ok(pyr_sql_parse(sql, strlen(sql), &arena, &parsed, error));
    check_ok(pyr_engine_native_create(&engine, error));
    check_ok(engine->ops->session_create(engine, &d->files, &native.session, error));
    pyr_engine_query query = duck_query(&native, sql);
    query.select = parsed->select;
    pyr_prepared *prepared = NULL;
    pyr_stream *stream = NULL;
    check_ok(engine->ops->prepare(native.session, &query, &prepared, error));
    check_ok(engine->ops->execute(prepared, &query, &stream, error));
    pyr_text text;
    pyr_text_init(&text);
    for (;;) {
        pyr_batch *batch = NULL;
        check_ok(pyr_stream_next(stream, &batch, error));
        if (batch == NULL) {
            break;
        }
        for (int64_t row = 0; row < batch->rows; ++row) {
            pyr_array_print_value(batch->columns[0], row, &text);
            pyr_text_add_char(&text, '\n');
        }
        pyr_batch_release(batch);
    }
    pyr_stream_destroy(stream);
    engine->ops->prepared_destroy(prepared);
    engine->ops->session_destroy(native.session);
    engine->ops->destroy(engine);
    pyr_parsed_deinit(parsed);
    pyr_arena_deinit(&arena);
    return pyr_text_move(&text);
}

/* Column c of the source, stored as table: equal row by row, of one type, and printed alike. */
static void check_column(duck *d, const char *table, const char *source, const char *column) {
    char sql[4096];
    snprintf(sql, sizeof(sql),
             "SELECT count(*) - count(*) FILTER (a.\"%s\" IS NOT DISTINCT FROM b.\"%s\"), "
             "count(*) FILTER (replace(typeof(a.\"%s\"), typeof(b.\"%s\"), '') <> '' AND "
             "typeof(a.\"%s\") NOT LIKE '%%ENUM(%%') FROM %s a POSITIONAL JOIN %s b",
             column, column, column, column, column, source, table);
    char *rows = duck_ask(d, sql);
    if (strcmp(rows, "0|0\n") != 0) {
        fail_msg("%s: values and types that differ: %s", column, rows);
    }
    free(rows);
    snprintf(sql, sizeof(sql), "SELECT \"%s\" FROM %s", column, source);
    char *wanted = duck_ask(d, sql);
    snprintf(sql, sizeof(sql), "SELECT \"%s\" FROM %s", column, table);
    char *duckdb = duck_ask(d, sql);
    char *native = ask_native(d, sql);
    assert_string_equal(duckdb, wanted);
    assert_string_equal(native, wanted);
    free(wanted);
    free(duckdb);
    free(native);
}

/* Each column of the source by itself and all of them together. */
static void check_source(duck *d, const char *source) {
    char sql[4096];
    snprintf(sql, sizeof(sql), "SELECT * FROM %s", source);
    store_query(d, "stored", sql);
    snprintf(sql, sizeof(sql), "SELECT column_name FROM (DESCRIBE SELECT * FROM %s)", source);
    char *names = duck_ask(d, sql);
    int count = 0;
    for (char *name = strtok(names, "\n"); name != NULL; name = strtok(NULL, "\n"), ++count) {
        check_column(d, "stored", source, name);
    }
    assert_true(count > 10);
    free(names);
}

static void all_types_come_back(void **state) {
    check_source(*state, "test_all_types()");
}

/* Beyond one vector, nulls among them, the lossless ones and enums inside others. */
static void nested_types_come_back(void **state) {
    check_source(
        *state,
        "(SELECT [i::HUGEINT * 100000000000000000000, NULL] AS huge, "
        "{'u': md5(i::VARCHAR)::UUID, 'h': -i::HUGEINT} AS uuid, "
        "MAP {i::UHUGEINT * 1000: [i::BIGNUM]} AS big, "
        "[bin(i)::BIT, NULL] AS bit_list, "
        "CASE WHEN i % 3 <> 0 THEN [(i % 24 || ':00:00+05:30')::TIMETZ] END AS zones, "
        "[('a' || i % 2)::ENUM ('a0', 'a1'), NULL] AS enum_list, "
        "{'e': ('a' || i % 2)::ENUM ('a0', 'a1'), 'l': [i]} AS enum_struct, "
        "MAP {('a' || i % 2)::ENUM ('a0', 'a1'): i} AS enum_map, "
        "array_value(('a' || i % 2)::ENUM ('a0', 'a1'), NULL) AS enum_array, "
        "CASE i % 3 WHEN 0 THEN union_value(n := i)::UNION(n BIGINT, s VARCHAR, h HUGEINT) WHEN 1 "
        "THEN ('s' || i)::UNION(n BIGINT, s VARCHAR, h HUGEINT) END AS un, "
        "[union_value(x := [i]), NULL] AS union_list, "
        "{'a': {'b': [{'c': i, 'd': NULL::VARCHAR}]}} AS deep, "
        "{'a': {'b': i, 'c': 's' || i}} AS structs, [{'a': {'b': i}}, NULL] AS list_structs, "
        "array_value({'a': [i]}, NULL) AS array_structs, {'a': array_value(i, -i)} AS "
        "struct_array, "
        "array_value(array_value(i, 1), array_value(2, i)) AS arrays, [array_value(i, 2)] AS "
        "list_arrays, MAP {i: {'x': [i, NULL]}} AS map_structs, [[i], NULL, [1, i]] AS lists, "
        "{'l': [i, NULL], 'm': MAP {'k': i}} AS struct_lists, "
        "('{\"a\": ' || i || '}')::JSON AS json, [i::VARCHAR::JSON] AS json_list, "
        "to_months(i::INTEGER) + to_microseconds(i) AS iv, [to_days(i::INTEGER)] AS iv_list, "
        "('x' || i)::BLOB AS bytes "
        "FROM range(5000) r(i))");
}

static void what_cannot_be_stored_is_named(void **state) {
    duck *d = *state;
    duck_fails(d, "SELECT 1::VARIANT", "0A000");
    assert_non_null(strstr(d->error.message, "VARIANT"));
    duck_equals(d, "SELECT 42", "42\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, duck_setup, duck_teardown)
        TEST(all_types_come_back),
        TEST(nested_types_come_back),
        TEST(what_cannot_be_stored_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
