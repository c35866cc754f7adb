/* lsm_view_test.c - reading the store as it was at one moment. */
#include "support_storage.h"

#include "base/text.h"
#include "storage/lsm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct fixture {
    char *folder;
    pyr_lsm *lsm; /* in memory */
    pyr_error error;
} fixture;

static int set_up(void **state) {
    fixture *f = calloc(1, sizeof(*f));
    f->folder = folder_create();
    check_ok(pyr_lsm_open(NULL, false, &f->lsm, error));
    *state = f;
    return 0;
}

static int tear_down(void **state) {
    fixture *f = *state;
    pyr_lsm_close(f->lsm);
    folder_remove(f->folder);
    free(f);
    return 0;
}

static pyr_status write_pair(pyr_lsm *lsm, const char *key, const char *value, size_t size,
                             pyr_error *fault) {
    pyr_lsm_batch *batch;
    check_ok(pyr_lsm_batch_create(&batch, error));
    if (value != NULL) {
        pyr_lsm_batch_put(batch, key, strlen(key), value, size);
    } else {
        pyr_lsm_batch_delete(batch, key, strlen(key));
    }
    pyr_status status = pyr_lsm_write(lsm, batch, true, fault);
    pyr_lsm_batch_destroy(batch);
    return status;
}

static void put(pyr_lsm *lsm, const char *key, const char *value) {
    check_ok(write_pair(lsm, key, value, value != NULL ? strlen(value) : 0, error));
}

static pyr_lsm_view *take(pyr_lsm *lsm) {
    pyr_lsm_view *view;
    check_ok(pyr_lsm_view_create(&view, error));
    pyr_lsm_view_take(lsm, view);
    return view;
}

static pyr_lsm_bytes bytes_of(const char *text) {
    return (pyr_lsm_bytes){text, text != NULL ? strlen(text) : 0};
}

/* "key=value " after each other; stops after so many. */
typedef struct listing {
    char text[4096];
    int left;
} listing;

static pyr_status list_pair(void *context, const char *key, size_t key_size, const char *value,
                            size_t value_size, bool *more, pyr_error *error) {
    listing *self = context;
    (void)error;
    size_t used = strlen(self->text);
    (void)snprintf(self->text + used, sizeof(self->text) - used, "%.*s=%.*s ", (int)key_size, key,
                   (int)value_size, value);
    *more = --self->left != 0;
    return PYR_OK;
}

static void expect_range(pyr_lsm_view *view, const char *lower, const char *upper, int rows,
                         const char *wanted) {
    listing list = {.left = rows};
    check_ok(pyr_lsm_view_range(view, bytes_of(lower), bytes_of(upper), list_pair, &list, error));
    assert_string_equal(list.text, wanted);
}

static pyr_status list_found(void *context, size_t index, const char *value, size_t value_size,
                             pyr_error *error) {
    listing *self = context;
    (void)error;
    size_t used = strlen(self->text);
    (void)snprintf(self->text + used, sizeof(self->text) - used, "%zu=%.*s ", index,
                   (int)value_size, value);
    return PYR_OK;
}

static void expect_found(pyr_lsm_view *view, const char *const *keys, size_t count,
                         const char *wanted) {
    pyr_lsm_bytes asked[300];
    listing list = {.left = -1};
    for (size_t i = 0; i < count; ++i) {
        asked[i] = bytes_of(keys[i]);
    }
    check_ok(pyr_lsm_view_get(view, asked, count, false, list_found, &list, error));
    assert_string_equal(list.text, wanted);
}

static void a_view_keeps_what_it_saw_while_the_store_changes(void **state) {
    fixture *f = *state;
    static const char *const keys[] = {"a", "b", "c"};
    put(f->lsm, "a", "1");
    put(f->lsm, "b", "1");
    pyr_lsm_view *before = take(f->lsm);
    put(f->lsm, "a", "2");
    put(f->lsm, "b", NULL);
    put(f->lsm, "c", "2");
    pyr_lsm_view *after = take(f->lsm);
    expect_found(before, keys, 3, "0=1 1=1 ");
    expect_found(after, keys, 3, "0=2 2=2 ");
    expect_range(before, "a", NULL, -1, "a=1 b=1 ");
    expect_range(after, "a", NULL, -1, "a=2 c=2 ");
    pyr_lsm_view_release(before);
    pyr_lsm_view_release(after);
    pyr_lsm_view_release(NULL);
}

