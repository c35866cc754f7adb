/* zarr_store_test.c - keys, folders and zip files: plain ones, odd ones and hostile ones. */
#include "support_zarr.h"

#include "base/file.h"
#include "base/mapping.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char GROUP[] = "{\"zarr_format\":2}";

static void keys_never_leave_the_store(void **state) {
    static const char *const bad[] = {"",       ".",    "..",     "/a",   "a/",   "a//b", "a/./b",
                                      "a/../b", "\xff", "a/\xc3", "../a", "a/..", "./a",  "/"};
    static const char *const good[] = {"a", ".zarray", "a/b", "a/..b/c", "...", "c/0/1", "a b"};
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); ++i) {
        assert_false(pyr_zarr_key_valid(bad[i]));
    }
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); ++i) {
        assert_true(pyr_zarr_key_valid(good[i]));
    }
}

static char *get_text(pyr_zarr_store *store, const char *key) {
    static char text[200];
    pyr_buffer *bytes = NULL;
    check_ok(pyr_zarr_store_get(store, key, NULL, NULL, &bytes, error));
    if (bytes == NULL) {
        return NULL;
    }
    snprintf(text, sizeof(text), "%.*s", (int)bytes->size_bytes, (const char *)bytes->data);
    pyr_buffer_release(bytes);
    return text;
}

static pyr_status get_status(pyr_zarr_store *store, const char *key, pyr_error *error) {
    pyr_buffer *bytes = NULL;
    memset(error, 0, sizeof(*error));
    pyr_status status = pyr_zarr_store_get(store, key, NULL, NULL, &bytes, error);
    pyr_buffer_release(bytes);
    return status;
}

/* ---- Folders. ---- */

static void write_text(const char *folder, const char *name, const char *text) {
    char path[500];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fputs(text, file) >= 0, 1);
    assert_int_equal(fclose(file), 0);
}

static pyr_status refuse_links(void *context, const char *path, pyr_error *error) {
    char real[4096];
    const char *folder = context;
    if (realpath(path, real) == NULL || strncmp(real, folder, strlen(folder)) != 0) {
        return pyr_error_set(error, PYR_ERROR_PERMISSION, "%s leads elsewhere", path);
    }
    return PYR_OK;
}

typedef struct names {
    char text[500];
} names;
static pyr_status collect(void *context, const char *name, bool is_folder, pyr_error *error) {
    names *all = context;
    (void)error;
    size_t length = strlen(all->text);
    snprintf(all->text + length, sizeof(all->text) - length, "%s%s ", name, is_folder ? "/" : "");
    return PYR_OK;
}

static void a_folder_is_a_store(void **state) {
    char folder[] = "/tmp/pyralog_zarr_XXXXXX", other[] = "/tmp/pyralog_zarr_XXXXXX", path[500];
    pyr_zarr_store *store = NULL;
    pyr_error problem;
    pyr_query_ledger ledger;
    pyr_buffer *bytes = NULL;
    (void)state;
    assert_non_null(mkdtemp(folder));
    assert_non_null(mkdtemp(other));
    assert_false(pyr_zarr_detect_folder(folder));
    write_text(folder, ".zgroup", GROUP);
    assert_true(pyr_zarr_detect_folder(folder));
    snprintf(path, sizeof(path), "%s/a", folder);
    assert_int_equal(mkdir(path, 0700), 0);
    write_text(path, "0", "bytes");
    write_text(other, "secret", "secret");
    snprintf(path, sizeof(path), "%s/secret", other);
    char link[500];
    snprintf(link, sizeof(link), "%s/a/1", folder);
    assert_int_equal(symlink(path, link), 0);

    pyr_zarr_path_check check = {refuse_links, folder};
    snprintf(path, sizeof(path), "%s//", folder);
    check_ok(pyr_zarr_store_open_folder(path, &check, &store, error));
    assert_string_equal(get_text(store, "a/0"), "bytes");
    assert_null(get_text(store, "a"));
    assert_null(get_text(store, "a/2"));
    assert_null(get_text(store, ".zgroup/0"));
    assert_int_equal(get_status(store, "a/1", &problem), PYR_ERROR_PERMISSION);
    assert_int_equal(get_status(store, "../secret", &problem), PYR_ERROR_CORRUPT);
    pyr_ledger_init(&ledger);
    check_ok(pyr_zarr_store_get(store, "a/0", &ledger, NULL, &bytes, error));
    assert_int_equal(ledger.bytes_mapped + ledger.copied[PYR_COPY_NO_MAPPING], 5);
    pyr_buffer_release(bytes);
    pyr_zarr_stored where;
    check_ok(pyr_zarr_store_locate(store, "a/0", &where, error));
    assert_true(where.present);
    assert_int_equal(where.size_bytes, 5);
    assert_non_null(strstr(where.location, "/a/0"));
    free(where.location);
    names all = {""};
    check_ok(pyr_zarr_store_list(store, "", collect, &all, error));
    assert_non_null(strstr(all.text, "a/ "));
    assert_non_null(strstr(all.text, ".zgroup "));
    pyr_zarr_store_release(store);
    check_ok(pyr_folder_remove(folder, error));
    check_ok(pyr_folder_remove(other, error));
}

