/* model_registry_test.c - what of the registry SQL alone does not show: writers at once, databases
 * that have a table of that name, sessions with few rights, opening by name. */
#include "support_session.h"

#include "catalog/catalog.h"
#include "formats/safetensors/safetensors.h"
#include "session/session.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* UPDATE, and parameters whose value is not known, are DuckDB's. */
#ifdef PYRALOG_HAVE_DUCKDB
enum { HAVE_DUCKDB = true };
#else
enum { HAVE_DUCKDB = false };
#endif
#define NEEDS_DUCKDB()      \
    do {                    \
        if (!HAVE_DUCKDB) { \
            skip();         \
        }                   \
    } while (0)

/* One tensor of count bytes. */
static void write_model(const char *folder, const char *name, int count) {
    char path[512];
    char json[128];
    int length =
        snprintf(json, sizeof(json),
                 "{\"w\":{\"dtype\":\"U8\",\"shape\":[%d],\"data_offsets\":[0,%d]}}", count, count);
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    for (int i = 0; i < 8; ++i) {
        fputc(i == 0 ? length : 0, file);
    }
    fputs(json, file);
    assert_int_equal(fflush(file), 0);
    assert_int_equal(ftruncate(fileno(file), 8 + length + count), 0);
    assert_int_equal(fclose(file), 0);
}

static void register_model(fixture *f, const char *name, const char *folder, const char *file) {
    char sql[1024];
    snprintf(sql, sizeof(sql), "INSERT INTO model_registry (name, path) VALUES ('%s', '%s/%s')",
             name, folder, file);
    run(f, sql);
}

/* ---- Writers at once. ---- */

enum { EACH = 25 };

typedef struct writer {
    pyr_database *db;
    const char *folder;
    int number;
    pyr_status status;
    pyr_error error;
} writer;

static void *write_models(void *argument) {
    writer *self = argument;
    pyr_connection *connection = NULL;
    self->status = pyr_connect(self->db, &connection, &self->error);
    for (int i = 0; self->status == PYR_OK && i < EACH; ++i) {
        char sql[1024];
        snprintf(sql, sizeof(sql),
                 "INSERT INTO model_registry (name, path) VALUES ('m%d@%d', '%s/m')", self->number,
                 i, self->folder);
        self->status = pyr_execute(connection, sql, NULL, NULL, &self->error);
    }
    pyr_disconnect(connection);
    return NULL;
}

/* The first two make the table, too. */
static void two_connections_register_at_once(void **state) {
    (void)state;
    char *folder = make_folder();
    char location[512];
    fixture f = {0};
    pthread_t threads[2];
    writer writers[2];
    write_model(folder, "m", 10);
    snprintf(location, sizeof(location), "%s/db", folder);
    assert_int_equal(pyr_open(location, NULL, &f.db, &f.error), PYR_OK);
    for (int i = 0; i < 2; ++i) {
        writers[i] = (writer){.db = f.db, .folder = folder, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, write_models, &writers[i]), 0);
    }
    for (int i = 0; i < 2; ++i) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        if (writers[i].status != PYR_OK) {
            fail_msg("%s", writers[i].error.message);
        }
    }
    assert_int_equal(pyr_connect(f.db, &f.connection, &f.error), PYR_OK);
    expect(&f, "SELECT count(*), count(DISTINCT name) FROM model_registry WHERE state = 'ok'",
           "50|50\n");
    pyr_disconnect(f.connection);
    pyr_close(f.db);

    /* It is there again, also for who only reads; what cannot be kept is computed. */
    const char *readonly[] = {"readonly=true", NULL};
    assert_int_equal(pyr_open(location, readonly, &f.db, &f.error), PYR_OK);
    assert_int_equal(pyr_connect(f.db, &f.connection, &f.error), PYR_OK);
    expect(&f, "SELECT size_bytes, state FROM model_registry WHERE name = 'm1@24'", "73|ok\n");
    expect(&f, "SELECT length(model_hash('m1')), count(blake3) FROM model_registry", "64|0\n");
    run_fails(&f, "DELETE FROM model_registry", "25006");
    pyr_disconnect(f.connection);
    pyr_close(f.db);
    remove_folder(folder);
}

