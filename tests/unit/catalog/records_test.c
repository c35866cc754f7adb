/* records_test.c - the catalog's records: every damaged one is found, none is followed. */
#include "support_keyed.h"

#include "catalog/catalog_internal.h"
#include "catalog/compact.h"
#include "catalog/record_bytes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct record {
    size_t key_size;
    size_t value_size;
    char *key;
    char *value;
} record;

typedef struct records {
    record items[32];
    size_t count;
} records;

static pyr_status note(void *context, const char *key, size_t key_size, const char *value,
                       size_t value_size, pyr_error *error) {
    records *all = context;
    (void)error;
    assert_true(all->count < 32);
    record *item = &all->items[all->count++];
    item->key_size = key_size;
    item->value_size = value_size;
    item->key = malloc(key_size);
    item->value = malloc(value_size);
    memcpy(item->key, key, key_size);
    memcpy(item->value, value, value_size);
    return PYR_OK;
}

static records records_of(pyr_lsm *lsm) {
    records all = {0};
    check_ok(pyr_lsm_scan(lsm, "", 0, note, &all, error));
    return all;
}

static void records_free(records *all) {
    for (size_t i = 0; i < all->count; ++i) {
        free(all->items[i].key);
        free(all->items[i].value);
    }
}

static void put_record(pyr_lsm *lsm, const record *item, const char *value, size_t value_size) {
    pyr_lsm_batch *batch;
    check_ok(pyr_lsm_batch_create(&batch, error));
    pyr_lsm_batch_put(batch, item->key, item->key_size, value, value_size);
    check_ok(pyr_lsm_write(lsm, batch, false, error));
    pyr_lsm_batch_destroy(batch);
}

/* Two tables with options, one with two segments and deleted rows in the second, and one with a
 * key; closed. */
static void make_database(const char *path) {
    pyr_catalog *catalog = open_catalog(path);
    const pyr_table_option options[] = {{"time_unit", "ms"}};
    pyr_schema *schema = two_columns();
    check_ok(
        pyr_catalog_create_table(catalog,
                                 &(pyr_table_definition){.name = "t",
                                                         .schema = schema,
                                                         .sql_types = "[\"BIGINT\",\"VARCHAR\"]",
                                                         .options = options,
                                                         .options_count = 1},
                                 PYR_CREATE_NEW, NULL, error));
    create_table(catalog, "u");
    create_keyed(catalog, "k", "a");
    append_rows(catalog, "t", 0, 10);
    append_rows(catalog, "t", 10, 10);
    delete_rows(catalog, "t", 1, 2, 5);
    pyr_schema_release(schema);
    pyr_catalog_close(catalog);
}

static pyr_lsm *open_lsm(const char *path) {
    pyr_lsm *lsm;
    check_ok(pyr_lsm_open(below(path, "catalog"), false, &lsm, error));
    return lsm;
}

/* As opening reads them: counters, tables, segments, deleted rows. */
static pyr_status load_all(pyr_lsm *lsm, pyr_error *fault) {
    uint64_t value;
    pyr_table **tables = NULL;
    size_t count = 0;
    PYR_TRY(pyr_record_get_counter(lsm, "table", &value, fault));
    PYR_TRY(pyr_record_get_counter(lsm, "segment", &value, fault));
    PYR_TRY(pyr_record_get_counter(lsm, "row", &value, fault));
    PYR_TRY(pyr_records_load(lsm, "db", NULL, &tables, &count, fault));
    for (size_t i = 0; i < count; ++i) {
        pyr_table_release(tables[i]);
    }
    free(tables);
    return PYR_OK;
}

