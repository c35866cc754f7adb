/* records_test.c - the catalog's records: every damaged one is found, none is followed. */
#include "support_keyed.h"

#include "catalog/backup.h"
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

static void put_pair(pyr_lsm_batch *batch, pyr_text *key, pyr_text *value) {
    check_ok(pyr_record_put(batch, key, value, error));
    pyr_text_deinit(key);
    pyr_text_deinit(value);
}

/* A segment's record as format 1 has it: without its table's version, and a hot one's bytes in a
 * record of their own. */
static void put_segment_as_before(pyr_lsm_batch *batch, const record *segment) {
    pyr_text key;
    pyr_text value;
    pyr_cursor cursor;
    uint64_t number;
    uint8_t flags;
    pyr_text_init(&key);
    pyr_text_init(&value);
    assert_true(pyr_record_begin(segment->key, segment->key_size, segment->value,
                                 segment->value_size, &cursor));
    pyr_text_add_char(&value, segment->value[0]);
    for (int i = 0; i < 4; ++i) {
        assert_true(pyr_cursor_varint(&cursor, &number));
        pyr_record_add_varint(&value, number);
    }
    assert_true(pyr_cursor_u8(&cursor, &flags) && pyr_cursor_varint(&cursor, &number));
    assert_true((flags & 4) != 0);
    pyr_text_add_char(&value, (char)(flags & 3));
    pyr_text_append(&key, segment->key, segment->key_size);
    put_pair(batch, &key, &value);
    if ((flags & 1) == 0) {
        return;
    }
    size_t size = pyr_cursor_left(&cursor);
    const uint8_t *bytes;
    assert_true(size > 0 && pyr_cursor_bytes(&cursor, size, &bytes));
    pyr_text_init(&key);
    pyr_text_init(&value);
    pyr_text_add(&key, "hot/");
    pyr_text_append(&key, segment->key + 8, segment->key_size - 8);
    pyr_text_add_char(&value, segment->value[0]);
    pyr_text_append(&value, (const char *)bytes, size);
    put_pair(batch, &key, &value);
}

/* Closes the catalog; what it leaves is what a program of format 1 would have left. */
static void close_as_before(fixture *f, pyr_catalog *catalog) {
    pyr_lsm_batch *batch;
    check_ok(pyr_lsm_batch_create(&batch, error));
    pyr_snapshot *snapshot = snapshot_of(catalog);
    for (size_t i = 0; i < snapshot->tables_count; ++i) {
        check_ok(pyr_record_put_version(batch, snapshot->tables[i], error));
    }
    pyr_snapshot_release(snapshot);
    records all = records_of(catalog->lsm);
    for (size_t i = 0; i < all.count; ++i) {
        if (memcmp(all.items[i].key, "segment/", 8) == 0) {
            put_segment_as_before(batch, &all.items[i]);
        }
    }
    records_free(&all);
    check_ok(pyr_lsm_write(catalog->lsm, batch, true, error));
    pyr_lsm_batch_destroy(batch);
    pyr_catalog_close(catalog);
    write_file(below(f->path, "FORMAT"), "pyralog 1\n", 10);
}

/* Hot segments and one that is a file, some with deleted rows. */
static uint64_t make_database_of_before(fixture *f) {
    pyr_catalog *catalog = open_catalog(f->path);
    create_table(catalog, "t");
    create_table(catalog, "u");
    append_rows(catalog, "t", 0, 3);
    atomic_store(&catalog->hot_bytes_max, PYR_HOT_BYTES_MAX);
    append_rows(catalog, "t", 3, 300);
    append_rows(catalog, "t", 303, 7);
    append_rows(catalog, "u", 0, 1);
    delete_rows(catalog, "t", 0, 1, 2);
    delete_rows(catalog, "t", 2, 0, 1);
    uint64_t version = version_of(catalog, "t");
    close_as_before(f, catalog);
    return version;
}

