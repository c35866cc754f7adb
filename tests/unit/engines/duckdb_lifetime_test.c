/* What DuckDB keeps of a scan after the batch is gone: every operator that holds rows back copies
 * them. The table's segments are compressed, so its batches are memory of our own that is freed
 * with each next one; freed memory is filled with garbage at once (sanitized builds). Each query
 * runs over the table and over the rows that the table was made from; the answers must be the same.
 */
#include "support_duckdb.h"
#include "support_samples.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Read by the sanitizer's runtime before main. */
__attribute__((visibility("default"))) const char *__asan_default_options(void);
const char *__asan_default_options(void) {
    return "max_free_fill_size=1073741824:free_fill_byte=219";
}

#define ROWS "20000"
#define MADE                                                                                 \
    "(SELECT i, i % 97 AS g, CASE WHEN i % 5 <> 0 THEN 'value ' || i % 1000 || "             \
    "' beyond twelve bytes' END AS s, 's' || i % 13 AS short, "                              \
    "[i, NULL, i % 7] AS l, ['text of twelve bytes and ' || i % 50, NULL] AS ls, "           \
    "{'x': i % 11, 'y': 'member of a struct ' || i % 29} AS st, "                            \
    "MAP {'a key of some length ' || i % 3: i} AS m, "                                       \
    "('dictionary ' || i % 4)::ENUM ('dictionary 0', 'dictionary 1', 'dictionary 2', "       \
    "'dictionary 3') AS e, i::HUGEINT * 1000000000000000000000 AS h, "                       \
    "union_value(n := i % 5) AS u, array_value('fixed list ' || i % 8, 'of strings') AS f, " \
    "TIMESTAMP '2024-01-01' + to_minutes(i) AS ts FROM range(" ROWS ") r(i))"

