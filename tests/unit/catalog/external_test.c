/* external_test.c - external tables in the catalog: kept, dropped, replaced; their records. */
#include "support_change.h"

#include "catalog/catalog_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define METADATA "{\"owner\": \"we\"}"

/* files files, every second one with a hash. */
static pyr_external *make_external(size_t files) {
    pyr_external_file *list = calloc(files + 1, sizeof(*list));
    for (size_t i = 0; i < files; ++i) {
        char path[64];
        snprintf(path, sizeof(path), "/data/sales/part-%06zu.parquet", i);
        list[i].object.path = strdup(path);
        list[i].object.size_bytes = (int64_t)i * 1000;
        list[i].object.mtime_ns = -5 + (int64_t)i;
        list[i].object.inode = i + 1;
        list[i].object.etag = i % 3 == 0 ? strdup("\"abc\"") : NULL;
        list[i].hashed = i % 2 == 1;
        memset(list[i].blake3, list[i].hashed ? (int)i : 0, sizeof(list[i].blake3));
    }
    pyr_external *external;
    check_ok(pyr_external_create(PYR_EXTERNAL_PARQUET, "/data/sales", METADATA,
                                 PYR_EXTERNAL_HASH | PYR_EXTERNAL_COLUMNS, 1, list, files,
                                 &external, error));
    return external;
}

static void create_of(pyr_catalog *catalog, const char *name, pyr_external *external,
                      pyr_create_mode mode) {
    const pyr_table_option options[] = {{PYR_EXTERNAL_OPTION, "PARQUET"}};
    pyr_schema *schema = two_columns();
    check_ok(pyr_catalog_create_table(catalog,
                                      &(pyr_table_definition){.name = name,
                                                              .schema = schema,
                                                              .options = options,
                                                              .options_count = 1,
                                                              .external = external},
                                      mode, NULL, error));
    pyr_external_release(external);
    pyr_schema_release(schema);
}

static void create(pyr_catalog *catalog, const char *name, size_t files, pyr_create_mode mode) {
    create_of(catalog, name, make_external(files), mode);
}

static void check_external(const pyr_snapshot *snapshot, const char *name, size_t files) {
    const pyr_table *table = pyr_snapshot_find(snapshot, NULL, name);
    assert_non_null(table);
    const pyr_external *external = table->external;
    pyr_external *wanted = make_external(files);
    assert_non_null(external);
    assert_int_equal(table->rows, -1);
    assert_int_equal(table->size_bytes, wanted->size_bytes);
    assert_int_equal(external->format, wanted->format);
    assert_int_equal(external->flags, wanted->flags);
    assert_int_equal(external->partitions_count, 1);
    assert_string_equal(external->location, wanted->location);
    assert_string_equal(external->metadata, METADATA);
    assert_int_equal(external->files_count, files);
    for (size_t i = 0; i < files; ++i) {
        const pyr_external_file *file = &external->files[i];
        assert_string_equal(file->object.path, wanted->files[i].object.path);
        assert_true(pyr_stored_object_same_state(&file->object, &wanted->files[i].object));
        assert_int_equal(file->hashed, wanted->files[i].hashed);
        assert_memory_equal(file->blake3, wanted->files[i].blake3, sizeof(file->blake3));
        assert_ptr_equal(pyr_external_find(external, file->object.path), file);
    }
    assert_null(pyr_external_find(external, "/data/sales/part"));
    pyr_external_release(wanted);
}

static pyr_lsm *open_lsm(const char *path) {
    pyr_lsm *lsm;
    check_ok(pyr_lsm_open(below(path, "catalog"), false, &lsm, error));
    return lsm;
}

typedef struct totals {
    const char *prefix;
    size_t count;
    size_t largest;
} totals;

static pyr_status count_record(void *context, const char *key, size_t key_size, const char *value,
                               size_t value_size, pyr_error *error) {
    totals *self = context;
    (void)error;
    (void)value;
    if (key_size >= strlen(self->prefix) && memcmp(key, self->prefix, strlen(self->prefix)) == 0) {
        ++self->count;
        self->largest = value_size > self->largest ? value_size : self->largest;
    }
    return PYR_OK;
}

static totals records_of(const char *path, const char *prefix) {
    totals all = {.prefix = prefix};
    pyr_lsm *lsm = open_lsm(path);
    check_ok(pyr_lsm_scan(lsm, "", 0, count_record, &all, error));
    pyr_lsm_close(lsm);
    return all;
}

static void what_was_registered_is_there_after_a_restart(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_catalog(f->path);
    create(catalog, "none", 0, PYR_CREATE_NEW);
    create(catalog, "one", 1, PYR_CREATE_NEW);
    create(catalog, "Many", 700, PYR_CREATE_NEW);
    create_table(catalog, "ordinary");
    pyr_catalog_close(catalog);
    catalog = open_catalog(f->path);
    pyr_snapshot *snapshot = snapshot_of(catalog);
    check_external(snapshot, "none", 0);
    check_external(snapshot, "one", 1);
    check_external(snapshot, "many", 700);
    assert_null(pyr_snapshot_find(snapshot, NULL, "ordinary")->external);
    pyr_snapshot_release(snapshot);
    pyr_catalog_close(catalog);
}

