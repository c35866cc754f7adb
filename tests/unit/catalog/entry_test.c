/* entry_test.c - views, macros, types, schemas and sequences in the catalog: that they persist,
 * who sees them, which changes of them cannot both be, and that a sequence gives no number twice.
 */
#include "support_change.h"

#include "catalog/entry_internal.h"
#include "catalog/record_bytes.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const one_by_one = "START 1 INCREMENT 1 MINVALUE 1 MAXVALUE 1000000 NO CYCLE";

static pyr_entry *new_object(pyr_catalog *catalog, pyr_entry_kind kind, const char *schema,
                             const char *name, const char *definition) {
    pyr_entry *object = NULL;
    check_ok(pyr_catalog_new_entry(catalog, kind, schema, name, NULL, definition, &object, error));
    return object;
}

/* What a change says to it; the object is released. */
static pyr_status put(pyr_change *change, pyr_entry *object, pyr_create_mode mode,
                      pyr_error *error) {
    bool created = false;
    pyr_status status = pyr_change_put_entry(change, object, mode, &created, error);
    pyr_entry_release(object);
    return status;
}

static void create(pyr_catalog *catalog, pyr_entry_kind kind, const char *schema, const char *name,
                   const char *definition) {
    pyr_change *change = begin(catalog);
    pyr_entry *object = new_object(catalog, kind, schema, name, definition);
    check_ok(put(change, object, PYR_CREATE_NEW, error));
    end_well(change);
}

static pyr_entry *find(const pyr_snapshot *snapshot, pyr_entry_kind kind, const char *schema,
                       const char *name) {
    return pyr_entries_find(pyr_snapshot_entries(snapshot), kind, schema, name, NULL);
}

static bool is_there(pyr_catalog *catalog, pyr_entry_kind kind, const char *schema,
                     const char *name) {
    pyr_snapshot *snapshot = snapshot_of(catalog);
    bool there = find(snapshot, kind, schema, name) != NULL;
    pyr_snapshot_release(snapshot);
    return there;
}

static void drop(pyr_change *change, pyr_entry_kind kind, const char *schema, const char *name) {
    pyr_snapshot *view = NULL;
    check_ok(pyr_change_snapshot(change, &view, error));
    pyr_entry *object = find(view, kind, schema, name);
    assert_non_null(object);
    check_ok(pyr_change_drop_entry(change, object, error));
    pyr_snapshot_release(view);
}

/* ---- Records. ---- */

static void objects_are_there_again_when_the_database_is_opened(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_catalog(f->path);
    create(catalog, PYR_ENTRY_SCHEMA, "s", "s", "");
    create(catalog, PYR_ENTRY_VIEW, "s", "V", "(a) AS SELECT 1");
    create(catalog, PYR_ENTRY_MACRO, "main", "m", "(x) AS x + 1");
    pyr_catalog_close(catalog);
    catalog = open_catalog(f->path);
    pyr_snapshot *snapshot = snapshot_of(catalog);
    const pyr_entry *view = find(snapshot, PYR_ENTRY_VIEW, "S", "v");
    assert_non_null(view);
    assert_string_equal(view->name, "V");
    assert_string_equal(view->definition, "(a) AS SELECT 1");
    assert_non_null(find(snapshot, PYR_ENTRY_MACRO, "main", "m"));
    assert_null(find(snapshot, PYR_ENTRY_TABLE_MACRO, "main", "m"));
    assert_true(pyr_snapshot_has_schema(snapshot, "s"));
    pyr_snapshot_release(snapshot);
    pyr_change *change = begin(catalog);
    drop(change, PYR_ENTRY_VIEW, "s", "v");
    end_well(change);
    pyr_catalog_close(catalog);
    catalog = open_catalog(f->path);
    assert_false(is_there(catalog, PYR_ENTRY_VIEW, "s", "v"));
    pyr_catalog_close(catalog);
}

