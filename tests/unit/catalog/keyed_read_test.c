/* keyed_read_test.c - look-ups and ranges of keyed tables, partitions, damage, and random steps
 * held against a model. */
#include "support_keyed.h"

#include "catalog/catalog_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pyr_table *current_table(pyr_catalog *catalog, const char *name) {
    pyr_snapshot *snapshot = snapshot_of(catalog);
    pyr_table *table = pyr_snapshot_find(snapshot, NULL, name);
    assert_non_null(table);
    pyr_table_retain(table);
    pyr_snapshot_release(snapshot);
    return table;
}

/* ---- Look-ups. ---- */

/* "row row ... | place place ..." of the keys of these rows. */
static const char *find_text(const pyr_table *table, int32_t key, const char *rows) {
    static char text[4096];
    pyr_keyed_found found;
    int32_t count;
    pyr_batch *batch = keyed_batch(rows);
    const int32_t *columns = pyr_keyed_columns(table, key, &count);
    check_ok(pyr_keyed_find(table, key, batch, columns, NULL, 0, NULL, NULL, &found, error));
    (void)snprintf(text, sizeof(text), "%s |", batch_text(found.rows));
    for (int64_t i = 0; i < found.count; ++i) {
        size_t used = strlen(text);
        (void)snprintf(text + used, sizeof(text) - used, " %d", (int)found.places[i]);
    }
    pyr_keyed_found_deinit(&found);
    pyr_batch_release(batch);
    return text;
}

static void rows_are_found_by_their_keys_in_the_order_asked_for(void **state) {
    (void)state;
    pyr_catalog *catalog = open_catalog(NULL);
    create_keyed(catalog, "t", "ba/c");
    write_now(catalog, "t", "1,x,10 2,x,20 1,y,30 3,z,-", PYR_KEYED_INSERT);
    pyr_change *change = begin(catalog);
    change_write(change, "t", "2,x,21 5,n,50", PYR_KEYED_REPLACE);
    pyr_snapshot *view;
    check_ok(pyr_change_snapshot(change, &view, error));
    pyr_table *before = current_table(catalog, "t");
    const pyr_table *seen = pyr_snapshot_find(view, NULL, "t");
    assert_string_equal(find_text(before, PYR_KEYED_PRIMARY_KEY, "1,y,- 9,x,- 2,x,- 1,y,-"),
                        "1,y,30 2,x,20 1,y,30 | 0 -1 1 2");
    assert_string_equal(find_text(seen, PYR_KEYED_PRIMARY_KEY, "5,n,- 2,x,- 1,x,-"),
                        "5,n,50 2,x,21 1,x,10 | 0 1 2");
    assert_string_equal(find_text(before, 0, "-,-,20 -,-,- -,-,21"), "2,x,20 | 0 -1 -1");
    assert_string_equal(find_text(seen, 0, "-,-,20 -,-,50 -,-,21"), "5,n,50 2,x,21 | -1 0 1");
    assert_string_equal(find_text(before, PYR_KEYED_PRIMARY_KEY, ""), " |");
    pyr_batch *asked = keyed_batch("5,n,- 1,y,- 2,x,- 9,x,- 1,y,-");
    pyr_batch *all;
    static const int32_t key_columns[] = {1, 0};
    check_ok(pyr_keyed_find_all(seen, asked, key_columns, NULL, 0, NULL, NULL, &all, error));
    assert_string_equal(batch_text(all), "5,n,50 2,x,21 1,y,30");
    pyr_batch_release(all);
    pyr_batch_release(asked);
    pyr_snapshot_release(view);
    pyr_change_destroy(change);
    pyr_table_release(before);
    pyr_catalog_close(catalog);
}

static void keys_are_known_by_their_columns_in_any_order(void **state) {
    (void)state;
    pyr_catalog *catalog = open_catalog(NULL);
    create_keyed(catalog, "t", "ba/c");
    pyr_table *table = current_table(catalog, "t");
    assert_int_equal(pyr_keyed_key_of(table, (const int32_t[]){0, 1}, 2), PYR_KEYED_PRIMARY_KEY);
    assert_int_equal(pyr_keyed_key_of(table, (const int32_t[]){1, 0}, 2), PYR_KEYED_PRIMARY_KEY);
    assert_int_equal(pyr_keyed_key_of(table, (const int32_t[]){2}, 1), 0);
    assert_int_equal(pyr_keyed_key_of(table, (const int32_t[]){1}, 1), PYR_KEYED_ANY_KEY);
    assert_int_equal(pyr_keyed_key_of(table, (const int32_t[]){1, 1}, 2), PYR_KEYED_ANY_KEY);
    pyr_table_release(table);
    pyr_catalog_close(catalog);
}

