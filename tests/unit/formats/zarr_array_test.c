/* zarr_array_test.c - arrays in memory, each value computed by hand: fill values, ragged ends,
 * orders, shards, what is by reference and what the ledger says of the rest. */
#include "support_zarr.h"

#include "base/crc32c.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

/* .zarray of v2; the rest of its fields are in extra, with a comma before. */
static void put_v2(pyr_zarr_store *store, const char *shape, const char *chunks, const char *dtype,
                   const char *fill, const char *order, const char *extra) {
    char text[2000];
    snprintf(text, sizeof(text),
             "{\"zarr_format\":2,\"shape\":%s,\"chunks\":%s,\"dtype\":\"%s\",\"fill_value\":%s,"
             "\"order\":\"%s\"%s}",
             shape, chunks, dtype, fill, order, extra);
    store_put_text(store, ".zarray", text);
}

static void put_v3(pyr_zarr_store *store, const char *shape, const char *chunks, const char *type,
                   const char *fill, const char *codecs, const char *extra) {
    char text[4000];
    snprintf(text, sizeof(text),
             "{\"zarr_format\":3,\"node_type\":\"array\",\"shape\":%s,\"data_type\":%s,"
             "\"chunk_grid\":{\"name\":\"regular\",\"configuration\":{\"chunk_shape\":%s}},"
             "\"chunk_key_encoding\":{\"name\":\"default\"},\"fill_value\":%s,\"codecs\":%s%s}",
             shape, type, chunks, fill, codecs, extra);
    store_put_text(store, "zarr.json", text);
}

#define PLAIN_V2 ",\"compressor\":null,\"filters\":null"
#define BYTES_LE "{\"name\":\"bytes\",\"configuration\":{\"endian\":\"little\"}}"
#define BYTES_BE "{\"name\":\"bytes\",\"configuration\":{\"endian\":\"big\"}}"

static pyr_zarr_array *only_array(pyr_zarr *zarr) {
    assert_int_equal(pyr_zarr_arrays_count(zarr), 1);
    return pyr_zarr_get_array(zarr, 0);
}

static pyr_status open_status(pyr_zarr_store *store, pyr_error *error) {
    pyr_zarr *zarr = NULL;
    memset(error, 0, sizeof(*error));
    pyr_status status = pyr_zarr_open(store, "", PYR_ZARR_ANY, NULL, &zarr, error);
    pyr_zarr_release(zarr);
    pyr_zarr_store_release(store);
    return status;
}

/* ---- Places of values. ---- */

static void ragged_ends_are_cut_off(void **state) {
    /* 3 x 5 in chunks of 2 x 3: rows 0 1 | 2, columns 0 1 2 | 3 4. 99 stands beyond the array. */
    static const int32_t a[] = {0, 1, 2, 10, 11, 12}, b[] = {3, 4, 99, 13, 14, 99};
    static const int32_t c[] = {20, 21, 22, 99, 99, 99}, d[] = {23, 24, 99, 99, 99, 99};
    static const int32_t expected[] = {0, 1, 2, 3, 4, 10, 11, 12, 13, 14, 20, 21, 22, 23, 24};
    (void)state;
    pyr_zarr_store *store = memory_store();
    put_v2(store, "[3,5]", "[2,3]", "<i4", "0", "C", PLAIN_V2);
    store_put(store, "0.0", a, sizeof(a));
    store_put(store, "0.1", b, sizeof(b));
    store_put(store, "1.0", c, sizeof(c));
    store_put(store, "1.1", d, sizeof(d));
    pyr_zarr *zarr = open_zarr(store, "", PYR_ZARR_ANY);
    pyr_zarr_array *array = only_array(zarr);
    assert_int32_values(array, expected, 15);
    /* A box across all four chunks. */
    static const int64_t start[] = {1, 2}, extent[] = {2, 2};
    static const int32_t box[] = {12, 13, 22, 23};
    pyr_zarr_chunk region;
    check_ok(pyr_zarr_read_region(array, start, extent, NULL, NULL, &region, error));
    assert_memory_equal(region.bytes->data, box, sizeof(box));
    pyr_zarr_chunk_deinit(&region);
    pyr_zarr_release(zarr);
}

static void fortran_order_is_turned_round(void **state) {
    /* 2 x 3, first dimension fastest. */
    static const int32_t stored[] = {0, 10, 1, 11, 2, 12};
    static const int32_t expected[] = {0, 1, 2, 10, 11, 12};
    pyr_query_ledger ledger;
    pyr_zarr_chunk chunk;
    static const int64_t place[] = {0, 0};
    (void)state;
    pyr_zarr_store *store = memory_store();
    put_v2(store, "[2,3]", "[2,3]", "<i4", "0", "F", PLAIN_V2);
    store_put(store, "0.0", stored, sizeof(stored));
    pyr_zarr *zarr = open_zarr(store, "", PYR_ZARR_ANY);
    pyr_ledger_init(&ledger);
    check_ok(pyr_zarr_read_chunk(only_array(zarr), place, &ledger, NULL, &chunk, error));
    assert_memory_equal(chunk.bytes->data, expected, sizeof(expected));
    assert_false(chunk.referenced);
    assert_int_equal(ledger.copied[PYR_COPY_CONVERT], sizeof(expected));
    pyr_zarr_chunk_deinit(&chunk);
    pyr_zarr_release(zarr);
}

static void transposes_follow_each_other(void **state) {
    /* 2 x 3 x 4 by [1, 2, 0] then [2, 0, 1]: the stored dimensions are 0, 1, 2 again by the second
     * of them: order of the first is (1, 2, 0), and of that the entries 2, 0, 1: (0, 1, 2). */
    int32_t values[24];
    for (int32_t i = 0; i < 24; ++i) {
        values[i] = i * 3 - 7;
    }
    (void)state;
    pyr_zarr_store *store = memory_store();
    put_v3(store, "[2,3,4]", "[2,3,4]", "\"int32\"", "0",
           "[{\"name\":\"transpose\",\"configuration\":{\"order\":[1,2,0]}},"
           "{\"name\":\"transpose\",\"configuration\":{\"order\":[2,0,1]}}," BYTES_LE "]",
           "");
    store_put(store, "c/0/0/0", values, sizeof(values));
    pyr_zarr *zarr = open_zarr(store, "", PYR_ZARR_ANY);
    assert_int32_values(only_array(zarr), values, 24);
    pyr_zarr_release(zarr);
    /* The first alone: stored is 3 x 4 x 2, value (i, j, k) at [j][k][i]. */
    int32_t stored[24];
    for (int i = 0; i < 2; ++i) {
        for (int j = 0; j < 3; ++j) {
            for (int k = 0; k < 4; ++k) {
                stored[(j * 4 + k) * 2 + i] = values[(i * 3 + j) * 4 + k];
            }
        }
    }
    store = memory_store();
    put_v3(store, "[2,3,4]", "[2,3,4]", "\"int32\"", "0",
           "[{\"name\":\"transpose\",\"configuration\":{\"order\":[1,2,0]}}," BYTES_LE "]", "");
    store_put(store, "c/0/0/0", stored, sizeof(stored));
    zarr = open_zarr(store, "", PYR_ZARR_ANY);
    assert_int32_values(only_array(zarr), values, 24);
    pyr_zarr_release(zarr);
}

