/* The binder's types and column names are DuckDB's, for every expression that it takes; and what
 * DuckDB refuses it refuses, too. */
#include "support_duckdb.h"

#include "arrow/builder.h"
#include "plan/bind.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const table_sql =
    "CREATE TABLE t(b BOOLEAN, i8 TINYINT, i16 SMALLINT, i32 INTEGER, i64 BIGINT, u8 UTINYINT, "
    "u16 USMALLINT, u32 UINTEGER, u64 UBIGINT, hg HUGEINT, d92 DECIMAL(9,2), d183 DECIMAL(18,3), "
    "d3810 DECIMAL(38,10), f FLOAT, d DOUBLE, s VARCHAR, bl BLOB, dt DATE, tm TIME, ts TIMESTAMP, "
    "tss TIMESTAMP_S, tsm TIMESTAMP_MS, tsn TIMESTAMP_NS, tz TIMESTAMPTZ, iv INTERVAL)";

static const char *const columns[] = {
    "b", "i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64", "hg",  "d92", "d183", "d3810",
    "f", "d",  "s",   "bl",  "dt",  "tm", "ts",  "tss", "tsm", "tsn", "tz",  "iv"};
enum { COLUMNS = sizeof(columns) / sizeof(columns[0]), BATCH = 40 };

/* ---- The table. ---- */

static void create_table(duck *d) {
    pyr_arena arena;
    pyr_parsed *parsed = NULL;
    pyr_array *arrays[COLUMNS];
    pyr_field *fields[COLUMNS];
    pyr_schema *schema = NULL;
    pyr_batch *batch = NULL;
    pyr_arena_init(&arena, NULL);
    assert_int_equal(pyr_sql_parse(table_sql, strlen(table_sql), &arena, &parsed, NULL), PYR_OK);
    assert_int_equal(parsed->columns_count, COLUMNS);
    for (size_t i = 0; i < COLUMNS; ++i) {
        pyr_builder *builder = NULL;
        fields[i] = parsed->columns[i].field;
        assert_int_equal(pyr_builder_create(fields[i], NULL, &builder, NULL), PYR_OK);
        assert_int_equal(pyr_builder_finish(builder, &arrays[i], NULL), PYR_OK);
        pyr_builder_destroy(builder);
    }
    assert_int_equal(pyr_schema_create(fields, COLUMNS, NULL, &schema, NULL), PYR_OK);
    assert_int_equal(pyr_batch_create(schema, 0, arrays, COLUMNS, NULL, &batch, NULL), PYR_OK);
    duck_append(d, "t", batch);
    for (size_t i = 0; i < COLUMNS; ++i) {
        pyr_array_release(arrays[i]);
    }
    pyr_schema_release(schema);
    pyr_parsed_deinit(parsed);
    pyr_arena_deinit(&arena);
}

/* ---- Both sides. ---- */

static pyr_schema *bound_schema(duck *d, const char *sql, pyr_error *error) {
    pyr_arena arena;
    pyr_tree tree;
    pyr_plan plan;
    pyr_schema *schema = NULL;
    pyr_arena_init(&arena, NULL);
    assert_int_equal(pyr_tree_parse(sql, strlen(sql), &arena, &tree, error), PYR_OK);
    pyr_bind_input input = {.tree = &tree, .snapshot = d->snapshot, .time_unit = "ms"};
    if (pyr_plan_bind(&input, &plan, error) == PYR_OK) {
        schema = pyr_schema_retain(plan.schema);
        assert_int_equal(pyr_plan_optimize(&plan, error), PYR_OK);
        pyr_plan_deinit(&plan);
    }
    pyr_tree_deinit(&tree);
    pyr_arena_deinit(&arena);
    return schema;
}

static pyr_schema *duckdb_schema(duck *d, const char *sql) {
    pyr_text rows;
    pyr_schema *schema = NULL;
    pyr_text_init(&rows);
    if (duck_run(d, sql, &rows, &schema) != PYR_OK) {
        pyr_schema_release(schema);
        schema = NULL;
    }
    pyr_text_deinit(&rows);
    return schema;
}