/* ---- Zip files. ---- */

static void zip_members_are_read(void **state) {
    (void)state;
    for (int large = 0; large < 2; ++large) {
        zip_writer zip = {.zip64 = large};
        pyr_buffer *bytes = NULL;
        zip_add_text(&zip, "a/", "", 0);
        zip_add_text(&zip, "a/0", "stored", 0);
        zip_add_text(&zip, "a/1", "deflated deflated deflated", 8);
        zip_add_text(&zip, "empty", "", 8);
        zip_add_text(&zip, "none", "", 0);
        pyr_buffer *file = pyr_buffer_retain(zip_finish(&zip, large ? "a comment" : ""));
        pyr_zarr_store *store = zip_store_of(file);
        assert_string_equal(get_text(store, "a/0"), "stored");
        assert_string_equal(get_text(store, "a/1"), "deflated deflated deflated");
        assert_string_equal(get_text(store, "empty"), "");
        assert_string_equal(get_text(store, "none"), "");
        assert_null(get_text(store, "a"));
        assert_null(get_text(store, "a/2"));
        check_ok(pyr_zarr_store_get(store, "a/0", NULL, NULL, &bytes, error));
        assert_true(bytes->data > file->data && bytes->data < file->data + file->size_bytes);
        pyr_zarr_stored where;
        check_ok(pyr_zarr_store_locate(store, "a/0", &where, error));
        assert_int_equal(where.offset_bytes, bytes->data - file->data);
        assert_string_equal(where.location, "a/0");
        free(where.location);
        pyr_buffer_release(bytes);
        pyr_zarr_store_release(store);
        pyr_buffer_release(file);
    }
}

static void bytes_before_the_zip_are_allowed(void **state) {
    zip_writer zip = {0};
    pyr_buffer *shifted = NULL;
    (void)state;
    zip_add_text(&zip, "key", "value", 0);
    pyr_buffer *plain = zip_finish(&zip, "");
    check_ok(pyr_buffer_create(plain->size_bytes + 100, NULL, &shifted, error));
    memcpy(pyr_buffer_mutable(shifted) + 100, plain->data, plain->size_bytes);
    pyr_zarr_store *store = zip_store_of(shifted);
    assert_string_equal(get_text(store, "key"), "value");
    pyr_zarr_store_release(store);
    pyr_buffer_release(plain);
}

static void names_that_are_no_keys_are_left_out(void **state) {
    zip_writer zip = {0};
    names all = {""};
    pyr_error problem;
    (void)state;
    zip_add_text(&zip, "../up", "1", 0);
    zip_add_text(&zip, "/etc/passwd", "2", 0);
    zip_add_text(&zip, "a/../../b", "3", 0);
    zip_add_text(&zip, "twice", "first", 0);
    zip_add_text(&zip, "twice", "second", 8);
    zip_add_text(&zip, "b-1", "4", 0);
    zip_add_text(&zip, "b/c/d", "5", 0);
    zip_add_text(&zip, "b/e", "6", 0);
    pyr_zarr_store *store = zip_store_of(zip_finish(&zip, ""));
    check_ok(pyr_zarr_store_list(store, "", collect, &all, error));
    assert_string_equal(all.text, "b-1 b/ twice ");
    all.text[0] = '\0';
    check_ok(pyr_zarr_store_list(store, "b", collect, &all, error));
    assert_string_equal(all.text, "c/ e ");
    assert_string_equal(get_text(store, "twice"), "second");
    assert_int_equal(get_status(store, "../up", &problem), PYR_ERROR_CORRUPT);
    pyr_zarr_store_release(store);
}

static pyr_status open_status(const pyr_buffer *bytes, pyr_zarr_store **store, pyr_error *error) {
    return pyr_zarr_store_open_zip((pyr_buffer *)(uintptr_t)bytes, "bad.zip", NULL, store, error);
}