static void keys_follow_the_encoding(void **state) {
    static const int32_t one[] = {7};
    (void)state;
    /* A value without dimensions: "0" in v2, "c" in v3. */
    pyr_zarr_store *store = memory_store();
    put_v2(store, "[]", "[]", "<i4", "0", "C", PLAIN_V2);
    store_put(store, "0", one, sizeof(one));
    pyr_zarr *zarr = open_zarr(store, "", PYR_ZARR_ANY);
    assert_int32_values(only_array(zarr), one, 1);
    pyr_zarr_release(zarr);
    store = memory_store();
    put_v3(store, "[]", "[]", "\"int32\"", "0", "[" BYTES_LE "]", "");
    store_put(store, "c", one, sizeof(one));
    zarr = open_zarr(store, "", PYR_ZARR_ANY);
    assert_int32_values(only_array(zarr), one, 1);
    pyr_zarr_release(zarr);
    /* '/' in v2. */
    store = memory_store();
    put_v2(store, "[1,1]", "[1,1]", "<i4", "0", "C", PLAIN_V2 ",\"dimension_separator\":\"/\"");
    store_put(store, "0/0", one, sizeof(one));
    zarr = open_zarr(store, "", PYR_ZARR_ANY);
    assert_int32_values(only_array(zarr), one, 1);
    pyr_zarr_release(zarr);
}

static void big_endian_is_swapped(void **state) {
    static const uint8_t stored[] = {0, 0, 1, 2, 0xff, 0xff, 0xff, 0xfe};
    static const int32_t expected[] = {258, -2};
    pyr_query_ledger ledger;
    pyr_zarr_chunk chunk;
    static const int64_t place[] = {0};
    (void)state;
    for (int v = 2; v <= 3; ++v) {
        pyr_zarr_store *store = memory_store();
        if (v == 2) {
            put_v2(store, "[2]", "[2]", ">i4", "0", "C", PLAIN_V2);
        } else {
            put_v3(store, "[2]", "[2]", "\"int32\"", "0", "[" BYTES_BE "]", "");
        }
        store_put(store, v == 2 ? "0" : "c/0", stored, sizeof(stored));
        pyr_zarr *zarr = open_zarr(store, "", PYR_ZARR_ANY);
        pyr_ledger_init(&ledger);
        check_ok(pyr_zarr_read_chunk(only_array(zarr), place, &ledger, NULL, &chunk, error));
        assert_memory_equal(chunk.bytes->data, expected, sizeof(expected));
        assert_int_equal(ledger.copied[PYR_COPY_BYTE_SWAP], sizeof(expected));
        pyr_zarr_chunk_deinit(&chunk);
        pyr_zarr_release(zarr);
    }
}

/* ---- By reference. ---- */

static void plain_chunks_are_the_stores_bytes(void **state) {
    static const double values[] = {1.5, -2.5, 3.25, 99};
    static const int64_t place[] = {0};
    pyr_query_ledger ledger;
    pyr_zarr_chunk chunk;
    pyr_array *array;
    pyr_buffer *stored = NULL;
    (void)state;
    pyr_zarr_store *store = pyr_zarr_store_retain(memory_store());
    /* Three of four values are inside: still dense, so still a slice. */
    put_v2(store, "[3]", "[4]", "<f8", "0", "C", PLAIN_V2);
    store_put(store, "0", values, sizeof(values));
    pyr_zarr *zarr = open_zarr(store, "", PYR_ZARR_ANY);
    check_ok(pyr_zarr_store_get(store, "0", NULL, NULL, &stored, error));
    pyr_ledger_init(&ledger);
    check_ok(pyr_zarr_read_chunk(only_array(zarr), place, &ledger, NULL, &chunk, error));
    assert_true(chunk.referenced);
    assert_ptr_equal(chunk.bytes->data, stored->data);
    assert_int_equal(chunk.bytes->size_bytes, 24);
    check_ok(
        pyr_zarr_chunk_values(only_array(zarr), &chunk, 1, 2, false, &ledger, NULL, &array, error));
    assert_ptr_equal(array->buffers[1]->data, stored->data + 8);
    assert_int_equal(ledger.bytes_referenced, 24);
    assert_int_equal(ledger.bytes_decoded, 0);
    for (int i = 0; i < PYR_COPY_REASONS_COUNT; ++i) {
        assert_int_equal(ledger.copied[i], 0);
    }
    /* What was handed out outlives hierarchy and store. */
    pyr_zarr_chunk_deinit(&chunk);
    pyr_zarr_release(zarr);
    pyr_zarr_store_release(store);
    pyr_buffer_release(stored);
    assert_row(array, 0, "-2.5");
    assert_row(array, 1, "3.25");
    pyr_array_release(array);
}

/* ---- Files that are cut while they are mapped. ---- */

enum { CUT_VALUES = 1 << 14 };

/* What is made of a block's bytes is new memory: no later check of its buffers finds the fault. */
static void a_block_that_faults_is_not_converted(void **state) {
    static const int64_t place[] = {0};
    uint8_t bits[CUT_VALUES];
    pyr_zarr_chunk chunk;
    pyr_array *values;
    pyr_error problem;
    (void)state;
    memset(bits, 1, sizeof(bits));
    pyr_zarr_store *store = memory_store();
    put_v2(store, "[16384]", "[16384]", "|b1", "false", "C", PLAIN_V2);
    int fd = store_put_mapped(store, "0", bits, sizeof(bits));
    pyr_zarr *zarr = open_zarr(store, "", PYR_ZARR_ANY);
    check_ok(pyr_zarr_read_chunk(only_array(zarr), place, NULL, NULL, &chunk, error));
    assert_true(chunk.referenced);
    cut_mapped(fd, 4096);
    assert_int_equal(pyr_zarr_chunk_values(only_array(zarr), &chunk, 0, chunk.count, false, NULL,
                                           NULL, &values, &problem),
                     PYR_ERROR_IO);
    assert_null(values);
    pyr_zarr_chunk_deinit(&chunk);
    pyr_zarr_release(zarr);
    close(fd);
}