/* ---- Ranges. ---- */

typedef struct condition {
    pyr_keyed_comparison comparison;
    const char *row; /* its first key columns */
    int32_t count;
} condition;

static const char *range_text(pyr_table *table, const condition *conditions, size_t count) {
    static char text[4096];
    pyr_keyed_range range;
    pyr_keyed_scan *scan;
    int32_t key_columns;
    const int32_t *columns = pyr_keyed_columns(table, PYR_KEYED_PRIMARY_KEY, &key_columns);
    pyr_keyed_range_init(&range);
    for (size_t i = 0; i < count; ++i) {
        pyr_batch *values = keyed_batch(conditions[i].row);
        check_ok(pyr_keyed_range_narrow(&range, table, conditions[i].comparison, values, columns,
                                        conditions[i].count, 0, error));
        pyr_batch_release(values);
    }
    const int32_t wanted[] = {0, 1};
    const pyr_keyed_scan_options options = {
        .columns = wanted, .columns_count = 2, .range = &range, .batch_rows = 3};
    check_ok(pyr_keyed_scan_create(table, &options, &scan, error));
    text[0] = '\0';
    for (;;) {
        pyr_batch *batch;
        check_ok(pyr_keyed_scan_next(scan, &batch, error));
        if (batch == NULL) {
            break;
        }
        size_t used = strlen(text);
        (void)snprintf(text + used, sizeof(text) - used, used > 0 ? " %s" : "%s",
                       batch_text(batch));
        pyr_batch_release(batch);
    }
    pyr_keyed_scan_destroy(scan);
    pyr_keyed_range_deinit(&range);
    return text;
}

#define expect_range(table, wanted, ...)                                                      \
    do {                                                                                      \
        const condition conditions[] = {__VA_ARGS__};                                         \
        assert_string_equal(                                                                  \
            range_text(table, conditions, sizeof(conditions) / sizeof(*conditions)), wanted); \
    } while (0)

static void ranges_compare_as_tuples_do_whoever_wrote_the_rows(void **state) {
    (void)state;
    static const char *const committed[] = {"1,a,0 3,a,0 1,b,0 2,b,0 3,b,0 1,c,0 5,d,0",
                                            "3,a,0 2,b,0 9,b,0 1,c,0"};
    static const char *const changed[] = {"", "1,a,0 1,b,0 3,b,0 5,d,0"};
    for (int i = 0; i < 2; ++i) {
        pyr_catalog *catalog = open_catalog(NULL);
        create_keyed(catalog, "t", "ba");
        write_now(catalog, "t", committed[i], PYR_KEYED_INSERT);
        pyr_change *change = begin(catalog);
        change_write(change, "t", changed[i], PYR_KEYED_INSERT);
        if (i == 1) {
            pyr_keyed_found found;
            int64_t deleted;
            pyr_batch *gone = keyed_batch("9,b,0");
            pyr_table *table = current_table(catalog, "t");
            check_ok(pyr_keyed_find(table, PYR_KEYED_PRIMARY_KEY, gone, (const int32_t[]){1, 0},
                                    (const int32_t[]){3}, 1, NULL, NULL, &found, error));
            check_ok(pyr_keyed_delete(change, table, found.rows->columns[0], &deleted, error));
            assert_int_equal(deleted, 1);
            pyr_keyed_found_deinit(&found);
            pyr_table_release(table);
            pyr_batch_release(gone);
        }
        pyr_snapshot *view;
        check_ok(pyr_change_snapshot(change, &view, error));
        pyr_table *t = pyr_snapshot_find(view, NULL, "t");
        expect_range(t, "1,b 2,b 3,b", {PYR_KEYED_EQUAL, "-,b,-", 1});
        expect_range(t, "2,b", {PYR_KEYED_EQUAL, "2,b,-", 2});
        expect_range(t, "", {PYR_KEYED_EQUAL, "7,b,-", 2});
        expect_range(t, "1,a 3,a", {PYR_KEYED_LESS, "-,b,-", 1});
        expect_range(t, "1,a 3,a 1,b 2,b 3,b", {PYR_KEYED_LESS_EQUAL, "-,b,-", 1});
        expect_range(t, "1,c 5,d", {PYR_KEYED_GREATER, "-,b,-", 1});
        expect_range(t, "1,b 2,b 3,b 1,c 5,d", {PYR_KEYED_GREATER_EQUAL, "-,b,-", 1});
        expect_range(t, "2,b 3,b", {PYR_KEYED_EQUAL, "-,b,-", 1}, {PYR_KEYED_GREATER, "1,b,-", 2});
        expect_range(t, "1,b 2,b", {PYR_KEYED_EQUAL, "-,b,-", 1},
                     {PYR_KEYED_LESS_EQUAL, "2,b,-", 2});
        expect_range(t, "2,b 3,b 1,c", {PYR_KEYED_GREATER_EQUAL, "2,b,-", 2},
                     {PYR_KEYED_LESS, "-,d,-", 1});
        expect_range(t, "", {PYR_KEYED_LESS, "-,b,-", 1}, {PYR_KEYED_GREATER, "-,b,-", 1});
        expect_range(t, "", {PYR_KEYED_EQUAL, "-,a,-", 1}, {PYR_KEYED_EQUAL, "-,b,-", 1});
        pyr_snapshot_release(view);
        pyr_change_destroy(change);
        pyr_catalog_close(catalog);
    }
}