static void one_flipped_bit_or_a_cut_in_any_record_is_corrupt(void **state) {
    fixture *f = *state;
    make_database(f->path);
    pyr_lsm *lsm = open_lsm(f->path);
    check_ok(load_all(lsm, error));
    records all = records_of(lsm);
    assert_int_equal(all.count, 3 + 3 + 3 + 1 + 2 + 1);
    for (size_t i = 0; i < all.count; ++i) {
        const record *item = &all.items[i];
        char *value = malloc(item->value_size + 1);
        for (size_t j = 0; j < item->value_size; ++j) {
            memcpy(value, item->value, item->value_size);
            value[j] ^= (char)(1 << (j % 8));
            put_record(lsm, item, value, item->value_size);
            assert_int_equal(load_all(lsm, &f->error), PYR_ERROR_CORRUPT);
            assert_message_has(&f->error, "catalog: ");
            put_record(lsm, item, item->value, j);
            assert_int_equal(load_all(lsm, &f->error), PYR_ERROR_CORRUPT);
        }
        memcpy(value, item->value, item->value_size);
        value[item->value_size] = 0;
        put_record(lsm, item, value, item->value_size + 1);
        assert_int_equal(load_all(lsm, &f->error), PYR_ERROR_CORRUPT);
        put_record(lsm, item, item->value, item->value_size);
        free(value);
    }
    check_ok(load_all(lsm, error));
    records_free(&all);
    pyr_lsm_close(lsm);
    pyr_catalog_close(open_catalog(f->path));
}

static void a_record_under_another_key_is_corrupt(void **state) {
    fixture *f = *state;
    make_database(f->path);
    pyr_lsm *lsm = open_lsm(f->path);
    records all = records_of(lsm);
    for (size_t i = 0; i < all.count; ++i) {
        record moved = all.items[i];
        moved.key[moved.key_size - 1] ^= 0x40;
        put_record(lsm, &moved, moved.value, moved.value_size);
        /* A counter of another name is nobody's, and so are rows and version of no table. */
        bool nobodys = memcmp(moved.key, "counter/", 8) == 0 ||
                       memcmp(moved.key, "keyed/", 6) == 0 || memcmp(moved.key, "version/", 8) == 0;
        assert_int_equal(load_all(lsm, &f->error), nobodys ? PYR_OK : PYR_ERROR_CORRUPT);
        pyr_lsm_batch *batch;
        check_ok(pyr_lsm_batch_create(&batch, error));
        pyr_lsm_batch_delete(batch, moved.key, moved.key_size);
        check_ok(pyr_lsm_write(lsm, batch, false, error));
        pyr_lsm_batch_destroy(batch);
    }
    check_ok(load_all(lsm, error));
    records_free(&all);
    pyr_lsm_close(lsm);
}

static void a_damaged_catalog_is_not_opened_and_no_file_is_removed(void **state) {
    fixture *f = *state;
    make_database(f->path);
    pyr_lsm *lsm = open_lsm(f->path);
    records all = records_of(lsm);
    for (size_t i = 0; i < all.count; ++i) {
        record *item = &all.items[i];
        item->value[item->value_size / 2] ^= 1;
        put_record(lsm, item, item->value, item->value_size);
        pyr_lsm_close(lsm);
        for (int readonly = 0; readonly < 2; ++readonly) {
            pyr_catalog *catalog;
            assert_int_equal(pyr_catalog_open(f->path, readonly == 1, &catalog, &f->error),
                             PYR_ERROR_CORRUPT);
            assert_null(catalog);
        }
        assert_int_equal(count_files(f->path), 2);
        lsm = open_lsm(f->path);
        item->value[item->value_size / 2] ^= 1;
        put_record(lsm, item, item->value, item->value_size);
    }
    records_free(&all);
    pyr_lsm_close(lsm);
    pyr_catalog *catalog = open_catalog(f->path);
    assert_string_equal(values_now(catalog, "t"), "0-11 15-19");
    pyr_catalog_close(catalog);
}

/* It would hand out the numbers of tables and files that are there. */
static void a_counter_that_fell_behind_is_corrupt(void **state) {
    fixture *f = *state;
    make_database(f->path);
    static const char *const names[] = {"table", "segment"};
    for (int i = 0; i < 2; ++i) {
        pyr_lsm *lsm = open_lsm(f->path);
        pyr_lsm_batch *batch;
        uint64_t value;
        check_ok(pyr_record_get_counter(lsm, names[i], &value, error));
        assert_int_equal(value, i == 0 ? 4 : 3);
        check_ok(pyr_lsm_batch_create(&batch, error));
        check_ok(pyr_record_put_counter(batch, names[i], value - 1, error));
        check_ok(pyr_lsm_write(lsm, batch, true, error));
        pyr_lsm_batch_destroy(batch);
        pyr_lsm_close(lsm);
        pyr_catalog *catalog;
        assert_int_equal(pyr_catalog_open(f->path, false, &catalog, &f->error), PYR_ERROR_CORRUPT);
        assert_message_has(&f->error, "counter");
        lsm = open_lsm(f->path);
        check_ok(pyr_lsm_batch_create(&batch, error));
        check_ok(pyr_record_put_counter(batch, names[i], value, error));
        check_ok(pyr_lsm_write(lsm, batch, true, error));
        pyr_lsm_batch_destroy(batch);
        pyr_lsm_close(lsm);
    }
    pyr_catalog_close(open_catalog(f->path));
}