/* A shard of two chunks of 4096 bytes, its index in front, in a zstd frame of one raw block: zeros
 * decode as well as what was there. */
static void a_shard_decoded_from_a_fault_is_not_kept(void **state) {
    static const char codecs[] =
        "[{\"name\":\"sharding_indexed\",\"configuration\":{\"chunk_shape\":[4096],"
        "\"index_location\":\"start\",\"codecs\":[{\"name\":\"bytes\"}],"
        "\"index_codecs\":[" BYTES_LE "]}},{\"name\":\"zstd\"}]";
    static const uint8_t head[] = {0x28,
                                   0xb5,
                                   0x2f,
                                   0xfd,
                                   0xa0,
                                   0x20,
                                   0x20,
                                   0,
                                   0,
                                   (uint8_t)(8224 << 3 | 1),
                                   (uint8_t)(8224 >> 5),
                                   8224 >> 13};
    static const uint64_t index[] = {32, 4096, 4128, 4096};
    static const int64_t places[2][1] = {{0}, {1}};
    static uint8_t bytes[sizeof(head) + sizeof(index) + 8192];
    pyr_zarr_chunk chunk;
    pyr_error problem;
    (void)state;
    memset(bytes, 7, sizeof(bytes));
    memcpy(bytes, head, sizeof(head));
    memcpy(bytes + sizeof(head), index, sizeof(index));
    for (int cut = 0; cut < 2; ++cut) {
        pyr_zarr_store *store = memory_store();
        put_v3(store, "[8192]", "[8192]", "\"uint8\"", "0", codecs, "");
        int fd = store_put_mapped(store, "c/0", bytes, sizeof(bytes));
        pyr_zarr *zarr = open_zarr(store, "", PYR_ZARR_ANY);
        if (cut) {
            cut_mapped(fd, 4096);
        }
        for (int i = 0; i < 2; ++i) {
            pyr_status status =
                pyr_zarr_read_chunk(only_array(zarr), places[i], NULL, NULL, &chunk, &problem);
            assert_int_equal(status, cut ? PYR_ERROR_IO : PYR_OK);
            if (!cut) {
                assert_int_equal(chunk.bytes->data[4095], 7);
                pyr_zarr_chunk_deinit(&chunk);
            }
        }
        pyr_zarr_release(zarr);
        close(fd);
    }
}

/* ---- Fill values. ---- */

static void expect_fill(int version, const char *type, const char *fill, const void *expected,
                        size_t size) {
    pyr_zarr_store *store = memory_store();
    if (version == 2) {
        put_v2(store, "[2]", "[2]", type, fill, "C", PLAIN_V2);
    } else {
        put_v3(store, "[2]", "[2]", type, fill, "[" BYTES_LE "]", "");
    }
    pyr_zarr *zarr = open_zarr(store, "", PYR_ZARR_ANY);
    pyr_zarr_chunk all = read_all(only_array(zarr));
    assert_int_equal(all.bytes->size_bytes, size * 2);
    if (memcmp(all.bytes->data, expected, size) != 0 ||
        memcmp(all.bytes->data + size, expected, size) != 0) {
        fail_msg("v%d %s %s", version, type, fill);
    }
    pyr_zarr_chunk_deinit(&all);
    pyr_zarr_release(zarr);
}

static void fill_values_of_every_form(void **state) {
    static const uint8_t half_one[] = {0x00, 0x3c}, half_max[] = {0xff, 0x7b};
    static const uint8_t half_infinity[] = {0x00, 0x7c}, half_smallest[] = {0x01, 0x00};
    static const uint8_t nan_bits[] = {0x01, 0, 0xc0, 0x7f};
    static const uint8_t raw[] = {1, 2, 255}, text[] = {'h', 'i', 0, 0};
    static const uint32_t points[] = {'a', 0xe9, 0x1f600};
    uint64_t big = UINT64_MAX;
    int64_t small = INT64_MIN, nat = INT64_MIN;
    double infinity = -(double)INFINITY, tenth = 0.1;
    float complex_value[] = {1.5f, -0.25f};
    uint8_t yes = 1;
    int16_t seven = 7;
    (void)state;
    expect_fill(2, "<u8", "18446744073709551615", &big, 8);
    expect_fill(2, "<i8", "-9223372036854775808", &small, 8);
    expect_fill(2, "<f8", "\"-Infinity\"", &infinity, 8);
    expect_fill(2, "<f8", "-Infinity", &infinity, 8); /* as Python's json writes it */
    expect_fill(2, "<f8", "0.1", &tenth, 8);
    expect_fill(2, ">i2", "7", &seven, 2); /* in memory: not of the store's byte order */
    expect_fill(2, "|b1", "true", &yes, 1);
    expect_fill(2, "<M8[D]", "\"NaT\"", &nat, 8);
    expect_fill(2, "<U3", "\"a\\u00e9\\ud83d\\ude00\"", points, 12);
    expect_fill(2, "|S4", "\"aGk=\"", text, 4);
    expect_fill(2, "|V3", "\"AQL/\"", raw, 3);
    expect_fill(2, "<f2", "1", half_one, 2);
    expect_fill(2, "<f2", "65504", half_max, 2);
    expect_fill(2, "<f2", "65520", half_infinity, 2);
    expect_fill(2, "<f2", "5.9604644775390625e-08", half_smallest, 2);
    expect_fill(2, "<c8", "[1.5,-0.25]", complex_value, 8);
    expect_fill(3, "\"uint64\"", "18446744073709551615", &big, 8);
    expect_fill(3, "\"float32\"", "\"0x7fc00001\"", nan_bits, 4);
    expect_fill(3, "\"complex64\"", "[1.5,\"-0.25\"]", complex_value, 8);
    expect_fill(3, "\"r24\"", "[1,2,255]", raw, 3);
    expect_fill(3, "\"bool\"", "true", &yes, 1);
    expect_fill(3, "{\"name\":\"numpy.datetime64\",\"configuration\":{\"unit\":\"s\"}}", "\"NaT\"",
                &nat, 8);
}

static void fill_values_that_do_not_fit_are_refused(void **state) {
    static const char *const cases[][2] = {{"|u1", "256"},         {"|i1", "-129"},
                                           {"<u4", "-1"},          {"<i4", "1.5"},
                                           {"<f4", "\"zero\""},    {"|b1", "2"},
                                           {"<U1", "\"ab\""},      {"|V2", "\"AQID\""},
                                           {"<c8", "[1]"},         {"<i8", "9223372036854775808"},
                                           {"<M8[s]", "\"today\""}};
    pyr_error error;
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        pyr_zarr_store *store = memory_store();
        put_v2(store, "[2]", "[2]", cases[i][0], cases[i][1], "C", PLAIN_V2);
        if (open_status(store, &error) != PYR_ERROR_CORRUPT ||
            strstr(error.message, "fill value") == NULL) {
            fail_msg("%s %s: %s", cases[i][0], cases[i][1], error.message);
        }
    }
}

