/* zarr_corpus_test.c - the conformance data: each array of expected.json by its SHA-256 and by its
 * values, as zarr-python and zarrita.js read them. Says how many passed, and which are not
 * supported for what reason. */
#include "support_zarr.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char EMPTY_SHA256[] =
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
static const char ABC_SHA256[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

static void the_hash_used_here_is_sha256(void **state) {
    char hex[65];
    (void)state;
    sha256_hex("", 0, hex);
    assert_string_equal(hex, EMPTY_SHA256);
    sha256_hex("abc", 3, hex);
    assert_string_equal(hex, ABC_SHA256);
}

static double half(uint16_t bits) {
    int exponent = bits >> 10 & 31;
    double fraction = bits & 1023;
    double value = exponent == 0 ? ldexp(fraction, -24) : ldexp(fraction + 1024, exponent - 25);
    return bits & 0x8000 ? -value : value;
}

/* One value of a block as expected.json has it: numbers as doubles (64-bit integers may be texts).
 */
static bool number_equals(const pyr_zarr_info *info, const uint8_t *bytes, const json_t *expected) {
    uint64_t bits = 0;
    memcpy(&bits, bytes, (size_t)info->item_bytes);
    int shift = 64 - info->item_bytes * 8;
    if (json_is_string(expected)) {
        return info->kind == PYR_ZARR_INT ? (int64_t)(bits << shift) >> shift ==
                                                strtoll(json_string_value(expected), NULL, 10)
                                          : bits == strtoull(json_string_value(expected), NULL, 10);
    }
    double wanted =
        json_is_boolean(expected) ? json_is_true(expected) : json_number_value(expected);
    switch (info->kind) {
    case PYR_ZARR_INT:
        return (double)((int64_t)(bits << shift) >> shift) == wanted;
    case PYR_ZARR_FLOAT:
        if (info->item_bytes == 2) {
            return half((uint16_t)bits) == wanted;
        }
        if (info->item_bytes == 4) {
            float value;
            memcpy(&value, bytes, sizeof(value));
            return (double)value == wanted;
        }
        return memcmp(&wanted, bytes, sizeof(wanted)) == 0;
    default:
        return (double)bits == wanted;
    }
}

static bool is_text(const pyr_zarr_info *info) {
    return info->kind == PYR_ZARR_STRING || info->kind == PYR_ZARR_JSON ||
           info->kind == PYR_ZARR_BYTES || info->kind == PYR_ZARR_UTF32;
}

static void check_texts(pyr_zarr_array *array, const json_t *expected, const char *path) {
    const pyr_zarr_info *info = pyr_zarr_array_info(array);
    int64_t place[PYR_ZARR_RANK_MAX], seen = 0;
    assert_int_equal(info->rank, 1);
    assert_int_equal((int64_t)json_array_size(expected), info->count);
    for (int64_t i = 0; i < info->chunks; ++i) { /* chunk by chunk: missing ones stay missing */
        pyr_zarr_chunk chunk;
        pyr_array *values = NULL;
        pyr_zarr_chunk_place(array, i, place);
        check_ok(pyr_zarr_read_chunk(array, place, NULL, NULL, &chunk, error));
        check_ok(pyr_zarr_chunk_values(array, &chunk, 0, chunk.count, false, NULL, NULL, &values,
                                       error));
        for (int64_t k = 0; k < chunk.count; ++k, ++seen) {
            const json_t *item = json_array_get(expected, (size_t)seen);
            if (json_is_null(item)) {
                assert_true(pyr_array_is_null(values, k));
                continue;
            }
            size_t size;
            const uint8_t *bytes = pyr_array_bytes(values, k, &size);
            if (size != json_string_length(item) ||
                memcmp(bytes, json_string_value(item), size) != 0) {
                fail_msg("%s: value %d is \"%.*s\", not \"%s\"", path, (int)seen, (int)size,
                         (const char *)bytes, json_string_value(item));
            }
        }
        pyr_array_release(values);
        pyr_zarr_chunk_deinit(&chunk);
    }
    assert_int_equal(seen, info->count);
}

static void check_block(pyr_zarr_array *array, const json_t *entry, const char *path) {
    const pyr_zarr_info *info = pyr_zarr_array_info(array);
    const char *hash = json_string_value(json_object_get(entry, "sha256_c_order_le"));
    const json_t *values = json_object_get(entry, "values_c_order");
    char hex[65];
    pyr_zarr_chunk all = read_all(array);
    if (hash != NULL) {
        sha256_hex(all.bytes->data, all.bytes->size_bytes, hex);
        if (strcmp(hash, hex) != 0) {
            fail_msg("%s: SHA-256 %s, expected %s", path, hex, hash);
        }
    }
    assert_true(values == NULL || (int64_t)json_array_size(values) == all.count);
    for (size_t i = 0; i < json_array_size(values); ++i) {
        if (!number_equals(info, all.bytes->data + i * (size_t)info->item_bytes,
                           json_array_get(values, i))) {
            fail_msg("%s: value %zu differs", path, i);
        }
    }
    pyr_zarr_chunk_deinit(&all);
}

static void check_shape(const pyr_zarr_info *info, const json_t *entry) {
    const json_t *shape = json_object_get(entry, "shape");
    assert_int_equal((int64_t)json_array_size(shape), info->rank);
    for (int32_t i = 0; i < info->rank; ++i) {
        assert_int_equal(info->shape[i], json_integer_value(json_array_get(shape, (size_t)i)));
    }
}

/* Batches as a table, whose values are valid; of very many the first and the last. */
static void check_arrow(pyr_zarr *zarr) {
    pyr_zarr_table *table = NULL;
    int64_t rows = 0;
    check_ok(pyr_zarr_table_create(zarr, NULL, NULL, NULL, &table, error));
    int64_t batches = pyr_zarr_table_batches(table);
    for (int64_t i = 0; i < batches; ++i) {
        pyr_batch *batch = NULL;
        rows += pyr_zarr_table_batch_rows(table, i);
        if (i >= 60 && i + 2 < batches) {
            continue;
        }
        check_ok(pyr_zarr_table_read(table, i, NULL, 0, NULL, NULL, &batch, error));
        check_ok(pyr_batch_validate(batch, PYR_VALIDATE_FULL, error));
        assert_int_equal(batch->rows, pyr_zarr_table_batch_rows(table, i));
        pyr_batch_release(batch);
    }
    assert_int_equal(rows, pyr_zarr_table_rows(table));
    pyr_zarr_table_destroy(table);
}

/* What no reader of the corpus could read, and what we refuse of it, by name. */
static bool may_be_refused(const char *path) {
    static const char *const refused[] = {"pcodec", "zfpy", "optional"};
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); ++i) {
        if (strstr(path, refused[i]) != NULL) {
            return true;
        }
    }
    return false;
}

