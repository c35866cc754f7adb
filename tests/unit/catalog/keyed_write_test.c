/* keyed_write_test.c - what is written to keyed tables, who sees it, and what is refused. */
#include "support_keyed.h"

#include <string.h>

#define assert_now(catalog, name, rows) assert_string_equal(keyed_current(catalog, name), rows)
#define assert_seen(change, name, rows) assert_string_equal(keyed_seen(change, name), rows)

static pyr_catalog *reopen(pyr_catalog *catalog, const fixture *f) {
    pyr_catalog_close(catalog);
    return open_catalog(f->path);
}

/* ---- Rows in, rows out. ---- */

static void rows_come_back_in_key_order_and_after_reopening(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_catalog(f->path);
    create_keyed(catalog, "t", "a");
    create_keyed(catalog, "composite", "ba");
    for (int i = 0; i < 2; ++i) {
        assert_now(catalog, "t", i == 0 ? "" : "-5,e,- 1,-,1 2,b,2 10,a,3");
        assert_now(catalog, "composite", i == 0 ? "" : "9,a,1 1,b,2 2,b,- 1,ba,3");
        if (i == 0) {
            write_now(catalog, "t", "2,b,2 10,a,3 -5,e,- 1,-,1", PYR_KEYED_INSERT);
            write_now(catalog, "composite", "1,ba,3 2,b,- 1,b,2 9,a,1", PYR_KEYED_INSERT);
            catalog = reopen(catalog, f);
        }
    }
    pyr_catalog_close(catalog);
}

static void a_change_sees_its_rows_at_once_and_others_after_its_commit(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_catalog(f->path);
    create_keyed(catalog, "t", "a");
    write_now(catalog, "t", "1,a,1 2,b,2 3,c,3", PYR_KEYED_INSERT);
    pyr_change *change = begin(catalog);
    change_write(change, "t", "0,z,0 2,B,22 9,n,9", PYR_KEYED_REPLACE);
    assert_int_equal(change_remove(change, "t", "3 4"), 1);
    assert_seen(change, "t", "0,z,0 1,a,1 2,B,22 9,n,9");
    assert_now(catalog, "t", "1,a,1 2,b,2 3,c,3");
    change_write(change, "t", "3,again,3", PYR_KEYED_INSERT);
    assert_int_equal(change_remove(change, "t", "0"), 1);
    assert_seen(change, "t", "1,a,1 2,B,22 3,again,3 9,n,9");
    end_well(change);
    assert_now(catalog, "t", "1,a,1 2,B,22 3,again,3 9,n,9");
    catalog = reopen(catalog, f);
    assert_now(catalog, "t", "1,a,1 2,B,22 3,again,3 9,n,9");
    pyr_catalog_close(catalog);
}

static void a_version_keeps_its_rows_while_they_are_overwritten_deleted_and_dropped(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_catalog(f->path);
    create_keyed(catalog, "t", "a");
    write_now(catalog, "t", "1,a,1 2,b,2", PYR_KEYED_INSERT);
    pyr_snapshot *first = snapshot_of(catalog);
    write_now(catalog, "t", "2,B,2 3,c,3", PYR_KEYED_REPLACE);
    pyr_snapshot *second = snapshot_of(catalog);
    remove_now(catalog, "t", "1");
    pyr_snapshot *third = snapshot_of(catalog);
    check_ok(pyr_catalog_drop_table(catalog, NULL, "t", false, NULL, error));
    create_keyed(catalog, "t", "a");
    assert_string_equal(keyed_rows(first, "t", 1), "1,a,1 2,b,2");
    assert_string_equal(keyed_rows(second, "t", 2), "1,a,1 2,B,2 3,c,3");
    assert_string_equal(keyed_rows(third, "t", 0), "2,B,2 3,c,3");
    assert_now(catalog, "t", "");
    pyr_snapshot_release(first);
    pyr_snapshot_release(second);
    pyr_snapshot_release(third);
    pyr_catalog_close(catalog);
}

static void a_statements_view_does_not_see_what_it_writes(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_catalog(f->path);
    create_keyed(catalog, "t", "a");
    pyr_change *change = begin(catalog);
    change_write(change, "t", "1,a,1 3,c,3", PYR_KEYED_INSERT);
    pyr_snapshot *view;
    check_ok(pyr_change_snapshot(change, &view, error));
    change_write(change, "t", "2,b,2 3,C,33", PYR_KEYED_REPLACE);
    assert_int_equal(change_remove(change, "t", "1"), 1);
    assert_string_equal(keyed_rows(view, "t", 1), "1,a,1 3,c,3");
    assert_seen(change, "t", "2,b,2 3,C,33");
    pyr_snapshot_release(view);
    pyr_change_destroy(change);
    assert_now(catalog, "t", "");
    pyr_catalog_close(catalog);
}

