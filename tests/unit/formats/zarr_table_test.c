/* zarr_table_test.c - a group as a table: columns, rows, batches, zones, CF, what is copied. */
#include "support_zarr.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* An array of v2 at path; attributes may be NULL. */
static void put_array(pyr_zarr_store *store, const char *path, const char *shape,
                      const char *chunks, const char *dtype, const char *fill,
                      const char *attributes) {
    char text[2000], key[200];
    snprintf(text, sizeof(text),
             "{\"zarr_format\":2,\"shape\":%s,\"chunks\":%s,\"dtype\":\"%s\",\"fill_value\":%s,"
             "\"order\":\"C\",\"compressor\":null,\"filters\":null}",
             shape, chunks, dtype, fill);
    snprintf(key, sizeof(key), "%s%s.zarray", path, *path != '\0' ? "/" : "");
    store_put_text(store, key, text);
    if (attributes != NULL) {
        snprintf(key, sizeof(key), "%s%s.zattrs", path, *path != '\0' ? "/" : "");
        store_put_text(store, key, attributes);
    }
}

/* lat (3, falling) and lon (4, rising), t (lat, lon) in chunks of 2 x 2, mask of the same
 * dimensions in chunks of 3 x 4, bounds (lat, 2) that is no column. t is 100 * row + column. */
static pyr_zarr *weather(void) {
    static const double lat[] = {60, 50, 40};
    static const int16_t lon[] = {-5, 0, 5, 10};
    pyr_zarr_store *store = memory_store();
    store_put_text(store, ".zgroup", "{\"zarr_format\":2}");
    put_array(store, "lat", "[3]", "[2]", "<f8", "0", "{\"_ARRAY_DIMENSIONS\":[\"lat\"]}");
    store_put(store, "lat/0", lat, 16);
    double tail[2] = {lat[2], 0};
    store_put(store, "lat/1", tail, 16);
    put_array(store, "lon", "[4]", "[4]", "<i2", "0", "{\"_ARRAY_DIMENSIONS\":[\"lon\"]}");
    store_put(store, "lon/0", lon, sizeof(lon));
    put_array(store, "t", "[3,4]", "[2,2]", "<i4", "-1",
              "{\"_ARRAY_DIMENSIONS\":[\"lat\",\"lon\"]}");
    for (int i = 0; i < 4; ++i) {
        int32_t block[4];
        char key[16];
        for (int k = 0; k < 4; ++k) {
            block[k] = (i / 2 * 2 + k / 2) * 100 + i % 2 * 2 + k % 2;
        }
        snprintf(key, sizeof(key), "t/%d.%d", i / 2, i % 2);
        if (i != 3) { /* the last chunk is missing */
            store_put(store, key, block, sizeof(block));
        }
    }
    static const uint8_t mask[] = {1, 0, 0, 1, 0, 0, 1, 1, 1, 1, 1, 0};
    put_array(store, "mask", "[3,4]", "[3,4]", "|b1", "false",
              "{\"_ARRAY_DIMENSIONS\":[\"lat\",\"lon\"]}");
    store_put(store, "mask/0.0", mask, sizeof(mask));
    put_array(store, "bounds", "[3,2]", "[3,2]", "<f8", "0",
              "{\"_ARRAY_DIMENSIONS\":[\"lat\",\"nv\"]}");
    return open_zarr(store, "", PYR_ZARR_ANY);
}

static pyr_zarr_table *table_of(pyr_zarr *zarr, bool decode_cf) {
    pyr_zarr_table_options options = {decode_cf};
    pyr_zarr_table *table = NULL;
    check_ok(pyr_zarr_table_create(zarr, &options, NULL, NULL, &table, error));
    pyr_zarr_release(zarr);
    return table;
}