static void a_damaged_record_of_an_object_is_refused_by_name(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_catalog(f->path);
    create(catalog, PYR_ENTRY_MACRO, "main", "m", "(x) AS x + 1");
    pyr_snapshot *snapshot = snapshot_of(catalog);
    uint64_t id = find(snapshot, PYR_ENTRY_MACRO, "main", "m")->id;
    pyr_snapshot_release(snapshot);
    char key[15] = "object/";
    for (int i = 0; i < 8; ++i) {
        key[7 + i] = (char)(id >> (8 * (7 - i)));
    }
    char *value = NULL;
    size_t size = 0;
    check_ok(pyr_lsm_get(catalog->lsm, key, sizeof(key), &value, &size, error));
    assert_non_null(value);
    value[size / 2] ^= 1;
    pyr_lsm_batch *batch = NULL;
    check_ok(pyr_lsm_batch_create(&batch, error));
    pyr_lsm_batch_put(batch, key, sizeof(key), value, size);
    check_ok(pyr_lsm_write(catalog->lsm, batch, true, error));
    pyr_lsm_batch_destroy(batch);
    free(value);
    pyr_catalog_close(catalog);
    assert_int_equal(pyr_catalog_open(f->path, false, &catalog, &f->error), PYR_ERROR_CORRUPT);
    assert_non_null(strstr(f->error.message, "object"));
}

/* As it is written, with another number in it. */
static void put_sequence_state(pyr_catalog *catalog, uint64_t id, int64_t number) {
    pyr_lsm_batch *batch = NULL;
    pyr_text key;
    pyr_text value;
    pyr_text_init(&key);
    pyr_text_init(&value);
    pyr_text_add(&key, "sequence/");
    pyr_record_add_key_number(&key, id);
    pyr_text_add_char(&value, PYR_RECORD_VERSION);
    pyr_text_add_char(&value, 0);
    pyr_text_append(&value, (const char *)&number, sizeof(number));
    check_ok(pyr_lsm_batch_create(&batch, error));
    check_ok(pyr_record_put(batch, &key, &value, error));
    check_ok(pyr_lsm_write(catalog->lsm, batch, true, error));
    pyr_lsm_batch_destroy(batch);
    pyr_text_deinit(&key);
    pyr_text_deinit(&value);
}

static void a_sequence_that_stands_beyond_its_ends_is_corrupt(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_catalog(f->path);
    create(catalog, PYR_ENTRY_SEQUENCE, "main", "q",
           "START 5 INCREMENT 1 MINVALUE 5 MAXVALUE 9 NO CYCLE");
    pyr_snapshot *snapshot = snapshot_of(catalog);
    uint64_t id = find(snapshot, PYR_ENTRY_SEQUENCE, "main", "q")->id;
    pyr_snapshot_release(snapshot);
    put_sequence_state(catalog, id, 9);
    pyr_catalog_close(catalog);
    catalog = open_catalog(f->path);
    put_sequence_state(catalog, id, 10);
    pyr_catalog_close(catalog);
    assert_int_equal(pyr_catalog_open(f->path, false, &catalog, &f->error), PYR_ERROR_CORRUPT);
    assert_non_null(strstr(f->error.message, "sequence"));
}

/* ---- Changes. ---- */

static void a_change_sees_its_objects_and_nobody_else_does(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_catalog(f->path);
    pyr_change *change = begin(catalog);
    check_ok(put(change, new_object(catalog, PYR_ENTRY_VIEW, "main", "v", "AS SELECT 1"),
                 PYR_CREATE_NEW, error));
    pyr_snapshot *view = NULL;
    check_ok(pyr_change_snapshot(change, &view, error));
    assert_non_null(find(view, PYR_ENTRY_VIEW, "main", "v"));
    pyr_snapshot_release(view);
    assert_false(is_there(catalog, PYR_ENTRY_VIEW, "main", "v"));
    drop(change, PYR_ENTRY_VIEW, "main", "v");
    assert_true(pyr_change_is_empty(change));
    pyr_change_destroy(change);
    pyr_catalog_close(catalog);
}

static void names_made_meanwhile_are_conflicts(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_catalog(f->path);
    pyr_change *first = begin(catalog);
    pyr_change *second = begin(catalog);
    pyr_change *third = begin(catalog);
    pyr_change *replacing = begin(catalog);
    check_ok(put(first, new_object(catalog, PYR_ENTRY_VIEW, "main", "v", "AS SELECT 1"),
                 PYR_CREATE_NEW, error));
    check_ok(put(second, new_object(catalog, PYR_ENTRY_VIEW, "main", "V", "AS SELECT 2"),
                 PYR_CREATE_NEW, error));
    change_create(catalog, third, "v", PYR_CREATE_NEW);
    check_ok(put(replacing, new_object(catalog, PYR_ENTRY_VIEW, "main", "v", "AS SELECT 3"),
                 PYR_CREATE_OR_REPLACE, error));
    end_well(first);
    end_badly(second, PYR_ERROR_ALREADY_EXISTS, "42P07");
    end_badly(third, PYR_ERROR_ALREADY_EXISTS, "42P07");
    end_well(replacing);
    pyr_catalog_close(catalog);
    catalog = open_catalog(f->path);
    pyr_snapshot *snapshot = snapshot_of(catalog);
    assert_string_equal(find(snapshot, PYR_ENTRY_VIEW, "main", "v")->definition, "AS SELECT 3");
    assert_int_equal(pyr_entries_count(pyr_snapshot_entries(snapshot)), 1);
    pyr_snapshot_release(snapshot);
    pyr_catalog_close(catalog);
}