static void a_table_made_by_a_change_has_its_rows(void **state) {
    fixture *f = *state;
    bool created;
    pyr_catalog *catalog = open_catalog(f->path);
    pyr_change *change = begin(catalog);
    pyr_table *table = new_keyed(catalog, "t", "a");
    check_ok(pyr_change_create_table(change, table, PYR_CREATE_NEW, &created, error));
    pyr_table_release(table);
    change_write(change, "t", "1,a,1 2,b,2", PYR_KEYED_INSERT);
    assert_seen(change, "t", "1,a,1 2,b,2");
    assert_now(catalog, "t", "no table");
    end_well(change);
    assert_now(catalog, "t", "1,a,1 2,b,2");
    pyr_catalog_close(catalog);
}

static void everything_is_deleted_what_the_change_wrote_too(void **state) {
    fixture *f = *state;
    int64_t deleted;
    pyr_catalog *catalog = open_catalog(NULL);
    (void)f;
    create_keyed(catalog, "t", "a/b");
    write_now(catalog, "t", "1,a,1 2,b,2", PYR_KEYED_INSERT);
    pyr_change *change = begin(catalog);
    change_write(change, "t", "3,c,3", PYR_KEYED_INSERT);
    pyr_snapshot *view;
    check_ok(pyr_change_snapshot(change, &view, error));
    check_ok(pyr_keyed_delete_all(change, pyr_snapshot_find(view, NULL, "t"), &deleted, error));
    pyr_snapshot_release(view);
    assert_int_equal(deleted, 3);
    assert_seen(change, "t", "");
    change_write(change, "t", "2,a,9", PYR_KEYED_INSERT); /* its UNIQUE keys are free, too */
    end_well(change);
    assert_now(catalog, "t", "2,a,9");
    pyr_catalog_close(catalog);
}

static void a_readonly_database_reads_them_and_sees_later_commits(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_catalog(f->path);
    create_keyed(catalog, "t", "a");
    write_now(catalog, "t", "1,a,1 2,b,2", PYR_KEYED_INSERT);
    pyr_catalog *reader = open_readonly(f->path);
    pyr_snapshot *before = snapshot_of(reader);
    assert_string_equal(keyed_rows(before, "t", 0), "1,a,1 2,b,2");
    write_now(catalog, "t", "2,B,2 3,c,3", PYR_KEYED_REPLACE);
    assert_now(reader, "t", "1,a,1 2,B,2 3,c,3");
    assert_string_equal(keyed_rows(before, "t", 0), "1,a,1 2,b,2");
    pyr_snapshot_release(before);
    pyr_catalog_close(reader);
    pyr_catalog_close(catalog);
}

/* ---- Keys that are there. ---- */

static void an_insert_of_a_key_that_is_there_is_refused_by_name(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_catalog(f->path);
    create_keyed(catalog, "t", "ba");
    write_now(catalog, "t", "1,x,1", PYR_KEYED_INSERT);
    static const char *const rows[] = {"1,x,2", "5,y,0 5,y,1"};
    for (int i = 0; i < 2; ++i) {
        pyr_change *change = begin(catalog);
        assert_int_equal(try_write(change, "t", rows[i], PYR_KEYED_INSERT, 0, &f->error),
                         PYR_ERROR_CONSTRAINT);
        assert_string_equal(f->error.sqlstate, "23505");
        assert_message_has(&f->error, "\"t_pkey\"");
        assert_message_has(&f->error, i == 0 ? "(b, a)=(x, 1)" : "(b, a)=(y, 5)");
        pyr_change_destroy(change);
    }
    assert_now(catalog, "t", "1,x,1");
    pyr_catalog_close(catalog);
}

static void ignore_leaves_out_what_is_there_and_replace_takes_its_place(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_catalog(f->path);
    create_keyed(catalog, "t", "a");
    write_now(catalog, "t", "1,a,1 2,b,2", PYR_KEYED_INSERT);
    pyr_snapshot *now = snapshot_of(catalog);
    const pyr_table *table = pyr_snapshot_find(now, NULL, "t");
    static const struct {
        pyr_keyed_mode mode;
        pyr_keyed_counts counts;
        const char *written, *rows;
    } cases[] = {
        {PYR_KEYED_IGNORE, {2, 0, 2}, "3,x,3 4,y,4", "1,a,1 2,b,2 3,x,3 4,y,4"},
        {PYR_KEYED_REPLACE, {2, 2, 0}, "2,B,- 4,y,4 3,z,5", "1,a,1 2,B,- 3,z,5 4,y,4"},
    };
    for (size_t i = 0; i < 2; ++i) {
        pyr_batch *batch = keyed_batch("2,B,- 3,x,3 4,y,4 3,z,5");
        pyr_batch *written;
        pyr_keyed_counts counts = {0};
        pyr_change *change = begin(catalog);
        const pyr_keyed_write_options options = {.mode = cases[i].mode,
                                                 .conflict_key = PYR_KEYED_PRIMARY_KEY};
        check_ok(pyr_keyed_write(change, table, batch, &options, &counts, &written, error));
        assert_memory_equal(&counts, &cases[i].counts, sizeof(counts));
        assert_string_equal(batch_text(written), cases[i].written);
        assert_seen(change, "t", cases[i].rows);
        pyr_batch_release(written);
        pyr_batch_release(batch);
        pyr_change_destroy(change);
    }
    pyr_snapshot_release(now);
    pyr_catalog_close(catalog);
}