static void broken_zips_are_refused(void **state) {
    pyr_zarr_store *store = NULL;
    pyr_error problem;
    (void)state;
    zip_writer zip = {0};
    zip_add_text(&zip, "key", "value value value value", 8);
    pyr_buffer *bytes = zip_finish(&zip, "");
    uint8_t *data = pyr_buffer_mutable(bytes);
    size_t size = bytes->size_bytes, end = size - 22;
    /* Cut off. */
    pyr_buffer *cut = NULL;
    check_ok(pyr_buffer_slice(bytes, 0, size - 1, &cut, error));
    assert_int_equal(open_status(cut, &store, &problem), PYR_ERROR_CORRUPT);
    pyr_buffer_release(cut);
    /* A directory of more bytes than there are, of more entries than bytes, that begins behind. */
    data[end + 12] ^= 0x80;
    assert_int_equal(open_status(bytes, &store, &problem), PYR_ERROR_CORRUPT);
    data[end + 12] ^= 0x80;
    data[end + 11] = 1;
    assert_int_equal(open_status(bytes, &store, &problem), PYR_ERROR_CORRUPT);
    data[end + 11] = 0;
    data[end + 17] ^= 0x40;
    assert_int_equal(open_status(bytes, &store, &problem), PYR_ERROR_CORRUPT);
    data[end + 17] ^= 0x40;
    /* The data itself. */
    static const size_t in_data = 30 + 3 + 5 + 2;
    data[in_data] ^= 0x55;
    check_ok(open_status(bytes, &store, error));
    assert_int_equal(get_status(store, "key", &problem), PYR_ERROR_CORRUPT);
    assert_non_null(strstr(problem.message, "bad.zip: member \"key\""));
    pyr_zarr_store_release(store);
    data[in_data] ^= 0x55;
    /* In the directory: encrypted, another method, a place behind the end, more than deflate can.
     */
    uint32_t directory;
    memcpy(&directory, data + end + 16, 4);
    static const struct {
        size_t at;
        uint8_t bits;
        pyr_status status;
    } faults[] = {{8, 1, PYR_ERROR_NOT_SUPPORTED}, {10, 4, PYR_ERROR_NOT_SUPPORTED},
                  {43, 0x70, PYR_ERROR_CORRUPT},   {22, 0x70, PYR_ERROR_CORRUPT},
                  {26, 0x70, PYR_ERROR_CORRUPT},   {27, 0x80, PYR_ERROR_LIMIT},
                  {16, 1, PYR_ERROR_CORRUPT}};
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); ++i) {
        data[directory + faults[i].at] ^= faults[i].bits;
        check_ok(open_status(bytes, &store, error));
        pyr_status status = get_status(store, "key", &problem);
        if (status != faults[i].status) {
            fail_msg("fault %zu: %d %s", i, (int)status, problem.message);
        }
        pyr_zarr_store_release(store);
        data[directory + faults[i].at] ^= faults[i].bits;
    }
    pyr_buffer_release(bytes);
}

static bool detected(const char *name) {
    zip_writer zip = {0};
    zip_add_text(&zip, "other.txt", "x", 0);
    zip_add_text(&zip, name, GROUP, 8);
    pyr_buffer *bytes = zip_finish(&zip, "");
    bool found = pyr_zarr_detect_zip(bytes);
    pyr_buffer_release(bytes);
    return found;
}

static void zips_of_zarr_are_told_by_their_members(void **state) {
    (void)state;
    assert_true(detected("zarr.json"));
    assert_true(detected(".zgroup"));
    assert_true(detected("top/.zarray"));
    assert_true(detected("top/.zmetadata"));
    assert_false(detected("top/deeper/zarr.json"));
    assert_false(detected("zarr.json.txt"));
    pyr_buffer *bytes = NULL;
    check_ok(pyr_buffer_create(100, NULL, &bytes, error));
    assert_false(pyr_zarr_detect_zip(bytes));
    pyr_buffer_release(bytes);
    check_ok(pyr_buffer_create(0, NULL, &bytes, error));
    assert_false(pyr_zarr_detect_zip(bytes));
    pyr_buffer_release(bytes);
}

static void arrays_in_a_zip_are_by_reference(void **state) {
    static const char metadata[] =
        "{\"zarr_format\":3,\"node_type\":\"array\",\"shape\":[4],\"data_type\":\"uint8\","
        "\"chunk_grid\":{\"name\":\"regular\",\"configuration\":{\"chunk_shape\":[4]}},"
        "\"chunk_key_encoding\":{\"name\":\"default\"},\"fill_value\":0,"
        "\"codecs\":[{\"name\":\"bytes\"}]}";
    static const int64_t place[] = {0};
    zip_writer zip = {0};
    pyr_zarr_chunk chunk;
    (void)state;
    zip_add_text(&zip, "group/array/zarr.json", metadata, 8);
    zip_add_text(&zip, "group/array/c/0", "wxyz", 0);
    pyr_buffer *bytes = pyr_buffer_retain(zip_finish(&zip, ""));
    pyr_zarr *zarr = open_zarr(zip_store_of(bytes), "", PYR_ZARR_ANY);
    assert_true(pyr_zarr_is_group(zarr));
    pyr_zarr_array *array = find_array(zarr, "group/array");
    assert_non_null(array);
    check_ok(pyr_zarr_read_chunk(array, place, NULL, NULL, &chunk, error));
    assert_true(chunk.referenced);
    assert_memory_equal(chunk.bytes->data, "wxyz", 4);
    assert_true(chunk.bytes->data > bytes->data &&
                chunk.bytes->data < bytes->data + bytes->size_bytes);
    pyr_zarr_chunk_deinit(&chunk);
    pyr_zarr_release(zarr);
    pyr_buffer_release(bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_never_leave_the_store),
        cmocka_unit_test(a_folder_is_a_store),
        cmocka_unit_test(zip_members_are_read),
        cmocka_unit_test(bytes_before_the_zip_are_allowed),
        cmocka_unit_test(names_that_are_no_keys_are_left_out),
        cmocka_unit_test(broken_zips_are_refused),
        cmocka_unit_test(zips_of_zarr_are_told_by_their_members),
        cmocka_unit_test(arrays_in_a_zip_are_by_reference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