static void a_range_begins_at_its_lower_bound_and_ends_before_its_upper_one(void **state) {
    fixture *f = *state;
    static const char *const keys[] = {"a", "b", "ba", "c", "d"};
    for (size_t i = 0; i < 5; ++i) {
        put(f->lsm, keys[i], "v");
    }
    pyr_lsm_view *view = take(f->lsm);
    expect_range(view, "b", "c", -1, "b=v ba=v ");
    expect_range(view, "bb", NULL, -1, "c=v d=v ");
    expect_range(view, "b", NULL, 2, "b=v ba=v ");
    expect_range(view, "x", NULL, -1, "");
    listing last = {.left = -1};
    check_ok(pyr_lsm_view_last(view, bytes_of("a"), bytes_of("c"), list_pair, &last, error));
    assert_string_equal(last.text, "ba=v ");
    listing none = {.left = -1};
    check_ok(pyr_lsm_view_last(view, bytes_of("e"), bytes_of("f"), list_pair, &none, error));
    assert_string_equal(none.text, "");
    pyr_lsm_view_release(view);
}

static void more_keys_than_a_group_are_all_found_at_their_places(void **state) {
    fixture *f = *state;
    char names[300][8];
    const char *keys[300];
    pyr_text wanted;
    pyr_text_init(&wanted);
    for (int i = 0; i < 300; ++i) {
        (void)snprintf(names[i], sizeof(names[i]), "k%03d", i);
        keys[i] = names[i];
        if (i % 7 == 0) {
            put(f->lsm, names[i], "v");
            pyr_text_printf(&wanted, "%d=v ", i);
        }
    }
    pyr_lsm_view *view = take(f->lsm);
    expect_found(view, keys, 300, pyr_text_get(&wanted));
    pyr_lsm_view_release(view);
    pyr_text_deinit(&wanted);
}

static void a_dropped_range_is_gone_for_later_views_alone(void **state) {
    fixture *f = *state;
    put(f->lsm, "a", "1");
    put(f->lsm, "b1", "1");
    put(f->lsm, "b2", "1");
    put(f->lsm, "c", "1");
    pyr_lsm_view *before = take(f->lsm);
    check_ok(pyr_lsm_drop_range(f->lsm, bytes_of("b"), bytes_of("c"), error));
    pyr_lsm_view *after = take(f->lsm);
    expect_range(before, "a", NULL, -1, "a=1 b1=1 b2=1 c=1 ");
    expect_range(after, "a", NULL, -1, "a=1 c=1 ");
    pyr_lsm_view_release(before);
    pyr_lsm_view_release(after);
}

static void a_view_of_a_closed_store_is_an_error_and_no_danger(void **state) {
    fixture *f = *state;
    pyr_lsm *lsm;
    check_ok(pyr_lsm_open(below(f->folder, "db"), false, &lsm, error));
    put(lsm, "a", "1");
    pyr_lsm_view *view = take(lsm);
    pyr_lsm_close(lsm);
    listing list = {.left = -1};
    assert_int_equal(
        pyr_lsm_view_range(view, bytes_of("a"), bytes_of(NULL), list_pair, &list, &f->error),
        PYR_ERROR_IO);
    assert_message_has(&f->error, "closed");
    check_ok(pyr_lsm_open(below(f->folder, "db"), false, &lsm, error)); /* its lock is free */
    pyr_lsm_close(lsm);
    pyr_lsm_view_release(view);
}

/* A reader may be about to open it anew, after a failed write, when it is closed. */
static void a_closed_store_that_a_view_keeps_is_not_opened_again(void **state) {
    fixture *f = *state;
    pyr_lsm *lsm;
    pyr_lsm *other;
    check_ok(pyr_lsm_open(below(f->folder, "db"), false, &lsm, error));
    put(lsm, "a", "1");
    pyr_lsm_view *view = take(lsm);
    pyr_lsm_close(lsm);
    char *value;
    size_t size;
    assert_int_equal(pyr_lsm_get(lsm, "a", 1, &value, &size, &f->error), PYR_ERROR_IO);
    assert_null(value);
    check_ok(pyr_lsm_open(below(f->folder, "db"), false, &other, error)); /* its lock is free */
    pyr_lsm_view_release(view);
    pyr_lsm_close(other);
}