static void expect_as_made(pyr_catalog *catalog, uint64_t version) {
    assert_string_equal(values_now(catalog, "t"), "0 2-302 304-309");
    assert_string_equal(values_now(catalog, "u"), "0");
    assert_int_equal(version_of(catalog, "t"), version);
}

static void a_database_of_format_1_is_read_before_and_after_it_is_raised(void **state) {
    fixture *f = *state;
    uint64_t version = make_database_of_before(f);
    pyr_catalog *catalog = open_readonly(f->path);
    expect_as_made(catalog, version);
    records all = records_of(catalog->lsm);
    assert_int_equal(count_of(&all, "hot/"), 3);
    records_free(&all);
    pyr_catalog_close(catalog);
    for (int i = 0; i < 2; ++i) {
        catalog = open_catalog(f->path);
        expect_as_made(catalog, version);
        pyr_catalog_close(catalog);
    }
    catalog = open_catalog(f->path);
    atomic_store(&catalog->hot_bytes_max, PYR_HOT_BYTES_MAX);
    pyr_catalog *reader = open_readonly(f->path);
    append_rows(catalog, "t", 310, 1); /* old and new records side by side */
    assert_string_equal(values_now(reader, "t"), "0 2-302 304-310");
    assert_int_equal(version_of(reader, "t"), version + 1);
    pyr_catalog_close(reader);
    pyr_catalog_close(catalog);
    catalog = open_catalog(f->path);
    assert_string_equal(values_now(catalog, "t"), "0 2-302 304-310");
    assert_int_equal(version_of(catalog, "t"), version + 1);
    pyr_catalog_close(catalog);
}

static void hot_segments_of_format_1_go_with_their_bytes(void **state) {
    fixture *f = *state;
    uint64_t version = make_database_of_before(f);
    pyr_catalog *catalog = open_catalog(f->path);
    compact_all(catalog, "t");
    records all = records_of(catalog->lsm);
    assert_int_equal(count_of(&all, "hot/"), 1); /* of u */
    assert_int_equal(count_of(&all, "segment/"), 2);
    assert_int_equal(count_of(&all, "deleted/"), 0);
    records_free(&all);
    check_ok(pyr_catalog_drop_table(catalog, NULL, "u", false, NULL, error));
    all = records_of(catalog->lsm);
    assert_int_equal(count_of(&all, "hot/"), 0);
    assert_int_equal(count_of(&all, "segment/"), 1);
    records_free(&all);
    pyr_catalog_close(catalog);
    catalog = open_catalog(f->path);
    assert_string_equal(values_now(catalog, "t"), "0 2-302 304-309");
    assert_int_equal(version_of(catalog, "t"), version);
    pyr_catalog_close(catalog);
}

/* What is undone is written anew, in records of today. */
static void doubt_about_a_database_of_format_1_is_settled(void **state) {
    fixture *f = *state;
    uint64_t version = make_database_of_before(f);
    pyr_catalog *catalog = open_catalog(f->path);
    catalog->doubtful = true;
    create_table(catalog, "v");
    assert_false(catalog->doubtful);
    records all = records_of(catalog->lsm);
    assert_int_equal(count_of(&all, "hot/"), 0);
    records_free(&all);
    compact_all(catalog, "t");
    pyr_catalog_close(catalog);
    catalog = open_catalog(f->path);
    expect_as_made(catalog, version);
    pyr_catalog_close(catalog);
}

/* ---- Versions of tables. ---- */

static void step_append(pyr_catalog *catalog) {
    append_rows(catalog, "t", 100, 2);
}

static void step_append_large(pyr_catalog *catalog) {
    atomic_store(&catalog->hot_bytes_max, 0);
    append_rows(catalog, "t", 100, 2);
    atomic_store(&catalog->hot_bytes_max, PYR_HOT_BYTES_MAX);
}