static void nulls_in_the_key_are_refused_by_column_and_row(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_catalog(f->path);
    create_keyed(catalog, "t", "ba");
    pyr_change *change = begin(catalog);
    assert_int_equal(try_write(change, "t", "1,x,1 2,-,1", PYR_KEYED_REPLACE, 0, &f->error),
                     PYR_ERROR_CONSTRAINT);
    assert_string_equal(f->error.sqlstate, "23502");
    assert_message_has(&f->error, "column \"b\"");
    assert_message_has(&f->error, "row 1");
    pyr_change_destroy(change);
    pyr_catalog_close(catalog);
}

/* ---- UNIQUE. ---- */

static void unique_keys_hold_beside_a_primary_key_and_without_one(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_catalog(f->path);
    static const char *const keys[] = {"a/b", "/a/b"};
    for (int i = 0; i < 2; ++i) {
        create_keyed(catalog, "t", keys[i]);
        write_now(catalog, "t", "1,x,1 2,-,2 3,-,3", PYR_KEYED_INSERT); /* nulls do not count */
        pyr_change *change = begin(catalog);
        assert_int_equal(try_write(change, "t", "4,x,4", PYR_KEYED_INSERT, 0, &f->error),
                         PYR_ERROR_CONSTRAINT);
        assert_string_equal(f->error.sqlstate, "23505");
        assert_message_has(&f->error, "\"t_b_key\"");
        assert_message_has(&f->error, "(b)=(x)");
        pyr_change_destroy(change);
        catalog = reopen(catalog, f);
        change = begin(catalog);
        assert_int_equal(try_write(change, "t", "4,y,4 5,y,5", PYR_KEYED_INSERT, 0, &f->error),
                         PYR_ERROR_CONSTRAINT);
        assert_message_has(&f->error, "(b)=(y)");
        pyr_change_destroy(change);
        change = begin(catalog);
        check_ok(try_write(change, "t", "4,x,4 5,z,5", PYR_KEYED_IGNORE, i == 0 ? 0 : 1, error));
        end_well(change);
        assert_now(catalog, "t", "1,x,1 2,-,2 3,-,3 5,z,5");
        check_ok(pyr_catalog_drop_table(catalog, NULL, "t", false, NULL, error));
    }
    pyr_catalog_close(catalog);
}

static void a_replaced_or_deleted_row_frees_its_unique_keys(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_catalog(f->path);
    create_keyed(catalog, "t", "a/b");
    write_now(catalog, "t", "1,x,1 2,y,2 3,z,3", PYR_KEYED_INSERT);
    write_now(catalog, "t", "1,w,1", PYR_KEYED_REPLACE);
    remove_now(catalog, "t", "2");
    catalog = reopen(catalog, f);
    pyr_change *change = begin(catalog);
    change_write(change, "t", "4,x,4 5,y,5", PYR_KEYED_INSERT);
    change_write(change, "t", "6,z,6", PYR_KEYED_REPLACE); /* row 3 goes for it */
    change_write(change, "t", "4,x,44", PYR_KEYED_REPLACE);
    assert_seen(change, "t", "1,w,1 4,x,44 5,y,5 6,z,6");
    end_well(change);
    change = begin(catalog);
    assert_int_equal(
        try_write(change, "t", "1,y,7", PYR_KEYED_REPLACE, PYR_KEYED_PRIMARY_KEY, &f->error),
        PYR_ERROR_CONSTRAINT);
    assert_message_has(&f->error, "(b)=(y)");
    pyr_change_destroy(change);
    assert_now(catalog, "t", "1,w,1 4,x,44 5,y,5 6,z,6");
    pyr_catalog_close(catalog);
}

