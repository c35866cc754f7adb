/* change_rows_test.c - DELETE, UPDATE, TRUNCATE, and transactions around them. */
#include "support_session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WITH_FIXTURE(test) cmocka_unit_test_setup_teardown(test, fixture_setup, fixture_teardown)

static void everything_can_be_deleted_without_duckdb(void **state) {
    fixture *f = *state;
    run(f, "CREATE TABLE t (a INTEGER, b VARCHAR)");
    run(f, "INSERT INTO t VALUES (1, 'one'), (2, NULL)");
    run(f, "INSERT INTO t VALUES (3, 'three')");
    assert_int_equal(run(f, "DELETE FROM t"), 3);
    expect(f, "SELECT * FROM t", "");
    expect(f, "SELECT COUNT(*) FROM t", "0\n");
    run(f, "INSERT INTO t VALUES (4, 'four')");
    expect(f, "SELECT * FROM t", "4|four\n");
    assert_int_equal(run(f, "TRUNCATE TABLE t"), 1);
    assert_int_equal(run(f, "TRUNCATE t"), 0);
    expect(f, "SELECT COUNT(*) FROM t", "0\n");
    run_fails(f, "DELETE FROM nowhere", "42P01");
}

static void a_transaction_is_seen_by_itself_until_it_commits(void **state) {
    fixture *f = *state;
    pyr_connection *other = NULL;
    assert_int_equal(pyr_connect(f->db, &other, &f->error), PYR_OK);
    fixture g = {.db = f->db, .connection = other};
    run(f, "CREATE TABLE t (a INTEGER)");
    run(f, "INSERT INTO t VALUES (1)");
    run(f, "BEGIN");
    run(f, "INSERT INTO t VALUES (2)");
    run(f, "CREATE TABLE u AS SELECT a FROM t");
    run(f, "DELETE FROM t");
    run(f, "INSERT INTO t VALUES (3)");
    expect(f, "SELECT a FROM t", "3\n");
    expect(f, "SELECT a FROM u", "1\n2\n");
    expect(f, "SHOW TABLES", "t\nu\n");
    expect(&g, "SELECT a FROM t", "1\n");
    expect(&g, "SHOW TABLES", "t\n");
    run(f, "COMMIT");
    expect(&g, "SELECT a FROM t", "3\n");
    expect(&g, "SELECT a FROM u", "1\n2\n");
    pyr_disconnect(other);
}

static void a_rollback_or_a_lost_connection_leaves_nothing(void **state) {
    fixture *f = *state;
    run(f, "CREATE TABLE t (a INTEGER)");
    run(f, "INSERT INTO t VALUES (1)");
    run(f, "BEGIN TRANSACTION");
    run(f, "DROP TABLE t");
    run(f, "CREATE TABLE t (b VARCHAR)");
    run(f, "INSERT INTO t VALUES ('x')");
    expect(f, "SELECT * FROM t", "x\n");
    run(f, "ROLLBACK");
    expect(f, "SELECT * FROM t", "1\n");
    pyr_connection *other = NULL;
    assert_int_equal(pyr_connect(f->db, &other, &f->error), PYR_OK);
    fixture g = {.db = f->db, .connection = other};
    run(&g, "BEGIN");
    run(&g, "DELETE FROM t");
    pyr_disconnect(other);
    expect(f, "SELECT * FROM t", "1\n");
}

static void a_failed_statement_aborts_its_transaction(void **state) {
    fixture *f = *state;
    run(f, "CREATE TABLE t (a INTEGER)");
    run(f, "BEGIN");
    run(f, "INSERT INTO t VALUES (1)");
    run_fails(f, "INSERT INTO nowhere VALUES (1)", "42P01");
    run_fails(f, "SELECT a FROM t", "25P02");
    run_fails(f, "COMMIT", "25P02");
    expect(f, "SELECT COUNT(*) FROM t", "0\n");
    run_fails(f, "COMMIT", "25P01");
    run_fails(f, "ROLLBACK", "25P01");
    run(f, "BEGIN");
    run_fails(f, "BEGIN", "25001");
    run(f, "ROLLBACK");
    run(f, "BEGIN READ ONLY");
    expect(f, "SELECT COUNT(*) FROM t", "0\n");
    run_fails(f, "INSERT INTO t VALUES (1)", "25006");
    run(f, "ROLLBACK");
}

static void the_second_to_delete_a_row_is_told(void **state) {
    fixture *f = *state;
    pyr_connection *other = NULL;
    assert_int_equal(pyr_connect(f->db, &other, &f->error), PYR_OK);
    fixture g = {.db = f->db, .connection = other};
    run(f, "CREATE TABLE t (a INTEGER)");
    run(f, "INSERT INTO t VALUES (1), (2)");
    run(f, "BEGIN");
    run(&g, "BEGIN");
    run(f, "DELETE FROM t");
    run(&g, "DELETE FROM t");
    run(&g, "INSERT INTO t VALUES (9)");
    run(f, "COMMIT");
    run_fails(&g, "COMMIT", "40001");
    expect(&g, "SELECT COUNT(*) FROM t", "0\n");
    pyr_disconnect(other);
}

