/* lsm_test.c - the ordered store: atomic batches, scans, reading beside a writer, damage, full
 * disks. */
#include "support_storage.h"

#include "storage/lsm.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct fixture {
    char *folder;
    pyr_error error;
} fixture;

static int set_up(void **state) {
    fixture *f = calloc(1, sizeof(*f));
    f->folder = folder_create();
    *state = f;
    return 0;
}

static int tear_down(void **state) {
    fixture *f = *state;
    folder_remove(f->folder);
    free(f);
    return 0;
}

static pyr_status put(pyr_lsm *lsm, const char *key, const void *value, size_t size,
                      pyr_error *fault) {
    pyr_lsm_batch *batch;
    check_ok(pyr_lsm_batch_create(&batch, error));
    pyr_lsm_batch_put(batch, key, strlen(key), value, size);
    pyr_status status = pyr_lsm_write(lsm, batch, true, fault);
    pyr_lsm_batch_destroy(batch);
    return status;
}

static void put_text(pyr_lsm *lsm, const char *key, const char *value) {
    check_ok(put(lsm, key, value, strlen(value), error));
}

static void expect(pyr_lsm *lsm, const char *key, const char *wanted) {
    char *value;
    size_t size;
    check_ok(pyr_lsm_get(lsm, key, strlen(key), &value, &size, error));
    if (wanted == NULL) {
        assert_null(value);
    } else {
        assert_non_null(value);
        assert_int_equal(size, strlen(wanted));
        assert_memory_equal(value, wanted, size);
    }
    free(value);
}

/* ---- Another process: this program again, because RocksDB's threads do not survive a fork. ----
 */

/* Ends without a close: what was written stands in the log alone. */
static int play_role(const char *role, const char *path) {
    pyr_lsm *lsm;
    pyr_error fault;
    char value[1000];
    memset(value, 'v', sizeof(value));
    pyr_status status = pyr_lsm_open(path, false, &lsm, &fault);
    for (int i = 0; status == PYR_OK && strcmp(role, "--write") == 0 && i < 20; ++i) {
        char key[16];
        (void)snprintf(key, sizeof(key), "key%03d", i);
        status = put(lsm, key, value, sizeof(value), &fault);
    }
    _exit((int)status);
}

static int run_other(const char *role, const char *path) {
    pid_t child = fork();
    if (child == 0) {
        execl("/proc/self/exe", "other", role, path, (char *)NULL);
        _exit(127);
    }
    int code;
    assert_int_equal(waitpid(child, &code, 0), child);
    assert_true(WIFEXITED(code));
    return WEXITSTATUS(code);
}

/* ---- Reading and writing. ---- */

static void what_is_written_is_read_back_and_survives_reopening(void **state) {
    fixture *f = *state;
    pyr_lsm *lsm;
    check_ok(pyr_lsm_open(below(f->folder, "db"), false, &lsm, error));
    put_text(lsm, "a", "1");
    put_text(lsm, "empty", "");
    expect(lsm, "a", "1");
    expect(lsm, "empty", "");
    expect(lsm, "b", NULL);
    pyr_lsm_close(lsm);
    check_ok(pyr_lsm_open(below(f->folder, "db"), false, &lsm, error));
    expect(lsm, "a", "1");
    expect(lsm, "empty", "");
    pyr_lsm_close(lsm);
    pyr_lsm_close(NULL);
}

static void a_store_in_memory_is_gone_at_close(void **state) {
    (void)state;
    pyr_lsm *lsm;
    pyr_lsm *other;
    check_ok(pyr_lsm_open(NULL, false, &lsm, error));
    check_ok(pyr_lsm_open(NULL, false, &other, error));
    put_text(lsm, "a", "1");
    expect(lsm, "a", "1");
    expect(other, "a", NULL);
    pyr_lsm_close(lsm);
    pyr_lsm_close(other);
}

static void a_batch_is_written_whole_deletes_too(void **state) {
    (void)state;
    pyr_lsm *lsm;
    pyr_lsm_batch *batch;
    check_ok(pyr_lsm_open(NULL, false, &lsm, error));
    put_text(lsm, "old", "1");
    check_ok(pyr_lsm_batch_create(&batch, error));
    pyr_lsm_batch_put(batch, "new", 3, "2", 1);
    pyr_lsm_batch_delete(batch, "old", 3);
    expect(lsm, "old", "1");
    check_ok(pyr_lsm_write(lsm, batch, true, error));
    pyr_lsm_batch_destroy(batch);
    expect(lsm, "old", NULL);
    expect(lsm, "new", "2");
    pyr_lsm_close(lsm);
}