static pyr_batch *read_batch(pyr_zarr_table *table, int64_t index, pyr_query_ledger *ledger) {
    pyr_batch *batch = NULL;
    check_ok(pyr_zarr_table_read(table, index, NULL, 0, ledger, NULL, &batch, error));
    check_ok(pyr_batch_validate(batch, PYR_VALIDATE_FULL, error));
    assert_int_equal(batch->rows, pyr_zarr_table_batch_rows(table, index));
    return batch;
}

/* All columns of a row: "60.0|-5|true|0". */
static void assert_cells(const pyr_batch *batch, int64_t row, const char *expected) {
    pyr_text text;
    pyr_text_init(&text);
    for (int32_t i = 0; i < batch->columns_count; ++i) {
        if (i > 0) {
            pyr_text_add_char(&text, '|');
        }
        pyr_array_print_value(batch->columns[i], row, &text);
    }
    assert_string_equal(pyr_text_get(&text), expected);
    pyr_text_deinit(&text);
}

static void assert_columns(const pyr_zarr_table *table, const char *expected) {
    pyr_text text;
    pyr_text_init(&text);
    const pyr_schema *schema = pyr_zarr_table_schema(table);
    for (int32_t i = 0; i < schema->fields_count; ++i) {
        pyr_text_printf(&text, "%s%s ", i > 0 ? ", " : "", schema->fields[i]->name);
        pyr_field_type_print(schema->fields[i], &text);
    }
    assert_string_equal(pyr_text_get(&text), expected);
    pyr_text_deinit(&text);
}

static void a_group_has_a_row_a_cell(void **state) {
    static const char *const expected[4][4] = {
        {"60.0|-5|true|0", "60.0|0|false|1", "50.0|-5|false|100", "50.0|0|false|101"},
        {"60.0|5|false|2", "60.0|10|true|3", "50.0|5|true|102", "50.0|10|true|103"},
        {"40.0|-5|true|200", "40.0|0|true|201"},
        {"40.0|5|true|-1", "40.0|10|false|-1"}};
    const char *reason;
    (void)state;
    pyr_zarr_table *table = table_of(weather(), false);
    /* mask has the first variable's place by name, and one chunk: it gives the batches. */
    assert_columns(table, "lat float64, lon int16, mask bool, t int32");
    assert_int_equal(pyr_zarr_table_rows(table), 12);
    assert_int_equal(pyr_zarr_table_batches(table), 1);
    pyr_batch *batch = read_batch(table, 0, NULL);
    assert_cells(batch, 0, expected[0][0]);
    assert_cells(batch, 3, expected[1][1]);
    assert_cells(batch, 7, expected[1][3]);
    assert_cells(batch, 11, expected[3][1]);
    pyr_batch_release(batch);
    assert_int_equal(pyr_zarr_table_left_out(table), 1);
    assert_string_equal(pyr_zarr_table_left_out_get(table, 0, &reason), "bounds");
    assert_string_equal(reason, "has other dimensions");
    pyr_zarr_table_destroy(table);
}

/* The same without mask: t's chunks are the batches. */
static pyr_zarr *temperatures(void) {
    pyr_zarr *all = weather();
    pyr_zarr_store *store = pyr_zarr_store_retain(pyr_zarr_get_store(all));
    pyr_zarr_release(all);
    store_put_text(store, "mask/.zattrs", "{\"_ARRAY_DIMENSIONS\":[\"other\",\"axes\"]}");
    store_put_text(store, "mask/.zarray",
                   "{\"zarr_format\":2,\"shape\":[1,4],\"chunks\":[3,4],\"dtype\":\"|b1\","
                   "\"fill_value\":false,\"order\":\"C\",\"compressor\":null,\"filters\":null}");
    return open_zarr(store, "", PYR_ZARR_ANY);
}

