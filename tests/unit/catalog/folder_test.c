/* folder_test.c - a database's directory between processes and crashes: FORMAT, LOCK, readers
 * beside a writer, files that nobody names. */
#include "support_catalog.h"

#include "base/file.h"
#include "catalog/backup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void expect_not_opened(fixture *f, bool readonly, pyr_status wanted, const char *words) {
    pyr_catalog *catalog;
    pyr_status status = pyr_catalog_open(f->path, readonly, &catalog, &f->error);
    if (status != wanted) {
        fail_msg("status %d: %s", (int)status, f->error.message);
    }
    assert_null(catalog);
    assert_message_has(&f->error, f->path);
    assert_message_has(&f->error, words);
}

static void a_missing_folder_is_made_by_a_writer_only(void **state) {
    fixture *f = *state;
    expect_not_opened(f, true, PYR_ERROR_NOT_FOUND, "no database");
    assert_false(file_exists(f->path));
    pyr_catalog_close(open_catalog(f->path));
    assert_true(file_exists(below(f->path, "FORMAT")));
    assert_true(file_exists(below(f->path, "segments")));
    assert_true(file_exists(below(f->path, "cache")));
    assert_true(file_exists(below(f->path, "tmp")));
    pyr_catalog_close(open_readonly(f->path));
}

static void an_empty_folder_and_what_a_crash_at_the_start_leaves_become_a_database(void **state) {
    fixture *f = *state;
    assert_int_equal(mkdir(f->path, 0777), 0);
    expect_not_opened(f, true, PYR_ERROR_NOT_FOUND, "no database");
    write_file(below(f->path, "LOCK"), "", 0);
    write_file(below(f->path, "FORMAT.tmp"), "pyr", 3);
    pyr_catalog_close(open_catalog(f->path));
}

static void a_folder_with_other_things_and_a_file_are_refused_and_not_touched(void **state) {
    fixture *f = *state;
    assert_int_equal(mkdir(f->path, 0777), 0);
    write_file(below(f->path, "photo.jpg"), "x", 1);
    expect_not_opened(f, false, PYR_ERROR_INVALID_ARGUMENT, "other things");
    expect_not_opened(f, true, PYR_ERROR_INVALID_ARGUMENT, "other things");
    assert_false(file_exists(below(f->path, "LOCK")));
    assert_false(file_exists(below(f->path, "FORMAT")));
    check_ok(pyr_folder_remove(f->path, error));
    write_file(f->path, "x", 1);
    expect_not_opened(f, false, PYR_ERROR_INVALID_ARGUMENT, "a file");
}

static void a_newer_format_is_refused_and_a_damaged_one_is_corrupt(void **state) {
    fixture *f = *state;
    pyr_catalog_close(open_catalog(f->path));
    assert_int_equal(unlink(below(f->path, "LOCK")), 0);
    static const char *const newer[] = {"pyralog 3\n", "pyralog 99999999999999999999999\n",
                                        "pyralog 3\nmore of it"};
    static const char *const damaged[] = {
        "",           "pyralog", "pyralog 0\n", "pyralog -1\n", "pyralog x\n", "parquet 1\n",
        "pyralog 1x", "\xff\xfe"};
    for (size_t i = 0; i < sizeof(newer) / sizeof(newer[0]); ++i) {
        write_file(below(f->path, "FORMAT"), newer[i], strlen(newer[i]));
        expect_not_opened(f, false, PYR_ERROR_NOT_SUPPORTED, "newer Pyralog");
        expect_not_opened(f, true, PYR_ERROR_NOT_SUPPORTED, "newer Pyralog");
    }
    for (size_t i = 0; i < sizeof(damaged) / sizeof(damaged[0]); ++i) {
        write_file(below(f->path, "FORMAT"), damaged[i], strlen(damaged[i]));
        expect_not_opened(f, false, PYR_ERROR_CORRUPT, "FORMAT");
    }
    assert_false(file_exists(below(f->path, "LOCK")));
    write_file(below(f->path, "FORMAT"), "pyralog 3\n", 10);
    expect_not_opened(f, false, PYR_ERROR_NOT_SUPPORTED, "format 3, this program reads up to 2");
    write_file(below(f->path, "FORMAT"), "pyralog 1", 9);
    pyr_catalog_close(open_catalog(f->path));
}

/* ---- Older formats. ---- */

static void expect_format(const char *folder, const char *wanted) {
    size_t size;
    uint8_t *text = read_file(below(folder, "FORMAT"), &size);
    assert_int_equal(size, strlen(wanted));
    assert_memory_equal(text, wanted, size);
    free(text);
}