/* %T stands for the table. */
static const char *const queries[] = {
    "SELECT count(*), sum(i), count(s), sum(length(s)) FROM %T",
    /* Sorts and top-n. */
    "SELECT s, l, ls, st, m, e, h, u, f FROM %T ORDER BY i DESC",
    "SELECT s, st, e FROM %T ORDER BY s NULLS FIRST, i LIMIT 2500 OFFSET 3000",
    "SELECT i, s, ls, e FROM %T ORDER BY hash(i) LIMIT 7",
    "SELECT DISTINCT ON (g) g, s, st, ls FROM %T ORDER BY g, i DESC",
    /* Joins: build side, probe side, several scans. */
    "SELECT a.i, a.s, b.s, b.ls, b.e FROM %T a JOIN %T b ON a.i = b.i + 5000 ORDER BY 1",
    "SELECT a.i, b.s, b.st, b.u FROM %T a LEFT JOIN %T b ON a.i = b.i * 2 ORDER BY 1",
    "SELECT a.s, count(*), max(b.st.y) FROM %T a JOIN %T b USING (g) WHERE a.i < 300 GROUP BY 1 "
    "ORDER BY 1",
    "SELECT s FROM %T a WHERE EXISTS (SELECT 1 FROM %T b WHERE b.s = a.s AND b.i > a.i) ORDER BY i",
    "SELECT i, s FROM %T WHERE s NOT IN (SELECT s FROM %T WHERE i < 9000 AND s IS NOT NULL) "
    "ORDER BY i",
    "SELECT a.i, b.s FROM %T a ASOF JOIN %T b ON a.g = b.g AND a.i > b.i ORDER BY 1",
    "SELECT a.s, b.s, b.ls FROM %T a POSITIONAL JOIN %T b ORDER BY a.i",
    "SELECT a.i, b.i, b.s FROM (FROM %T LIMIT 60) a, (FROM %T LIMIT 60) b WHERE a.s < b.s "
    "ORDER BY 1, 2",
    "SELECT a.i, b.s FROM %T a JOIN %T b ON a.i BETWEEN b.i AND b.i + 1 WHERE b.i % 50 = 0 "
    "ORDER BY 1, 2",
    /* Aggregates that keep values. */
    "SELECT g, arg_max(s, i), arg_min(st, i), arg_max(ls, i), arg_min(e, i) FROM %T GROUP BY g "
    "ORDER BY g",
    "SELECT g, arg_max(s, i, 3), max(s, 2), min(short, 2) FROM %T GROUP BY g ORDER BY g",
    "SELECT g, list(s ORDER BY i), list(ls ORDER BY i), list(st ORDER BY i), list(u ORDER BY i) "
    "FROM %T GROUP BY g ORDER BY g",
    "SELECT g, string_agg(s, '|' ORDER BY i), first(s ORDER BY i), last(e ORDER BY i) FROM %T "
    "GROUP BY g ORDER BY g",
    "SELECT g, mode(CASE WHEN i % 3 = 0 THEN 'what most rows of a group have' ELSE s END), "
    "quantile_disc(s, 0.5), median(i), histogram(short) FROM %T GROUP BY g "
    "ORDER BY g",
    "SELECT min(s), max(s), min(st), max(ls), max(e), max(h), min(f) FROM %T",
    "SELECT s, ls, e, st, count(*) FROM %T GROUP BY ALL ORDER BY ALL",
    "SELECT count(DISTINCT s), count(DISTINCT st), count(DISTINCT ls), count(DISTINCT e) FROM %T",
    "SELECT e, short, count(*), max(s) FROM %T GROUP BY ROLLUP (e, short) ORDER BY ALL",
    /* Windows, blocking and streaming. */
    "SELECT i, lag(s) OVER (PARTITION BY g ORDER BY i), lead(ls, 2) OVER (PARTITION BY g ORDER BY "
    "i)"
    ", first_value(st) OVER (PARTITION BY g ORDER BY i) FROM %T ORDER BY i",
    "SELECT i, max(s) OVER (ORDER BY i ROWS 5 PRECEDING), string_agg(short, '') OVER "
    "(PARTITION BY g ORDER BY i ROWS 2 PRECEDING) FROM %T ORDER BY i",
    "SELECT row_number() OVER (), first_value(s) OVER (), s, e FROM %T",
    "SELECT lag(s) OVER (), lead(st) OVER (), lag(ls, 3) OVER (), s FROM %T",
    "SELECT i, ntile(7) OVER (ORDER BY s NULLS LAST, i), dense_rank() OVER (ORDER BY e) FROM %T "
    "ORDER BY i",
    "SELECT i, s FROM %T QUALIFY row_number() OVER (PARTITION BY short ORDER BY i DESC) <= 3 "
    "ORDER BY i",
    /* Materialized intermediate results. */
    "WITH c AS MATERIALIZED (SELECT i, s, ls, st, e FROM %T) SELECT a.i, a.s, b.ls, b.st, b.e "
    "FROM c a JOIN c b ON a.i = b.i + 1 ORDER BY 1",
    "WITH RECURSIVE r(i, s) AS (SELECT i, s FROM %T WHERE i < 20 UNION ALL SELECT t.i, t.s FROM r "
    "JOIN %T t ON t.i = r.i + 1000) SELECT * FROM r ORDER BY ALL",
    "SELECT s, st FROM %T UNION ALL SELECT s, st FROM %T ORDER BY ALL",
    "SELECT s, ls FROM %T EXCEPT SELECT s, ls FROM %T WHERE i % 3 = 0 ORDER BY ALL",
    "SELECT s FROM %T INTERSECT ALL SELECT s FROM %T WHERE i > 100 ORDER BY ALL",
    "SELECT i, (SELECT max(b.s) FROM %T b WHERE b.g = a.g AND b.i <= a.i) FROM %T a WHERE i < 700 "
    "ORDER BY i",
    /* Nested values and rows that are passed on one by one. */
    "SELECT i, unnest(ls), unnest(l) FROM %T ORDER BY ALL",
    "SELECT i, x FROM %T, LATERAL (SELECT unnest(ls) AS x) ORDER BY ALL",
    "SELECT i, list_transform(ls, lambda x: x || s), map_keys(m), u.n, f[1] FROM %T ORDER BY i",
    "PIVOT (SELECT e, g, s FROM %T) ON e USING max(s) GROUP BY g ORDER BY g",
    /* Streaming, with and without LIMIT. */
    "SELECT * EXCLUDE (ts) FROM %T", "SELECT s, ls, st, m, e, u, f FROM %T WHERE g = 13",
    "SELECT s FROM %T WHERE short = 's7' LIMIT 1000 OFFSET 300"};