static void two_tables_of_one_name_are_corrupt(void **state) {
    fixture *f = *state;
    make_database(f->path);
    pyr_catalog *catalog = open_catalog(f->path);
    pyr_snapshot *snapshot = snapshot_of(catalog);
    const pyr_table *u = pyr_snapshot_find(snapshot, NULL, "u");
    pyr_table *twin;
    pyr_lsm_batch *batch;
    check_ok(pyr_table_create(
        u->id, 9, &(pyr_table_definition){.schema_name = "main", .name = "T", .schema = u->schema},
        NULL, 0, &twin, error));
    check_ok(pyr_lsm_batch_create(&batch, error));
    check_ok(pyr_record_put_table(batch, twin, error));
    check_ok(pyr_lsm_write(catalog->lsm, batch, true, error));
    pyr_lsm_batch_destroy(batch);
    pyr_table_release(twin);
    pyr_snapshot_release(snapshot);
    pyr_catalog_close(catalog);
    assert_int_equal(pyr_catalog_open(f->path, false, &catalog, &f->error), PYR_ERROR_CORRUPT);
    assert_message_has(&f->error, "both called");
}

/* A write that failed and is on disk all the same (a sync that failed, say) is taken back. */
static void what_a_failed_write_left_on_disk_is_undone_before_the_next_change(void **state) {
    fixture *f = *state;
    make_database(f->path);
    pyr_catalog *catalog = open_catalog(f->path);
    pyr_snapshot *snapshot = snapshot_of(catalog);
    const pyr_table *t = pyr_snapshot_find(snapshot, NULL, "t");
    pyr_lsm_batch *batch;
    pyr_table *ghost;
    check_ok(pyr_lsm_batch_create(&batch, error));
    check_ok(pyr_record_delete_table(batch, t, error));
    check_ok(pyr_table_create(
        77, 1, &(pyr_table_definition){.schema_name = "main", .name = "ghost", .schema = t->schema},
        NULL, 0, &ghost, error));
    check_ok(pyr_record_put_table(batch, ghost, error));
    check_ok(pyr_record_put_segment(batch, 77, 1, t->segments[0], error));
    check_ok(pyr_lsm_write(catalog->lsm, batch, true, error));
    pyr_lsm_batch_destroy(batch);
    pyr_table_release(ghost);
    pyr_snapshot_release(snapshot);
    catalog->doubtful = true;
    create_table(catalog, "v");
    assert_false(catalog->doubtful);
    pyr_catalog_close(catalog);
    catalog = open_catalog(f->path);
    assert_string_equal(values_now(catalog, "t"), "0-11 15-19");
    assert_int_equal(rows_now(catalog, "u"), 0);
    assert_int_equal(rows_now(catalog, "v"), 0);
    assert_int_equal(rows_now(catalog, "ghost"), -1);
    pyr_catalog_close(catalog);
}

static uint64_t version_of(pyr_catalog *catalog, const char *name) {
    pyr_snapshot *snapshot = snapshot_of(catalog);
    uint64_t version = pyr_snapshot_find(snapshot, NULL, name)->version;
    pyr_snapshot_release(snapshot);
    return version;
}

static const record *find_record(const records *all, const char *prefix) {
    size_t size = strlen(prefix);
    for (size_t i = 0; i < all->count; ++i) {
        if (all->items[i].key_size >= size && memcmp(all->items[i].key, prefix, size) == 0) {
            return &all->items[i];
        }
    }
    return NULL;
}

