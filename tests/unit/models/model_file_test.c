/* model_file_test.c - which files a path means, what is kept of them, and whether they still are.
 */
#include "support_models.h"

#include "base/mapping.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Called once, when a file was mapped and before its link is followed again. */
static void (*when_mapped)(void *context);
static void *when_mapped_context;

pyr_status __real_pyr_mapping_check(const pyr_mapping *mapping, pyr_error *error);
pyr_status __wrap_pyr_mapping_check(const pyr_mapping *mapping, pyr_error *error);

pyr_status __wrap_pyr_mapping_check(const pyr_mapping *mapping, pyr_error *error) {
    void (*call)(void *context) = when_mapped;
    when_mapped = NULL;
    if (call != NULL) {
        call(when_mapped_context);
    }
    return __real_pyr_mapping_check(mapping, error);
}

#define INDEX                                            \
    "{\"metadata\":{\"total_size\":12},\"weight_map\":{" \
    "\"a\":\"one.safetensors\",\"b\":\"two.safetensors\"}}"

static void write_shards(models_fixture *f) {
    write_model(f, "one.safetensors",
                "{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8);
    write_model(f, "two.safetensors",
                "{\"b\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]}}", 4);
}

static pyr_safetensors *open_well(models_fixture *f, const char *path, pyr_model_files *files) {
    pyr_safetensors *file = NULL;
    pyr_status status = pyr_model_open(path, NULL, NULL, &file, files, &f->error);
    if (status != PYR_OK) {
        fail_msg("%s: %s", path, f->error.message);
    }
    return file;
}

static void expect_error(models_fixture *f, const char *path, const char *sqlstate,
                         const char *says) {
    pyr_safetensors *file = NULL;
    pyr_model_files files;
    assert_int_not_equal(pyr_model_open(path, NULL, NULL, &file, &files, &f->error), PYR_OK);
    assert_null(file);
    assert_string_equal(f->error.sqlstate, sqlstate);
    if (strstr(f->error.message, says) == NULL) {
        fail_msg("\"%s\" does not say \"%s\"", f->error.message, says);
    }
}

static void a_file_is_stored_by_its_real_path(void **state) {
    models_fixture *f = *state;
    char link[512];
    pyr_model_files files;
    write_bytes_model(f, "m.bin", 100);
    snprintf(link, sizeof(link), "%s/link", f->folder);
    assert_int_equal(symlink(path_of(f, "m.bin"), link), 0);
    pyr_safetensors *file = open_well(f, link, &files);
    assert_int_equal(pyr_safetensors_count(file), 1);
    assert_int_equal(files.count, 1);
    assert_string_equal(files.items[0].path, path_of(f, "m.bin"));
    struct stat info;
    assert_int_equal(stat(f->path, &info), 0);
    assert_int_equal(files.items[0].size_bytes, info.st_size);
    assert_int_equal(files.items[0].inode, info.st_ino);
    assert_int_equal(pyr_model_files_size_bytes(&files), info.st_size);
    pyr_model_files_deinit(&files);
    pyr_safetensors_release(file);
}

static void an_index_has_its_shards_and_a_folder_its_index(void **state) {
    models_fixture *f = *state;
    pyr_model_files files;
    write_shards(f);
    expect_error(f, f->folder, "22023", "several .safetensors files");
    write_text(f, "model.safetensors.index.json", INDEX);
    pyr_safetensors *file = open_well(f, f->folder, &files);
    assert_int_equal(pyr_safetensors_count(file), 2);
    assert_int_equal(pyr_safetensors_parameters(file), 3);
    assert_int_equal(files.count, 3);
    assert_string_equal(files.items[0].path, path_of(f, "model.safetensors.index.json"));
    assert_string_equal(files.items[1].path, path_of(f, "one.safetensors"));
    assert_string_equal(files.items[2].path, path_of(f, "two.safetensors"));
    pyr_safetensors_release(file);

    /* Each of them is looked at. */
    assert_int_equal(pyr_model_files_state(&files, NULL), PYR_MODEL_OK);
    const pyr_model_part *which = NULL;
    write_bytes_model(f, "two.safetensors", 9);
    assert_int_equal(pyr_model_files_state(&files, &which), PYR_MODEL_CHANGED);
    assert_string_equal(which->path, path_of(f, "two.safetensors"));
    assert_int_equal(unlink(path_of(f, "one.safetensors")), 0);
    assert_int_equal(pyr_model_files_state(&files, &which), PYR_MODEL_MISSING);
    assert_string_equal(which->path, path_of(f, "one.safetensors"));
    pyr_model_files_deinit(&files);
    expect_error(f, f->folder, "58030", "one.safetensors");
}

static void shards_lie_beside_the_name_of_a_linked_index(void **state) {
    models_fixture *f = *state;
    char blob[512];
    char link[512];
    pyr_model_files files;
    write_shards(f);
    assert_int_equal(mkdir(path_of(f, "blobs"), 0777), 0);
    write_text(f, "blobs/0123", INDEX);
    snprintf(blob, sizeof(blob), "%s/blobs/0123", f->folder);
    snprintf(link, sizeof(link), "%s/model.safetensors.index.json", f->folder);
    assert_int_equal(symlink(blob, link), 0);
    pyr_safetensors *file = open_well(f, link, &files);
    assert_string_equal(files.items[0].path, link);
    assert_int_equal(files.count, 3);
    pyr_model_files_deinit(&files);
    pyr_safetensors_release(file);
}

static void exchange_link(void *context) {
    models_fixture *f = context;
    char other[512];
    snprintf(other, sizeof(other), "%s/other", f->folder);
    assert_int_equal(unlink(path_of(f, "link")), 0);
    assert_int_equal(symlink(other, path_of(f, "link")), 0);
}

static void a_link_that_leads_elsewhere_by_then_is_an_error(void **state) {
    models_fixture *f = *state;
    char link[512];
    write_bytes_model(f, "m", 100);
    write_bytes_model(f, "other", 100);
    snprintf(link, sizeof(link), "%s/link", f->folder);
    assert_int_equal(symlink(path_of(f, "m"), link), 0);
    when_mapped = exchange_link;
    when_mapped_context = f;
    expect_error(f, link, "58030", "exchanged meanwhile");
    assert_null(when_mapped);
}

static void what_is_no_model_says_why(void **state) {
    models_fixture *f = *state;
    expect_error(f, path_of(f, "none"), "58030", "No such file");
    expect_error(f, f->folder, "22023", "no model.safetensors.index.json");
    expect_error(f, "", "22023", "nothing in it");
    expect_error(f, "/dev/null", "22023", "device");
    write_text(f, "text.safetensors", "hello, this is a text and no model");
    expect_error(f, path_of(f, "text.safetensors"), "22023", "not a valid Safetensors model");
    write_text(f, "short.safetensors", "x");
    expect_error(f, path_of(f, "short.safetensors"), "22023", "not a valid Safetensors model");
    write_model(f, "extent.safetensors",
                "{\"w\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}", 4);
    expect_error(f, path_of(f, "extent.safetensors"), "22023", "not a valid Safetensors model");
}

static pyr_status refuse(void *context, const char *path, pyr_error *error) {
    return strstr(path, context) != NULL
               ? pyr_error_set(error, PYR_ERROR_PERMISSION, "not %s", path)
               : PYR_OK;
}

static void every_shard_asks_for_its_right(void **state) {
    models_fixture *f = *state;
    char two[] = "two";
    char folder[] = "pyralog-models";
    pyr_safetensors *file = NULL;
    pyr_model_access access = {refuse, two};
    write_shards(f);
    write_text(f, "model.safetensors.index.json", INDEX);
    assert_int_equal(pyr_model_open(f->folder, &access, NULL, &file, NULL, &f->error),
                     PYR_ERROR_PERMISSION);
    /* Before the file system is asked: nobody learns what is there. */
    access.context = folder;
    assert_int_equal(pyr_model_open(path_of(f, "none"), &access, NULL, &file, NULL, &f->error),
                     PYR_ERROR_PERMISSION);
}

static void what_is_kept_comes_back(void **state) {
    (void)state;
    static const char text[] = "10 -5 7 \n20 6 18446744073709551615 b c.safetensors\n";
    pyr_model_files files;
    pyr_text printed;
    assert_int_equal(pyr_model_files_parse(text, "/m/x.json", &files, NULL), PYR_OK);
    assert_int_equal(files.count, 2);
    assert_string_equal(files.items[0].path, "/m/x.json");
    assert_string_equal(files.items[1].path, "/m/b c.safetensors");
    assert_int_equal(files.items[0].mtime_ns, -5);
    assert_true(files.items[1].inode == UINT64_MAX);
    assert_int_equal(pyr_model_files_size_bytes(&files), 30);
    pyr_text_init(&printed);
    pyr_model_files_print(&files, &printed);
    assert_string_equal(pyr_text_get(&printed), text);
    pyr_text_deinit(&printed);
    pyr_model_files_deinit(&files);
    static const char *const bad[] = {
        "10 5 7",     "10 5 7 \nx",       "-1 5 7 \n",           "10 5 -7 \n",
        "10 5 7 a\n", "1 1 1 \n1 1 1 \n", "1 1 1 \n1 1 1 a/b\n", "9223372036854775808 1 1 \n",
        " 1 1 1 \n",  "+1 1 1 \n"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); ++i) {
        if (pyr_model_files_parse(bad[i], "/m/x", &files, NULL) != PYR_ERROR_CORRUPT) {
            fail_msg("\"%s\" was taken", bad[i]);
        }
    }
}