typedef struct visited {
    char keys[64];
    int stop_after;
} visited;

static pyr_status visit(void *context, const char *key, size_t key_size, const char *value,
                        size_t value_size, pyr_error *error) {
    visited *self = context;
    (void)value;
    (void)value_size;
    strncat(self->keys, key, key_size);
    strcat(self->keys, " ");
    return --self->stop_after == 0 ? pyr_error_set(error, PYR_ERROR_CANCELLED, "enough") : PYR_OK;
}

static void a_scan_gives_the_prefix_in_key_order_and_stops_when_told(void **state) {
    (void)state;
    pyr_lsm *lsm;
    check_ok(pyr_lsm_open(NULL, false, &lsm, error));
    static const char *const keys[] = {"t/2", "u/1", "t/1", "t", "s/9", "t/10"};
    for (size_t i = 0; i < 6; ++i) {
        put_text(lsm, keys[i], "v");
    }
    visited all = {.stop_after = -1};
    check_ok(pyr_lsm_scan(lsm, "t/", 2, visit, &all, error));
    assert_string_equal(all.keys, "t/1 t/10 t/2 ");
    visited first = {.stop_after = 2};
    pyr_error stopped;
    assert_int_equal(pyr_lsm_scan(lsm, "t/", 2, visit, &first, &stopped), PYR_ERROR_CANCELLED);
    assert_string_equal(first.keys, "t/1 t/10 ");
    pyr_lsm_close(lsm);
}

static void a_second_writer_is_busy(void **state) {
    fixture *f = *state;
    pyr_lsm *lsm;
    pyr_lsm *second;
    check_ok(pyr_lsm_open(below(f->folder, "db"), false, &lsm, error));
    assert_int_equal(pyr_lsm_open(below(f->folder, "db"), false, &second, &f->error),
                     PYR_ERROR_BUSY);
    assert_null(second);
    assert_int_equal(run_other("--open", below(f->folder, "db")), PYR_ERROR_BUSY);
    pyr_lsm_close(lsm);
}

static void the_word_lock_in_a_path_is_no_conflict(void **state) {
    fixture *f = *state;
    pyr_lsm *lsm;
    write_file(below(f->folder, "blocks"), "", 0);
    pyr_status status = pyr_lsm_open(below(f->folder, "blocks/db"), false, &lsm, &f->error);
    assert_true(status != PYR_OK && status != PYR_ERROR_BUSY);
    assert_message_has(&f->error, "blocks/db");
}

static void a_reader_beside_a_writer_sees_later_writes_after_refresh(void **state) {
    fixture *f = *state;
    pyr_lsm *writer;
    pyr_lsm *reader;
    assert_int_equal(pyr_lsm_open(below(f->folder, "none"), true, &reader, &f->error),
                     PYR_ERROR_IO);
    check_ok(pyr_lsm_open(below(f->folder, "db"), false, &writer, error));
    put_text(writer, "a", "1");
    check_ok(pyr_lsm_open(below(f->folder, "db"), true, &reader, error));
    expect(reader, "a", "1");
    put_text(writer, "a", "2");
    expect(reader, "a", "1");
    check_ok(pyr_lsm_refresh(reader, error));
    expect(reader, "a", "2");
    check_ok(pyr_lsm_refresh(writer, error));
    assert_int_not_equal(put(reader, "b", "1", 1, &f->error), PYR_OK);
    pyr_lsm_close(reader);
    expect(writer, "a", "2");
    pyr_lsm_close(writer);
}

/* The path of the one file in folder/db whose name holds part. */
static const char *find_file(const char *folder, const char *part) {
    DIR *entries = opendir(below(folder, "db"));
    assert_non_null(entries);
    const char *found = NULL;
    struct dirent *entry;
    while (found == NULL && (entry = readdir(entries)) != NULL) {
        if (strstr(entry->d_name, part) != NULL) {
            char name[300];
            (void)snprintf(name, sizeof(name), "db/%s", entry->d_name);
            found = below(folder, name);
        }
    }
    closedir(entries);
    return found;
}