/* ---- Partitions. ---- */

static int64_t count_range(pyr_table *table, const pyr_keyed_range *range, int64_t *sum) {
    pyr_keyed_scan *scan;
    int64_t rows = 0;
    const int32_t wanted[] = {0};
    const pyr_keyed_scan_options options = {.columns = wanted, .columns_count = 1, .range = range};
    check_ok(pyr_keyed_scan_create(table, &options, &scan, error));
    for (;;) {
        pyr_batch *batch;
        check_ok(pyr_keyed_scan_next(scan, &batch, error));
        if (batch == NULL) {
            break;
        }
        for (int64_t i = 0; i < batch->rows; ++i) {
            *sum += pyr_array_int64(batch->columns[0], i);
        }
        rows += batch->rows;
        pyr_batch_release(batch);
    }
    pyr_keyed_scan_destroy(scan);
    return rows;
}

/* a = first, first + step, ...; b is text and c a. */
static void write_many(pyr_catalog *catalog, const char *name, int64_t first, int64_t rows,
                       int64_t step) {
    pyr_text text;
    pyr_text_init(&text);
    for (int64_t i = 0; i < rows; ++i) {
        pyr_text_printf(&text, i > 0 ? " %lld,v%lld,%lld" : "%lld,v%lld,%lld",
                        (long long)(first + i * step), (long long)i, (long long)i);
    }
    write_now(catalog, name, pyr_text_get(&text), PYR_KEYED_INSERT);
    pyr_text_deinit(&text);
}

static void parts_have_every_row_once_and_are_about_equal(void **state) {
    fixture *f = *state;
    enum { ROWS = 70000, PARTS = 4 };
    pyr_catalog *catalog = open_catalog(f->path);
    create_keyed(catalog, "t", "a");
    write_many(catalog, "t", -1000, ROWS, 7);
    int64_t whole = 0;
    pyr_table *table = current_table(catalog, "t");
    assert_int_equal(count_range(table, NULL, &whole), ROWS);
    pyr_table_release(table);
    for (int reopened = 0; reopened < 2; ++reopened) {
        pyr_keyed_range *parts;
        size_t count;
        int64_t rows = 0;
        int64_t sum = 0;
        table = current_table(catalog, "t");
        check_ok(pyr_keyed_split(table, NULL, PARTS, &parts, &count, error));
        assert_int_equal(count, PARTS);
        for (size_t i = 0; i < count; ++i) {
            int64_t some = count_range(table, &parts[i], &sum);
            assert_in_range(some, ROWS / PARTS / 2, ROWS / PARTS * 2);
            rows += some;
        }
        assert_int_equal(rows, ROWS);
        assert_int_equal(sum, whole);
        pyr_keyed_ranges_free(parts, count);
        pyr_table_release(table);
        pyr_catalog_close(catalog); /* the log becomes a file */
        catalog = open_catalog(f->path);
    }
    pyr_catalog_close(catalog);
}