static void make_older(const char *folder) {
    write_file(below(folder, "FORMAT"), "pyralog 1\n", 10);
}

static void make_older_database(fixture *f) {
    pyr_catalog *catalog = open_catalog(f->path);
    create_table(catalog, "t");
    append_rows(catalog, "t", 0, 10);
    pyr_catalog_close(catalog);
    expect_format(f->path, "pyralog 2\n");
    make_older(f->path);
}

static void a_reader_leaves_an_older_format_as_it_is(void **state) {
    fixture *f = *state;
    make_older_database(f);
    assert_int_equal(unlink(below(f->path, "LOCK")), 0);
    pyr_catalog *reader = open_readonly(f->path);
    assert_int_equal(rows_now(reader, "t"), 10);
    pyr_catalog_close(reader);
    expect_format(f->path, "pyralog 1\n");
    assert_false(file_exists(below(f->path, "FORMAT.tmp")));
    assert_false(file_exists(below(f->path, "LOCK")));
}

/* Whatever a writer before left of the file that was to become FORMAT. */
static void a_writer_raises_an_older_format_wherever_one_before_died(void **state) {
    fixture *f = *state;
    static const char *const left[] = {NULL, "", "pyr", "pyralog 2\n", "pyralog 3 and more"};
    make_older_database(f);
    for (size_t i = 0; i < sizeof(left) / sizeof(left[0]); ++i) {
        make_older(f->path);
        if (left[i] != NULL) {
            write_file(below(f->path, "FORMAT.tmp"), left[i], strlen(left[i]));
        }
        pyr_catalog *catalog = open_readonly(f->path);
        assert_int_equal(rows_now(catalog, "t"), 10 + (int64_t)i);
        pyr_catalog_close(catalog);
        expect_format(f->path, "pyralog 1\n");
        catalog = open_catalog(f->path);
        expect_format(f->path, "pyralog 2\n");
        assert_false(file_exists(below(f->path, "FORMAT.tmp")));
        append_rows(catalog, "t", 10, 1);
        assert_int_equal(rows_now(catalog, "t"), 11 + (int64_t)i);
        pyr_catalog_close(catalog);
    }
    expect_format(f->path, "pyralog 2\n");
}

/* It may be of a program that calls the new records damaged. */
static void an_older_format_is_not_raised_beside_a_reader(void **state) {
    fixture *f = *state;
    make_older_database(f);
    pyr_catalog *reader = open_readonly(f->path);
    expect_not_opened(f, false, PYR_ERROR_BUSY, "of format 1 and becomes 2");
    expect_format(f->path, "pyralog 1\n");
    assert_int_equal(rows_now(reader, "t"), 10);
    pyr_catalog_close(reader);
    pyr_catalog *writer = open_catalog(f->path);
    expect_format(f->path, "pyralog 2\n");
    reader = open_readonly(f->path); /* from then on as ever */
    append_rows(writer, "t", 10, 10);
    assert_int_equal(rows_now(reader, "t"), 20);
    pyr_catalog_close(reader);
    pyr_catalog_close(writer);
}

static void what_cannot_be_opened_keeps_its_format(void **state) {
    fixture *f = *state;
    make_older_database(f);
    assert_int_equal(rename(below(f->path, "catalog/CURRENT"), below(f->path, "CURRENT")), 0);
    pyr_catalog *catalog;
    write_file(below(f->path, "catalog/CURRENT"), "x", 1);
    assert_int_not_equal(pyr_catalog_open(f->path, false, &catalog, &f->error), PYR_OK);
    expect_format(f->path, "pyralog 1\n");
    assert_int_equal(rename(below(f->path, "CURRENT"), below(f->path, "catalog/CURRENT")), 0);
    catalog = open_catalog(f->path);
    assert_int_equal(rows_now(catalog, "t"), 10);
    pyr_catalog_close(catalog);
}

static pyr_status back_up(fixture *f, const char *folder) {
    pyr_backup_counts counts;
    pyr_catalog *catalog = open_catalog(f->path);
    pyr_status status = pyr_catalog_backup(catalog, folder, NULL, &counts, &f->error);
    pyr_catalog_close(catalog);
    return status;
}