static void a_readers_view_outlives_refreshes_and_the_writers_files(void **state) {
    fixture *f = *state;
    pyr_lsm *writer;
    pyr_lsm *reader;
    check_ok(pyr_lsm_open(below(f->folder, "db"), false, &writer, error));
    put(writer, "a", "1");
    check_ok(pyr_lsm_open(below(f->folder, "db"), true, &reader, error));
    pyr_lsm_view *before = take(reader);
    put(writer, "a", "2");
    pyr_lsm_close(writer); /* and again: the log becomes a file, the old one goes */
    check_ok(pyr_lsm_open(below(f->folder, "db"), false, &writer, error));
    check_ok(pyr_lsm_refresh(reader, error));
    pyr_lsm_view *after = take(reader);
    expect_range(before, "a", NULL, -1, "a=1 ");
    expect_range(after, "a", NULL, -1, "a=2 ");
    pyr_lsm_close(reader);
    expect_range(before, "a", NULL, -1, "a=1 ");
    pyr_lsm_view_release(before);
    pyr_lsm_view_release(after);
    pyr_lsm_close(writer);
}

static void sizes_grow_with_what_lies_in_a_range(void **state) {
    fixture *f = *state;
    pyr_lsm *lsm;
    char value[1000];
    memset(value, 'v', sizeof(value));
    for (int round = 0; round < 2; ++round) { /* reopening makes files of the log */
        check_ok(pyr_lsm_open(below(f->folder, "db"), false, &lsm, error));
        for (int i = 0; i < 500 && round == 0; ++i) {
            char key[16];
            (void)snprintf(key, sizeof(key), i < 450 ? "a%03d" : "b%03d", i);
            check_ok(write_pair(lsm, key, value, sizeof(value), error));
        }
        if (round == 0) {
            pyr_lsm_close(lsm);
        }
    }
    pyr_lsm_view *view = take(lsm);
    const pyr_lsm_bytes bounds[] = {bytes_of("a"), bytes_of("b"), bytes_of("c"), bytes_of("d")};
    uint64_t sizes[3];
    check_ok(pyr_lsm_view_sizes(view, bounds, 4, sizes, error));
    assert_true(sizes[0] > 4 * sizes[1]);
    assert_true(sizes[1] > 10000);
    assert_int_equal(sizes[2], 0);
    pyr_lsm_view_release(view);
    pyr_lsm_close(lsm);
}

static void after_a_failed_write_the_last_state_is_seen_and_older_views_say_so(void **state) {
    fixture *f = *state;
    if (!small_disk_mount(f->folder, (size_t)8 << 20)) {
        skip();
    }
    pyr_lsm *lsm;
    check_ok(pyr_lsm_open(below(f->folder, "db"), false, &lsm, error));
    put(lsm, "a", "1");
    pyr_lsm_view *older = take(lsm);
    put(lsm, "b", "2");
    pyr_lsm_view *last = take(lsm);
    small_disk_fill(f->folder, "filler");
    static char value[2000000];
    memset(value, 'v', sizeof(value));
    assert_int_equal(write_pair(lsm, "a", value, sizeof(value), &f->error), PYR_ERROR_DISK_FULL);
    expect_range(older, "a", NULL, -1, "a=1 "); /* reading goes on */
    expect_range(last, "a", NULL, -1, "a=1 b=2 ");
    assert_int_equal(unlink(below(f->folder, "filler")), 0);
    put(lsm, "c", "3");
    expect_range(last, "a", NULL, -1, "a=1 b=2 ");
    listing list = {.left = -1};
    assert_int_equal(
        pyr_lsm_view_range(older, bytes_of("a"), bytes_of(NULL), list_pair, &list, &f->error),
        PYR_ERROR_IO);
    assert_message_has(&f->error, "run it again");
    pyr_lsm_view_release(older);
    pyr_lsm_view_release(last);
    pyr_lsm_close(lsm);
    small_disk_unmount(f->folder);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_view_keeps_what_it_saw_while_the_store_changes),
        TEST(a_range_begins_at_its_lower_bound_and_ends_before_its_upper_one),
        TEST(more_keys_than_a_group_are_all_found_at_their_places),
        TEST(a_dropped_range_is_gone_for_later_views_alone),
        TEST(a_view_of_a_closed_store_is_an_error_and_no_danger),
        TEST(a_closed_store_that_a_view_keeps_is_not_opened_again),
        TEST(a_readers_view_outlives_refreshes_and_the_writers_files),
        TEST(sizes_grow_with_what_lies_in_a_range),
        TEST(after_a_failed_write_the_last_state_is_seen_and_older_views_say_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