static void missing_chunks_share_one_block(void **state) {
    static const int64_t places[2][1] = {{0}, {1}};
    pyr_array *values[2];
    (void)state;
    pyr_zarr_store *store = memory_store();
    put_v2(store, "[2000]", "[1000]", "<i4", "-5", "C", PLAIN_V2);
    pyr_zarr *zarr = open_zarr(store, "", PYR_ZARR_ANY);
    for (int i = 0; i < 2; ++i) {
        pyr_zarr_chunk chunk;
        check_ok(pyr_zarr_read_chunk(only_array(zarr), places[i], NULL, NULL, &chunk, error));
        assert_true(chunk.missing);
        assert_null(chunk.bytes);
        check_ok(pyr_zarr_chunk_values(only_array(zarr), &chunk, 0, 1000, false, NULL, NULL,
                                       &values[i], error));
        assert_row(values[i], 999, "-5");
        pyr_zarr_chunk_deinit(&chunk);
    }
    assert_ptr_equal(values[0]->buffers[1]->data, values[1]->buffers[1]->data);
    pyr_array_release(values[0]);
    pyr_array_release(values[1]);
    pyr_zarr_release(zarr);
}

/* Read chunk by chunk, and as a box that is no chunk. */
static void without_a_fill_value_missing_is_zero_or_nat(void **state) {
    static const char *const cases[][2] = {
        {"<i4", "0"},       {">f8", "0.0"},      {"|b1", "false"},
        {"<M8[s]", "NULL"}, {"<m8[us]", "NULL"}, {"<U2", ""},
    };
    static const int64_t place[] = {0}, start[] = {1}, extent[] = {3};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        for (int box = 0; box < 2; ++box) {
            pyr_zarr_chunk chunk;
            pyr_array *values;
            pyr_zarr_store *store = memory_store();
            put_v2(store, "[6]", "[3]", cases[i][0], "null", "C", PLAIN_V2);
            pyr_zarr *zarr = open_zarr(store, "", PYR_ZARR_ANY);
            pyr_zarr_array *array = only_array(zarr);
            if (box) {
                check_ok(pyr_zarr_read_region(array, start, extent, NULL, NULL, &chunk, error));
            } else {
                check_ok(pyr_zarr_read_chunk(array, place, NULL, NULL, &chunk, error));
                assert_true(chunk.missing);
            }
            check_ok(pyr_zarr_chunk_values(array, &chunk, 0, 3, true, NULL, NULL, &values, error));
            assert_row(values, 0, cases[i][1]);
            assert_row(values, 2, cases[i][1]);
            pyr_array_release(values);
            pyr_zarr_chunk_deinit(&chunk);
            pyr_zarr_release(zarr);
        }
    }
}

/* ---- Arrow. ---- */

static void check_values(const char *dtype, const void *bytes, size_t size, const char *type,
                         const char *first, const char *second) {
    pyr_text text;
    pyr_zarr_store *store = memory_store();
    put_v2(store, "[2]", "[2]", dtype, "null", "C", PLAIN_V2);
    store_put(store, "0", bytes, size);
    pyr_zarr *zarr = open_zarr(store, "", PYR_ZARR_ANY);
    pyr_array *values = array_values(only_array(zarr), false);
    pyr_text_init(&text);
    pyr_field_type_print(values->field, &text);
    assert_string_equal(pyr_text_get(&text), type);
    pyr_text_deinit(&text);
    assert_row(values, 0, first);
    assert_row(values, 1, second);
    pyr_array_release(values);
    pyr_zarr_release(zarr);
}

static void every_kind_becomes_its_arrow_type(void **state) {
    static const uint8_t bools[] = {1, 0};
    static const double complex_values[] = {1, -1, 0.5, 2};
    static const uint32_t texts[] = {'a', 0x20ac, 0, 0x1f600, 0, 0};
    static const int64_t months[] = {-1, 13}, weeks[] = {1, INT64_MIN}, micros[] = {1, INT64_MIN};
    (void)state;
    check_values("|b1", bools, 2, "bool", "true", "false");
    check_values("<c16", complex_values, 32, "fixed_size_list<item: float64>[2]", "[1.0, -1.0]",
                 "[0.5, 2.0]");
    check_values("<U3", texts, sizeof(texts), "utf8", "a\xe2\x82\xac", "\xf0\x9f\x98\x80");
    check_values("|S3", "ab\0\0\0\0", 6, "binary", "ab", "");
    check_values("|V2", "abcd", 4, "fixed_size_binary[2]", "ab", "cd");
    check_values("<M8[M]", months, 16, "timestamp[s]", "1969-12-01 00:00:00",
                 "1971-02-01 00:00:00");
    check_values("<M8[W]", weeks, 16, "timestamp[s]", "1970-01-08 00:00:00", "NULL");
    check_values("<M8[25us]", micros, 16, "timestamp[us]", "1970-01-01 00:00:00.000025", "NULL");
}

static void objects_by_json2_are_texts(void **state) {
    static const char stored[] = "[[\"a\",null],[1,{\"k\":[true]}],\"|O\",[2,2]]";
    (void)state;
    pyr_zarr_store *store = memory_store();
    put_v2(store, "[2,2]", "[2,2]", "|O", "null", "C",
           ",\"compressor\":null,\"filters\":[{\"id\":\"json2\"}]");
    store_put_text(store, "0.0", stored);
    pyr_zarr *zarr = open_zarr(store, "", PYR_ZARR_ANY);
    pyr_array *values = array_values(only_array(zarr), false);
    assert_row(values, 0, "a");
    assert_row(values, 1, "NULL");
    assert_row(values, 2, "1");
    assert_row(values, 3, "{\"k\":[true]}");
    pyr_array_release(values);
    pyr_zarr_release(zarr);
}

/* "vlen-utf8": count, then length and bytes of each. */
static size_t put_item(uint8_t *to, const char *text) {
    uint32_t length = (uint32_t)strlen(text);
    memcpy(to, &length, 4);
    memcpy(to + 4, text, length);
    return length + 4;
}

/* What text compresses to, by windowBits of zlib.h. */
static size_t deflated(const char *text, size_t size_bytes, int window_bits, uint8_t *out,
                       size_t capacity) {
    z_stream stream = {0};
    assert_int_equal(deflateInit2(&stream, 6, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY),
                     Z_OK);
    stream.next_in = (Bytef *)(uintptr_t)text;
    stream.avail_in = (uInt)size_bytes;
    stream.next_out = out;
    stream.avail_out = (uInt)capacity;
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    size_t made = stream.total_out;
    deflateEnd(&stream);
    return made;
}