static void a_small_or_empty_table_is_one_part(void **state) {
    (void)state;
    pyr_catalog *catalog = open_catalog(NULL);
    create_keyed(catalog, "t", "a");
    for (int i = 0; i < 2; ++i) {
        pyr_keyed_range *parts;
        size_t count;
        pyr_table *table = current_table(catalog, "t");
        check_ok(pyr_keyed_split(table, NULL, 8, &parts, &count, error));
        assert_int_equal(count, 1);
        pyr_keyed_ranges_free(parts, count);
        pyr_table_release(table);
        write_now(catalog, "t", i == 0 ? "1,a,1" : "2,a,1", PYR_KEYED_INSERT);
    }
    pyr_catalog_close(catalog);
}

/* ---- Damage. ---- */

typedef struct first_pair {
    char key[64], value[256];
    size_t key_size, value_size;
} first_pair;

static pyr_status keep_first(void *context, const char *key, size_t key_size, const char *value,
                             size_t value_size, pyr_error *error) {
    first_pair *self = context;
    (void)error;
    assert_true(key_size <= sizeof(self->key) && value_size <= sizeof(self->value));
    memcpy(self->key, key, key_size);
    memcpy(self->value, value, value_size);
    self->key_size = key_size;
    self->value_size = value_size;
    return PYR_OK;
}

static void put_pair(pyr_catalog *catalog, const first_pair *pair, size_t value_size) {
    pyr_lsm_batch *batch;
    check_ok(pyr_lsm_batch_create(&batch, error));
    pyr_lsm_batch_put(batch, pair->key, pair->key_size, pair->value, value_size);
    check_ok(pyr_lsm_write(catalog->lsm, batch, false, error));
    pyr_lsm_batch_destroy(batch);
}

static pyr_status read_all(pyr_catalog *catalog, pyr_error *fault) {
    pyr_table *table = current_table(catalog, "t");
    pyr_keyed_scan *scan;
    pyr_batch *batch;
    check_ok(pyr_keyed_scan_create(table, NULL, &scan, error));
    pyr_status status;
    do {
        status = pyr_keyed_scan_next(scan, &batch, fault);
        pyr_batch_release(batch);
    } while (status == PYR_OK && batch != NULL);
    pyr_keyed_scan_destroy(scan);
    pyr_table_release(table);
    return status;
}

static void a_damaged_row_is_corrupt_and_names_the_table(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_catalog(f->path);
    create_keyed(catalog, "t", "a");
    write_now(catalog, "t", "1,text,1", PYR_KEYED_INSERT);
    first_pair pair;
    check_ok(pyr_lsm_scan(catalog->lsm, "R", 1, keep_first, &pair, error));
    for (size_t size = 0; size < pair.value_size; ++size) {
        put_pair(catalog, &pair, size);
        write_now(catalog, "t", "2,b,2", PYR_KEYED_REPLACE); /* a new view */
        assert_int_equal(read_all(catalog, &f->error), PYR_ERROR_CORRUPT);
        assert_string_equal(f->error.sqlstate, "XX001");
        assert_message_has(&f->error, "table \"t\"");
    }
    pair.value[0] = 9; /* a version that is not known */
    put_pair(catalog, &pair, pair.value_size);
    write_now(catalog, "t", "2,b,2", PYR_KEYED_REPLACE);
    assert_int_equal(read_all(catalog, &f->error), PYR_ERROR_CORRUPT);
    pyr_catalog_close(catalog);
}

static void a_row_counter_that_fell_behind_is_corrupt(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_catalog(f->path);
    create_keyed(catalog, "t", "/a");
    write_now(catalog, "t", "1,a,1 2,b,2", PYR_KEYED_INSERT);
    pyr_catalog_close(catalog);
    pyr_lsm *lsm;
    pyr_lsm_batch *batch;
    check_ok(pyr_lsm_open(below(f->path, "catalog"), false, &lsm, error));
    check_ok(pyr_lsm_batch_create(&batch, error));
    check_ok(pyr_record_put_counter(batch, "row", 2, error));
    check_ok(pyr_lsm_write(lsm, batch, true, error));
    pyr_lsm_batch_destroy(batch);
    pyr_lsm_close(lsm);
    assert_int_equal(pyr_catalog_open(f->path, false, &catalog, &f->error), PYR_ERROR_CORRUPT);
    assert_message_has(&f->error, "row 2");
}