static void batches_are_the_chunks(void **state) {
    static const char *const expected[4][4] = {
        {"60.0|-5|0", "60.0|0|1", "50.0|-5|100", "50.0|0|101"},
        {"60.0|5|2", "60.0|10|3", "50.0|5|102", "50.0|10|103"},
        {"40.0|-5|200", "40.0|0|201"},
        {"40.0|5|-1", "40.0|10|-1"}};
    static const int64_t rows[] = {4, 4, 2, 2};
    (void)state;
    pyr_zarr_table *table = table_of(temperatures(), false);
    assert_columns(table, "lat float64, lon int16, t int32");
    assert_int_equal(pyr_zarr_table_batches(table), 4);
    for (int64_t i = 0; i < 4; ++i) {
        pyr_batch *batch = read_batch(table, i, NULL);
        assert_int_equal(batch->rows, rows[i]);
        for (int64_t k = 0; k < rows[i]; ++k) {
            assert_cells(batch, k, expected[i][k]);
        }
        pyr_batch_release(batch);
    }
    pyr_zarr_table_destroy(table);
}

static void variables_are_by_reference_and_coordinates_counted(void **state) {
    pyr_query_ledger ledger;
    pyr_batch *batch = NULL;
    pyr_buffer *stored = NULL;
    static const int32_t t[] = {2};
    (void)state;
    pyr_zarr *zarr = temperatures();
    pyr_zarr_store *store = pyr_zarr_store_retain(pyr_zarr_get_store(zarr));
    pyr_zarr_table *table = table_of(zarr, false);
    check_ok(pyr_zarr_store_get(store, "t/0.1", NULL, NULL, &stored, error));
    pyr_ledger_init(&ledger);
    check_ok(pyr_zarr_table_read(table, 1, t, 1, &ledger, NULL, &batch, error));
    assert_int_equal(batch->columns_count, 1);
    assert_string_equal(batch->schema->fields[0]->name, "t");
    assert_ptr_equal(batch->columns[0]->buffers[1]->data, stored->data);
    assert_int_equal(ledger.bytes_scanned, 16);
    assert_int_equal(ledger.bytes_referenced, 16);
    for (int i = 0; i < PYR_COPY_REASONS_COUNT; ++i) {
        assert_int_equal(ledger.copied[i], 0);
    }
    pyr_batch_release(batch);
    /* Four rows of lat (8 bytes) and lon (2 bytes). */
    batch = read_batch(table, 1, &ledger);
    assert_int_equal(ledger.copied[PYR_COPY_CONVERT], 4 * 8 + 4 * 2);
    pyr_batch_release(batch);
    pyr_buffer_release(stored);
    pyr_zarr_table_destroy(table);
    pyr_zarr_store_release(store);
}

static void zones_bound_the_coordinates(void **state) {
    static const double lat_min[] = {50, 50, 40, 40}, lat_max[] = {60, 60, 40, 40};
    static const int64_t lon_min[] = {-5, 5, -5, 5}, lon_max[] = {0, 10, 0, 10};
    (void)state;
    pyr_zarr_table *table = table_of(temperatures(), false);
    for (int64_t i = 0; i < 4; ++i) {
        pyr_zarr_zone zone;
        pyr_zarr_table_zone(table, i, 0, &zone);
        assert_true(zone.known && zone.has_bounds && !zone.has_nan);
        assert_int_equal(zone.null_count, 0);
        assert_true(zone.min.f64 == lat_min[i] && zone.max.f64 == lat_max[i]);
        pyr_zarr_table_zone(table, i, 1, &zone);
        assert_int_equal(zone.min.i64, lon_min[i]);
        assert_int_equal(zone.max.i64, lon_max[i]);
        pyr_zarr_table_zone(table, i, 2, &zone);
        assert_false(zone.known);
    }
    pyr_zarr_table_destroy(table);
}

