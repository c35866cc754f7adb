/* The conformance corpus: every file, stream and JSON of one case agree, and so does what we write
 * of it. */
#include "unit/arrow/support_ipc.h"
#include "unit/arrow/support_json.h"

#include "base/mapping.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static pyr_buffer *map_file(const char *path) {
    pyr_error error;
    pyr_buffer *bytes;
    ipc_must(pyr_mapping_open(path, &bytes, &error), &error);
    return bytes;
}

static void check_rewritten(const char *what, const ipc_table *table, pyr_ipc_framing framing,
                            pyr_ipc_compression compression, int32_t alignment) {
    pyr_error error;
    pyr_buffer *bytes;
    ipc_table again;
    pyr_ipc_write_options options = {
        .compression = compression, .allow_replacement = true, .alignment = alignment};
    pyr_status status = ipc_write(table->schema, table->batches, table->batches_count, framing,
                                  &options, NULL, &bytes, &error);
    if (status != PYR_OK) {
        fail_msg("%s: writing: %s", what, error.message);
    }
    status = framing == PYR_IPC_FILE ? ipc_read_file(bytes, NULL, &again, &error)
                                     : ipc_read_stream(bytes, NULL, &again, &error);
    if (status != PYR_OK) {
        fail_msg("%s: reading what was written: %s", what, error.message);
    }
    ipc_assert_equal(what, table->schema, table->batches, table->batches_count, &again);
    ipc_table_deinit(&again);
    pyr_buffer_release(bytes);
}

static void rename_field(pyr_field *field, const char *name) {
    free(field->name);
    field->name = strdup(name);
    assert_non_null(field->name);
}

static bool has_pair(const pyr_metadata *metadata, const char *key, size_t key_length,
                     const char *value, size_t value_length) {
    for (size_t i = 0; i < pyr_metadata_count(metadata); ++i) {
        const char *k, *v;
        size_t k_length, v_length;
        pyr_metadata_get(metadata, i, &k, &k_length, &v, &v_length);
        if (k_length == key_length && v_length == value_length && memcmp(k, key, k_length) == 0 &&
            memcmp(v, value, v_length) == 0) {
            return true;
        }
    }
    return false;
}

/* Writers put the pairs in an order of their own: expect theirs where the pairs are the same. */
static void expect_order(pyr_metadata **expected, pyr_metadata *actual) {
    if (pyr_metadata_count(*expected) != pyr_metadata_count(actual)) {
        return;
    }
    for (size_t i = 0; i < pyr_metadata_count(actual); ++i) {
        const char *key, *value;
        size_t key_length, value_length;
        pyr_metadata_get(actual, i, &key, &key_length, &value, &value_length);
        if (!has_pair(*expected, key, key_length, value, value_length)) {
            return;
        }
    }
    pyr_metadata_release(*expected);
    *expected = pyr_metadata_retain(actual);
}

/* What may differ between writers of one table: the order of metadata, and the names within a map
 * (they carry no meaning, and the writer of one golden stream put the canonical ones). */
static void expect_writers_freedoms(pyr_field *expected, const pyr_field *actual) {
    if (expected->type != actual->type || expected->children_count != actual->children_count) {
        return;
    }
    expect_order(&expected->metadata, actual->metadata);
    if (expected->type == PYR_TYPE_MAP && strcmp(actual->children[0]->name, "entries") == 0) {
        rename_field(expected->children[0], "entries");
        rename_field(expected->children[0]->children[0], "key");
        rename_field(expected->children[0]->children[1], "value");
    }
    for (int32_t i = 0; i < expected->children_count; ++i) {
        expect_writers_freedoms(expected->children[i], actual->children[i]);
    }
}

static void check_case(const char *path, bool file, const json_table *expected) {
    pyr_error error;
    ipc_table table;
    pyr_buffer *bytes = map_file(path);
    pyr_status status = file ? ipc_read_file(bytes, NULL, &table, &error)
                             : ipc_read_stream(bytes, NULL, &table, &error);
    if (status != PYR_OK) {
        fail_msg("%s: %s", path, error.message);
    }
    expect_order(&expected->schema->metadata, table.schema->metadata);
    for (int32_t i = 0; i < expected->schema->fields_count && i < table.schema->fields_count; ++i) {
        expect_writers_freedoms(expected->schema->fields[i], table.schema->fields[i]);
    }
    ipc_assert_equal(path, expected->schema, expected->batches, expected->batches_count, &table);
    check_rewritten(path, &table, PYR_IPC_STREAM, PYR_IPC_UNCOMPRESSED, 0);
    check_rewritten(path, &table, PYR_IPC_STREAM, PYR_IPC_ZSTD, 8);
    check_rewritten(path, &table, PYR_IPC_FILE, PYR_IPC_UNCOMPRESSED, 8);
    check_rewritten(path, &table, PYR_IPC_FILE, PYR_IPC_LZ4_FRAME, 64);
    for (size_t i = 0; i < table.batches_count; ++i) {
        ipc_use(table.batches[i]);
    }
    ipc_table_deinit(&table);
    pyr_buffer_release(bytes);
}