static void keys_of_rows_that_nobody_writes_are_corrupt(void **state) {
    fixture *f = *state;
    static const struct {
        const char *key;
        size_t size;
    } cases[] = {{"R", 1}, {"R\2", 2}, {"R\2\0\5x", 5}, {"R\0x", 3}, {"U\11aaaaaaaaa", 11}};
    pyr_catalog *catalog = open_catalog(f->path);
    create_keyed(catalog, "t", "a/b");
    write_now(catalog, "t", "1,a,1", PYR_KEYED_INSERT);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        first_pair pair = {.key_size = cases[i].size, .value_size = 0};
        memcpy(pair.key, cases[i].key, cases[i].size);
        put_pair(catalog, &pair, 0);
        pyr_catalog_close(catalog);
        assert_int_equal(pyr_catalog_open(f->path, false, &catalog, &f->error), PYR_ERROR_CORRUPT);
        pyr_lsm *lsm;
        pyr_lsm_batch *batch;
        check_ok(pyr_lsm_open(below(f->path, "catalog"), false, &lsm, error));
        check_ok(pyr_lsm_batch_create(&batch, error));
        pyr_lsm_batch_delete(batch, pair.key, pair.key_size);
        check_ok(pyr_lsm_write(lsm, batch, true, error));
        pyr_lsm_batch_destroy(batch);
        pyr_lsm_close(lsm);
        catalog = open_catalog(f->path);
    }
    pyr_catalog_close(catalog);
}

static int count_pairs(pyr_catalog *catalog, const char *prefix) {
    int count = 0;
    first_pair pair = {.key_size = 0};
    check_ok(pyr_lsm_scan(catalog->lsm, prefix, strlen(prefix), keep_first, &pair, error));
    count += pair.key_size > 0;
    return count;
}

static void rows_of_a_dropped_table_go_at_once_or_when_a_writer_opens(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_catalog(f->path);
    create_keyed(catalog, "t", "a/b");
    write_now(catalog, "t", "1,a,1 2,b,2", PYR_KEYED_INSERT);
    assert_int_equal(count_pairs(catalog, "R") + count_pairs(catalog, "U"), 2);
    check_ok(pyr_catalog_drop_table(catalog, NULL, "t", false, NULL, error));
    assert_int_equal(count_pairs(catalog, "R") + count_pairs(catalog, "U"), 0);
    assert_int_equal(count_pairs(catalog, "keyed/"), 0);
    create_keyed(catalog, "u", "a/b");
    write_now(catalog, "u", "1,a,1", PYR_KEYED_INSERT);
    first_pair row;
    first_pair unique;
    check_ok(pyr_lsm_scan(catalog->lsm, "R", 1, keep_first, &row, error));
    check_ok(pyr_lsm_scan(catalog->lsm, "U", 1, keep_first, &unique, error));
    check_ok(pyr_catalog_drop_table(catalog, NULL, "u", false, NULL, error));
    create_keyed(catalog, "v", "a/b");
    write_now(catalog, "v", "3,c,3", PYR_KEYED_INSERT);
    put_pair(catalog, &row, row.value_size); /* as if it had died before */
    put_pair(catalog, &unique, unique.value_size);
    pyr_catalog_close(catalog);
    catalog = open_catalog(f->path);
    first_pair left;
    check_ok(pyr_lsm_scan(catalog->lsm, "R", 1, keep_first, &left, error));
    assert_int_not_equal(memcmp(left.key, row.key, row.key_size), 0);
    assert_string_equal(keyed_current(catalog, "v"), "3,c,3");
    check_ok(pyr_catalog_drop_table(catalog, NULL, "v", false, NULL, error));
    assert_int_equal(count_pairs(catalog, "R") + count_pairs(catalog, "U"), 0);
    pyr_catalog_close(catalog);
}