static int differences(const pyr_schema *ours, const pyr_schema *theirs) {
    int count = 0;
    for (int32_t i = 0; i < ours->fields_count; ++i) {
        pyr_sql_type a;
        pyr_sql_type b;
        char room_a[24];
        char room_b[24];
        bool known = pyr_sql_type_of_field(theirs->fields[i], &b);
        assert_true(pyr_sql_type_of_field(ours->fields[i], &a));
        /* An epoch's conversion stands in DuckDB's name, which is none of what was written. */
        bool named = strstr(theirs->fields[i]->name, " @@>> 0") != NULL ||
                     strcmp(ours->fields[i]->name, theirs->fields[i]->name) == 0;
        if (!known || !pyr_sql_type_equal(a, b) || !named) {
            print_message("%s: %s; DuckDB: %s: %s\n", ours->fields[i]->name,
                          pyr_sql_type_name(a, room_a), theirs->fields[i]->name,
                          known ? pyr_sql_type_name(b, room_b) : "another type");
            ++count;
        }
    }
    return count;
}

/* ---- Many at once, and those of a batch that DuckDB refuses one by one. ---- */

typedef struct comparison {
    duck *d;
    int taken, refused, wrong;
    int count;
    char *expressions[BATCH];
} comparison;

static int compare_one(duck *d, const char *expression) {
    char sql[1024];
    pyr_error error;
    (void)snprintf(sql, sizeof(sql), "SELECT %s FROM t", expression);
    pyr_schema *ours = bound_schema(d, sql, &error);
    pyr_schema *theirs = duckdb_schema(d, sql);
    int wrong = 0;
    if (theirs == NULL) {
        print_message("%s is bound, and DuckDB refuses it: %s\n", expression, d->error.message);
        wrong = 1;
    } else {
        wrong = differences(ours, theirs);
    }
    pyr_schema_release(ours);
    pyr_schema_release(theirs);
    return wrong;
}

static void flush(comparison *with) {
    pyr_text sql;
    pyr_error error;
    pyr_text_init(&sql);
    for (int i = 0; i < with->count; ++i) {
        pyr_text_printf(&sql, "%s%s", i == 0 ? "SELECT " : ", ", with->expressions[i]);
    }
    pyr_text_add(&sql, " FROM t");
    pyr_schema *theirs = with->count > 0 ? duckdb_schema(with->d, pyr_text_get(&sql)) : NULL;
    pyr_schema *ours = theirs != NULL ? bound_schema(with->d, pyr_text_get(&sql), &error) : NULL;
    for (int i = 0; i < with->count; ++i) {
        with->wrong += theirs == NULL ? compare_one(with->d, with->expressions[i]) : 0;
        free(with->expressions[i]);
    }
    with->wrong += ours != NULL ? differences(ours, theirs) : 0;
    with->count = 0;
    pyr_schema_release(ours);
    pyr_schema_release(theirs);
    pyr_text_deinit(&sql);
}

static void compare(comparison *with, const char *expression) {
    char sql[1024];
    pyr_error error;
    (void)snprintf(sql, sizeof(sql), "SELECT %s FROM t", expression);
    pyr_schema *ours = bound_schema(with->d, sql, &error);
    if (ours == NULL) {
        assert_string_equal(error.sqlstate, "0A000");
        ++with->refused;
        return;
    }
    pyr_schema_release(ours);
    ++with->taken;
    with->expressions[with->count] = strdup(expression);
    assert_non_null(with->expressions[with->count]);
    if (++with->count == BATCH) {
        flush(with);
    }
}

static void finish(comparison *with, int least) {
    flush(with);
    print_message("%d expressions as DuckDB has them, %d not covered\n", with->taken,
                  with->refused);
    assert_int_equal(with->wrong, 0);
    assert_true(with->taken >= least);
}

/* ---- The tests. ---- */

static void pairs_of_types_have_duckdbs_types(void **state) {
    static const char *const forms[] = {
        "%s + %s",      "%s - %s", "%s * %s", "%s / %s",          "%s // %s",
        "%s %% %s",     "%s = %s", "%s & %s", "coalesce(%s, %s)", "%s BETWEEN %s AND 1",
        "least(%s, %s)"};
    comparison with = {.d = *state};
    create_table(with.d);
    for (size_t form = 0; form < sizeof(forms) / sizeof(forms[0]); ++form) {
        for (size_t a = 0; a < COLUMNS; ++a) {
            for (size_t b = 0; b < COLUMNS; ++b) {
                char expression[256];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
                (void)snprintf(expression, sizeof(expression), forms[form], columns[a], columns[b]);
#pragma GCC diagnostic pop
                compare(&with, expression);
            }
        }
    }
    finish(&with, 2000);
}