static void an_earlier_backup_of_an_older_format_is_brought_up_to_date(void **state) {
    fixture *f = *state;
    char *copy = strdup(below(f->folder, "copy"));
    make_older_database(f);
    assert_int_equal(back_up(f, copy), PYR_OK);
    expect_format(copy, "pyralog 2\n");
    make_older(copy);
    write_file(below(copy, "FORMAT.tmp"), "pyr", 3);
    assert_int_equal(back_up(f, copy), PYR_OK);
    expect_format(copy, "pyralog 2\n");
    write_file(below(copy, "FORMAT"), "", 0); /* as a power loss may have left it once */
    assert_int_equal(back_up(f, copy), PYR_OK);
    expect_format(copy, "pyralog 2\n");
    write_file(below(copy, "FORMAT"), "pyralog 3\n", 10);
    assert_int_equal(back_up(f, copy), PYR_ERROR_NOT_SUPPORTED);
    assert_message_has(&f->error, copy);
    expect_format(copy, "pyralog 3\n");
    make_older(copy); /* a backup is a database like any other */
    pyr_catalog *catalog = open_catalog(copy);
    assert_int_equal(rows_now(catalog, "t"), 10);
    pyr_catalog_close(catalog);
    expect_format(copy, "pyralog 2\n");
    free(copy);
}

/* ---- Processes. ---- */

static void a_second_process_is_told_who_holds_the_database(void **state) {
    fixture *f = *state;
    other holder = start_other("--hold", f->path);
    char words[64];
    (void)snprintf(words, sizeof(words), "process %d (", (int)holder.pid);
    expect_not_opened(f, false, PYR_ERROR_BUSY, words);
    assert_string_equal(f->error.sqlstate, "55006");
    assert_message_has(&f->error, "--readonly");
    pyr_catalog_close(open_readonly(f->path));
    end_other(&holder);
    pyr_catalog *catalog = open_catalog(f->path);
    (void)snprintf(words, sizeof(words), "process %d (", (int)getpid());
    expect_not_opened(f, false, PYR_ERROR_BUSY, words); /* the same process twice as well */
    pyr_catalog_close(catalog);
}

static void the_lock_goes_with_a_killed_holder(void **state) {
    fixture *f = *state;
    other holder = start_other("--hold", f->path);
    expect_not_opened(f, false, PYR_ERROR_BUSY, "is open for writing");
    kill_other(&holder);
    pyr_catalog_close(open_catalog(f->path));
}

static void what_a_killed_process_committed_is_there(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_catalog(f->path);
    create_table(catalog, "t");
    pyr_catalog_close(catalog);
    other writer = start_other("--append", f->path);
    end_other(&writer);
    pyr_catalog *reader = open_readonly(f->path);
    assert_int_equal(rows_now(reader, "t"), 10);
    pyr_catalog_close(reader);
    catalog = open_catalog(f->path);
    assert_int_equal(rows_now(catalog, "t"), 10);
    assert_int_equal(count_files(f->path), 1);
    append_rows(catalog, "t", 10, 10);
    assert_int_equal(rows_now(catalog, "t"), 20);
    pyr_catalog_close(catalog);
}

static uint64_t last_number(pyr_catalog *catalog) {
    pyr_snapshot *snapshot = snapshot_of(catalog);
    const pyr_table *table = pyr_snapshot_find(snapshot, NULL, "t");
    uint64_t number = pyr_segment_get_info(table->segments[table->segments_count - 1])->number;
    pyr_snapshot_release(snapshot);
    return number;
}

static void numbers_of_segments_of_a_killed_process_are_not_given_again(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_catalog(f->path);
    create_table(catalog, "t");
    pyr_catalog_close(catalog);
    uint64_t number = 0;
    pyr_catalog *reader = open_readonly(f->path);
    for (int i = 0; i < 3; ++i) {
        other writer = start_other("--append", f->path);
        end_other(&writer);
        assert_true(last_number(reader) > number);
        number = last_number(reader);
        catalog = open_catalog(f->path);
        append_rows(catalog, "t", 0, 1);
        assert_true(last_number(catalog) > number);
        number = last_number(catalog);
        pyr_catalog_close(catalog);
    }
    assert_int_equal(count_files(f->path), 6);
    pyr_catalog_close(reader);
}