static void replace_of_a_table_without_primary_key_goes_by_its_unique_key(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_catalog(f->path);
    create_keyed(catalog, "t", "/a");
    write_now(catalog, "t", "1,x,1 2,y,2 -,n,0", PYR_KEYED_INSERT);
    write_now(catalog, "t", "2,Y,22 -,n,1 3,z,3", PYR_KEYED_REPLACE);
    assert_now(catalog, "t", "1,x,1 -,n,0 2,Y,22 -,n,1 3,z,3");
    catalog = reopen(catalog, f); /* the hidden numbers go on */
    write_now(catalog, "t", "4,w,4", PYR_KEYED_INSERT);
    assert_now(catalog, "t", "1,x,1 -,n,0 2,Y,22 -,n,1 3,z,3 4,w,4");
    pyr_catalog_close(catalog);
}

/* ---- Conflicts. ---- */

static void the_same_row_written_by_two_is_a_conflict_and_different_rows_are_none(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_catalog(f->path);
    create_keyed(catalog, "t", "a");
    write_now(catalog, "t", "1,a,1 2,b,2 3,c,3 4,d,4", PYR_KEYED_INSERT);
    pyr_change *updates = begin(catalog);
    pyr_change *deletes = begin(catalog);
    pyr_change *others = begin(catalog);
    pyr_change *inserts = begin(catalog);
    pyr_change *upserts = begin(catalog);
    change_write(updates, "t", "2,B,2", PYR_KEYED_REPLACE);
    (void)change_remove(deletes, "t", "2");
    change_write(others, "t", "3,C,3", PYR_KEYED_REPLACE);
    (void)change_remove(others, "t", "4");
    change_write(inserts, "t", "9,i,9", PYR_KEYED_INSERT);
    change_write(upserts, "t", "9,u,9", PYR_KEYED_REPLACE);
    write_now(catalog, "t", "2,new,2 9,n,9", PYR_KEYED_REPLACE);
    end_badly(updates, PYR_ERROR_CONFLICT, "40001");
    end_badly(deletes, PYR_ERROR_CONFLICT, "40001");
    end_well(others);
    end_badly(inserts, PYR_ERROR_CONSTRAINT, "23505");
    end_badly(upserts, PYR_ERROR_CONFLICT, "40001");
    assert_now(catalog, "t", "1,a,1 2,new,2 3,C,3 9,n,9");
    pyr_catalog_close(catalog);
}

static void a_unique_key_taken_meanwhile_is_a_duplicate(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_catalog(f->path);
    create_keyed(catalog, "t", "a/b");
    pyr_change *change = begin(catalog);
    change_write(change, "t", "1,x,1", PYR_KEYED_INSERT);
    write_now(catalog, "t", "2,x,2", PYR_KEYED_INSERT);
    assert_int_equal(pyr_change_commit(change, true, &f->error), PYR_ERROR_CONSTRAINT);
    assert_string_equal(f->error.sqlstate, "23505");
    assert_message_has(&f->error, "(b)=(x)");
    pyr_change_destroy(change);
    assert_now(catalog, "t", "2,x,2");
    pyr_catalog_close(catalog);
}

static void what_was_written_and_deleted_again_conflicts_with_nobody(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_catalog(f->path);
    create_keyed(catalog, "t", "a");
    pyr_change *change = begin(catalog);
    change_write(change, "t", "1,a,1 2,b,2", PYR_KEYED_INSERT);
    (void)change_remove(change, "t", "1");
    write_now(catalog, "t", "1,n,1", PYR_KEYED_INSERT);
    end_well(change);
    assert_now(catalog, "t", "1,n,1 2,b,2");
    pyr_catalog_close(catalog);
}

int main(int argc, char **argv) {
    int role = play_role(argc, argv);
    if (role >= 0) {
        return role;
    }
    const struct CMUnitTest tests[] = {
        TEST(rows_come_back_in_key_order_and_after_reopening),
        TEST(a_change_sees_its_rows_at_once_and_others_after_its_commit),
        TEST(a_version_keeps_its_rows_while_they_are_overwritten_deleted_and_dropped),
        TEST(a_statements_view_does_not_see_what_it_writes),
        TEST(a_table_made_by_a_change_has_its_rows),
        TEST(everything_is_deleted_what_the_change_wrote_too),
        TEST(a_readonly_database_reads_them_and_sees_later_commits),
        TEST(an_insert_of_a_key_that_is_there_is_refused_by_name),
        TEST(ignore_leaves_out_what_is_there_and_replace_takes_its_place),
        TEST(nulls_in_the_key_are_refused_by_column_and_row),
        TEST(unique_keys_hold_beside_a_primary_key_and_without_one),
        TEST(a_replaced_or_deleted_row_frees_its_unique_keys),
        TEST(replace_of_a_table_without_primary_key_goes_by_its_unique_key),
        TEST(the_same_row_written_by_two_is_a_conflict_and_different_rows_are_none),
        TEST(a_unique_key_taken_meanwhile_is_a_duplicate),
        TEST(what_was_written_and_deleted_again_conflicts_with_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