static void zones_of_what_is_not_sorted(void **state) {
    static const double x[] = {3, -1, 7, 0, 5, 5};
    double with_nan[6];
    uint64_t nan_bits = 0x7ff8000000000000;
    pyr_zarr_zone zone;
    (void)state;
    for (int nan = 0; nan < 2; ++nan) {
        memcpy(with_nan, x, sizeof(x));
        if (nan) {
            memcpy(&with_nan[1], &nan_bits, 8);
        }
        pyr_zarr_store *store = memory_store();
        store_put_text(store, ".zgroup", "{\"zarr_format\":2}");
        put_array(store, "x", "[6]", "[6]", "<f8", "0", "{\"_ARRAY_DIMENSIONS\":[\"x\"]}");
        store_put(store, "x/0", with_nan, sizeof(with_nan));
        put_array(store, "v", "[6]", "[3]", "|u1", "0", "{\"_ARRAY_DIMENSIONS\":[\"x\"]}");
        pyr_zarr_table *table = table_of(open_zarr(store, "", PYR_ZARR_ANY), false);
        pyr_zarr_table_zone(table, 0, 0, &zone);
        assert_true(zone.min.f64 == (nan ? 3 : -1) && zone.max.f64 == 7);
        assert_int_equal(zone.has_nan, nan);
        pyr_zarr_table_zone(table, 1, 0, &zone);
        assert_true(zone.min.f64 == 0 && zone.max.f64 == 5);
        assert_false(zone.has_nan);
        pyr_zarr_table_destroy(table);
    }
}

/* The last page of lat goes; then nobody says what lat is, least of all that it has no value
 * above 0. */
static void a_coordinate_that_faults_prunes_and_gives_nothing(void **state) {
    enum { PLACES = 2048 };
    static double lat[PLACES];
    pyr_zarr_zone zone;
    pyr_batch *batch = NULL;
    pyr_error problem;
    (void)state;
    for (int i = 0; i < PLACES; ++i) {
        lat[i] = i + 1;
    }
    pyr_zarr_store *store = memory_store();
    store_put_text(store, ".zgroup", "{\"zarr_format\":2}");
    put_array(store, "lat", "[2048]", "[2048]", "<f8", "0", "{\"_ARRAY_DIMENSIONS\":[\"lat\"]}");
    int fd = store_put_mapped(store, "lat/0", lat, sizeof(lat));
    put_array(store, "t", "[2048,1]", "[1024,1]", "<i4", "0",
              "{\"_ARRAY_DIMENSIONS\":[\"lat\",\"lon\"]}");
    pyr_zarr_table *table = table_of(open_zarr(store, "", PYR_ZARR_ANY), false);
    pyr_zarr_table_zone(table, 1, 0, &zone);
    assert_true(zone.known && zone.min.f64 == 1025 && zone.max.f64 == 2048);
    cut_mapped(fd, 4096);
    pyr_zarr_table_zone(table, 1, 0, &zone);
    assert_false(zone.known || zone.has_bounds);
    static const int32_t columns[] = {0};
    assert_int_equal(pyr_zarr_table_read(table, 1, columns, 1, NULL, NULL, &batch, &problem),
                     PYR_ERROR_IO);
    assert_null(batch);
    pyr_zarr_table_destroy(table);
    close(fd);
}

static void a_lone_array_has_positions_and_value(void **state) {
    pyr_zarr_zone zone;
    (void)state;
    pyr_zarr_store *store = memory_store();
    put_array(store, "", "[2,3]", "[2,2]", "<f4", "0", NULL);
    static const float first[] = {0.5f, 1.5f, 3.5f, 4.5f}, second[] = {2.5f, 0, 5.5f, 0};
    store_put(store, "0.0", first, sizeof(first));
    store_put(store, "0.1", second, sizeof(second));
    pyr_zarr_table *table = table_of(open_zarr(store, "", PYR_ZARR_ANY), false);
    assert_columns(table, "dim_0 int64, dim_1 int64, value float32");
    pyr_batch *batch = read_batch(table, 0, NULL);
    assert_cells(batch, 0, "0|0|0.5");
    assert_cells(batch, 1, "0|1|1.5");
    assert_cells(batch, 2, "1|0|3.5");
    pyr_batch_release(batch);
    batch = read_batch(table, 1, NULL);
    assert_cells(batch, 0, "0|2|2.5");
    assert_cells(batch, 1, "1|2|5.5");
    pyr_batch_release(batch);
    pyr_zarr_table_zone(table, 1, 1, &zone);
    assert_true(zone.known && zone.min.i64 == 2 && zone.max.i64 == 2);
    pyr_zarr_table_destroy(table);
}