static void what_was_dropped_meanwhile_is_a_conflict(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_catalog(f->path);
    create(catalog, PYR_ENTRY_VIEW, "main", "v", "AS SELECT 1");
    pyr_change *first = begin(catalog);
    pyr_change *second = begin(catalog);
    drop(first, PYR_ENTRY_VIEW, "main", "v");
    drop(second, PYR_ENTRY_VIEW, "main", "v");
    end_well(first);
    end_badly(second, PYR_ERROR_CONFLICT, "40001");
    pyr_catalog_close(catalog);
}

static pyr_entry *comment(pyr_catalog *catalog, const char *on, const char *text) {
    pyr_entry *object = NULL;
    check_ok(
        pyr_catalog_new_entry(catalog, PYR_ENTRY_COMMENT, "main", "t", on, text, &object, error));
    return object;
}

static void a_comment_of_another_column_replaces_none(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_catalog(f->path);
    pyr_entry *first = comment(catalog, "COLUMN a", "one");
    pyr_change *change = begin(catalog);
    check_ok(put(change, pyr_entry_retain(first), PYR_CREATE_NEW, error));
    end_well(change);
    pyr_change *dropping = begin(catalog);
    check_ok(pyr_change_drop_entry(dropping, first, error));
    check_ok(put(dropping, comment(catalog, "COLUMN b", "two"), PYR_CREATE_OR_REPLACE, error));
    change = begin(catalog);
    check_ok(put(change, comment(catalog, "COLUMN a", "three"), PYR_CREATE_OR_REPLACE, error));
    end_well(change);
    end_badly(dropping, PYR_ERROR_CONFLICT, "40001");
    pyr_entry_release(first);
    pyr_catalog_close(catalog);
}

static void a_table_and_a_view_may_change_places_in_one_change(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_catalog(f->path);
    create_table(catalog, "t");
    create(catalog, PYR_ENTRY_VIEW, "main", "v", "AS SELECT 1");
    pyr_change *change = begin(catalog);
    drop(change, PYR_ENTRY_VIEW, "main", "v");
    change_create(catalog, change, "v", PYR_CREATE_NEW);
    change_drop(change, "t");
    check_ok(put(change, new_object(catalog, PYR_ENTRY_VIEW, "main", "t", "AS SELECT 1"),
                 PYR_CREATE_NEW, error));
    end_well(change);
    assert_true(is_there(catalog, PYR_ENTRY_VIEW, "main", "t"));
    assert_int_equal(rows_now(catalog, "v"), 0);
    pyr_catalog_close(catalog);
}

static void a_schema_goes_only_when_nothing_is_left_in_it(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_catalog(f->path);
    create(catalog, PYR_ENTRY_SCHEMA, "s", "s", "");
    pyr_change *dropping = begin(catalog);
    drop(dropping, PYR_ENTRY_SCHEMA, "s", "s");
    pyr_change *filling = begin(catalog);
    check_ok(put(filling, new_object(catalog, PYR_ENTRY_VIEW, "s", "v", "AS SELECT 1"),
                 PYR_CREATE_NEW, error));
    end_well(filling);
    end_badly(dropping, PYR_ERROR_SQL, "2BP01");
    filling = begin(catalog);
    check_ok(put(filling, new_object(catalog, PYR_ENTRY_VIEW, "s", "w", "AS SELECT 1"),
                 PYR_CREATE_NEW, error));
    dropping = begin(catalog);
    drop(dropping, PYR_ENTRY_VIEW, "s", "v");
    drop(dropping, PYR_ENTRY_SCHEMA, "s", "s");
    end_well(dropping);
    end_badly(filling, PYR_ERROR_NOT_FOUND, "3F000");
    pyr_catalog_close(catalog);
}

/* ---- Sequences. ---- */