/* 0.14.1 wrote files whose JSON has the same name; some cases have no file. */
static int check_json(const char *folder, const char *name) {
    char path[4096];
    int cases = 0;
    json_table expected;
    size_t stem = strlen(name) - strlen(".json.gz");
    snprintf(path, sizeof path, "%s/%s", folder, name);
    json_table_load(path, &expected);
    snprintf(path, sizeof path, "%s/%.*s.arrow_file", folder, (int)stem, name);
    if (access(path, R_OK) == 0) {
        check_case(path, true, &expected);
        ++cases;
    }
    snprintf(path, sizeof path, "%s/%.*s.stream", folder, (int)stem, name);
    if (access(path, R_OK) == 0) {
        check_case(path, false, &expected);
        ++cases;
    }
    json_table_deinit(&expected);
    return cases;
}

/* Every file that is no JSON belongs to one: none is passed over. */
static int check_folder(const char *folder) {
    int cases = 0;
    int files = 0;
    DIR *directory = opendir(folder);
    assert_non_null(directory);
    struct dirent *entry;
    while ((entry = readdir(directory)) != NULL) {
        size_t length = strlen(entry->d_name);
        if (length > 8 && strcmp(entry->d_name + length - 8, ".json.gz") == 0) {
            int found = check_json(folder, entry->d_name);
            assert_true(found > 0);
            cases += found;
        } else if (entry->d_name[0] != '.') {
            ++files;
        }
    }
    closedir(directory);
    assert_int_equal(files, cases);
    return cases;
}

static int count_folders(const char *corpora) {
    char path[4096];
    int count = 0;
    snprintf(path, sizeof path, "%s/arrow-ipc/golden", corpora);
    DIR *directory = opendir(path);
    assert_non_null(directory);
    struct dirent *entry;
    while ((entry = readdir(directory)) != NULL) {
        count += entry->d_name[0] != '.';
    }
    closedir(directory);
    return count;
}

static void golden_files_equal_their_json_and_survive_rewriting(void **state) {
    (void)state;
    static const struct {
        const char *folder;
        int cases;
    } folders[] = {{"0.14.1", 10},           {"1.0.0-bigendian", 12}, {"1.0.0-littleendian", 44},
                   {"2.0.0-compression", 4}, {"4.0.0-shareddict", 1}, {"cpp-21.0.0", 11}};
    const char *corpora = ipc_corpora();
    if (corpora == NULL) {
        skip();
    }
    assert_int_equal(count_folders(corpora), sizeof folders / sizeof folders[0]);
    int total = 0;
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; ++i) {
        char path[4096];
        snprintf(path, sizeof path, "%s/arrow-ipc/golden/%s", corpora, folders[i].folder);
        int cases = check_folder(path);
        printf("%s: %d files and streams\n", folders[i].folder, cases);
        assert_int_equal(cases, folders[i].cases);
        total += cases;
    }
    printf("%d files and streams equal their JSON\n", total);
}

static void metadata_version_6_is_refused(void **state) {
    (void)state;
    const char *corpora = ipc_corpora();
    if (corpora == NULL) {
        skip();
    }
    char path[4096];
    pyr_error error;
    ipc_table table;
    snprintf(path, sizeof path, "%s/arrow-ipc/forward-compatibility/schema_v6.arrow", corpora);
    pyr_buffer *bytes = map_file(path);
    pyr_status status = pyr_ipc_file_detect(bytes->data, bytes->size_bytes)
                            ? ipc_read_file(bytes, NULL, &table, &error)
                            : ipc_read_stream(bytes, NULL, &table, &error);
    assert_int_equal(status, PYR_ERROR_NOT_SUPPORTED);
    assert_non_null(strstr(error.message, "V6"));
    pyr_buffer_release(bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(golden_files_equal_their_json_and_survive_rewriting),
        cmocka_unit_test(metadata_version_6_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