/* Where nothing says how large a chunk is, the last four bytes of gzip are no more than a hint:
 * they are of the last member, or padding. */
static void gzip_of_members_and_padding_is_read_to_its_end(void **state) {
    static const char text[] = "[\"one and another one\",\"a\",\"|O\",[2]]";
    static const int64_t place[] = {0};
    uint8_t stored[400] = {0};
    (void)state;
    for (size_t padding = 0; padding <= 8; padding += 8) {
        size_t size = deflated(text, 30, 15 + 16, stored, sizeof(stored));
        size += deflated(text + 30, sizeof(text) - 1 - 30, 15 + 16, stored + size, 200);
        memset(stored + size, 0, padding);
        pyr_zarr_store *store = memory_store();
        put_v2(store, "[2]", "[2]", "|O", "null", "C",
               ",\"compressor\":{\"id\":\"gzip\"},\"filters\":[{\"id\":\"json2\"}]");
        store_put(store, "0", stored, size + padding);
        pyr_zarr *zarr = open_zarr(store, "", PYR_ZARR_ANY);
        pyr_query_ledger ledger;
        pyr_zarr_chunk chunk;
        pyr_ledger_init(&ledger);
        check_ok(pyr_zarr_read_chunk(only_array(zarr), place, &ledger, NULL, &chunk, error));
        assert_int_equal(ledger.bytes_decoded, sizeof(text) - 1);
        assert_int_equal(ledger.copied[PYR_COPY_CONVERT], pyr_array_size_bytes(chunk.values));
        pyr_zarr_chunk_deinit(&chunk);
        pyr_array *values = array_values(only_array(zarr), false);
        assert_row(values, 0, "one and another one");
        assert_row(values, 1, "a");
        pyr_array_release(values);
        pyr_zarr_release(zarr);
    }
}

/* The budget has room for the first try, and none for a second one. */
static void a_broken_chunk_of_unknown_size_is_decoded_once(void **state) {
    static const char text[] = "[\"one and another one\",\"a\",\"|O\",[2]]";
    static const int64_t place[] = {0};
    uint8_t stored[200];
    pyr_zarr_chunk chunk;
    pyr_error problem;
    (void)state;
    size_t size = deflated(text, sizeof(text) - 1, 15, stored, sizeof(stored));
    stored[size - 1] ^= 1; /* of the sum */
    pyr_zarr_store *store = memory_store();
    put_v2(store, "[2]", "[2]", "|O", "null", "C",
           ",\"compressor\":{\"id\":\"zlib\"},\"filters\":[{\"id\":\"json2\"}]");
    store_put(store, "0", stored, size);
    pyr_zarr *zarr = open_zarr(store, "", PYR_ZARR_ANY);
    pyr_budget *budget = pyr_budget_create(100000);
    assert_int_equal(pyr_zarr_read_chunk(only_array(zarr), place, NULL, budget, &chunk, &problem),
                     PYR_ERROR_CORRUPT);
    pyr_budget_release(budget);
    pyr_zarr_release(zarr);
}

static void texts_in_two_dimensions_are_picked_in_order(void **state) {
    /* 3 x 3 in chunks of 2 x 2, F order within each: a box across all four. */
    static const char *const rows[3][3] = {{"a", "bb", "c"}, {"", "e", "ff"}, {"g", "h", "iii"}};
    static const int64_t start[] = {0, 0}, extent[] = {3, 3};
    pyr_zarr_chunk region;
    (void)state;
    pyr_zarr_store *store = memory_store();
    put_v2(store, "[3,3]", "[2,2]", "|O", "\"\"", "F",
           ",\"compressor\":null,\"filters\":[{\"id\":\"vlen-utf8\"}]");
    for (int i = 0; i < 4; ++i) {
        uint8_t bytes[200];
        uint32_t count = 4;
        size_t size = 4;
        char key[8];
        memcpy(bytes, &count, 4);
        for (int column = 0; column < 2; ++column) {
            for (int row = 0; row < 2; ++row) {
                int r = i / 2 * 2 + row, c = i % 2 * 2 + column;
                size += put_item(bytes + size, r < 3 && c < 3 ? rows[r][c] : "beyond");
            }
        }
        snprintf(key, sizeof(key), "%d.%d", i / 2, i % 2);
        store_put(store, key, bytes, size);
    }
    pyr_zarr *zarr = open_zarr(store, "", PYR_ZARR_ANY);
    check_ok(pyr_zarr_read_region(only_array(zarr), start, extent, NULL, NULL, &region, error));
    for (int i = 0; i < 9; ++i) {
        assert_row(region.values, i, rows[i / 3][i % 3]);
    }
    pyr_zarr_chunk_deinit(&region);
    pyr_zarr_release(zarr);
}

/* ---- Shards. ---- */

#define SHARD_CODECS(location)                                                             \
    "[{\"name\":\"sharding_indexed\",\"configuration\":{\"chunk_shape\":[1,2],\"codecs\":" \
    "[" BYTES_LE "],\"index_codecs\":[" BYTES_LE                                           \
    ",{\"name\":\"crc32c\"}],\"index_location\":\"" location "\"}}]"

/* A shard of 2 x 4 in chunks of 1 x 2; the chunk at 1, 0 is missing. Pairs of offset and size. */
static size_t make_shard(bool at_start, uint8_t *shard) {
    static const int32_t chunks[3][2] = {{0, 1}, {2, 3}, {12, 13}};
    uint64_t index[8] = {0, 8, 8, 8, UINT64_MAX, UINT64_MAX, 16, 8};
    size_t data_at = at_start ? 68 : 0, index_at = at_start ? 0 : 24;
    for (int i = 0; i < 8; i += 2) {
        index[i] += index[i] != UINT64_MAX ? data_at : 0;
    }
    memcpy(shard + data_at, chunks, 24);
    memcpy(shard + index_at, index, 64);
    uint32_t crc = pyr_crc32c(0, shard + index_at, 64);
    memcpy(shard + index_at + 64, &crc, 4);
    return 92;
}