static bool check_entry(const json_t *entry) {
    const char *path = json_string_value(json_object_get(entry, "path"));
    pyr_zarr_format format =
        (pyr_zarr_format)json_integer_value(json_object_get(entry, "zarr_format"));
    pyr_zarr *zarr = NULL;
    pyr_error problem = {0};
    char *folder = corpus_path(path);
    assert_non_null(folder);
    pyr_zarr_store *store = open_store(folder);
    free(folder);
    pyr_status status = pyr_zarr_open(store, "", format, NULL, &zarr, &problem);
    pyr_zarr_store_release(store);
    if (status != PYR_OK) {
        printf("not supported: v%d %s: %s\n", (int)format, path, problem.message);
        assert_int_equal(status, PYR_ERROR_NOT_SUPPORTED);
        assert_true(may_be_refused(path));
        return false;
    }
    assert_int_equal(pyr_zarr_arrays_count(zarr), 1);
    pyr_zarr_array *array = pyr_zarr_get_array(zarr, 0);
    const pyr_zarr_info *info = pyr_zarr_array_info(array);
    assert_int_equal(info->format, format);
    check_shape(info, entry);
    if (is_text(info)) {
        if (json_object_get(entry, "values_c_order") != NULL) {
            check_texts(array, json_object_get(entry, "values_c_order"), path);
        }
    } else {
        check_block(array, entry, path);
    }
    check_arrow(zarr);
    pyr_zarr_release(zarr);
    return true;
}