static void a_reader_beside_a_writer_sees_later_commits(void **state) {
    fixture *f = *state;
    pyr_catalog *writer = open_catalog(f->path);
    create_table(writer, "t");
    append_rows(writer, "t", 0, 10);
    pyr_catalog *reader = open_readonly(f->path);
    pyr_snapshot *before = snapshot_of(reader);
    assert_int_equal(count_rows(before, "t", NULL), 10);
    append_rows(writer, "t", 10, 10);
    create_table(writer, "u");
    pyr_snapshot *after = snapshot_of(reader);
    assert_int_equal(count_rows(after, "t", NULL), 20);
    assert_int_equal(count_rows(after, "u", NULL), 0);
    assert_int_equal(count_rows(before, "t", NULL), 10);
    assert_int_equal(count_rows(before, "u", NULL), -1);
    assert_true(pyr_snapshot_version(after) > pyr_snapshot_version(before));
    /* What was mapped stays mapped; without a change it is the same snapshot. */
    assert_ptr_equal(pyr_snapshot_find(before, NULL, "t")->segments[0],
                     pyr_snapshot_find(after, NULL, "t")->segments[0]);
    pyr_snapshot *same = snapshot_of(reader);
    assert_ptr_equal(same, after);
    pyr_snapshot_release(same);
    pyr_snapshot_release(before);
    pyr_snapshot_release(after);
    pyr_catalog_close(reader);
    pyr_catalog_close(writer);
}

static void a_dropped_tables_files_stay_while_another_process_reads(void **state) {
    fixture *f = *state;
    pyr_catalog *writer = open_catalog(f->path);
    create_table(writer, "t");
    append_rows(writer, "t", 0, 10);
    pyr_catalog *reader = open_readonly(f->path);
    pyr_snapshot *seen = snapshot_of(reader);
    check_ok(pyr_catalog_drop_table(writer, NULL, "t", false, NULL, error));
    assert_int_equal(count_files(f->path), 1);
    assert_int_equal(count_rows(seen, "t", NULL), 10); /* mapped only now */
    assert_int_equal(rows_now(reader, "t"), -1);
    pyr_catalog_close(writer);
    pyr_catalog_close(open_catalog(f->path)); /* nor does the next writer remove it */
    assert_int_equal(count_files(f->path), 1);
    pyr_snapshot_release(seen);
    pyr_catalog_close(reader);
    pyr_catalog_close(open_catalog(f->path));
    assert_int_equal(count_files(f->path), 0);
}

static void segments_committed_out_of_order_are_taken_over_by_a_reader(void **state) {
    fixture *f = *state;
    pyr_catalog *writer = open_catalog(f->path);
    create_table(writer, "t");
    pyr_appender *slow = open_appender(writer, "t");
    append(slow, 0, 10); /* has the smaller number */
    append_rows(writer, "t", 10, 10);
    pyr_catalog *reader = open_readonly(f->path);
    pyr_snapshot *before = snapshot_of(reader);
    check_ok(pyr_appender_commit(slow, NULL, error));
    pyr_appender_destroy(slow);
    pyr_snapshot *after = snapshot_of(reader);
    assert_int_equal(count_rows(after, "t", NULL), 20);
    assert_ptr_equal(pyr_snapshot_find(before, NULL, "t")->segments[0],
                     pyr_snapshot_find(after, NULL, "t")->segments[1]);
    pyr_snapshot_release(before);
    pyr_snapshot_release(after);
    pyr_catalog_close(reader);
    pyr_catalog_close(writer);
}

static void a_reader_notices_a_commit_that_its_writer_did_not_live_to_count(void **state) {
    fixture *f = *state;
    pyr_catalog *writer = open_catalog(f->path);
    create_table(writer, "t");
    pyr_catalog *reader = open_readonly(f->path);
    size_t size;
    uint8_t *commits = read_file(below(f->path, "COMMITS"), &size);
    assert_int_equal(size, 8);
    append_rows(writer, "t", 0, 10);
    write_file(below(f->path, "COMMITS"), commits, size); /* as if it had died before */
    free(commits);
    assert_int_equal(rows_now(reader, "t"), 0);
    pyr_catalog_close(writer);
    writer = open_catalog(f->path);
    assert_int_equal(rows_now(reader, "t"), 10);
    pyr_catalog_close(reader);
    pyr_catalog_close(writer);
}

/* ---- Files that nobody names. ---- */