static void the_record_is_small_however_many_files_there_are(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_catalog(f->path);
    create(catalog, "many", 5000, PYR_CREATE_NEW);
    pyr_catalog_close(catalog);
    totals external = records_of(f->path, "external:many");
    assert_int_equal(external.count, 1);
    assert_true(external.largest < 1024);
    assert_int_equal(records_of(f->path, "external_file:").count, 5000);
}

static void replacing_and_dropping_leave_no_record(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_catalog(f->path);
    create(catalog, "t", 10, PYR_CREATE_NEW);
    create(catalog, "T", 3, PYR_CREATE_OR_REPLACE);
    pyr_catalog_close(catalog);
    assert_int_equal(records_of(f->path, "external:").count, 1);
    assert_int_equal(records_of(f->path, "external_file:").count, 3);
    catalog = open_catalog(f->path);
    pyr_snapshot *snapshot = snapshot_of(catalog);
    check_external(snapshot, "t", 3);
    check_ok(pyr_catalog_drop_table(catalog, NULL, "t", false, NULL, error));
    check_external(snapshot, "t", 3); /* who has it keeps it */
    pyr_snapshot_release(snapshot);
    pyr_catalog_close(catalog);
    assert_int_equal(records_of(f->path, "external").count, 0);
    assert_int_equal(records_of(f->path, "table/").count, 0);
}

/* ---- Damage. ---- */

typedef struct record {
    char key[64];
    size_t key_size;
    char *value;
    size_t value_size;
} record;

typedef struct record_list {
    record items[8];
    size_t count;
} record_list;

static pyr_status keep_record(void *context, const char *key, size_t key_size, const char *value,
                              size_t value_size, pyr_error *error) {
    record_list *self = context;
    (void)error;
    record *item = &self->items[self->count++];
    assert_true(self->count <= 8 && key_size <= sizeof(item->key));
    memcpy(item->key, key, key_size);
    item->key_size = key_size;
    item->value = malloc(value_size);
    memcpy(item->value, value, value_size);
    item->value_size = value_size;
    return PYR_OK;
}

/* value NULL: deleted. */
static void put(pyr_lsm *lsm, const record *item, const char *value, size_t value_size) {
    pyr_lsm_batch *batch;
    check_ok(pyr_lsm_batch_create(&batch, error));
    if (value != NULL) {
        pyr_lsm_batch_put(batch, item->key, item->key_size, value, value_size);
    } else {
        pyr_lsm_batch_delete(batch, item->key, item->key_size);
    }
    check_ok(pyr_lsm_write(lsm, batch, false, error));
    pyr_lsm_batch_destroy(batch);
}

static pyr_status load(pyr_lsm *lsm, pyr_error *fault) {
    pyr_table **tables = NULL;
    size_t count = 0;
    PYR_TRY(pyr_records_load(lsm, "db", NULL, &tables, &count, fault));
    for (size_t i = 0; i < count; ++i) {
        pyr_table_release(tables[i]);
    }
    free(tables);
    return PYR_OK;
}

static void a_record_that_is_damaged_or_gone_is_corrupt(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_catalog(f->path);
    create(catalog, "t", 3, PYR_CREATE_NEW);
    pyr_catalog_close(catalog);
    pyr_lsm *lsm = open_lsm(f->path);
    record_list all = {.count = 0};
    check_ok(pyr_lsm_scan(lsm, "external", 8, keep_record, &all, error));
    assert_int_equal(all.count, 1 + 3);
    for (size_t i = 0; i < all.count; ++i) {
        const record *item = &all.items[i];
        char *value = malloc(item->value_size);
        for (size_t j = 0; j < item->value_size; ++j) {
            memcpy(value, item->value, item->value_size);
            value[j] ^= (char)(1 << (j % 8));
            put(lsm, item, value, item->value_size);
            assert_int_equal(load(lsm, &f->error), PYR_ERROR_CORRUPT);
            put(lsm, item, item->value, j);
            assert_int_equal(load(lsm, &f->error), PYR_ERROR_CORRUPT);
        }
        free(value);
        put(lsm, item, NULL, 0);
        assert_int_equal(load(lsm, &f->error), PYR_ERROR_CORRUPT);
        assert_message_has(&f->error, "external table");
        put(lsm, item, item->value, item->value_size);
        check_ok(load(lsm, error));
    }
    for (size_t i = 0; i < all.count; ++i) {
        free(all.items[i].value);
    }
    pyr_lsm_close(lsm);
}

static void a_size_that_its_files_do_not_have_is_corrupt(void **state) {
    fixture *f = *state;
    pyr_catalog *catalog = open_catalog(f->path);
    pyr_external *external = make_external(3);
    external->size_bytes += 1;
    create_of(catalog, "t", external, PYR_CREATE_NEW);
    pyr_catalog_close(catalog);
    assert_int_equal(pyr_catalog_open(f->path, false, &catalog, &f->error), PYR_ERROR_CORRUPT);
    assert_message_has(&f->error, "external table");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(what_was_registered_is_there_after_a_restart),
        TEST(the_record_is_small_however_many_files_there_are),
        TEST(replacing_and_dropping_leave_no_record),
        TEST(a_record_that_is_damaged_or_gone_is_corrupt),
        TEST(a_size_that_its_files_do_not_have_is_corrupt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