#ifdef PYRALOG_HAVE_DUCKDB
static void deletes_take_out_what_the_condition_says(void **state) {
    fixture *f = *state;
    run(f, "CREATE TABLE t AS SELECT i AS a, 'row ' || i AS b FROM range(300000) r(i)");
    run(f, "INSERT INTO t SELECT i, 'more' FROM range(300000, 300010) r(i)");
    assert_int_equal(run(f, "DELETE FROM t WHERE a % 3 = 0"), 100004);
    expect(f, "SELECT COUNT(*) FROM t", "200006\n");
    expect(f, "SELECT count(a), sum(a), count(DISTINCT b), min(b) FROM t WHERE a < 300000",
           "200000|30000000000|200000|row 1\n");
    expect(f, "SELECT a, b FROM t LIMIT 2 OFFSET 200000", "300001|more\n300002|more\n");
    expect(f, "SELECT a, b FROM t LIMIT 2 OFFSET 123456", "185185|row 185185\n185186|row 185186\n");
    assert_int_equal(run(f, "DELETE FROM t AS x WHERE x.a >= 1000 AND x.b <> 'more'"), 199334);
    expect(f, "SELECT count(*), max(a) FROM t WHERE b <> 'more'", "666|998\n");
    run_fails(f, "DELETE FROM t WHERE nope = 1", "42703");
    assert_int_equal(f->error.position, (int)strlen("DELETE FROM t WHERE "));
    expect(f, "SELECT rows FROM (SELECT count(*) AS rows FROM t)", "672\n");
}

static void a_delete_may_look_at_other_tables(void **state) {
    fixture *f = *state;
    run(f, "CREATE TABLE t AS SELECT i AS a FROM range(10) r(i)");
    run(f, "CREATE TABLE doomed AS SELECT i * 2 AS a FROM range(3) r(i), range(2)");
    assert_int_equal(run(f, "DELETE FROM t USING doomed d WHERE t.a = d.a"), 3);
    assert_int_equal(run(f, "DELETE FROM t WHERE a IN (SELECT a + 1 FROM doomed)"), 3);
    expect(f, "SELECT a FROM t", "6\n7\n8\n9\n");
}

static void updates_change_what_is_set_and_keep_the_rest(void **state) {
    fixture *f = *state;
    run(f, "CREATE TABLE t (a INTEGER, b VARCHAR NOT NULL, c DOUBLE)");
    run(f, "INSERT INTO t VALUES (1, 'x', 0.5), (2, 'y', 1.5), (3, 'z', NULL)");
    assert_int_equal(run(f, "UPDATE t SET c = a * 10, b = upper(b) WHERE a >= 2"), 2);
    expect(f, "SELECT * FROM t ORDER BY a", "1|x|0.5\n2|Y|20.0\n3|Z|30.0\n");
    assert_int_equal(run(f, "UPDATE t AS q SET a = q.a + 1"), 3);
    expect(f, "SELECT a FROM t ORDER BY a", "2\n3\n4\n");
    run_fails(f, "UPDATE t SET b = NULL WHERE a = 2", "23502");
    run_fails(f, "UPDATE t SET nope = 1", "42703");
    run_fails(f, "UPDATE t SET a = 1, A = 2", "42701");
    run_fails(f, "UPDATE t SET a = 3000000000", "22003");
    expect(f, "SELECT * FROM t ORDER BY a", "2|x|0.5\n3|Y|20.0\n4|Z|30.0\n");
    run(f, "CREATE TABLE u AS SELECT 3 AS a, 'from u' AS b FROM range(2)");
    assert_int_equal(run(f, "UPDATE t SET b = u.b FROM u WHERE t.a = u.a"), 1);
    expect(f, "SELECT b FROM t WHERE a = 3", "from u\n");
    assert_int_equal(run(f, "UPDATE t SET c = DEFAULT WHERE a = 3"), 1);
    expect(f, "SELECT c FROM t WHERE a = 3", "NULL\n");
}

static void parameters_keep_their_order_whatever_the_columns_are(void **state) {
    fixture *f = *state;
    run(f, "CREATE TABLE t (a INTEGER, b INTEGER, c INTEGER)");
    run(f, "INSERT INTO t VALUES (1, 2, 3), (4, 5, 6)");
    run(f, "PREPARE change AS UPDATE t SET c = ?, a = ? WHERE b = ?");
    assert_int_equal(run(f, "EXECUTE change(30, 10, 2)"), 1);
    expect(f, "SELECT * FROM t ORDER BY b", "10|2|30\n4|5|6\n");
}