/* A segment that has all of its rows. */
static size_t find_whole(pyr_catalog *catalog) {
    pyr_snapshot *snapshot = snapshot_of(catalog);
    const pyr_table *table = pyr_snapshot_find(snapshot, NULL, "t");
    size_t i = 0;
    while (i < table->segments_count &&
           pyr_row_bitmap_cardinality(pyr_table_deleted(table, i)) > 0) {
        ++i;
    }
    assert_true(i < table->segments_count);
    pyr_snapshot_release(snapshot);
    return i;
}

static void step_delete(pyr_catalog *catalog) {
    delete_rows(catalog, "t", find_whole(catalog), 0, 1);
}

static void step_compact(pyr_catalog *catalog) {
    compact_all(catalog, "t");
}

static void step_append_and_delete(pyr_catalog *catalog) {
    pyr_change *change = begin(catalog);
    change_append(catalog, change, "t", 100, 2);
    change_delete(change, "t", find_whole(catalog), 0, 1);
    end_well(change);
}

static void step_empty(pyr_catalog *catalog) {
    pyr_snapshot *snapshot = snapshot_of(catalog);
    const pyr_table *table = pyr_snapshot_find(snapshot, NULL, "t");
    for (size_t i = 0; i < table->segments_count; ++i) {
        int64_t rows = pyr_segment_get_info(table->segments[i])->rows;
        if (pyr_row_bitmap_cardinality(pyr_table_deleted(table, i)) == 0) {
            delete_rows(catalog, "t", i, 0, rows);
        }
    }
    pyr_snapshot_release(snapshot);
    compact_all(catalog, "t");
}

static void step_alter(pyr_catalog *catalog) {
    pyr_snapshot *snapshot = snapshot_of(catalog);
    const pyr_table *table = pyr_snapshot_find(snapshot, NULL, "t");
    const pyr_table_option options[] = {{"sync", "none"}};
    pyr_table_definition definition = pyr_table_get_definition(table);
    definition.options = options;
    definition.options_count = table->options_count == 0 ? 1 : 0;
    pyr_table *altered;
    check_ok(pyr_catalog_altered_table(&definition, &altered, error));
    pyr_change *change = begin(catalog);
    check_ok(pyr_change_alter_table(change, table, altered, false, error));
    end_well(change);
    pyr_table_release(altered);
    pyr_snapshot_release(snapshot);
}

static void step_doubt(pyr_catalog *catalog) {
    catalog->doubtful = true;
    append_rows(catalog, "u", 0, 1);
}

static void step_roll_back(pyr_catalog *catalog) {
    pyr_change *change = begin(catalog);
    change_append(catalog, change, "t", 100, 2);
    pyr_change_destroy(change);
    append_rows(catalog, "u", 0, 1);
}