static void one_value_and_none_are_tables(void **state) {
    static const int32_t one[] = {42};
    (void)state;
    pyr_zarr_store *store = memory_store();
    put_array(store, "", "[]", "[]", "<i4", "0", NULL);
    store_put(store, "0", one, sizeof(one));
    pyr_zarr_table *table = table_of(open_zarr(store, "", PYR_ZARR_ANY), false);
    assert_int_equal(pyr_zarr_table_batches(table), 1);
    pyr_batch *batch = read_batch(table, 0, NULL);
    assert_cells(batch, 0, "42");
    pyr_batch_release(batch);
    pyr_zarr_table_destroy(table);
    store = memory_store();
    put_array(store, "", "[0,5]", "[2,2]", "<i4", "0", NULL);
    table = table_of(open_zarr(store, "", PYR_ZARR_ANY), false);
    assert_int_equal(pyr_zarr_table_batches(table), 0);
    assert_int_equal(pyr_zarr_table_rows(table), 0);
    pyr_zarr_table_destroy(table);
}

static void a_group_without_a_table_says_so(void **state) {
    pyr_zarr *zarr = NULL;
    pyr_zarr_table *table = NULL;
    pyr_error problem;
    (void)state;
    pyr_zarr_store *store = memory_store();
    store_put_text(store, ".zgroup", "{\"zarr_format\":2}");
    zarr = open_zarr(pyr_zarr_store_retain(store), "", PYR_ZARR_ANY);
    assert_int_equal(pyr_zarr_table_create(zarr, NULL, NULL, NULL, &table, &problem),
                     PYR_ERROR_NOT_SUPPORTED);
    pyr_zarr_release(zarr);
    put_array(store, "x", "[2]", "[2]", "<q4", "0", NULL);
    zarr = open_zarr(store, "", PYR_ZARR_ANY);
    assert_int_equal(pyr_zarr_table_create(zarr, NULL, NULL, NULL, &table, &problem),
                     PYR_ERROR_NOT_SUPPORTED);
    assert_non_null(strstr(problem.message, "<q4"));
    pyr_zarr_release(zarr);
}

static void coordinates_alone_are_a_table(void **state) {
    static const int32_t x[] = {5, 6, 7};
    (void)state;
    pyr_zarr_store *store = memory_store();
    store_put_text(store, ".zgroup", "{\"zarr_format\":2}");
    put_array(store, "x", "[3]", "[2]", "<i4", "0", "{\"_ARRAY_DIMENSIONS\":[\"x\"]}");
    store_put(store, "x/0", x, 8);
    static const int32_t tail[] = {7, 0};
    store_put(store, "x/1", tail, 8);
    pyr_zarr_table *table = table_of(open_zarr(store, "", PYR_ZARR_ANY), false);
    assert_columns(table, "x int32");
    assert_int_equal(pyr_zarr_table_rows(table), 3);
    pyr_batch *batch = read_batch(table, 1, NULL);
    assert_cells(batch, 0, "7");
    pyr_batch_release(batch);
    pyr_zarr_table_destroy(table);
}

/* ---- Chunks of several batches. ---- */

enum { LONG_ROWS = 1500, LONG_COLUMNS = 1000 };

/* 1500 x 1000 in one chunk, big-endian so that it is decoded: two batches, the first of 1,048,576
 * rows, which ends in the middle of row 1048. */