static void shards_by_either_place_of_the_index(void **state) {
    static const int32_t expected[] = {0, 1, 2, 3, -1, -1, 12, 13};
    static const int64_t last[] = {1, 1}, missing[] = {1, 0};
    (void)state;
    for (int at_start = 0; at_start < 2; ++at_start) {
        uint8_t shard[100];
        pyr_zarr_placement placement;
        pyr_zarr_chunk chunk;
        size_t size = make_shard(at_start, shard);
        pyr_zarr_store *store = memory_store();
        put_v3(store, "[2,4]", "[2,4]", "\"int32\"", "-1",
               at_start ? SHARD_CODECS("start") : SHARD_CODECS("end"), "");
        store_put(store, "c/0/0", shard, size);
        pyr_zarr *zarr = open_zarr(store, "", PYR_ZARR_ANY);
        pyr_zarr_array *array = only_array(zarr);
        const pyr_zarr_info *info = pyr_zarr_array_info(array);
        assert_true(info->sharded);
        assert_int_equal(info->chunks, 4);
        assert_int_equal(info->chunk_shape[1], 2);
        assert_string_equal(info->codecs, "sharding_indexed(bytes)");
        assert_int32_values(array, expected, 8);
        check_ok(pyr_zarr_read_chunk(array, last, NULL, NULL, &chunk, error));
        assert_true(chunk.referenced);
        pyr_zarr_chunk_deinit(&chunk);
        check_ok(pyr_zarr_locate_chunk(array, last, NULL, &placement, error));
        assert_string_equal(placement.location, "c/0/0");
        assert_int_equal(placement.offset_bytes, at_start ? 84 : 16);
        assert_int_equal(placement.size_bytes, 8);
        pyr_zarr_placement_deinit(&placement);
        check_ok(pyr_zarr_locate_chunk(array, missing, NULL, &placement, error));
        assert_false(placement.present);
        pyr_zarr_release(zarr);
    }
}

/* A shard whose dimensions were turned round is decoded as a whole. */
static void transposed_shards_are_read_too(void **state) {
    static const int32_t expected[] = {0, -1, 1, -1, 2, 12, 3, 13};
    uint8_t shard[100];
    char codecs[1000];
    (void)state;
    size_t size = make_shard(false, shard);
    snprintf(codecs, sizeof(codecs),
             "[{\"name\":\"transpose\",\"configuration\":{\"order\":[1,0]}},%s",
             &SHARD_CODECS("end")[1]);
    pyr_zarr_store *store = memory_store();
    put_v3(store, "[4,2]", "[4,2]", "\"int32\"", "-1", codecs, "");
    store_put(store, "c/0/0", shard, size);
    pyr_zarr *zarr = open_zarr(store, "", PYR_ZARR_ANY);
    assert_int32_values(only_array(zarr), expected, 8);
    pyr_zarr_release(zarr);
}

/* Shards in shards: one outer chunk of 4 values, one inner shard of 4, two chunks of 2. */
static void shards_in_shards_are_opened_level_by_level(void **state) {
    static const int32_t expected[] = {5, 6, 7, 8};
    static const char codecs[] =
        "[{\"name\":\"sharding_indexed\",\"configuration\":{\"chunk_shape\":[4],\"codecs\":["
        "{\"name\":\"sharding_indexed\",\"configuration\":{\"chunk_shape\":[2],\"codecs\":"
        "[" BYTES_LE "],\"index_codecs\":[" BYTES_BE "]}}],\"index_codecs\":[" BYTES_LE "]}}]";
    uint8_t shard[64] = {0};
    (void)state;
    memcpy(shard, expected, 16);
    static const uint8_t inner[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 8,
                                    0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 8};
    memcpy(shard + 16, inner, sizeof(inner)); /* big-endian */
    uint64_t outer[2] = {0, 48};
    memcpy(shard + 48, outer, sizeof(outer));
    pyr_zarr_store *store = memory_store();
    put_v3(store, "[4]", "[4]", "\"int32\"", "0", codecs, "");
    store_put(store, "c/0", shard, sizeof(shard));
    pyr_zarr *zarr = open_zarr(store, "", PYR_ZARR_ANY);
    assert_int_equal(pyr_zarr_array_info(only_array(zarr))->chunks, 2);
    assert_int32_values(only_array(zarr), expected, 4);
    pyr_zarr_release(zarr);
}

static void broken_shards_are_told(void **state) {
    static const int64_t place[] = {0, 0};
    pyr_error error;
    (void)state;
    for (int fault = 0; fault < 3; ++fault) {
        uint8_t shard[100];
        pyr_zarr_chunk chunk;
        size_t size = make_shard(false, shard);
        if (fault == 0) { /* the checksum */
            shard[30] ^= 1;
        } else if (fault == 1) { /* a chunk beyond the end, the checksum right */
            uint64_t offset = 90;
            memcpy(shard + 24, &offset, 8);
            uint32_t crc = pyr_crc32c(0, shard + 24, 64);
            memcpy(shard + 88, &crc, 4);
        } else { /* cut off */
            size = 40;
        }
        pyr_zarr_store *store = memory_store();
        put_v3(store, "[2,4]", "[2,4]", "\"int32\"", "-1", SHARD_CODECS("end"), "");
        store_put(store, "c/0/0", shard, size);
        pyr_zarr *zarr = open_zarr(store, "", PYR_ZARR_ANY);
        assert_int_equal(pyr_zarr_read_chunk(only_array(zarr), place, NULL, NULL, &chunk, &error),
                         PYR_ERROR_CORRUPT);
        assert_non_null(strstr(error.message, "memory: chunk [0,0]"));
        pyr_zarr_release(zarr);
    }
}

typedef struct reader {
    pyr_zarr_array *array;
    int64_t sum;
} reader;

static void *sum_chunks(void *context) {
    reader *r = context;
    for (int round = 0; round < 50; ++round) {
        for (int64_t i = 0; i < 4; ++i) {
            int64_t place[PYR_ZARR_RANK_MAX];
            pyr_zarr_chunk chunk;
            pyr_array *values = NULL;
            pyr_error error;
            pyr_zarr_chunk_place(r->array, i, place);
            if (pyr_zarr_read_chunk(r->array, place, NULL, NULL, &chunk, &error) != PYR_OK ||
                pyr_zarr_chunk_values(r->array, &chunk, 0, chunk.count, false, NULL, NULL, &values,
                                      &error) != PYR_OK) {
                return NULL;
            }
            r->sum += pyr_array_int64(values, 0) + pyr_array_int64(values, 1);
            pyr_array_release(values);
            pyr_zarr_chunk_deinit(&chunk);
        }
    }
    return NULL;
}