static void the_state_follows_size_time_and_inode(void **state) {
    models_fixture *f = *state;
    pyr_model_files files;
    char path[512];
    char other[512];
    struct stat info;
    write_bytes_model(f, "m", 64);
    pyr_safetensors_release(open_well(f, path_of(f, "m"), &files));
    snprintf(path, sizeof(path), "%s/m", f->folder);
    assert_int_equal(stat(path, &info), 0);
    struct timespec times[2] = {info.st_atim, info.st_mtim};
    assert_int_equal(truncate(path, info.st_size + 1), 0);
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
    assert_int_equal(pyr_model_files_state(&files, NULL), PYR_MODEL_CHANGED);
    assert_int_equal(truncate(path, info.st_size), 0);
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
    assert_int_equal(pyr_model_files_state(&files, NULL), PYR_MODEL_OK);
    times[1].tv_nsec = times[1].tv_nsec > 0 ? times[1].tv_nsec - 1 : 1;
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
    assert_int_equal(pyr_model_files_state(&files, NULL), PYR_MODEL_CHANGED);
    /* Another file of the same size and time in its place. */
    write_bytes_model(f, "n", 64);
    snprintf(other, sizeof(other), "%s/n", f->folder);
    times[1] = info.st_mtim;
    assert_int_equal(utimensat(AT_FDCWD, other, times, 0), 0);
    assert_int_equal(rename(other, path), 0);
    assert_int_equal(pyr_model_files_state(&files, NULL), PYR_MODEL_CHANGED);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0777), 0);
    assert_int_equal(pyr_model_files_state(&files, NULL), PYR_MODEL_MISSING);
    pyr_model_files_deinit(&files);
}