static pyr_zarr_table *long_table(void) {
    static uint8_t block[LONG_ROWS * LONG_COLUMNS * 4];
    for (uint32_t i = 0; i < LONG_ROWS * LONG_COLUMNS; ++i) {
        for (int k = 0; k < 4; ++k) {
            block[i * 4 + (uint32_t)k] = (uint8_t)(i >> (24 - 8 * k));
        }
    }
    pyr_zarr_store *store = memory_store();
    put_array(store, "", "[1500,1000]", "[1500,1000]", ">u4", "0", NULL);
    store_put(store, "0.0", block, sizeof(block));
    return table_of(open_zarr(store, "", PYR_ZARR_ANY), false);
}

static void large_chunks_are_cut_and_decoded_once(void **state) {
    pyr_query_ledger ledger;
    pyr_zarr_zone zone;
    int64_t row = 0;
    (void)state;
    pyr_zarr_table *table = long_table();
    assert_int_equal(pyr_zarr_table_batches(table), 2);
    pyr_ledger_init(&ledger);
    for (int64_t i = 0; i < 2; ++i) {
        pyr_batch *batch = read_batch(table, i, &ledger);
        assert_int_equal(batch->rows, i == 0 ? 1048576 : 1500000 - 1048576);
        for (int64_t k = 0; k < batch->rows; ++k, ++row) {
            assert_true(pyr_array_int64(batch->columns[0], k) == row / 1000);
            assert_true(pyr_array_int64(batch->columns[1], k) == row % 1000);
            assert_true(pyr_array_int64(batch->columns[2], k) == row);
        }
        pyr_batch_release(batch);
    }
    assert_int_equal(ledger.copied[PYR_COPY_BYTE_SWAP], 6000000); /* once, not twice */
    pyr_zarr_table_zone(table, 0, 0, &zone);
    assert_true(zone.min.i64 == 0 && zone.max.i64 == 1048);
    pyr_zarr_table_zone(table, 1, 0, &zone);
    assert_true(zone.min.i64 == 1048 && zone.max.i64 == 1499);
    pyr_zarr_table_zone(table, 1, 1, &zone);
    assert_true(zone.min.i64 == 0 && zone.max.i64 == 999);
    pyr_zarr_table_destroy(table);
}

typedef struct task {
    pyr_zarr_table *table;
    int64_t batch;
    int64_t first, rows;
} task;

static void *read_task(void *context) {
    task *t = context;
    pyr_batch *batch = NULL;
    if (pyr_zarr_table_read(t->table, t->batch, NULL, 0, NULL, NULL, &batch, NULL) == PYR_OK) {
        t->first = pyr_array_int64(batch->columns[2], 0);
        t->rows = batch->rows;
    }
    pyr_batch_release(batch);
    return NULL;
}

static void threads_share_the_decoded_chunk(void **state) {
    pthread_t threads[6];
    task tasks[6];
    (void)state;
    pyr_zarr_table *table = long_table();
    for (int i = 0; i < 6; ++i) {
        tasks[i] = (task){.table = table, .batch = i % 2, .first = -1};
        assert_int_equal(pthread_create(&threads[i], NULL, read_task, &tasks[i]), 0);
    }
    for (int i = 0; i < 6; ++i) {
        pthread_join(threads[i], NULL);
        assert_int_equal(tasks[i].first, i % 2 == 0 ? 0 : 1048576);
        assert_int_equal(tasks[i].rows, i % 2 == 0 ? 1048576 : 451424);
    }
    pyr_zarr_table_destroy(table);
}

/* ---- CF. ---- */

static void check_cf(const char *dtype, const char *fill, const char *attributes, const void *bytes,
                     size_t size, const char *type, const char *first, const char *second) {
    char text[500];
    pyr_zarr_store *store = memory_store();
    snprintf(text, sizeof(text), "{%s}", attributes);
    put_array(store, "", "[2]", "[2]", dtype, fill, text);
    store_put(store, "0", bytes, size);
    pyr_zarr_table *table = table_of(open_zarr(store, "", PYR_ZARR_ANY), true);
    char columns[100];
    snprintf(columns, sizeof(columns), "dim_0 int64, value %s", type);
    assert_columns(table, columns);
    pyr_batch *batch = read_batch(table, 0, NULL);
    assert_row(batch->columns[1], 0, first);
    assert_row(batch->columns[1], 1, second);
    pyr_batch_release(batch);
    pyr_zarr_table_destroy(table);
}

