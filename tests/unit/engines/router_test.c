#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engines/engine.h"

#include <string.h>

/* Two engines that answer as the test says and note that they were asked. */
typedef struct fake_engine {
    pyr_engine engine;
    pyr_engine_session session;
    pyr_status status;
    const char *sqlstate;
    const char *message;
    int asked;
    int destroyed;
    pyr_prepared prepared;
} fake_engine;

static pyr_status fake_prepare(pyr_engine_session *session, const pyr_engine_query *query,
                               pyr_prepared **out, pyr_error *error) {
    fake_engine *fake = (fake_engine *)session->engine;
    (void)query;
    *out = NULL;
    ++fake->asked;
    if (fake->status != PYR_OK) {
        return pyr_error_set_sql(error, fake->status, fake->sqlstate, 7, "%s", fake->message);
    }
    fake->prepared.session = session;
    *out = &fake->prepared;
    return PYR_OK;
}

static void fake_destroyed(pyr_prepared *prepared) {
    ++((fake_engine *)prepared->session->engine)->destroyed;
}

static const pyr_engine_ops fake_ops = {
    .name = "fake", .prepare = fake_prepare, .prepared_destroy = fake_destroyed};

typedef struct route {
    fake_engine native, duckdb;
    pyr_arena arena;
    pyr_prepared *out;
    const char *why;
    pyr_error error;
} route;

static void init(route *r, pyr_status native, const char *sqlstate, const char *message) {
    memset(r, 0, sizeof(*r));
    r->native = (fake_engine){
        .engine.ops = &fake_ops, .status = native, .sqlstate = sqlstate, .message = message};
    r->duckdb = (fake_engine){.engine.ops = &fake_ops};
    r->native.session.engine = &r->native.engine;
    r->duckdb.session.engine = &r->duckdb.engine;
    pyr_arena_init(&r->arena, NULL);
}

static pyr_status go(route *r, const char *setting, bool with_duckdb) {
    pyr_engine_query query = {0};
    return pyr_router_prepare(&r->native.session, with_duckdb ? &r->duckdb.session : NULL, setting,
                              &query, &r->arena, &r->out, &r->why, &r->error);
}

static void what_native_covers_runs_natively(void **state) {
    (void)state;
    route r;
    init(&r, PYR_OK, NULL, NULL);
    assert_int_equal(go(&r, "auto", true), PYR_OK);
    assert_ptr_equal(r.out, &r.native.prepared);
    assert_string_equal(r.why, "native: covers the whole statement");
    assert_int_equal(r.duckdb.asked, 0);
    assert_int_equal(go(&r, "NATIVE", true), PYR_OK);
    assert_string_equal(r.why, "native: SET engine = 'native'");
    pyr_arena_deinit(&r.arena);
}

static void what_native_does_not_cover_goes_to_duckdb_with_the_reason(void **state) {
    (void)state;
    route r;
    init(&r, PYR_ERROR_NOT_SUPPORTED, "0A000", "the native engine does not cover WHERE");
    assert_int_equal(go(&r, "auto", true), PYR_OK);
    assert_ptr_equal(r.out, &r.duckdb.prepared);
    assert_string_equal(r.why, "duckdb: the native engine does not cover WHERE");
    pyr_arena_deinit(&r.arena);
    init(&r, PYR_ERROR_NOT_SUPPORTED, "42P01", "table \"x\" does not exist");
    assert_int_equal(go(&r, "auto", true), PYR_OK);
    assert_string_equal(r.why, "duckdb: in the catalog, table \"x\" does not exist");
    pyr_arena_deinit(&r.arena);
}

static void an_error_of_the_statement_goes_nowhere_else(void **state) {
    (void)state;
    route r;
    init(&r, PYR_ERROR_SQL, "42703", "no such column");
    assert_int_equal(go(&r, "auto", true), PYR_ERROR_SQL);
    assert_string_equal(r.error.sqlstate, "42703");
    assert_int_equal(r.error.position, 7);
    assert_int_equal(r.duckdb.asked, 0);
    assert_null(r.out);
    assert_null(r.why);
    pyr_arena_deinit(&r.arena);
}