static void every_array_is_read_as_others_read_it(void **state) {
    json_error_t problem;
    int passed = 0, refused = 0;
    (void)state;
    char *path = corpus_path("expected.json");
    if (path == NULL) {
        skip();
    }
    json_t *expected = json_load_file(path, 0, &problem);
    free(path);
    assert_non_null(expected);
    const json_t *arrays = json_object_get(expected, "arrays");
    for (size_t i = 0; i < json_array_size(arrays); ++i) {
        ++*(check_entry(json_array_get(arrays, i)) ? &passed : &refused);
    }
    printf("zarr corpus: %d arrays pass, %d are not supported\n", passed, refused);
    assert_true(passed >= 80);
    json_decref(expected);
}

/* ---- What expected.json says nothing of. ---- */

static pyr_zarr *open_corpus(const char *path) {
    char *folder = corpus_path(path);
    if (folder == NULL) {
        return NULL;
    }
    pyr_zarr *zarr = open_zarr(open_store(folder), "", PYR_ZARR_ANY);
    free(folder);
    return zarr;
}

/* Rows of an array as text; the last ones are NaT in each of them. */
static bool check_times(const char *name, const char *type, const char *const expected[5]) {
    char path[200];
    snprintf(path, sizeof(path), "zarrs/zarr_python_compat/%s.zarr", name);
    pyr_zarr *zarr = open_corpus(path);
    if (zarr == NULL) {
        return false;
    }
    pyr_array *values = array_values(pyr_zarr_get_array(zarr, 0), false);
    pyr_text text;
    pyr_text_init(&text);
    pyr_field_type_print(values->field, &text);
    assert_string_equal(pyr_text_get(&text), type);
    pyr_text_deinit(&text);
    for (int64_t i = 0; i < 5; ++i) {
        assert_row(values, i, expected[i]);
    }
    assert_true(pyr_array_is_null(values, values->length - 1));
    pyr_array_release(values);
    pyr_zarr_release(zarr);
    return true;
}

/* As zarr-python 3.1.6 reads them. */
static void times_of_every_unit_are_those_of_zarr_python(void **state) {
    static const char *const to_second[] = {"1970-01-01 00:00:00", "NULL", "2005-02-03 00:00:00",
                                            "2005-02-03 04:05:00", "2005-02-03 04:05:06"};
    static const char *const to_minute[] = {"1970-01-01 00:00:00", "NULL", "2005-02-03 00:00:00",
                                            "2005-02-03 04:05:00", "2005-02-03 04:05:00"};
    static const char *const to_day[] = {"1970-01-01 00:00:00", "NULL", "2005-02-03 00:00:00",
                                         "2005-02-03 00:00:00", "2005-02-03 00:00:00"};
    static const char *const to_year[] = {"1970-01-01 00:00:00", "NULL", "2005-01-01 00:00:00",
                                          "2005-01-01 00:00:00", "2005-01-01 00:00:00"};
    (void)state;
    if (!check_times("datetime64[10ms]", "timestamp[ms]", to_second)) {
        skip();
    }
    assert_true(check_times("datetime64[us]", "timestamp[us]", to_second));
    assert_true(check_times("datetime64[ns]", "timestamp[ns]", to_second));
    assert_true(check_times("datetime64[m]", "timestamp[s]", to_minute));
    assert_true(check_times("datetime64[D]", "timestamp[s]", to_day));
    assert_true(check_times("datetime64[Y]", "timestamp[s]", to_year));
}

static void durations_are_those_of_zarr_python(void **state) {
    static const struct {
        const char *name;
        int64_t in_second;
    } cases[] = {{"timedelta64[10us]", 1000000},
                 {"timedelta64[us]", 1000000},
                 {"timedelta64[ns]", 1000000000}};
    static const int64_t seconds[] = {31536000, 1209600, 259200, 14400, 300, 6};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        char path[200];
        snprintf(path, sizeof(path), "zarrs/zarr_python_compat/%s.zarr", cases[i].name);
        pyr_zarr *zarr = open_corpus(path);
        if (zarr == NULL) {
            skip();
        }
        pyr_array *values = array_values(pyr_zarr_get_array(zarr, 0), false);
        assert_int_equal(values->field->type, PYR_TYPE_DURATION);
        for (int64_t k = 0; k < 6; ++k) {
            assert_int_equal(pyr_array_int64(values, k), seconds[k] * cases[i].in_second);
        }
        assert_true(pyr_array_is_null(values, values->length - 1));
        pyr_array_release(values);
        pyr_zarr_release(zarr);
    }
}