typedef struct reports {
    int count, bad;
    char message[1024];
} reports;

static void note_report(void *context, const pyr_table *table, const pyr_segment_info *segment,
                        const pyr_error *error) {
    reports *self = context;
    assert_string_equal(table->name, "t");
    assert_string_equal(segment->path, "rows by key");
    self->count += 1;
    self->bad += error != NULL;
    (void)snprintf(self->message, sizeof(self->message), "%s", error != NULL ? error->message : "");
}

/* "" where it is well, else what is wrong. */
static const char *verify(pyr_catalog *catalog) {
    static char message[1024];
    reports all = {.count = 0};
    pyr_error fault;
    pyr_status status = pyr_catalog_verify(catalog, note_report, &all, &fault);
    assert_int_equal(all.count, 1);
    assert_int_equal(status, all.bad > 0 ? PYR_ERROR_CORRUPT : PYR_OK);
    (void)snprintf(message, sizeof(message), "%s", all.message);
    return message;
}

static void delete_pair(pyr_catalog *catalog, const first_pair *pair) {
    pyr_lsm_batch *batch;
    check_ok(pyr_lsm_batch_create(&batch, error));
    pyr_lsm_batch_delete(batch, pair->key, pair->key_size);
    check_ok(pyr_lsm_write(catalog->lsm, batch, false, error));
    pyr_lsm_batch_destroy(batch);
}

static void verify_finds_rows_and_unique_keys_that_do_not_fit(void **state) {
    fixture *f = *state;
    first_pair row; /* the last of each kind */
    first_pair unique;
    pyr_catalog *catalog = open_catalog(f->path);
    create_keyed(catalog, "t", "a/b");
    write_now(catalog, "t", "1,a,1 2,b,2 3,-,3", PYR_KEYED_INSERT);
    assert_string_equal(verify(catalog), "");
    check_ok(pyr_lsm_scan(catalog->lsm, "R", 1, keep_first, &row, error));
    check_ok(pyr_lsm_scan(catalog->lsm, "U", 1, keep_first, &unique, error));
    first_pair moved = row;
    first_pair other_owner = unique;
    moved.key[moved.key_size - 1] ^= 8;
    other_owner.value[other_owner.value_size - 1] ^= 3;
    const struct {
        const first_pair *without, *with;
        const char *message;
    } cases[] = {
        {&row, NULL, "has 2 rows and says 3"},     {&row, &moved, "under another row's key"},
        {&unique, NULL, "has no record"},          {&unique, &other_owner, "names another row"},
        {NULL, &moved, "under another row's key"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); ++i) {
        if (cases[i].without != NULL) {
            delete_pair(catalog, cases[i].without);
        }
        if (cases[i].with != NULL) {
            put_pair(catalog, cases[i].with, cases[i].with->value_size);
        }
        pyr_catalog_close(catalog);
        catalog = open_catalog(f->path);
        assert_non_null(strstr(verify(catalog), cases[i].message));
        delete_pair(catalog, cases[i].with != NULL ? cases[i].with : &row);
        put_pair(catalog, &row, row.value_size);
        put_pair(catalog, &unique, unique.value_size);
        pyr_catalog_close(catalog);
        catalog = open_catalog(f->path);
        assert_string_equal(verify(catalog), "");
    }
    first_pair extra = unique;
    extra.key[extra.key_size - 3] = 'z'; /* nobody's */
    put_pair(catalog, &extra, extra.value_size);
    pyr_catalog_close(catalog);
    catalog = open_catalog(f->path);
    assert_non_null(strstr(verify(catalog), "3 records of a UNIQUE key, 2 rows with one"));
    pyr_catalog_close(catalog);
}

/* ---- A model. ---- */

enum { MODEL_KEYS = 40 };
typedef struct model {
    bool there[MODEL_KEYS];
    int value[MODEL_KEYS]; /* UNIQUE */
} model;

static const char *model_text(const model *self) {
    static char text[4096];
    text[0] = '\0';
    for (int key = 0; key < MODEL_KEYS; ++key) {
        if (self->there[key]) {
            size_t used = strlen(text);
            (void)snprintf(text + used, sizeof(text) - used, used > 0 ? " %d,v%d,%d" : "%d,v%d,%d",
                           key, self->value[key], key);
        }
    }
    return text;
}