static void threads_read_one_array_at_once(void **state) {
    uint8_t shard[100];
    pthread_t threads[4];
    reader readers[4];
    (void)state;
    size_t size = make_shard(false, shard);
    pyr_zarr_store *store = memory_store();
    put_v3(store, "[2,4]", "[2,4]", "\"int32\"", "-1", SHARD_CODECS("end"), "");
    store_put(store, "c/0/0", shard, size);
    pyr_zarr *zarr = open_zarr(store, "", PYR_ZARR_ANY);
    for (int i = 0; i < 4; ++i) {
        readers[i] = (reader){only_array(zarr), 0};
        assert_int_equal(pthread_create(&threads[i], NULL, sum_chunks, &readers[i]), 0);
    }
    for (int i = 0; i < 4; ++i) {
        pthread_join(threads[i], NULL);
        assert_int_equal(readers[i].sum, 50 * (0 + 1 + 2 + 3 - 1 - 1 + 12 + 13));
    }
    pyr_zarr_release(zarr);
}

/* ---- Metadata. ---- */

static void what_is_not_supported_is_named(void **state) {
    static const char *const codecs[][2] = {
        {"[" BYTES_LE ",{\"name\":\"zip9\"}]", "\"zip9\""},
        {"[{\"name\":\"cast\"}," BYTES_LE "]", "\"cast\""},
    };
    pyr_error error;
    (void)state;
    for (size_t i = 0; i < 2; ++i) {
        pyr_zarr_store *store = memory_store();
        put_v3(store, "[2]", "[2]", "\"int32\"", "0", codecs[i][0], "");
        assert_int_equal(open_status(store, &error), PYR_ERROR_NOT_SUPPORTED);
        assert_non_null(strstr(error.message, codecs[i][1]));
    }
    pyr_zarr_store *store = memory_store();
    put_v2(store, "[2]", "[2]", "<i4", "0", "C", ",\"compressor\":{\"id\":\"lzo\"}");
    assert_int_equal(open_status(store, &error), PYR_ERROR_NOT_SUPPORTED);
    assert_non_null(strstr(error.message, "\"lzo\""));
    store = memory_store();
    put_v3(store, "[2]", "[2]", "\"bfloat16\"", "0", "[" BYTES_LE "]", "");
    assert_int_equal(open_status(store, &error), PYR_ERROR_NOT_SUPPORTED);
    assert_non_null(strstr(error.message, "bfloat16"));
    store = memory_store();
    put_v3(store, "[2]", "[2]", "\"int32\"", "0", "[" BYTES_LE "]", ",\"magic\":{\"name\":\"x\"}");
    assert_int_equal(open_status(store, &error), PYR_ERROR_NOT_SUPPORTED);
    assert_non_null(strstr(error.message, "\"magic\""));
}

#define SCALED(from, to)                                                           \
    ",\"compressor\":{\"id\":\"zlib\"},\"filters\":[{\"id\":\"fixedscaleoffset\"," \
    "\"scale\":1,\"offset\":0,\"dtype\":\"" from "\",\"astype\":\"" to "\"}]"

/* At open, where an array of a group says so in its problem; not at each chunk. */
static void filters_over_other_types_are_refused_at_open(void **state) {
    pyr_error error;
    (void)state;
    pyr_zarr_store *store = memory_store();
    put_v2(store, "[2]", "[2]", "<f2", "0", "C", SCALED("<f2", "|i1"));
    assert_int_equal(open_status(store, &error), PYR_ERROR_NOT_SUPPORTED);
    assert_non_null(strstr(error.message, "<f2"));
    store = memory_store();
    put_v2(store, "[2]", "[2]", "<f8", "0", "C", SCALED("<f8", "<c8"));
    assert_int_equal(open_status(store, &error), PYR_ERROR_NOT_SUPPORTED);
    assert_non_null(strstr(error.message, "<c8"));
}

/* 2^60 values of one byte are fine as metadata; what eight bytes each would be is no int64. */
static void sizes_before_a_filter_do_not_overflow(void **state) {
    static const int64_t place[] = {0};
    pyr_zarr_chunk chunk;
    pyr_error problem;
    (void)state;
    pyr_zarr_store *store = memory_store();
    put_v2(store, "[1152921504606846976]", "[1152921504606846976]", "|i1", "0", "C",
           SCALED("|i1", "<f8"));
    store_put_text(store, "0", "none of this is read");
    pyr_zarr *zarr = open_zarr(store, "", PYR_ZARR_ANY);
    assert_int_equal(pyr_zarr_read_chunk(only_array(zarr), place, NULL, NULL, &chunk, &problem),
                     PYR_ERROR_LIMIT);
    pyr_zarr_release(zarr);
}

static void what_need_not_be_understood_is_left_out(void **state) {
    static const int32_t values[] = {4, 5};
    (void)state;
    pyr_zarr_store *store = memory_store();
    put_v3(store, "[2]", "[2]", "\"int32\"", "0",
           "[" BYTES_LE ",{\"name\":\"hint\",\"must_understand\":false}]",
           ",\"magic\":{\"must_understand\":false}");
    store_put(store, "c/0", values, sizeof(values));
    pyr_zarr *zarr = open_zarr(store, "", PYR_ZARR_ANY);
    assert_int32_values(only_array(zarr), values, 2);
    pyr_zarr_release(zarr);
}

static void hostile_metadata_is_refused(void **state) {
    static const char *const shapes[][2] = {{"[-1]", "[1]"},  {"[2]", "[0]"}, {"[2,2]", "[2]"},
                                            {"[2]", "[1.5]"}, {"2", "[1]"},   {"[\"2\"]", "[1]"},
                                            {"[4]", "[\"\"]"}};
    static const char *const large[][2] = {
        {"[4611686018427387904]", "[1]"},
        {"[4294967296,4294967296,4294967296]", "[1,1,1]"},
        {"[1,1,1]", "[4294967296,4294967296,4294967296]"},
        {"[2305843009213693952]", "[1]"},
        {"[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1]", "[1]"}};
    pyr_error error;
    (void)state;
    for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); ++i) {
        pyr_zarr_store *store = memory_store();
        put_v2(store, shapes[i][0], shapes[i][1], "<i4", "0", "C", PLAIN_V2);
        assert_int_equal(open_status(store, &error), PYR_ERROR_CORRUPT);
    }
    for (size_t i = 0; i < sizeof(large) / sizeof(large[0]); ++i) {
        pyr_zarr_store *store = memory_store();
        put_v2(store, large[i][0], large[i][1], "<i4", "0", "C", PLAIN_V2);
        assert_int_equal(open_status(store, &error), PYR_ERROR_LIMIT);
    }
    pyr_zarr_store *store = memory_store();
    put_v2(store, "[2]", "[2]", "<i4", "0", "C", PLAIN_V2 ",\"order\":\"F\"");
    assert_int_equal(open_status(store, &error), PYR_ERROR_CORRUPT); /* a key twice */
    store = memory_store();
    store_put_text(store, ".zarray", "[1,2");
    assert_int_equal(open_status(store, &error), PYR_ERROR_CORRUPT);
    store = memory_store();
    assert_int_equal(open_status(store, &error), PYR_ERROR_NOT_FOUND);
}