static void updates_see_their_own_transaction(void **state) {
    fixture *f = *state;
    run(f, "CREATE TABLE t AS SELECT i AS a FROM range(5) r(i)");
    run(f, "BEGIN");
    run(f, "UPDATE t SET a = a + 100 WHERE a >= 3");
    run(f, "UPDATE t SET a = a + 1 WHERE a >= 100");
    run(f, "DELETE FROM t WHERE a = 105");
    expect(f, "SELECT a FROM t ORDER BY a", "0\n1\n2\n104\n");
    run(f, "COMMIT");
    expect(f, "SELECT a FROM t ORDER BY a", "0\n1\n2\n104\n");
}

static void changes_survive_reopening(void **state) {
    fixture *f = *state;
    (void)f;
    char *folder = make_folder();
    fixture g = {0};
    for (int round = 0; round < 3; ++round) {
        assert_int_equal(pyr_open(folder, NULL, &g.db, &g.error), PYR_OK);
        assert_int_equal(pyr_connect(g.db, &g.connection, &g.error), PYR_OK);
        if (round == 0) {
            run(&g, "CREATE TABLE t AS SELECT i AS a FROM range(5000) r(i)");
            run(&g, "DELETE FROM t WHERE a % 2 = 1");
            run(&g, "UPDATE t SET a = -a WHERE a >= 4000");
        } else if (round == 1) {
            expect(&g, "SELECT count(*), min(a), max(a), sum(a) FROM t",
                   "2500|-4998|3998|1748500\n");
            run(&g, "DELETE FROM t WHERE a < 0");
        } else {
            expect(&g, "SELECT count(*), min(a), max(a), sum(a) FROM t", "2000|0|3998|3998000\n");
        }
        pyr_disconnect(g.connection);
        pyr_close(g.db);
    }
    remove_folder(folder);
}

/* changed: rows that the statement is about; none of the others is decoded. */
static void changes_few(fixture *f, const char *sql, int64_t changed) {
    pyr_ledger_report ledger;
    assert_int_equal(run(f, sql), changed);
    pyr_ledger(f->connection, &ledger);
    if (copied(&ledger, "row decoding") > 2048) {
        fail_msg("%s: %lld bytes decoded", sql, (long long)copied(&ledger, "row decoding"));
    }
}

static void changes_by_key_read_the_rows_of_their_range_only(void **state) {
    fixture *f = *state;
    run(f, "CREATE TABLE t (k BIGINT, s VARCHAR, v BIGINT, PRIMARY KEY (k, s))");
    run(f, "INSERT INTO t SELECT i, 's' || (i % 3), i FROM range(20000) r(i)");
    changes_few(f, "UPDATE t SET v = -v WHERE k = 7", 1);
    changes_few(f, "UPDATE t SET v = t.v + 1 WHERE t.k IN (8, 9, 9, 77777) AND v > 0", 2);
    changes_few(f, "UPDATE t SET k = k + 20000 WHERE k = 10 AND s = 's1'", 1);
    changes_few(f, "UPDATE t SET v = o.v FROM (VALUES (11, -1)) o(k, v) WHERE t.k = 11", 1);
    changes_few(f, "DELETE FROM t WHERE k BETWEEN 12 AND 14", 3);
    changes_few(f, "DELETE FROM t WHERE k = 15 AND s > 's0'", 0);
    changes_few(f, "DELETE FROM main.t WHERE 19990 <= k AND v < 19992", 3);
    run(f, "BEGIN");
    run(f, "INSERT INTO t VALUES (7, 'x', 0)");
    changes_few(f, "UPDATE t SET v = 5 WHERE k = 7", 2);
    run(f, "COMMIT");
    expect(f, "SELECT k, v FROM t WHERE k < 17 AND k > 6 ORDER BY k + 0, v",
           "7|5\n7|5\n8|9\n9|10\n11|-1\n15|15\n16|16\n");
    expect(f, "SELECT count(*), max(k + 0) FROM t", "19995|19999\n");
}
#endif

int main(void) {
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(everything_can_be_deleted_without_duckdb),
        WITH_FIXTURE(a_transaction_is_seen_by_itself_until_it_commits),
        WITH_FIXTURE(a_rollback_or_a_lost_connection_leaves_nothing),
        WITH_FIXTURE(a_failed_statement_aborts_its_transaction),
        WITH_FIXTURE(the_second_to_delete_a_row_is_told),
#ifdef PYRALOG_HAVE_DUCKDB
        WITH_FIXTURE(deletes_take_out_what_the_condition_says),
        WITH_FIXTURE(a_delete_may_look_at_other_tables),
        WITH_FIXTURE(updates_change_what_is_set_and_keep_the_rest),
        WITH_FIXTURE(parameters_keep_their_order_whatever_the_columns_are),
        WITH_FIXTURE(updates_see_their_own_transaction),
        WITH_FIXTURE(changes_survive_reopening),
        WITH_FIXTURE(changes_by_key_read_the_rows_of_their_range_only),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