static pyr_sequence *sequence_of(pyr_catalog *catalog) {
    pyr_snapshot *snapshot = snapshot_of(catalog);
    pyr_entry *object = find(snapshot, PYR_ENTRY_SEQUENCE, "main", "q");
    assert_non_null(object);
    pyr_sequence *sequence = pyr_sequence_retain(object->sequence);
    pyr_snapshot_release(snapshot);
    return sequence;
}

static int64_t next(pyr_sequence *sequence) {
    int64_t number = 0;
    check_ok(pyr_sequence_next(sequence, "q", &number, 1, error));
    return number;
}

/* Takes count numbers in a process that dies without closing anything: the last one. */
static int64_t take_and_die(const char *path, int count) {
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        pyr_catalog *catalog = NULL;
        int64_t number = -1;
        if (pyr_catalog_open(path, false, &catalog, NULL) == PYR_OK) {
            pyr_sequence *sequence = sequence_of(catalog);
            for (int i = 0; i < count; ++i) {
                number = next(sequence);
            }
        }
        ssize_t written = write(ends[1], &number, sizeof(number));
        _exit(written == (ssize_t)sizeof(number) ? 0 : 1);
    }
    int64_t number = 0;
    assert_int_equal(read(ends[0], &number, sizeof(number)), sizeof(number));
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    close(ends[0]);
    close(ends[1]);
    return number;
}

static void a_sequence_gives_no_number_again_after_its_process_died(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_catalog(f->path);
    create(catalog, PYR_ENTRY_SEQUENCE, "main", "q", one_by_one);
    pyr_catalog_close(catalog);
    int64_t last = 0;
    const int counts[] = {1, 63, 64, 65, 200};
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); ++i) {
        int64_t number = take_and_die(f->path, counts[i]);
        assert_true(number >= last + counts[i]);
        last = number;
    }
}

static void a_clean_close_leaves_no_gap(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_catalog(f->path);
    create(catalog, PYR_ENTRY_SEQUENCE, "main", "q", one_by_one);
    for (int64_t i = 1; i <= 3; ++i) {
        pyr_sequence *sequence = sequence_of(catalog);
        assert_int_equal(next(sequence), i);
        pyr_sequence_release(sequence);
        pyr_catalog_close(catalog);
        catalog = open_catalog(f->path);
    }
    pyr_catalog_close(catalog);
}

static void a_sequence_counts_to_its_end_down_and_around(void **state) {
    fixture *f = *state;
    static const struct {
        const char *definition;
        int64_t numbers[5];
        int count;
        bool ends;
    } cases[] = {
        {"START 2 INCREMENT 3 MINVALUE 1 MAXVALUE 9 NO CYCLE", {2, 5, 8}, 3, true},
        {"START 2 INCREMENT 3 MINVALUE 1 MAXVALUE 9 CYCLE", {2, 5, 8, 1, 4}, 5, false},
        {"START -1 INCREMENT -2 MINVALUE -6 MAXVALUE -1 NO CYCLE", {-1, -3, -5}, 3, true},
        {"START -4 INCREMENT -2 MINVALUE -6 MAXVALUE -1 CYCLE", {-4, -6, -1, -3, -5}, 5, false},
        {"START 9223372036854775806 INCREMENT 1 MINVALUE 1 MAXVALUE 9223372036854775807 NO CYCLE",
         {INT64_MAX - 1, INT64_MAX},
         2,
         true},
        {"START -9223372036854775808 INCREMENT 9223372036854775807 MINVALUE -9223372036854775808 "
         "MAXVALUE 9223372036854775807 NO CYCLE",
         {INT64_MIN, -1, INT64_MAX - 1},
         3,
         true}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        pyr_catalog *catalog = open_catalog(NULL);
        create(catalog, PYR_ENTRY_SEQUENCE, "main", "q", cases[i].definition);
        pyr_sequence *sequence = sequence_of(catalog);
        int64_t number = 0;
        assert_int_equal(pyr_sequence_last(sequence, "q", &number, &f->error), PYR_ERROR_SQL);
        for (int j = 0; j < cases[i].count; ++j) {
            assert_int_equal(next(sequence), cases[i].numbers[j]);
        }
        check_ok(pyr_sequence_last(sequence, "q", &number, error));
        assert_int_equal(number, cases[i].numbers[cases[i].count - 1]);
        if (cases[i].ends) {
            assert_int_equal(pyr_sequence_next(sequence, "q", &number, 1, &f->error),
                             PYR_ERROR_SQL);
            assert_string_equal(f->error.sqlstate, "2200H");
        }
        pyr_sequence_release(sequence);
        pyr_catalog_close(catalog);
    }
}