static void no_info_log_is_left_in_the_folder(void **state) {
    fixture *f = *state;
    pyr_lsm *lsm;
    for (int i = 0; i < 3; ++i) {
        check_ok(pyr_lsm_open(below(f->folder, "db"), false, &lsm, error));
        pyr_lsm *reader;
        check_ok(pyr_lsm_open(below(f->folder, "db"), true, &reader, error));
        pyr_lsm_close(reader);
        pyr_lsm_close(lsm);
    }
    assert_null(find_file(f->folder, "LOG"));
}

static int count_files(const char *folder, const char *end) {
    DIR *entries = opendir(below(folder, "db"));
    int found = 0;
    for (struct dirent *entry; (entry = readdir(entries)) != NULL;) {
        size_t length = strlen(entry->d_name);
        found += length > strlen(end) && strcmp(entry->d_name + length - strlen(end), end) == 0;
    }
    closedir(entries);
    return found;
}

static void opens_without_writes_leave_one_log_and_what_was_written(void **state) {
    fixture *f = *state;
    pyr_lsm *lsm;
    for (int i = 0; i < 6; ++i) {
        check_ok(pyr_lsm_open(below(f->folder, "db"), false, &lsm, error));
        pyr_lsm *second;
        assert_int_equal(pyr_lsm_open(below(f->folder, "db"), false, &second, &f->error),
                         PYR_ERROR_BUSY);
        if (i == 2) {
            put_text(lsm, "key", "value");
        }
        expect(lsm, "key", i < 2 ? NULL : "value");
        pyr_lsm_close(lsm);
    }
    assert_int_equal(count_files(f->folder, ".log"), 1);
}

static void write_and_die(const char *path) {
    assert_int_equal(run_other("--write", path), 0);
}

static int count_keys(pyr_lsm *lsm) {
    int found = 0;
    for (int i = 0; i < 100; ++i) {
        char key[16];
        char *value;
        size_t size;
        (void)snprintf(key, sizeof(key), "key%03d", i);
        check_ok(pyr_lsm_get(lsm, key, strlen(key), &value, &size, error));
        found += value != NULL && size == 1000;
        free(value);
    }
    return found;
}

static void writes_of_a_process_that_died_are_there_and_a_torn_end_is_cut(void **state) {
    fixture *f = *state;
    pyr_lsm *lsm;
    write_and_die(below(f->folder, "db"));
    const char *log = find_file(f->folder, ".log");
    size_t size;
    uint8_t *bytes = read_file(log, &size);
    assert_true(size > 20000);
    write_file(log, bytes, size - 500);
    free(bytes);
    check_ok(pyr_lsm_open(below(f->folder, "db"), false, &lsm, error));
    assert_int_equal(count_keys(lsm), 19);
    pyr_lsm_close(lsm);
}

/* By default RocksDB would drop all that stands behind it, in silence. */
static void damage_in_the_middle_of_the_log_is_corrupt(void **state) {
    fixture *f = *state;
    pyr_lsm *lsm;
    write_and_die(below(f->folder, "db"));
    const char *log = find_file(f->folder, ".log");
    size_t size;
    uint8_t *bytes = read_file(log, &size);
    bytes[size / 2] ^= 1;
    write_file(log, bytes, size);
    free(bytes);
    assert_int_equal(pyr_lsm_open(below(f->folder, "db"), false, &lsm, &f->error),
                     PYR_ERROR_CORRUPT);
    assert_message_has(&f->error, "db");
}

static void a_damaged_table_file_is_corrupt_and_not_busy(void **state) {
    fixture *f = *state;
    pyr_lsm *lsm;
    write_and_die(below(f->folder, "db"));
    for (int i = 0; i < 2; ++i) { /* the log becomes a table file */
        check_ok(pyr_lsm_open(below(f->folder, "db"), false, &lsm, error));
        pyr_lsm_close(lsm);
    }
    const char *table = find_file(f->folder, ".sst");
    assert_non_null(table);
    size_t size;
    uint8_t *bytes = read_file(table, &size);
    bytes[100] ^= 1;
    write_file(table, bytes, size);
    free(bytes);
    pyr_status status = pyr_lsm_open(below(f->folder, "db"), false, &lsm, &f->error);
    if (status == PYR_OK) {
        char *value;
        status = pyr_lsm_get(lsm, "key000", 6, &value, &size, &f->error);
        assert_null(value);
        pyr_lsm_close(lsm);
    }
    assert_int_equal(status, PYR_ERROR_CORRUPT); /* "block checksum mismatch" */
}