/* b3sum of "abc", from the BLAKE3 specification's own program. */
static void the_hash_is_that_of_the_bytes(void **state) {
    models_fixture *f = *state;
    char hex[PYR_MODEL_HASH_CHARS + 1];
    pyr_model_files files;
    char text[128];
    struct stat info;
    write_text(f, "abc", "abc");
    assert_int_equal(stat(path_of(f, "abc"), &info), 0);
    snprintf(text, sizeof(text), "3 %lld %llu \n",
             (long long)info.st_mtim.tv_sec * 1000000000 + (long long)info.st_mtim.tv_nsec,
             (unsigned long long)info.st_ino);
    assert_int_equal(pyr_model_files_parse(text, f->path, &files, NULL), PYR_OK);
    assert_int_equal(pyr_model_hash(&files, NULL, NULL, hex, &f->error), PYR_OK);
    assert_string_equal(hex, "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85");
    write_text(f, "abc", "abcd");
    assert_int_equal(pyr_model_hash(&files, NULL, NULL, hex, &f->error), PYR_ERROR_IO);
    assert_string_equal(f->error.sqlstate, "58030");
    pyr_model_files_deinit(&files);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_file_is_stored_by_its_real_path, models_setup,
                                        models_teardown),
        cmocka_unit_test_setup_teardown(an_index_has_its_shards_and_a_folder_its_index,
                                        models_setup, models_teardown),
        cmocka_unit_test_setup_teardown(shards_lie_beside_the_name_of_a_linked_index, models_setup,
                                        models_teardown),
        cmocka_unit_test_setup_teardown(a_link_that_leads_elsewhere_by_then_is_an_error,
                                        models_setup, models_teardown),
        cmocka_unit_test_setup_teardown(what_is_no_model_says_why, models_setup, models_teardown),
        cmocka_unit_test_setup_teardown(every_shard_asks_for_its_right, models_setup,
                                        models_teardown),
        cmocka_unit_test(what_is_kept_comes_back),
        cmocka_unit_test_setup_teardown(the_state_follows_size_time_and_inode, models_setup,
                                        models_teardown),
        cmocka_unit_test_setup_teardown(the_hash_is_that_of_the_bytes, models_setup,
                                        models_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