static void chunks_of_a_wrong_size_are_refused(void **state) {
    static const int64_t place[] = {0};
    static const uint8_t bytes[20] = {0};
    pyr_error error;
    (void)state;
    for (size_t size = 15; size <= 17; size += 2) {
        pyr_zarr_chunk chunk;
        pyr_zarr_store *store = memory_store();
        put_v2(store, "[4]", "[4]", "<i4", "0", "C", PLAIN_V2);
        store_put(store, "0", bytes, size);
        pyr_zarr *zarr = open_zarr(store, "", PYR_ZARR_ANY);
        assert_int_equal(pyr_zarr_read_chunk(only_array(zarr), place, NULL, NULL, &chunk, &error),
                         PYR_ERROR_CORRUPT);
        pyr_zarr_release(zarr);
    }
    /* A terabyte by its metadata, ten bytes of gzip. */
    pyr_zarr_chunk chunk;
    pyr_zarr_store *store = memory_store();
    put_v2(store, "[1099511627776]", "[1099511627776]", "|u1", "0", "C",
           ",\"compressor\":{\"id\":\"gzip\"}");
    store_put(store, "0", bytes, 10);
    pyr_zarr *zarr = open_zarr(store, "", PYR_ZARR_ANY);
    assert_int_equal(pyr_zarr_read_chunk(only_array(zarr), place, NULL, NULL, &chunk, &error),
                     PYR_ERROR_LIMIT);
    pyr_zarr_release(zarr);
}

static void a_group_is_read_without_what_is_broken(void **state) {
    static const char good[] = "{\"zarr_format\":2,\"shape\":[2],\"chunks\":[2],\"dtype\":\"<i4\","
                               "\"fill_value\":3,\"order\":\"C\",\"compressor\":null}";
    static const int32_t expected[] = {3, 3};
    (void)state;
    pyr_zarr_store *store = memory_store();
    store_put_text(store, ".zgroup", "{\"zarr_format\":2}");
    store_put_text(store, ".zattrs", "{\"title\":\"t\"}");
    store_put_text(store, "a/.zarray", good);
    store_put_text(store, "b/.zarray", "{\"zarr_format\":2");
    store_put_text(store, "c/.zgroup", "{\"zarr_format\":2}");
    store_put_text(store, "c/d/.zarray", good);
    pyr_zarr *zarr = open_zarr(store, "", PYR_ZARR_ANY);
    assert_true(pyr_zarr_is_group(zarr));
    assert_string_equal(pyr_zarr_attributes(zarr), "{\"title\":\"t\"}");
    assert_int_equal(pyr_zarr_arrays_count(zarr), 3);
    assert_int32_values(find_array(zarr, "a"), expected, 2);
    assert_int32_values(find_array(zarr, "c/d"), expected, 2);
    assert_non_null(pyr_zarr_array_info(find_array(zarr, "b"))->problem);
    pyr_zarr_release(zarr);
}

static void consolidated_metadata_is_taken_at_its_word(void **state) {
    static const char v2[] =
        "{\"zarr_consolidated_format\":1,\"metadata\":{\".zgroup\":{\"zarr_format\":2},"
        "\"x/.zarray\":{\"zarr_format\":2,\"shape\":[2],\"chunks\":[2],\"dtype\":\"<i4\","
        "\"fill_value\":1,\"order\":\"C\",\"compressor\":null},"
        "\"x/.zattrs\":{\"_ARRAY_DIMENSIONS\":[\"x\"]}}}";
    static const char bad[] = "{\"metadata\":{\"../../x/.zarray\":{\"zarr_format\":2}}}";
    pyr_error error;
    (void)state;
    pyr_zarr_store *store = memory_store();
    store_put_text(store, "g/.zgroup", "{\"zarr_format\":2}");
    store_put_text(store, "g/.zmetadata", v2);
    pyr_zarr *zarr = open_zarr(store, "/g/", PYR_ZARR_ANY);
    pyr_zarr_array *array = find_array(zarr, "g/x");
    assert_non_null(array);
    assert_string_equal(pyr_zarr_array_info(array)->dimensions[0], "x");
    pyr_zarr_release(zarr);
    store = memory_store();
    store_put_text(store, ".zgroup", "{\"zarr_format\":2}");
    store_put_text(store, ".zmetadata", bad);
    assert_int_equal(open_status(store, &error), PYR_ERROR_CORRUPT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ragged_ends_are_cut_off),
        cmocka_unit_test(fortran_order_is_turned_round),
        cmocka_unit_test(transposes_follow_each_other),
        cmocka_unit_test(keys_follow_the_encoding),
        cmocka_unit_test(big_endian_is_swapped),
        cmocka_unit_test(plain_chunks_are_the_stores_bytes),
        cmocka_unit_test(a_block_that_faults_is_not_converted),
        cmocka_unit_test(a_shard_decoded_from_a_fault_is_not_kept),
        cmocka_unit_test(fill_values_of_every_form),
        cmocka_unit_test(fill_values_that_do_not_fit_are_refused),
        cmocka_unit_test(missing_chunks_share_one_block),
        cmocka_unit_test(without_a_fill_value_missing_is_zero_or_nat),
        cmocka_unit_test(every_kind_becomes_its_arrow_type),
        cmocka_unit_test(objects_by_json2_are_texts),
        cmocka_unit_test(gzip_of_members_and_padding_is_read_to_its_end),
        cmocka_unit_test(a_broken_chunk_of_unknown_size_is_decoded_once),
        cmocka_unit_test(texts_in_two_dimensions_are_picked_in_order),
        cmocka_unit_test(shards_by_either_place_of_the_index),
        cmocka_unit_test(transposed_shards_are_read_too),
        cmocka_unit_test(shards_in_shards_are_opened_level_by_level),
        cmocka_unit_test(broken_shards_are_told),
        cmocka_unit_test(threads_read_one_array_at_once),
        cmocka_unit_test(what_is_not_supported_is_named),
        cmocka_unit_test(filters_over_other_types_are_refused_at_open),
        cmocka_unit_test(sizes_before_a_filter_do_not_overflow),
        cmocka_unit_test(what_need_not_be_understood_is_left_out),
        cmocka_unit_test(hostile_metadata_is_refused),
        cmocka_unit_test(chunks_of_a_wrong_size_are_refused),
        cmocka_unit_test(a_group_is_read_without_what_is_broken),
        cmocka_unit_test(consolidated_metadata_is_taken_at_its_word),
    };
    return cmocka_run_group_tests(tests, note_mapping_action, NULL);
}