/* Slices of no round length: many batches a segment, most with a part of a vector at their end. */
static void append_parts(pyr_appender *appender, pyr_batch *batch) {
    enum { PART_ROWS = 2900 };
    for (int64_t at = 0; at < batch->rows; at += PART_ROWS) {
        pyr_batch *part = NULL;
        int64_t rows = batch->rows - at < PART_ROWS ? batch->rows - at : PART_ROWS;
        check_ok(pyr_batch_slice(batch, at, rows, &part, error));
        check_ok(pyr_appender_batch(appender, part, error));
        pyr_batch_release(part);
    }
}

static void store_made(duck *d) {
    static const pyr_table_option options[] = {{"compression", "zstd"}};
    pyr_appender_options create = {
        .create = true, .mode = PYR_CREATE_NEW, .options = options, .options_count = 1};
    const pyr_engine_ops *ops = d->engine->ops;
    pyr_engine_query query = duck_query(d, "FROM " MADE " ORDER BY i");
    pyr_prepared *prepared = NULL;
    pyr_stream *stream = NULL;
    pyr_appender *appender = NULL;
    int64_t rows = 0;
    check_ok(ops->prepare(d->session, &query, &prepared, error));
    check_ok(ops->execute(prepared, &query, &stream, error));
    check_ok(pyr_appender_create(d->catalog, NULL, "t", stream->schema, &create, NULL, &appender,
                                 error));
    for (;;) {
        pyr_batch *batch = NULL;
        check_ok(pyr_stream_next(stream, &batch, error));
        if (batch == NULL) {
            break;
        }
        append_parts(appender, batch);
        pyr_batch_release(batch);
    }
    check_ok(pyr_appender_commit(appender, &rows, error));
    pyr_appender_destroy(appender);
    pyr_stream_destroy(stream);
    ops->prepared_destroy(prepared);
    pyr_snapshot_release(d->snapshot);
    check_ok(pyr_catalog_snapshot(d->catalog, &d->snapshot, error));
}

static char *answer(duck *d, const char *query, const char *table) {
    pyr_text sql;
    pyr_text_init(&sql);
    for (const char *at = query; *at != '\0'; ++at) {
        if (at[0] == '%' && at[1] == 'T') {
            pyr_text_add(&sql, table);
            ++at;
        } else {
            pyr_text_add_char(&sql, *at);
        }
    }
    char *rows = duck_ask(d, pyr_text_get(&sql));
    pyr_text_deinit(&sql);
    return rows;
}

static void what_duckdb_keeps_it_copies(void **state) {
    duck *d = *state;
    d->threads = 4;
    store_made(d);
    for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); ++i) {
        char *wanted = answer(d, queries[i], MADE);
        char *got = answer(d, queries[i], "t");
        assert_true(atomic_load(&d->ledger.bytes_decoded) > 0);
        if (strcmp(got, wanted) != 0) {
            size_t at = 0;
            while (got[at] == wanted[at]) {
                ++at;
            }
            at = at > 40 ? at - 40 : 0;
            fail_msg("%s\ngot    %.120s\nwanted %.120s", queries[i], got + at, wanted + at);
        }
        free(got);
        free(wanted);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_duckdb_keeps_it_copies, duck_setup, duck_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