/* Of tables that were made before versions had records: theirs stands in the table's. */
static void a_version_in_a_tables_record_is_read(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_catalog(f->path);
    create_table(catalog, "t");
    records all = records_of(catalog->lsm);
    const record *table = find_record(&all, "table/");
    const record *version = find_record(&all, "version/");
    pyr_lsm_batch *batch;
    pyr_text key;
    pyr_text value;
    pyr_text_init(&key);
    pyr_text_init(&value);
    pyr_text_append(&key, table->key, table->key_size);
    pyr_text_append(&value, table->value, table->value_size - 4);
    assert_int_equal(value.data[1], 0);
    value.data[1] = 42;
    check_ok(pyr_lsm_batch_create(&batch, error));
    check_ok(pyr_record_put(batch, &key, &value, error));
    pyr_lsm_batch_delete(batch, version->key, version->key_size);
    check_ok(pyr_lsm_write(catalog->lsm, batch, true, error));
    pyr_lsm_batch_destroy(batch);
    pyr_text_deinit(&key);
    pyr_text_deinit(&value);
    records_free(&all);
    pyr_catalog_close(catalog);
    catalog = open_catalog(f->path);
    assert_int_equal(version_of(catalog, "t"), 42);
    append_rows(catalog, "t", 0, 1);
    pyr_catalog_close(catalog);
    catalog = open_catalog(f->path);
    assert_int_equal(version_of(catalog, "t"), 43);
    pyr_catalog_close(catalog);
}

static void rows_leave_a_tables_record_alone_and_its_version_counts_on(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_catalog(f->path);
    create_keyed(catalog, "k", "a");
    records before = records_of(catalog->lsm);
    for (int i = 0; i < 3; ++i) {
        write_now(catalog, "k", "1,x,1", PYR_KEYED_REPLACE);
    }
    records after = records_of(catalog->lsm);
    const record *was = find_record(&before, "table/");
    const record *is = find_record(&after, "table/");
    assert_int_equal(is->value_size, was->value_size);
    assert_memory_equal(is->value, was->value, is->value_size);
    assert_true(find_record(&after, "version/")->value_size < 8);
    records_free(&before);
    records_free(&after);
    uint64_t version = version_of(catalog, "k");
    pyr_catalog_close(catalog);
    catalog = open_catalog(f->path);
    assert_int_equal(version_of(catalog, "k"), version); /* stamps of rows follow it */
    check_ok(pyr_catalog_drop_table(catalog, NULL, "k", false, NULL, error));
    after = records_of(catalog->lsm);
    assert_null(find_record(&after, "version/"));
    records_free(&after);
    pyr_catalog_close(catalog);
}

static void compact_all(pyr_catalog *catalog, const char *name) {
    const pyr_compaction compaction = {.goal = PYR_COMPACT_ALL};
    pyr_snapshot *snapshot = snapshot_of(catalog);
    uint64_t id = pyr_snapshot_find(snapshot, NULL, name)->id;
    pyr_snapshot_release(snapshot);
    check_ok(pyr_compact_table(catalog, id, &compaction, error));
}

static size_t count_of(const records *all, const char *prefix) {
    size_t found = 0;
    for (size_t i = 0; i < all->count; ++i) {
        found += memcmp(all->items[i].key, prefix, strlen(prefix)) == 0;
    }
    return found;
}

static void a_small_append_writes_one_record_which_has_the_version_too(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_catalog(f->path);
    atomic_store(&catalog->hot_bytes_max, PYR_HOT_BYTES_MAX);
    create_table(catalog, "t");
    append_rows(catalog, "t", 0, 1);
    records before = records_of(catalog->lsm);
    append_rows(catalog, "t", 1, 1);
    records after = records_of(catalog->lsm);
    assert_int_equal(after.count, before.count + 1);
    assert_int_equal(count_of(&after, "segment/"), 2);
    assert_int_equal(count_of(&after, "hot/"), 0);
    records_free(&before);
    records_free(&after);
    uint64_t version = version_of(catalog, "t");
    pyr_catalog_close(catalog);
    catalog = open_catalog(f->path);
    assert_int_equal(version_of(catalog, "t"), version);
    delete_rows(catalog, "t", 0, 0, 1); /* the segment that bears it may go */
    compact_all(catalog, "t");
    version = version_of(catalog, "t");
    pyr_catalog_close(catalog);
    catalog = open_catalog(f->path);
    assert_int_equal(version_of(catalog, "t"), version);
    assert_int_equal(rows_now(catalog, "t"), 1);
    pyr_catalog_close(catalog);
}