static void a_definition_that_cannot_be_is_refused(void **state) {
    (void)state;
    static const char *const wrong[] = {"START 1 INCREMENT 0 MINVALUE 1 MAXVALUE 9 NO CYCLE",
                                        "START 0 INCREMENT 1 MINVALUE 1 MAXVALUE 9 NO CYCLE",
                                        "START 10 INCREMENT 1 MINVALUE 1 MAXVALUE 9 NO CYCLE",
                                        "START 1 INCREMENT 1 MINVALUE 9 MAXVALUE 1 NO CYCLE",
                                        "START 1 INCREMENT 1 MINVALUE 1 MAXVALUE 9 MAYBE",
                                        "START 1",
                                        ""};
    pyr_sequence_definition definition;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); ++i) {
        assert_false(pyr_sequence_parse(wrong[i], &definition));
    }
    assert_true(pyr_sequence_parse(one_by_one, &definition));
    pyr_text text;
    pyr_text_init(&text);
    pyr_sequence_print(&definition, &text);
    assert_string_equal(pyr_text_get(&text), one_by_one);
    pyr_text_deinit(&text);
}

enum { THREADS = 4, EACH = 2000 };

typedef struct taker {
    pyr_sequence *sequence;
    int64_t numbers[EACH];
} taker;

static void *take(void *context) {
    taker *self = context;
    for (int i = 0; i < EACH; i += 4) {
        if (pyr_sequence_next(self->sequence, "q", self->numbers + i, 4, NULL) != PYR_OK) {
            return context;
        }
    }
    return NULL;
}

static void threads_that_take_at_once_get_different_numbers(void **state) {
    fixture *f = *state;
    static taker takers[THREADS];
    static bool seen[THREADS * EACH + 1];
    pyr_catalog *catalog = open_catalog(f->path);
    create(catalog, PYR_ENTRY_SEQUENCE, "main", "q", one_by_one);
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; ++i) {
        takers[i].sequence = sequence_of(catalog);
        assert_int_equal(pthread_create(&threads[i], NULL, take, &takers[i]), 0);
    }
    for (int i = 0; i < THREADS; ++i) {
        void *failed = NULL;
        pthread_join(threads[i], &failed);
        assert_null(failed);
        pyr_sequence_release(takers[i].sequence);
        for (int j = 0; j < EACH; ++j) {
            int64_t number = takers[i].numbers[j];
            assert_in_range(number, 1, THREADS * EACH);
            assert_false(seen[number]);
            seen[number] = true;
        }
    }
    pyr_catalog_close(catalog);
}

static void a_sequence_that_outlives_its_database_refuses(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_catalog(f->path);
    create(catalog, PYR_ENTRY_SEQUENCE, "main", "q", one_by_one);
    pyr_sequence *sequence = sequence_of(catalog);
    pyr_catalog_close(catalog);
    int64_t number = 0;
    assert_int_equal(pyr_sequence_next(sequence, "q", &number, 1, &f->error),
                     PYR_ERROR_INVALID_ARGUMENT);
    pyr_sequence_release(sequence);
    catalog = open_readonly(f->path);
    sequence = sequence_of(catalog);
    assert_int_equal(pyr_sequence_next(sequence, "q", &number, 1, &f->error), PYR_ERROR_PERMISSION);
    pyr_sequence_release(sequence);
    pyr_catalog_close(catalog);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(objects_are_there_again_when_the_database_is_opened),
        TEST(a_damaged_record_of_an_object_is_refused_by_name),
        TEST(a_sequence_that_stands_beyond_its_ends_is_corrupt),
        TEST(a_change_sees_its_objects_and_nobody_else_does),
        TEST(names_made_meanwhile_are_conflicts),
        TEST(what_was_dropped_meanwhile_is_a_conflict),
        TEST(a_comment_of_another_column_replaces_none),
        TEST(a_table_and_a_view_may_change_places_in_one_change),
        TEST(a_schema_goes_only_when_nothing_is_left_in_it),
        TEST(a_sequence_gives_no_number_again_after_its_process_died),
        TEST(a_clean_close_leaves_no_gap),
        TEST(a_sequence_counts_to_its_end_down_and_around),
        TEST(a_definition_that_cannot_be_is_refused),
        TEST(threads_that_take_at_once_get_different_numbers),
        TEST(a_sequence_that_outlives_its_database_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