static void types_beside_literals_have_duckdbs_types(void **state) {
    static const char *const literals[] = {"1",   "-1",           "100000",        "3000000000",
                                           "1.5", "1e10",         "NULL",          "true",
                                           "'1'", "'2020-01-01'", "INTERVAL 1 DAY"};
    static const char *const forms[] = {"%s + %s",        "%s - %s",
                                        "%s * %s",        "%s / %s",
                                        "%s // %s",       "%s %% %s",
                                        "%s < %s",        "coalesce(%s, %s)",
                                        "%s IN (%s, 2)",  "CASE WHEN b THEN %s ELSE %s END",
                                        "nullif(%s, %s)", "greatest(%s, %s)"};
    comparison with = {.d = *state};
    create_table(with.d);
    for (size_t form = 0; form < sizeof(forms) / sizeof(forms[0]); ++form) {
        for (size_t a = 0; a < COLUMNS; ++a) {
            for (size_t b = 0; b < sizeof(literals) / sizeof(literals[0]); ++b) {
                char expression[256];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
                (void)snprintf(expression, sizeof(expression), forms[form], columns[a],
                               literals[b]);
                compare(&with, expression);
                (void)snprintf(expression, sizeof(expression), forms[form], literals[b],
                               columns[a]);
#pragma GCC diagnostic pop
                compare(&with, expression);
            }
        }
    }
    finish(&with, 1500);
}

static void functions_of_every_type_have_duckdbs_types(void **state) {
    static const char *const forms[] = {"-%s",
                                        "+%s",
                                        "NOT %s",
                                        "%s IS NULL",
                                        "%s IS TRUE",
                                        "abs(%s)",
                                        "sign(%s)",
                                        "floor(%s)",
                                        "ceil(%s)",
                                        "round(%s)",
                                        "round(%s, 1)",
                                        "round(%s, 5)",
                                        "sqrt(%s)",
                                        "power(%s, 2)",
                                        "%s ^ 2",
                                        "exp(%s)",
                                        "ln(%s)",
                                        "log10(%s)",
                                        "log2(%s)",
                                        "log(%s)",
                                        "year(%s)",
                                        "month(%s)",
                                        "extract(minute FROM %s)",
                                        "extract(epoch FROM %s)",
                                        "date_part('dow', %s)",
                                        "date_trunc('month', %s)",
                                        "date_trunc('minute', %s)",
                                        "date_diff('day', %s, ts)",
                                        "date_diff('hour', ts, %s)",
                                        "epoch_ms(%s)",
                                        "quarter(%s)",
                                        "dayofweek(%s)",
                                        "hour(%s)",
                                        "toStartOfHour(%s)",
                                        "toStartOfMonth(%s)",
                                        "make_date(%s, 1, 1)",
                                        "length(%s)",
                                        "strlen(%s)",
                                        "lower(%s)",
                                        "upper(%s)",
                                        "substr(%s, 1, 2)",
                                        "substr(s, %s)",
                                        "left(s, %s)",
                                        "trim(%s)",
                                        "replace(%s, 'a', 'b')",
                                        "reverse(%s)",
                                        "repeat(s, %s)",
                                        "lpad(s, %s, 'x')",
                                        "strpos(%s, 'a')",
                                        "position('a' IN %s)",
                                        "concat(%s, 1)",
                                        "concat_ws(',', %s, 'a')",
                                        "%s || 'a'",
                                        "1 || %s",
                                        "%s LIKE 'a'",
                                        "%s ILIKE 'a'",
                                        "%s SIMILAR TO 'a'",
                                        "contains(%s, 'a')",
                                        "starts_with(%s, 'a')",
                                        "regexp_matches(%s, 'a')",
                                        "regexp_replace(%s, 'a', 'b')",
                                        "regexp_replace(%s, 'a', 'b', 'g')",
                                        "regexp_extract(%s, 'a')",
                                        "regexp_extract(%s, 'a', 1)",
                                        "ascii(%s)",
                                        "chr(%s)",
                                        "%s::VARCHAR",
                                        "%s::DOUBLE",
                                        "TRY_CAST(%s AS INTEGER)",
                                        "CAST(%s AS DECIMAL(10,2))",
                                        "CASE WHEN %s THEN 1 END",
                                        "CASE %s WHEN NULL THEN 'a' ELSE s END",
                                        "if(b, %s, NULL)",
                                        "ifnull(%s, NULL)",
                                        "mod(%s, 2)",
                                        "xor(%s, 1)",
                                        "%s << 1",
                                        "%s >> 1",
                                        "%s | 1",
                                        "split_part(%s, 'a', 1)",
                                        "ltrim(%s)",
                                        "%s IS DISTINCT FROM NULL"};
    comparison with = {.d = *state};
    create_table(with.d);
    for (size_t form = 0; form < sizeof(forms) / sizeof(forms[0]); ++form) {
        for (size_t a = 0; a < COLUMNS; ++a) {
            char expression[256];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
            (void)snprintf(expression, sizeof(expression), forms[form], columns[a]);
#pragma GCC diagnostic pop
            compare(&with, expression);
        }
    }
    finish(&with, 400);
}