/* The SHA-256 of zarr-python's values, a line break between two. */
static void texts_of_many_chunks_are_those_of_zarr_python(void **state) {
    pyr_text text;
    char hex[65];
    (void)state;
    pyr_zarr *zarr = open_corpus("zarrs/zarr_python_compat/cities_v2.zarr");
    if (zarr == NULL) {
        skip();
    }
    pyr_array *values = array_values(pyr_zarr_get_array(zarr, 0), false);
    pyr_text_init(&text);
    for (int64_t i = 0; i < values->length; ++i) {
        size_t size;
        const uint8_t *bytes = pyr_array_bytes(values, i, &size);
        pyr_text_append(&text, i > 0 ? "\n" : "", i > 0);
        pyr_text_append(&text, (const char *)bytes, size);
    }
    sha256_hex(pyr_text_get(&text), text.length, hex);
    assert_string_equal(hex, "174a8959deac8d194768f560b6c74704217bbbdaaf6025f63cba8e48ac028b64");
    pyr_text_deinit(&text);
    pyr_array_release(values);
    pyr_zarr_release(zarr);
}

static void hierarchies_of_the_corpus_are_found_whole(void **state) {
    (void)state;
    pyr_zarr *zarr = open_corpus("zarr-java/ome/v0.4");
    if (zarr == NULL) {
        skip();
    }
    assert_true(pyr_zarr_is_group(zarr));
    assert_int_equal(pyr_zarr_arrays_count(zarr), 3);
    assert_non_null(find_array(zarr, "labels/nuclei/0"));
    pyr_zarr_release(zarr);
    zarr = open_corpus("zarrs/hierarchy.zarr");
    assert_int_equal(pyr_zarr_arrays_count(zarr), 2);
    assert_non_null(find_array(zarr, "a/foo"));
    pyr_zarr_release(zarr);
}

/* The folder's consolidated metadata names arrays that were left out of the corpus. */
static bool has_metadata(const pyr_zarr *zarr, const char *path) {
    pyr_zarr_stored stored;
    char key[300];
    snprintf(key, sizeof(key), "%s/.zarray", path);
    check_ok(pyr_zarr_store_locate(pyr_zarr_get_store(zarr), key, &stored, error));
    free(stored.location);
    return stored.present;
}

static void the_zip_has_the_arrays_of_its_folder(void **state) {
    (void)state;
    pyr_zarr *zip = open_corpus("zarrita/v2.zip"), *folder = open_corpus("zarrita/v2");
    if (zip == NULL || folder == NULL) {
        skip();
    }
    int compared = 0;
    for (int64_t i = 0; i < pyr_zarr_arrays_count(zip); ++i) {
        pyr_zarr_array *left = pyr_zarr_get_array(zip, i);
        const pyr_zarr_info *info = pyr_zarr_array_info(left);
        pyr_zarr_array *right = find_array(folder, info->path);
        if (right == NULL || info->problem != NULL || !has_metadata(folder, info->path)) {
            continue;
        }
        pyr_array *a = array_values(left, false), *b = array_values(right, false);
        if (!pyr_array_equal(a, b)) {
            fail_msg("%s: the zip's values are others than the folder's", info->path);
        }
        pyr_array_release(a);
        pyr_array_release(b);
        ++compared;
    }
    assert_true(compared >= 15);
    pyr_zarr_release(zip);
    pyr_zarr_release(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_hash_used_here_is_sha256),
        cmocka_unit_test(every_array_is_read_as_others_read_it),
        cmocka_unit_test(times_of_every_unit_are_those_of_zarr_python),
        cmocka_unit_test(durations_are_those_of_zarr_python),
        cmocka_unit_test(texts_of_many_chunks_are_those_of_zarr_python),
        cmocka_unit_test(hierarchies_of_the_corpus_are_found_whole),
        cmocka_unit_test(the_zip_has_the_arrays_of_its_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