/* The segment's record as databases of before have it: its bytes in one of their own. */
static void put_hot_apart(pyr_lsm *lsm, const record *segment) {
    enum { FLAGS = 1 + 1 + 2 + 1 + 1 }; /* behind small varints, the size's is two bytes */
    pyr_lsm_batch *batch;
    pyr_text texts[4];
    for (int i = 0; i < 4; ++i) {
        pyr_text_init(&texts[i]);
    }
    assert_int_equal(segment->value[FLAGS], 4 + 1);
    pyr_text_append(&texts[0], segment->key, segment->key_size);
    pyr_text_append(&texts[1], segment->value, FLAGS);
    pyr_text_add_char(&texts[1], 1);
    pyr_text_add(&texts[2], "hot/");
    pyr_text_append(&texts[2], segment->key + 8, segment->key_size - 8);
    pyr_text_add_char(&texts[3], segment->value[0]);
    pyr_text_append(&texts[3], segment->value + FLAGS + 2, segment->value_size - FLAGS - 2 - 4);
    check_ok(pyr_lsm_batch_create(&batch, error));
    check_ok(pyr_record_put(batch, &texts[0], &texts[1], error));
    check_ok(pyr_record_put(batch, &texts[2], &texts[3], error));
    check_ok(pyr_lsm_write(lsm, batch, true, error));
    pyr_lsm_batch_destroy(batch);
    for (int i = 0; i < 4; ++i) {
        pyr_text_deinit(&texts[i]);
    }
}

static void hot_segments_of_databases_of_before_are_read_and_compacted(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_catalog(f->path);
    atomic_store(&catalog->hot_bytes_max, PYR_HOT_BYTES_MAX);
    create_table(catalog, "t");
    append_rows(catalog, "t", 0, 1);
    append_rows(catalog, "t", 1, 1);
    records all = records_of(catalog->lsm);
    for (size_t i = 0; i < all.count; ++i) {
        if (memcmp(all.items[i].key, "segment/", 8) == 0) {
            put_hot_apart(catalog->lsm, &all.items[i]);
        }
    }
    records_free(&all);
    pyr_catalog_close(catalog);
    catalog = open_catalog(f->path);
    int64_t sum = 0;
    pyr_snapshot *snapshot = snapshot_of(catalog);
    assert_int_equal(count_rows(snapshot, "t", &sum), 2);
    assert_int_equal(sum, 1);
    pyr_snapshot_release(snapshot);
    compact_all(catalog, "t");
    all = records_of(catalog->lsm);
    assert_int_equal(count_of(&all, "hot/"), 0);
    assert_int_equal(count_of(&all, "segment/"), 1);
    records_free(&all);
    pyr_catalog_close(catalog);
    catalog = open_catalog(f->path);
    assert_int_equal(rows_now(catalog, "t"), 2);
    pyr_catalog_close(catalog);
}

static uint64_t segment_counter(pyr_catalog *catalog) {
    uint64_t value;
    check_ok(pyr_record_get_counter(catalog->lsm, "segment", &value, error));
    return value;
}

static void numbers_of_segments_are_written_off_ahead_and_given_back_at_a_close(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_catalog(f->path);
    create_table(catalog, "t");
    for (int i = 0; i < 600; ++i) { /* more than two blocks */
        append_rows(catalog, "t", i, 1);
        assert_true(segment_counter(catalog) >= atomic_load(&catalog->next_segment));
    }
    uint64_t next = atomic_load(&catalog->next_segment);
    assert_true(segment_counter(catalog) > next);
    pyr_catalog_close(catalog);
    catalog = open_catalog(f->path);
    assert_int_equal(segment_counter(catalog), next);
    assert_int_equal(atomic_load(&catalog->next_segment), next);
    pyr_catalog_close(catalog);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(one_flipped_bit_or_a_cut_in_any_record_is_corrupt),
        TEST(a_record_under_another_key_is_corrupt),
        TEST(a_damaged_catalog_is_not_opened_and_no_file_is_removed),
        TEST(a_counter_that_fell_behind_is_corrupt),
        TEST(two_tables_of_one_name_are_corrupt),
        TEST(what_a_failed_write_left_on_disk_is_undone_before_the_next_change),
        TEST(a_version_in_a_tables_record_is_read),
        TEST(rows_leave_a_tables_record_alone_and_its_version_counts_on),
        TEST(a_small_append_writes_one_record_which_has_the_version_too),
        TEST(hot_segments_of_databases_of_before_are_read_and_compacted),
        TEST(numbers_of_segments_are_written_off_ahead_and_given_back_at_a_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