static void a_reader_of_an_empty_database_sees_the_registry(void **state) {
    (void)state;
    char *folder = make_folder();
    char location[512];
    fixture f = {0};
    const char *readonly[] = {"readonly=true", NULL};
    snprintf(location, sizeof(location), "%s/db", folder);
    assert_int_equal(pyr_open(location, NULL, &f.db, &f.error), PYR_OK);
    pyr_close(f.db);
    assert_int_equal(pyr_open(location, readonly, &f.db, &f.error), PYR_OK);
    assert_int_equal(pyr_connect(f.db, &f.connection, &f.error), PYR_OK);
    expect(&f, "SELECT count(*) FROM model_registry", "0\n");
    expect(&f, "SHOW TABLES", "");
    pyr_disconnect(f.connection);
    pyr_close(f.db);
    remove_folder(folder);
}

/* ---- A table of somebody's own. ---- */

static void make_own_table(const char *location) {
    pyr_catalog *catalog = NULL;
    pyr_field *field = NULL;
    pyr_schema *schema = NULL;
    assert_int_equal(pyr_catalog_open(location, false, &catalog, NULL), PYR_OK);
    assert_int_equal(pyr_field_create("mine", PYR_TYPE_INT64, &field, NULL), PYR_OK);
    assert_int_equal(pyr_schema_create(&field, 1, NULL, &schema, NULL), PYR_OK);
    const pyr_table_definition definition = {.name = "model_registry", .schema = schema};
    assert_int_equal(pyr_catalog_create_table(catalog, &definition, PYR_CREATE_NEW, NULL, NULL),
                     PYR_OK);
    pyr_schema_release(schema);
    pyr_field_release(field);
    pyr_catalog_close(catalog);
}

static void a_table_that_was_there_before_stays_its_owners(void **state) {
    NEEDS_DUCKDB();
    (void)state;
    char *folder = make_folder();
    char location[512];
    fixture f = {0};
    snprintf(location, sizeof(location), "%s/db", folder);
    make_own_table(location);
    assert_int_equal(pyr_open(location, NULL, &f.db, &f.error), PYR_OK);
    assert_int_equal(pyr_connect(f.db, &f.connection, &f.error), PYR_OK);
    run(&f, "INSERT INTO model_registry VALUES (7)");
    expect(&f, "SELECT mine FROM model_registry", "7\n");
    run_fails(&f, "SELECT model_hash('x')", "55000");
    run(&f, "UPDATE model_registry SET mine = 8");
    run(&f, "ALTER TABLE model_registry RENAME TO old_registry");
    expect(&f, "SELECT count(*) FROM model_registry", "0\n");
    write_model(folder, "m", 3);
    register_model(&f, "m", folder, "m");
    expect(&f, "SELECT name FROM model_registry", "m\n");
    expect(&f, "SELECT mine FROM old_registry", "8\n");
    pyr_disconnect(f.connection);
    pyr_close(f.db);
    remove_folder(folder);
}

/* ---- Opening by name. ---- */

static void expect_opened(fixture *f, pyr_connection *connection, const char *name,
                          int64_t parameters) {
    pyr_safetensors *file = NULL;
    pyr_status status = pyr_session_open_model(connection, name, &file, &f->error);
    if (status != PYR_OK) {
        fail_msg("%s: %s", name, f->error.message);
    }
    assert_int_equal(pyr_safetensors_parameters(file), parameters);
    pyr_safetensors_release(file);
}

static void expect_not_opened(fixture *f, pyr_connection *connection, const char *name,
                              const char *sqlstate) {
    pyr_safetensors *file = NULL;
    assert_int_not_equal(pyr_session_open_model(connection, name, &file, &f->error), PYR_OK);
    assert_null(file);
    assert_string_equal(f->error.sqlstate, sqlstate);
}

static void expect_notice(fixture *f, const char *sql, const char *says) {
    pyr_result result;
    assert_int_equal(pyr_session_run(f->connection, sql, strlen(sql), NULL, 0, &result, &f->error),
                     PYR_OK);
    bool said = strstr(pyr_result_notices(&result), says) != NULL;
    bool wanted = says[0] != '\0' ? said : pyr_result_notices(&result)[0] == '\0';
    if (!wanted) {
        fail_msg("\"%s\" is not \"%s\"", pyr_result_notices(&result), says);
    }
    pyr_result_deinit(&result);
}