static void a_write_on_a_full_disk_fails_and_works_again_when_there_is_space(void **state) {
    fixture *f = *state;
    if (!small_disk_mount(f->folder, (size_t)4 << 20)) {
        skip();
    }
    pyr_lsm *lsm;
    check_ok(pyr_lsm_open(below(f->folder, "db"), false, &lsm, error));
    put_text(lsm, "before", "1");
    small_disk_fill(f->folder, "filler");
    char value[20000];
    memset(value, 'v', sizeof(value));
    for (int i = 0; i < 4; ++i) {
        assert_int_equal(put(lsm, "during", value, sizeof(value), &f->error), PYR_ERROR_DISK_FULL);
        assert_string_equal(f->error.sqlstate, "53100");
        assert_message_has(&f->error, below(f->folder, "db"));
    }
    assert_int_equal(unlink(below(f->folder, "filler")), 0);
    put_text(lsm, "after", "2");
    expect(lsm, "before", "1");
    expect(lsm, "during", NULL);
    expect(lsm, "after", "2");
    pyr_lsm_close(lsm);
    check_ok(pyr_lsm_open(below(f->folder, "db"), false, &lsm, error));
    expect(lsm, "before", "1");
    expect(lsm, "during", NULL);
    expect(lsm, "after", "2");
    pyr_lsm_close(lsm);
    small_disk_unmount(f->folder);
}

static void opening_on_a_full_disk_is_an_error(void **state) {
    fixture *f = *state;
    if (!small_disk_mount(f->folder, (size_t)1 << 20)) {
        skip();
    }
    pyr_lsm *lsm;
    small_disk_fill(f->folder, "filler");
    assert_int_equal(pyr_lsm_open(below(f->folder, "db"), false, &lsm, &f->error),
                     PYR_ERROR_DISK_FULL);
    assert_int_equal(unlink(below(f->folder, "filler")), 0);
    check_ok(pyr_lsm_open(below(f->folder, "db"), false, &lsm, error));
    pyr_lsm_close(lsm);
    small_disk_unmount(f->folder);
}

/* A LOG lies in memory while a store is opened: of a process killed there it stays. */
static void an_open_removes_what_killed_ones_left_in_memory_and_nothing_else(void **state) {
    fixture *f = *state;
    char stale[] = "/dev/shm/.pyralog-log-XXXXXX";
    char fresh[] = "/dev/shm/.pyralog-log-XXXXXX";
    char used[] = "/dev/shm/.pyralog-log-XXXXXX";
    if (mkdtemp(stale) == NULL || mkdtemp(fresh) == NULL || mkdtemp(used) == NULL) {
        skip();
    }
    const struct timespec old[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    pyr_lsm *lsm;
    fclose(fopen(below(stale, "db_LOG"), "w"));
    fclose(fopen(below(used, "rows.arrow"), "w"));
    assert_int_equal(utimensat(AT_FDCWD, stale, old, 0), 0);
    assert_int_equal(utimensat(AT_FDCWD, used, old, 0), 0);
    check_ok(pyr_lsm_open(below(f->folder, "db"), false, &lsm, error));
    pyr_lsm_close(lsm);
    assert_int_equal(access(stale, F_OK), -1);
    assert_int_equal(access(fresh, F_OK), 0);
    assert_int_equal(access(below(used, "rows.arrow"), F_OK), 0);
    folder_remove(strdup(fresh));
    folder_remove(strdup(used));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(int argc, char **argv) {
    if (argc == 3) {
        return play_role(argv[1], argv[2]);
    }
    const struct CMUnitTest tests[] = {
        TEST(what_is_written_is_read_back_and_survives_reopening),
        TEST(a_store_in_memory_is_gone_at_close),
        TEST(a_batch_is_written_whole_deletes_too),
        TEST(a_scan_gives_the_prefix_in_key_order_and_stops_when_told),
        TEST(a_second_writer_is_busy),
        TEST(the_word_lock_in_a_path_is_no_conflict),
        TEST(a_reader_beside_a_writer_sees_later_writes_after_refresh),
        TEST(no_info_log_is_left_in_the_folder),
        TEST(opens_without_writes_leave_one_log_and_what_was_written),
        TEST(writes_of_a_process_that_died_are_there_and_a_torn_end_is_cut),
        TEST(damage_in_the_middle_of_the_log_is_corrupt),
        TEST(a_damaged_table_file_is_corrupt_and_not_busy),
        TEST(a_write_on_a_full_disk_fails_and_works_again_when_there_is_space),
        TEST(opening_on_a_full_disk_is_an_error),
        TEST(an_open_removes_what_killed_ones_left_in_memory_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