/* The same in a variable of the first one's grid, in one of another, and in a coordinate. */
static void without_a_fill_value_every_grid_gives_the_same(void **state) {
    static const char names[] = "{\"_ARRAY_DIMENSIONS\":[\"x\"]}";
    (void)state;
    for (int decode_cf = 0; decode_cf < 2; ++decode_cf) {
        pyr_zarr_store *store = memory_store();
        store_put_text(store, ".zgroup", "{\"zarr_format\":2}");
        put_array(store, "x", "[4]", "[2]", "<i2", "null", names);
        put_array(store, "a", "[4]", "[2]", "<i4", "null", names);
        put_array(store, "b", "[4]", "[3]", "<i4", "null", names);
        put_array(store, "t", "[4]", "[3]", "<M8[s]", "null", names);
        pyr_zarr_table *table = table_of(open_zarr(store, "", PYR_ZARR_ANY), decode_cf);
        for (int64_t i = 0; i < 2; ++i) {
            pyr_batch *batch = read_batch(table, i, NULL);
            assert_cells(batch, 1, "0|0|0|NULL");
            pyr_batch_release(batch);
        }
        pyr_zarr_table_destroy(table);
    }
}

static void cf_conventions_are_decoded_when_asked_for(void **state) {
    static const int16_t packed[] = {300, -32768};
    static const int32_t days[] = {36524, -1};
    static const double hours[] = {1.5, 24};
    static const uint8_t bytes[] = {255, 7};
    static const float with_missing[] = {1.25f, -999};
    static const uint16_t halves[] = {0x3c00, 0x7e01}, minus_zero[] = {0x8000, 0x4500};
    static const uint64_t nan_and_three[] = {0xfff8000000000001, 0x4008000000000000};
    static const int64_t nanos[] = {1700000000000001, 0};
    (void)state;
    check_cf("<i2", "null", "\"scale_factor\":0.5,\"add_offset\":10,\"_FillValue\":-32768", packed,
             4, "float64", "160.0", "NULL");
    check_cf("<i2", "-32768", "\"scale_factor\":0.5", packed, 4, "float64", "150.0", "NULL");
    /* 36524 days after 1900-01-01 is 2000-01-01. */
    check_cf("<i4", "null", "\"units\":\"days since 1900-01-01\"", days, 8, "timestamp[us]",
             "2000-01-01 00:00:00", "1899-12-31 00:00:00");
    check_cf("<f8", "null", "\"units\":\"hours since 1999-12-31T22:30:00Z\"", hours, 16,
             "timestamp[us]", "2000-01-01 00:00:00", "2000-01-01 22:30:00");
    check_cf("<f8", "null", "\"units\":\"Hours since 2000-1-1 1:0:0 +01:00\"", hours, 16,
             "timestamp[us]", "2000-01-01 01:30:00", "2000-01-02 00:00:00");
    check_cf("<i8", "null", "\"units\":\"microseconds since 1970-01-01 00:00:00\"", nanos, 16,
             "timestamp[us]", "2023-11-14 22:13:20.000001", "1970-01-01 00:00:00");
    check_cf("|u1", "null", "\"missing_value\":255", bytes, 2, "uint8", "NULL", "7");
    check_cf("<f4", "null", "\"_FillValue\":-999.0", with_missing, 8, "float32", "1.25", "NULL");
    /* NaN is NaN, whatever its bits; zero is zero, whatever its sign. */
    check_cf("<f8", "\"NaN\"", "\"x\":1", nan_and_three, 16, "float64", "NULL", "3.0");
    check_cf("<f2", "\"NaN\"", "\"x\":1", halves, 4, "float16", "1.0", "NULL");
    check_cf("<f2", "0", "\"scale_factor\":2", minus_zero, 4, "float64", "NULL", "10.0");
    /* xarray's form for floats in v3: the base 64 of a double, here -999. */
    check_cf("<f4", "null", "\"_FillValue\":\"AAAAAAA4j8A=\"", with_missing, 8, "float32", "1.25",
             "NULL");
    /* A calendar of other days, and a unit that is no time, stay numbers. */
    check_cf("<i4", "null", "\"units\":\"days since 1900-01-01\",\"calendar\":\"360_day\"", days, 8,
             "int32", "36524", "-1");
    check_cf("<i4", "null", "\"units\":\"days since the flood\"", days, 8, "int32", "36524", "-1");
}