static void aggregates_of_every_type_have_duckdbs_types(void **state) {
    static const char *const forms[] = {"count(%s)",
                                        "count(DISTINCT %s)",
                                        "sum(%s)",
                                        "sum(DISTINCT %s)",
                                        "avg(%s)",
                                        "mean(%s)",
                                        "min(%s)",
                                        "max(%s)",
                                        "stddev(%s)",
                                        "stddev_pop(%s)",
                                        "variance(%s)",
                                        "var_pop(%s)",
                                        "median(%s)",
                                        "quantile_cont(%s, 0.5)",
                                        "quantile_disc(%s, 0.5)",
                                        "quantile(%s, 0.25)",
                                        "arg_min(%s, i32)",
                                        "max_by(s, %s)",
                                        "any_value(%s)",
                                        "first(%s)",
                                        "last(%s)",
                                        "arbitrary(%s)",
                                        "string_agg(%s)",
                                        "string_agg(%s, ';')",
                                        "group_concat(%s, ',')",
                                        "bool_and(%s)",
                                        "bool_or(%s)",
                                        "bit_and(%s)",
                                        "bit_or(%s)",
                                        "bit_xor(%s)",
                                        "fsum(%s)",
                                        "kahan_sum(%s)",
                                        "corr(%s, d)",
                                        "covar_pop(d, %s)",
                                        "sum(%s) FILTER (WHERE b)",
                                        "count_if(%s)",
                                        "max(%s) - min(%s)"};
    comparison with = {.d = *state};
    create_table(with.d);
    for (size_t form = 0; form < sizeof(forms) / sizeof(forms[0]); ++form) {
        for (size_t a = 0; a < COLUMNS; ++a) {
            char expression[256];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
            (void)snprintf(expression, sizeof(expression), forms[form], columns[a], columns[a]);
#pragma GCC diagnostic pop
            compare(&with, expression);
        }
    }
    finish(&with, 300);
}