static void orphan_files_are_removed_by_a_writer_only(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_catalog(f->path);
    create_table(catalog, "t");
    append_rows(catalog, "t", 0, 10);
    pyr_snapshot *snapshot = snapshot_of(catalog);
    char folder[64];
    (void)snprintf(folder, sizeof(folder), "segments/%llu",
                   (unsigned long long)pyr_snapshot_find(snapshot, NULL, "t")->id);
    pyr_snapshot_release(snapshot);
    pyr_catalog_close(catalog);
    char orphan[128];
    char foreign[128];
    (void)snprintf(orphan, sizeof(orphan), "%s/000777.arrow", folder);
    (void)snprintf(foreign, sizeof(foreign), "%s/notes.txt", folder);
    write_file(below(f->path, orphan), "x", 1);
    write_file(below(f->path, foreign), "x", 1);
    assert_int_equal(mkdir(below(f->path, "segments/4711"), 0777), 0);
    write_file(below(f->path, "segments/4711/000001.arrow"), "x", 1);
    assert_int_equal(mkdir(below(f->path, "segments/mine"), 0777), 0);
    write_file(below(f->path, "tmp/spill"), "x", 1);

    pyr_catalog_close(open_readonly(f->path));
    assert_true(file_exists(below(f->path, orphan)));
    assert_true(file_exists(below(f->path, "segments/4711/000001.arrow")));
    assert_true(file_exists(below(f->path, "tmp/spill")));

    catalog = open_catalog(f->path);
    assert_false(file_exists(below(f->path, orphan)));
    assert_false(file_exists(below(f->path, "segments/4711")));
    assert_false(file_exists(below(f->path, "tmp/spill")));
    assert_true(file_exists(below(f->path, foreign)));
    assert_true(file_exists(below(f->path, "segments/mine")));
    assert_true(file_exists(below(f->path, "tmp")));
    assert_int_equal(rows_now(catalog, "t"), 10);
    pyr_catalog_close(catalog);
}

static void a_segment_that_is_gone_is_an_error_of_its_reader(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_catalog(f->path);
    create_table(catalog, "t");
    append_rows(catalog, "t", 0, 10);
    pyr_catalog_close(catalog);
    catalog = open_catalog(f->path);
    pyr_snapshot *snapshot = snapshot_of(catalog);
    pyr_segment *segment = pyr_snapshot_find(snapshot, NULL, "t")->segments[0];
    const char *path = pyr_segment_get_info(segment)->path;
    assert_int_equal(unlink(path), 0);
    pyr_batch *batch;
    assert_int_equal(pyr_segment_batch(segment, 0, NULL, 0, NULL, NULL, &batch, &f->error),
                     PYR_ERROR_NOT_FOUND);
    assert_int_equal(strncmp(f->error.message, "segment ", 8), 0);
    assert_message_has(&f->error, path);
    pyr_snapshot_release(snapshot);
    pyr_catalog_close(catalog);
}

static void opening_on_a_full_disk_is_an_error(void **state) {
    fixture *f = *state;
    if (!small_disk_mount(f->folder, (size_t)1 << 20)) {
        skip();
    }
    small_disk_fill(f->folder, "filler");
    expect_not_opened(f, false, PYR_ERROR_DISK_FULL, "No space left");
    assert_string_equal(f->error.sqlstate, "53100");
    assert_int_equal(unlink(below(f->folder, "filler")), 0);
    pyr_catalog_close(open_catalog(f->path));
    small_disk_unmount(f->folder);
}

int main(int argc, char **argv) {
    int played = play_role(argc, argv);
    if (played >= 0) {
        return played;
    }
    const struct CMUnitTest tests[] = {
        TEST(a_missing_folder_is_made_by_a_writer_only),
        TEST(an_empty_folder_and_what_a_crash_at_the_start_leaves_become_a_database),
        TEST(a_folder_with_other_things_and_a_file_are_refused_and_not_touched),
        TEST(a_newer_format_is_refused_and_a_damaged_one_is_corrupt),
        TEST(a_reader_leaves_an_older_format_as_it_is),
        TEST(a_writer_raises_an_older_format_wherever_one_before_died),
        TEST(an_older_format_is_not_raised_beside_a_reader),
        TEST(what_cannot_be_opened_keeps_its_format),
        TEST(an_earlier_backup_of_an_older_format_is_brought_up_to_date),
        TEST(a_second_process_is_told_who_holds_the_database),
        TEST(the_lock_goes_with_a_killed_holder),
        TEST(what_a_killed_process_committed_is_there),
        TEST(numbers_of_segments_of_a_killed_process_are_not_given_again),
        TEST(a_reader_beside_a_writer_sees_later_commits),
        TEST(a_dropped_tables_files_stay_while_another_process_reads),
        TEST(segments_committed_out_of_order_are_taken_over_by_a_reader),
        TEST(a_reader_notices_a_commit_that_its_writer_did_not_live_to_count),
        TEST(orphan_files_are_removed_by_a_writer_only),
        TEST(a_segment_that_is_gone_is_an_error_of_its_reader),
        TEST(opening_on_a_full_disk_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