static void without_the_option_values_are_as_stored(void **state) {
    static const int16_t packed[] = {300, -32768};
    (void)state;
    pyr_zarr_store *store = memory_store();
    put_array(store, "", "[2]", "[2]", "<i2", "-32768", "{\"scale_factor\":0.5}");
    store_put(store, "0", packed, 4);
    pyr_zarr_table *table = table_of(open_zarr(store, "", PYR_ZARR_ANY), false);
    pyr_batch *batch = read_batch(table, 0, NULL);
    assert_cells(batch, 0, "0|300");
    assert_cells(batch, 1, "1|-32768");
    pyr_batch_release(batch);
    pyr_zarr_table_destroy(table);
}

static void decoded_coordinates_have_zones_of_times(void **state) {
    static const int32_t days[] = {0, 1, 2, 3};
    pyr_zarr_zone zone;
    (void)state;
    pyr_zarr_store *store = memory_store();
    store_put_text(store, ".zgroup", "{\"zarr_format\":2}");
    put_array(store, "time", "[4]", "[4]", "<i4", "null",
              "{\"_ARRAY_DIMENSIONS\":[\"time\"],\"units\":\"days since 1970-01-02\"}");
    store_put(store, "time/0", days, sizeof(days));
    put_array(store, "v", "[4]", "[2]", "|u1", "null", "{\"_ARRAY_DIMENSIONS\":[\"time\"]}");
    pyr_zarr_table *table = table_of(open_zarr(store, "", PYR_ZARR_ANY), true);
    assert_columns(table, "time timestamp[us], v uint8");
    pyr_zarr_table_zone(table, 1, 0, &zone);
    assert_int_equal(zone.min.i64, 3 * 86400000000);
    assert_int_equal(zone.max.i64, 4 * 86400000000);
    pyr_zarr_table_destroy(table);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_group_has_a_row_a_cell),
        cmocka_unit_test(batches_are_the_chunks),
        cmocka_unit_test(variables_are_by_reference_and_coordinates_counted),
        cmocka_unit_test(zones_bound_the_coordinates),
        cmocka_unit_test(zones_of_what_is_not_sorted),
        cmocka_unit_test(a_coordinate_that_faults_prunes_and_gives_nothing),
        cmocka_unit_test(a_lone_array_has_positions_and_value),
        cmocka_unit_test(one_value_and_none_are_tables),
        cmocka_unit_test(a_group_without_a_table_says_so),
        cmocka_unit_test(coordinates_alone_are_a_table),
        cmocka_unit_test(large_chunks_are_cut_and_decoded_once),
        cmocka_unit_test(threads_share_the_decoded_chunk),
        cmocka_unit_test(without_a_fill_value_every_grid_gives_the_same),
        cmocka_unit_test(cf_conventions_are_decoded_when_asked_for),
        cmocka_unit_test(without_the_option_values_are_as_stored),
        cmocka_unit_test(decoded_coordinates_have_zones_of_times),
    };
    return cmocka_run_group_tests(tests, note_mapping_action, NULL);
}