static void with_the_native_engine_alone_its_word_is_final(void **state) {
    (void)state;
    route r;
    init(&r, PYR_ERROR_NOT_SUPPORTED, "0A000", "the native engine does not cover WHERE");
    assert_int_equal(go(&r, "native", true), PYR_ERROR_NOT_SUPPORTED);
    assert_string_equal(r.error.sqlstate, "0A000");
    assert_string_equal(r.error.message, "the native engine does not cover WHERE");
    assert_int_equal(r.duckdb.asked, 0);
    pyr_arena_deinit(&r.arena);
    init(&r, PYR_ERROR_NOT_SUPPORTED, "42P01", "table \"x\" does not exist");
    assert_int_equal(go(&r, "native", true), PYR_ERROR_NOT_FOUND);
    assert_string_equal(r.error.sqlstate, "42P01");
    assert_int_equal(r.error.position, 7);
    pyr_arena_deinit(&r.arena);
}

static void a_build_without_duckdb_says_so(void **state) {
    (void)state;
    route r;
    init(&r, PYR_ERROR_NOT_SUPPORTED, "0A000", "the native engine does not cover WHERE");
    assert_int_equal(go(&r, "auto", false), PYR_ERROR_NOT_SUPPORTED);
    assert_string_equal(r.error.sqlstate, "0A000");
    assert_string_equal(
        r.error.message,
        "the native engine does not cover WHERE, and this build has no DuckDB engine");
    assert_int_equal(go(&r, "duckdb", false), PYR_ERROR_NOT_SUPPORTED);
    assert_string_equal(r.error.sqlstate, "0A000");
    pyr_arena_deinit(&r.arena);
    init(&r, PYR_ERROR_NOT_SUPPORTED, "42P01", "table \"x\" does not exist");
    assert_int_equal(go(&r, "auto", false), PYR_ERROR_NOT_FOUND);
    assert_string_equal(r.error.sqlstate, "42P01");
    pyr_arena_deinit(&r.arena);
}

static void the_setting_decides(void **state) {
    (void)state;
    route r;
    init(&r, PYR_OK, NULL, NULL);
    assert_int_equal(go(&r, "duckdb", true), PYR_OK);
    assert_ptr_equal(r.out, &r.duckdb.prepared);
    assert_string_equal(r.why, "duckdb: SET engine = 'duckdb'");
    assert_int_equal(r.native.asked, 0);
    assert_int_equal(go(&r, "spark", true), PYR_ERROR_NOT_SUPPORTED);
    assert_null(r.out);
    r.duckdb.status = PYR_ERROR_SQL;
    r.duckdb.sqlstate = "42601";
    r.duckdb.message = "syntax error";
    assert_int_equal(go(&r, "duckdb", true), PYR_ERROR_SQL);
    assert_string_equal(r.error.message, "syntax error");
    assert_null(r.out);
    pyr_arena_deinit(&r.arena);
}

static void nothing_is_left_behind_when_memory_ends(void **state) {
    (void)state;
    route r;
    init(&r, PYR_ERROR_NOT_SUPPORTED, "0A000", "the native engine does not cover WHERE");
    pyr_budget *budget = pyr_budget_create(1);
    assert_non_null(budget);
    pyr_arena_deinit(&r.arena);
    pyr_arena_init(&r.arena, budget);
    assert_int_equal(go(&r, "auto", true), PYR_ERROR_MEMORY);
    assert_null(r.out);
    assert_int_equal(r.duckdb.destroyed, 1);
    pyr_arena_deinit(&r.arena);
    pyr_budget_release(budget);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_native_covers_runs_natively),
        cmocka_unit_test(what_native_does_not_cover_goes_to_duckdb_with_the_reason),
        cmocka_unit_test(an_error_of_the_statement_goes_nowhere_else),
        cmocka_unit_test(with_the_native_engine_alone_its_word_is_final),
        cmocka_unit_test(a_build_without_duckdb_says_so),
        cmocka_unit_test(the_setting_decides),
        cmocka_unit_test(nothing_is_left_behind_when_memory_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