/* Each step behind each other one, as a reader beside sees it and after a restart. */
static void a_tables_version_never_goes_back(void **state) {
    fixture *f = *state;
    static void (*const steps[])(pyr_catalog *) = {
        step_append, step_append_large, step_delete, step_compact,  step_append_and_delete,
        step_empty,  step_alter,        step_doubt,  step_roll_back};
    enum { STEPS = sizeof(steps) / sizeof(steps[0]) };
    const pyr_table_option in_memory[] = {{"storage_mode", "memory_only"}};
    for (size_t i = 0; i < STEPS * (STEPS + 1); ++i) {
        bool memory_only = i >= (size_t)STEPS * STEPS; /* each step once */
        void (*before)(pyr_catalog *) = steps[memory_only ? 0 : i / STEPS];
        if (memory_only && steps[i % STEPS] == step_alter) {
            continue; /* makes another kind of it */
        }
        pyr_catalog *catalog = open_catalog(f->path);
        atomic_store(&catalog->hot_bytes_max, PYR_HOT_BYTES_MAX);
        create_table_with(catalog, "t", in_memory, memory_only ? 1 : 0);
        create_table(catalog, "u");
        pyr_catalog *reader = open_readonly(f->path);
        append_rows(catalog, "t", 0, 2);
        append_rows(catalog, "t", 2, 2);
        uint64_t version = version_of(catalog, "t");
        before(catalog);
        assert_true(version_of(catalog, "t") >= version);
        append_rows(catalog, "t", 4, 2); /* so that there is something to do */
        version = version_of(catalog, "t");
        steps[i % STEPS](catalog);
        assert_true(version_of(catalog, "t") >= version);
        version = version_of(catalog, "t");
        assert_int_equal(version_of(reader, "t"), version);
        pyr_catalog_close(reader);
        pyr_catalog_close(catalog);
        catalog = open_catalog(f->path);
        assert_int_equal(version_of(catalog, "t"), version);
        check_ok(pyr_catalog_drop_table(catalog, NULL, "t", false, NULL, error));
        check_ok(pyr_catalog_drop_table(catalog, NULL, "u", false, NULL, error));
        records all = records_of(catalog->lsm);
        assert_int_equal(count_of(&all, "version/") + count_of(&all, "segment/"), 0);
        records_free(&all);
        pyr_catalog_close(catalog);
    }
}

static void a_backup_has_versions_that_stand_in_segments(void **state) {
    fixture *f = *state;
    char *copy = strdup(below(f->folder, "copy"));
    pyr_backup_counts counts;
    pyr_catalog *catalog = open_catalog(f->path);
    atomic_store(&catalog->hot_bytes_max, PYR_HOT_BYTES_MAX);
    create_table(catalog, "t");
    for (int i = 0; i < 3; ++i) {
        append_rows(catalog, "t", i, 1);
    }
    uint64_t version = version_of(catalog, "t");
    uint64_t next = atomic_load(&catalog->next_segment);
    check_ok(pyr_catalog_backup(catalog, copy, NULL, &counts, error));
    pyr_catalog_close(catalog);
    catalog = open_catalog(copy);
    assert_int_equal(version_of(catalog, "t"), version);
    assert_string_equal(values_now(catalog, "t"), "0-2");
    assert_true(atomic_load(&catalog->next_segment) >= next);
    pyr_catalog_close(catalog);
    free(copy);
}

static void a_version_that_a_failed_write_left_on_disk_is_taken_back(void **state) {
    fixture *f = *state;
    make_database(f->path);
    pyr_catalog *catalog = open_catalog(f->path);
    pyr_snapshot *snapshot = snapshot_of(catalog);
    const pyr_table *t = pyr_snapshot_find(snapshot, NULL, "t");
    uint64_t version = t->version;
    pyr_lsm_batch *batch;
    check_ok(pyr_lsm_batch_create(&batch, error));
    check_ok(pyr_record_put_segment(batch, t->id, version + 50, t->segments[0], error));
    check_ok(pyr_lsm_write(catalog->lsm, batch, true, error));
    pyr_lsm_batch_destroy(batch);
    pyr_snapshot_release(snapshot);
    catalog->doubtful = true;
    create_table(catalog, "v");
    pyr_catalog_close(catalog);
    catalog = open_catalog(f->path);
    assert_int_equal(version_of(catalog, "t"), version);
    assert_string_equal(values_now(catalog, "t"), "0-11 15-19");
    pyr_catalog_close(catalog);
}

/* ---- Numbers of segments. ---- */

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
        TEST(a_database_of_format_1_is_read_before_and_after_it_is_raised),
        TEST(hot_segments_of_format_1_go_with_their_bytes),
        TEST(doubt_about_a_database_of_format_1_is_settled),
        TEST(a_tables_version_never_goes_back),
        TEST(a_backup_has_versions_that_stand_in_segments),
        TEST(a_version_that_a_failed_write_left_on_disk_is_taken_back),
        TEST(numbers_of_segments_are_written_off_ahead_and_given_back_at_a_close),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