static int owner_of(const model *self, int value) {
    for (int key = 0; key < MODEL_KEYS; ++key) {
        if (self->there[key] && self->value[key] == value) {
            return key;
        }
    }
    return -1;
}

/* One random row in a random mode; false: refused, and the change is spoiled. */
static bool random_write(pyr_change *change, model *self, unsigned *seed) {
    int key = rand_r(seed) % MODEL_KEYS;
    int value = rand_r(seed) % (MODEL_KEYS * 2);
    pyr_keyed_mode mode = (pyr_keyed_mode)(rand_r(seed) % 3);
    char row[64];
    (void)snprintf(row, sizeof(row), "%d,v%d,%d", key, value, key);
    int owner = owner_of(self, value);
    bool conflict = self->there[key] || owner >= 0;
    bool refused = conflict && mode == PYR_KEYED_INSERT;
    pyr_status status = try_write(change, "t", row, mode, PYR_KEYED_ANY_KEY, NULL);
    assert_int_equal(status, refused ? PYR_ERROR_CONSTRAINT : PYR_OK);
    if (!refused && (!conflict || mode == PYR_KEYED_REPLACE)) {
        if (owner >= 0) {
            self->there[owner] = false;
        }
        self->there[key] = true;
        self->value[key] = value;
    }
    return !refused;
}

static void random_delete(pyr_change *change, model *self, unsigned *seed) {
    char key[16];
    int which = rand_r(seed) % MODEL_KEYS;
    (void)snprintf(key, sizeof(key), "%d", which);
    assert_int_equal(change_remove(change, "t", key), self->there[which] ? 1 : 0);
    self->there[which] = false;
}

static void random_steps_give_what_a_simple_model_gives(void **state) {
    fixture *f = *state;
    unsigned seed = 20240131;
    model committed = {.value = {0}};
    pyr_catalog *catalog = open_catalog(f->path);
    create_keyed(catalog, "t", "a/b");
    for (int round = 0; round < 120; ++round) {
        model own = committed;
        pyr_change *change = begin(catalog);
        pyr_snapshot *before = snapshot_of(catalog);
        bool spoiled = false;
        for (int steps = rand_r(&seed) % 12; steps > 0 && !spoiled; --steps) {
            if (rand_r(&seed) % 4 == 0) {
                random_delete(change, &own, &seed);
            } else {
                spoiled = !random_write(change, &own, &seed);
            }
            if (!spoiled && steps % 3 == 0) {
                assert_string_equal(keyed_seen(change, "t"), model_text(&own));
            }
        }
        if (!spoiled && rand_r(&seed) % 4 != 0) {
            char old[4096];
            (void)snprintf(old, sizeof(old), "%s", model_text(&committed));
            check_ok(pyr_change_commit(change, false, error));
            committed = own;
            assert_string_equal(keyed_rows(before, "t", 5), old);
        }
        pyr_snapshot_release(before);
        pyr_change_destroy(change);
        assert_string_equal(keyed_current(catalog, "t"), model_text(&committed));
        if (round % 40 == 39) {
            pyr_catalog_close(catalog);
            catalog = open_catalog(f->path);
            assert_string_equal(keyed_current(catalog, "t"), model_text(&committed));
        }
    }
    pyr_catalog_close(catalog);
}

int main(int argc, char **argv) {
    int role = play_role(argc, argv);
    if (role >= 0) {
        return role;
    }
    const struct CMUnitTest tests[] = {
        TEST(rows_are_found_by_their_keys_in_the_order_asked_for),
        TEST(keys_are_known_by_their_columns_in_any_order),
        TEST(ranges_compare_as_tuples_do_whoever_wrote_the_rows),
        TEST(parts_have_every_row_once_and_are_about_equal),
        TEST(a_small_or_empty_table_is_one_part),
        TEST(a_damaged_row_is_corrupt_and_names_the_table),
        TEST(a_row_counter_that_fell_behind_is_corrupt),
        TEST(keys_of_rows_that_nobody_writes_are_corrupt),
        TEST(rows_of_a_dropped_table_go_at_once_or_when_a_writer_opens),
        TEST(verify_finds_rows_and_unique_keys_that_do_not_fit),
        TEST(random_steps_give_what_a_simple_model_gives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