static void a_name_opens_what_it_means_and_tells_of_drift(void **state) {
    NEEDS_DUCKDB();
    fixture *f = *state;
    char *folder = make_folder();
    char path[512];
    write_model(folder, "one", 10);
    write_model(folder, "two", 20);
    register_model(f, "m@1", folder, "one");
    register_model(f, "m@2", folder, "two");
    run(f, "INSERT INTO model_registry (name, path) VALUES ('prod', 'model:m@1')");
    expect_opened(f, f->connection, "m", 20);
    expect_opened(f, f->connection, "model:prod", 10);
    snprintf(path, sizeof(path), "%s/one", folder);
    expect_opened(f, f->connection, path, 10);
    expect_not_opened(f, f->connection, "model:nobody", "42P01");
    expect_not_opened(f, f->connection, "nobody", "58030"); /* a path, then */
    expect_notice(f, "SELECT model_pin('prod')", "");
    run(f, "SELECT model_unpin('prod')");
    write_model(folder, "one", 11);
    expect_notice(f, "SELECT model_pin('prod')", "is not as it was registered");
    expect_opened(f, f->connection, "prod", 11);
    run_fails(f, "SELECT model_hash('prod')", "58030");
    run(f, "UPDATE model_registry SET path = path WHERE name = 'm@1'");
    expect_notice(f, "SELECT model_pin('prod')", "");
    assert_int_equal(unlink(path), 0);
    expect_not_opened(f, f->connection, "prod", "58030");
    run_fails(f, "SELECT model_pin('prod')", "58030");
    expect(f, "SELECT name, state FROM model_registry", "m@1|missing\nm@2|ok\nprod|missing\n");
    remove_folder(folder);
}

static void a_restricted_session_opens_what_is_registered(void **state) {
    NEEDS_DUCKDB();
    fixture *f = *state;
    char *folder = make_folder();
    char *allowed = make_folder();
    char *real = realpath(allowed, NULL);
    char path[512];
    const char *const folders[] = {real};
    const pyr_connect_options options = {.remote = true, .folders_count = 1, .folders = folders};
    pyr_connection *remote = NULL;
    write_model(folder, "m", 10);
    write_model(allowed, "n", 20);
    register_model(f, "m", folder, "m");
    assert_int_equal(pyr_session_connect(f->db, &options, &remote, &f->error), PYR_OK);
    expect_opened(f, remote, "m", 10);
    snprintf(path, sizeof(path), "%s/m", folder);
    expect_not_opened(f, remote, path, "42501");
    snprintf(path, sizeof(path), "%s/n", allowed);
    expect_opened(f, remote, path, 20);

    fixture other = {.db = f->db, .connection = remote};
    char sql[1024];
    snprintf(sql, sizeof(sql), "INSERT INTO model_registry (name, path) VALUES ('x', '%s/m')",
             folder);
    run_fails(&other, sql, "42501");
    snprintf(sql, sizeof(sql), "UPDATE model_registry SET path = '%s/none' WHERE name = 'm'",
             folder);
    run_fails(&other, sql, "42501");
    register_model(&other, "n", allowed, "n");
    run_fails(&other, "SET model_memory = '1GB'", "42501");
    expect(&other, "SELECT name, state FROM model_registry", "m|ok\nn|ok\n");
    pyr_disconnect(remote);
    free(real);
    remove_folder(folder);
    remove_folder(allowed);
}

static void model_memory_limits_what_is_pinned(void **state) {
    fixture *f = *state;
    char *folder = make_folder();
    write_model(folder, "a", 3000000);
    register_model(f, "a", folder, "a");
    run(f, "SET model_memory = '1MB'");
    expect(f, "SELECT value FROM pyralog.settings WHERE name = 'model_memory'", "1000000B\n");
    run_fails(f, "SELECT model_pin('a')", "53200");
    assert_non_null(strstr(f->error.message, "1000000"));
    run(f, "SET model_memory = '4MB'");
    run(f, "SELECT model_pin('a')");
    run_fails(f, "SET model_memory = '1MB'", "53200");
    expect(f, "SELECT model_unpin('a')", "unpinned\n");
    run(f, "RESET model_memory");
    run_fails(f, "SET model_memory = 'much'", "22023");
    remove_folder(folder);
}