static void whole_queries_have_duckdbs_columns(void **state) {
    static const char *const queries[] = {
        "SELECT * FROM t",
        "SELECT t.* FROM t",
        "SELECT * EXCLUDE (bl, iv) FROM t",
        "SELECT I32, T.I16 AS Foo, t.I8 FROM t",
        "SELECT i32 AS k, k + 1, k * 2 AS m, m // 3 FROM t",
        "SELECT i32 % 2 AS k, count(*) FROM t GROUP BY k HAVING k = 1 ORDER BY ALL",
        "SELECT i32 % 2, count(*) FROM t GROUP BY 1 ORDER BY 2 DESC, 1",
        "SELECT i32, sum(i64) FROM t GROUP BY ALL ORDER BY ALL",
        "SELECT i32 + 1, count(*) FROM t GROUP BY i32 + 1 ORDER BY i32 + 1",
        "SELECT i32 + 1, count(*) FROM t GROUP BY i32",
        "SELECT 1, s, count(*) FROM t GROUP BY 1, s",
        "SELECT 'a' AS x, 1 FROM t GROUP BY x",
        "SELECT DISTINCT i32 % 2 AS x FROM t ORDER BY x",
        "SELECT i16 FROM t UNION ALL SELECT i32 FROM t",
        "SELECT i32 FROM t UNION ALL SELECT d92 FROM t ORDER BY 1",
        "SELECT i32 FROM t UNION SELECT s FROM t",
        "SELECT i16 FROM t UNION ALL SELECT 1",
        "SELECT NULL UNION ALL SELECT 'a'",
        "SELECT NULL, NULL AS n",
        "VALUES (1, 'a'), (2.5, NULL)",
        "VALUES (1), (3000000000)",
        "SELECT * FROM (VALUES (1, 'a'), (2, 'b')) v(x, y)",
        "SELECT col0 FROM (VALUES (1), (2)) v",
        "SELECT a.i32, b.i16 FROM t a JOIN t b ON a.i32 = b.i16",
        "SELECT i32, a.s, b.s FROM t a JOIN t b USING (i32)",
        "SELECT * FROM (SELECT i32, s FROM t) a LEFT JOIN (SELECT i32, d FROM t) b USING (i32)",
        "SELECT * FROM (SELECT i32, s FROM t) a RIGHT JOIN (SELECT i32, d FROM t) b USING (i32)",
        "SELECT * FROM (SELECT i32, s FROM t) a FULL JOIN (SELECT i32, d FROM t) b USING (i32)",
        "SELECT * FROM (SELECT i32, s FROM t) a SEMI JOIN (SELECT i32, d FROM t) b USING (i32)",
        "WITH q AS (SELECT i32 AS x FROM t) SELECT x, count(*) FROM q GROUP BY x",
        "WITH q(y) AS (SELECT i32 FROM t) SELECT a.y, b.y FROM q a, q b",
        "SELECT x FROM (SELECT i32 + 1 AS x FROM t) WHERE x > 3 LIMIT 2 OFFSET 1",
        "SELECT sum(i32), sum(i32) + 1, sum(i32) / count(*) FROM t",
        "SELECT sum(i32) AS s1, s1 * 2 FROM t",
        "SELECT now(), current_date, current_date - 7, now() - INTERVAL 1 HOUR, today()",
        "SELECT -2147483648, -1, - 3000000000, 1.5, .5, 1e10, 'a', true",
        "SELECT count(*) FROM t GROUP BY ()",
        "SELECT i32, i16, sum(d) FROM t GROUP BY ROLLUP (i32, i16)",
        "SELECT s, sum(i32) FROM t GROUP BY s ORDER BY max(d) DESC NULLS LAST LIMIT 3",
        "SELECT (SELECT max(i32) FROM t) AS m, i16 FROM t",
        "SELECT i16 FROM t WHERE i16 IN (SELECT i32 FROM t)",
        "SELECT i16 FROM t a WHERE EXISTS (SELECT 1 FROM t b WHERE b.i32 = a.i16)",
        "SELECT i16 FROM t a WHERE i16 > (SELECT avg(i32) FROM t b WHERE b.i64 = a.i64)",
        "SELECT row_number() OVER (PARTITION BY s ORDER BY i32), s FROM t",
        "SELECT sum(i32) OVER (ORDER BY d), lag(i32) OVER (ORDER BY d), rank() OVER (ORDER BY d "
        "DESC) "
        "FROM t"};
    duck *d = *state;
    int wrong = 0;
    create_table(d);
    for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); ++i) {
        pyr_error error;
        pyr_schema *ours = bound_schema(d, queries[i], &error);
        pyr_schema *theirs = duckdb_schema(d, queries[i]);
        if (ours == NULL || theirs == NULL || ours->fields_count != theirs->fields_count) {
            print_message("%s: %s\n", queries[i], ours == NULL ? error.message : "other columns");
            ++wrong;
        } else {
            int one = differences(ours, theirs);
            wrong += one;
            if (one > 0) {
                print_message("  in %s\n", queries[i]);
            }
        }
        pyr_schema_release(ours);
        pyr_schema_release(theirs);
    }
    assert_int_equal(wrong, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(pairs_of_types_have_duckdbs_types, duck_setup,
                                        duck_teardown),
        cmocka_unit_test_setup_teardown(types_beside_literals_have_duckdbs_types, duck_setup,
                                        duck_teardown),
        cmocka_unit_test_setup_teardown(functions_of_every_type_have_duckdbs_types, duck_setup,
                                        duck_teardown),
        cmocka_unit_test_setup_teardown(aggregates_of_every_type_have_duckdbs_types, duck_setup,
                                        duck_teardown),
        cmocka_unit_test_setup_teardown(whole_queries_have_duckdbs_columns, duck_setup,
                                        duck_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
