/* duckdb_repeat_test.c - statements that DuckDB ends with "Interrupted!" although nobody did, which
 * it does now and then instead of saying what went wrong. Here it does so when it is told to.
 */
#include "support_session.h"

#include "engines/duckdb/duckdb_internal.h"

static int interruptions; /* to come */

pyr_status __real_pyr_duckdb_error_set(pyr_duckdb_instance *instance, const char *text,
                                       pyr_error *error);
pyr_status __wrap_pyr_duckdb_error_set(pyr_duckdb_instance *instance, const char *text,
                                       pyr_error *error);

pyr_status __wrap_pyr_duckdb_error_set(pyr_duckdb_instance *instance, const char *text,
                                       pyr_error *error) {
    if (interruptions > 0) {
        --interruptions;
        return pyr_error_set_sql(error, PYR_ERROR_CANCELLED, "57014", -1, "Interrupted!");
    }
    return __real_pyr_duckdb_error_set(instance, text, error);
}

static void fails_interrupted(fixture *f, const char *sql, int times, const char *sqlstate) {
    interruptions = times;
    run_fails(f, sql, sqlstate);
    assert_int_equal(interruptions, 0);
}

static void a_query_is_run_again_for_its_error(void **state) {
    fixture *f = *state;
    run(f, "CREATE SCHEMA o; CREATE TABLE o.t (a VARCHAR); INSERT INTO o.t VALUES ('x')");
    run(f, "CREATE VIEW o.v AS SELECT CAST(a AS INTEGER) AS a FROM o.t; USE o");
    fails_interrupted(f, "SELECT * FROM v", 1, "22018");
    fails_interrupted(f, "SELECT a + 1 FROM v ORDER BY 1", 3, "22018");
}

static void who_never_says_what_was_wrong_was_not_cancelled(void **state) {
    fails_interrupted(*state, "SELECT CAST('x' || i AS INTEGER) FROM range(9) r(i)", 5, "58000");
}

static void numbers_of_a_sequence_are_taken_once(void **state) {
    fixture *f = *state;
    run(f, "CREATE SEQUENCE s");
    fails_interrupted(f, "SELECT nextval('s') + CAST('x' || i AS INTEGER) FROM range(1) r(i)", 1,
                      "58000");
    expect(f, "SELECT nextval('s')", "2\n");
}

int main(void) {
#define WITH_FIXTURE(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(a_query_is_run_again_for_its_error),
        WITH_FIXTURE(who_never_says_what_was_wrong_was_not_cancelled),
        WITH_FIXTURE(numbers_of_a_sequence_are_taken_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