static void what_only_describes_does_nothing(void **state) {
    NEEDS_DUCKDB();
    fixture *f = *state;
    char *folder = make_folder();
    write_model(folder, "m", 10);
    register_model(f, "m", folder, "m");
    const char sql[] = "SELECT model_hash('m'), model_pin('nobody')";
    pyr_schema *schema = NULL;
    pyr_schema *parameters = NULL;
    bool is_update;
    assert_int_equal(pyr_session_describe(f->connection, sql, strlen(sql), &schema, &is_update,
                                          &parameters, &f->error),
                     PYR_OK);
    assert_int_equal(schema->fields_count, 2);
    assert_string_equal(schema->fields[0]->name, "model_hash('m')");
    pyr_schema_release(schema);
    pyr_schema_release(parameters);
    run(f, "EXPLAIN SELECT model_hash('m')");
    expect(f, "SELECT count(blake3) FROM model_registry", "0\n");
    run(f, "PREPARE h AS SELECT model_hash($1)");
    run(f, "EXECUTE h('m')");
    expect(f, "SELECT count(blake3) FROM model_registry", "1\n");
    remove_folder(folder);
}

static void a_function_runs_once_a_statement(void **state) {
    NEEDS_DUCKDB();
    fixture *f = *state;
    char *folder = make_folder();
    write_model(folder, "m", 10);
    register_model(f, "m@1", folder, "m");
    register_model(f, "n", folder, "m");
    run(f, "INSERT INTO model_registry (name, path) VALUES ('prod', 'model:m@1')");
    /* The second call of an alias finds the row that the first has written. */
    expect(f, "SELECT model_hash('m@1') = model_hash('prod'), model_hash('m@1') = model_hash('n')",
           "true|true\n");
    expect(f, "SELECT name FROM model_registry WHERE blake3 IS NOT NULL ORDER BY name",
           "m@1\nn\nprod\n");
    run(f, "BEGIN");
    expect(f, "SELECT model_hash('m@1') = model_hash('prod')", "true\n");
    run(f, "COMMIT");
    /* It is unpinned once, though it stands twice, and a source is bound twice. */
    run(f, "SELECT model_pin('prod')");
    expect(f, "SELECT model_unpin('prod'), model_unpin('prod')", "unpinned|unpinned\n");
    run(f, "SELECT model_pin('prod')");
    run(f, "CREATE TABLE said (a VARCHAR)");
    run(f, "INSERT INTO said SELECT model_unpin('prod')");
    run(f, "SELECT model_pin('prod')");
    run(f, "CREATE TABLE said_too AS SELECT model_unpin('prod') AS a");
    expect(f, "SELECT a FROM said UNION ALL SELECT a FROM said_too", "unpinned\nunpinned\n");
    /* And again by the next statement. */
    expect(f, "SELECT model_unpin('prod')", "was not pinned\n");
    /* A name is any string. */
    register_model(f, "it''s", folder, "m");
    expect(f, "SELECT length(model_hash('it''s')), length(model_hash($$it's$$))", "64|64\n");
    expect(f, "SELECT length(model_hash(E'it\\'s'))", "64\n");
    run_fails(f, "SELECT model_hash(E'\\u0041')", "0A000");
    remove_folder(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_connections_register_at_once),
        cmocka_unit_test(a_reader_of_an_empty_database_sees_the_registry),
        cmocka_unit_test(a_table_that_was_there_before_stays_its_owners),
        cmocka_unit_test_setup_teardown(a_name_opens_what_it_means_and_tells_of_drift,
                                        fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(a_restricted_session_opens_what_is_registered,
                                        fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(model_memory_limits_what_is_pinned, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(what_only_describes_does_nothing, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(a_function_runs_once_a_statement, fixture_setup,
                                        fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
