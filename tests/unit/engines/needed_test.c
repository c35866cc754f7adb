/* needed_test.c - which of the catalog's objects a text may mean, where SQL shows it only by what
 * it costs.
 */
#include "engines/needed.h"

#include "base/text.h"
#include "catalog/entry_internal.h"
#include "unit/arrow/support_arrays.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

typedef struct fixture {
    pyr_catalog *catalog;
    pyr_snapshot *snapshot;
    pyr_entries *objects;
} fixture;

static void add_object(fixture *f, pyr_entry_kind kind, const char *name, const char *definition) {
    pyr_entry *object = NULL;
    pyr_entries *grown = NULL;
    uint64_t id = 100 + pyr_entries_count(f->objects);
    assert_int_equal(pyr_entry_create(id, kind, "main", name, "", definition, NULL, &object, NULL),
                     PYR_OK);
    assert_int_equal(pyr_entries_change(f->objects, NULL, object, &grown, NULL), PYR_OK);
    pyr_entry_release(object);
    pyr_entries_release(f->objects);
    f->objects = grown;
}

static void replace(fixture *f, pyr_snapshot *with) {
    pyr_snapshot_release(f->snapshot);
    f->snapshot = with;
}

static int setup(void **state) {
    static fixture f;
    memset(&f, 0, sizeof(f));
    pyr_snapshot *with = NULL;
    pyr_table *table = NULL;
    pyr_schema *schema = NULL;
    pyr_field *field = NULL;
    assert_int_equal(pyr_catalog_open(NULL, false, &f.catalog, NULL), PYR_OK);
    assert_int_equal(pyr_catalog_snapshot(f.catalog, &f.snapshot, NULL), PYR_OK);
    assert_int_equal(pyr_field_create("a", PYR_TYPE_INT32, &field, NULL), PYR_OK);
    assert_int_equal(pyr_schema_create(&field, 1, NULL, &schema, NULL), PYR_OK);
    pyr_field_release(field);
    assert_int_equal(pyr_table_over_segments("main", "t", schema, NULL, 0, &table, NULL), PYR_OK);
    assert_int_equal(pyr_snapshot_with(f.snapshot, table, &with, NULL), PYR_OK);
    pyr_table_release(table);
    pyr_schema_release(schema);
    replace(&f, with);
    add_object(&f, PYR_ENTRY_TYPE, "ty", "AS ENUM ('x')");
    add_object(&f, PYR_ENTRY_MACRO, "m", "() AS 1");
    add_object(&f, PYR_ENTRY_VIEW, "v", "AS SELECT m() AS a FROM t");
    assert_int_equal(pyr_snapshot_with_entries(f.snapshot, f.objects, &with, NULL), PYR_OK);
    replace(&f, with);
    *state = &f;
    return 0;
}

static int teardown(void **state) {
    fixture *f = *state;
    pyr_entries_release(f->objects);
    pyr_snapshot_release(f->snapshot);
    pyr_catalog_close(f->catalog);
    return 0;
}

/* expected: the objects in order, then the tables that are only listed, behind a point. */
static void expect(void **state, const char *sql, const char *expected) {
    const fixture *f = *state;
    pyr_needed needed;
    pyr_text text;
    pyr_text_init(&text);
    assert_int_equal(pyr_needed_find(f->snapshot, NULL, sql, strlen(sql), NULL, &needed, NULL),
                     PYR_OK);
    for (size_t i = 0; i < needed.objects_count; ++i) {
        pyr_text_printf(&text, "%s%s", i > 0 ? " " : "", needed.objects[i]->name);
    }
    for (size_t i = 0; i < needed.stubs_count; ++i) {
        pyr_text_printf(&text, ".%s", needed.stubs[i]->name);
    }
    if (strcmp(pyr_text_get(&text), expected) != 0) {
        print_error("%s\n", sql);
    }
    assert_string_equal(pyr_text_get(&text), expected);
    pyr_text_deinit(&text);
    pyr_needed_deinit(&needed);
}

static void lists_need_what_they_list(void **state) {
    expect(state, "SELECT * FROM duckdb_tables()", "m ty v.t");
    expect(state, "SELECT * FROM information_schema.columns", "m ty v.t");
    expect(state, "SELECT * FROM pg_catalog.pg_class", "m ty v.t");
    expect(state, "SELECT * FROM PG_Views", "m ty v.t");
    expect(state, "SELECT * FROM pg_catalog.pg_type, pg_namespace", "ty");
    expect(state, "SELECT * FROM duckdb_types(), duckdb_views()", "m ty v.t");
}

static void what_lists_nothing_needs_nothing(void **state) {
    expect(state, "SELECT pg_typeof(1), pg_catalog.pg_size_pretty(2) AS pg_size", "");
    expect(state, "SELECT pg_id FROM pg_database, pg_settings", "");
    expect(state, "SELECT 'pg_class'", "");
}

static void an_object_stands_behind_what_it_needs(void **state) {
    expect(state, "SELECT * FROM v", "m v");
    expect(state, "SELECT 'v'", "m v");
}

int main(void) {
#define WITH_FIXTURE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(lists_need_what_they_list),
        WITH_FIXTURE(what_lists_nothing_needs_nothing),
        WITH_FIXTURE(an_object_stands_behind_what_it_needs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
