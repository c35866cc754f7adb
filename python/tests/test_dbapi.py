"""What PEP 249 asks for, and errors."""
import sys
import threading

import pyralog
import pytest


def test_the_module_says_what_it_is():
    assert (pyralog.apilevel, pyralog.threadsafety, pyralog.paramstyle) == ("2.0", 2, "qmark")
    assert pyralog.library_version() == pyralog.__version__


def test_exceptions_are_a_tree():
    assert issubclass(pyralog.Error, Exception)
    for name in ("DataError", "OperationalError", "IntegrityError", "InternalError", "ProgrammingError",
                 "NotSupportedError"):
        assert issubclass(getattr(pyralog, name), pyralog.DatabaseError)
    assert issubclass(pyralog.DatabaseError, pyralog.Error)
    assert issubclass(pyralog.InterfaceError, pyralog.Error)


def test_three_lines_are_enough():
    conn = pyralog.connect()
    assert conn.execute("SELECT 40 + $1", [2]).fetchall() == [(42,)]


def test_rows_come_as_they_are_asked_for(conn):
    conn.execute("CREATE TABLE t (a BIGINT); INSERT INTO t VALUES (1), (2), (3), (4), (5), (6)")
    cursor = conn.cursor()
    assert cursor.execute("SELECT a FROM t ORDER BY a") is cursor
    assert cursor.fetchone() == (1,)
    assert cursor.fetchmany() == [(2,)]
    assert cursor.fetchmany(2) == [(3,), (4,)]
    assert list(cursor) == [(5,), (6,)]
    assert cursor.fetchone() is None
    assert cursor.fetchmany(3) == cursor.fetchall() == []


def test_many_rows_come_in_order_whatever_the_steps(conn):
    conn.ingest("t", table_of(range(20001)))
    assert conn.execute("SELECT a FROM t").fetchall() == [(i,) for i in range(20001)]
    result, seen = conn.execute("SELECT a FROM t"), []
    for size in (1, 4095, 1, 4096, 7, 100000):
        seen += result.fetchmany(size)
    assert seen == [(i,) for i in range(20001)]
    assert sum(row[0] for row in conn.execute("SELECT a FROM t")) == 20001 * 10000


def table_of(values):
    pyarrow = pytest.importorskip("pyarrow")
    return pyarrow.table({"a": pyarrow.array(values, pyarrow.int64())})


def test_description_and_rowcount(conn):
    cursor = conn.cursor()
    assert cursor.description is None and cursor.rowcount == -1
    cursor.execute("CREATE TABLE t (a BIGINT, b VARCHAR, c DATE, d BLOB)")
    assert cursor.description is None and cursor.rowcount == 0
    cursor.execute("INSERT INTO t (a) VALUES (1), (2), (3)")
    assert cursor.rowcount == 3
    cursor.execute("UPDATE t SET b = 'x' WHERE a > 1")
    assert cursor.rowcount == 2
    cursor.execute("SELECT * FROM t")
    assert cursor.rowcount == -1
    assert [column[0] for column in cursor.description] == ["a", "b", "c", "d"]
    assert all(len(column) == 7 for column in cursor.description)
    types = [column[1] for column in cursor.description]
    assert types == [pyralog.NUMBER, pyralog.STRING, pyralog.DATETIME, pyralog.BINARY]
    assert types[0] != pyralog.STRING and pyralog.NUMBER != pyralog.STRING


def test_a_statement_without_rows_has_none_to_fetch(conn):
    with pytest.raises(pyralog.ProgrammingError):
        conn.execute("CREATE TABLE t (a BIGINT)").fetchall()
    with pytest.raises(pyralog.ProgrammingError):
        conn.cursor().fetchone()


def test_several_statements_give_the_last_ones_result(conn):
    assert conn.execute("CREATE TABLE t (a BIGINT); INSERT INTO t VALUES (1); SELECT a + 1 FROM t").fetchall() == [(2,)]


def test_executemany_prepares_once(conn):
    conn.execute("CREATE TABLE t (a BIGINT, b VARCHAR)")
    cursor = conn.cursor()
    cursor.executemany("INSERT INTO t VALUES (?, ?)", ((i, None if i == 1 else str(i)) for i in range(4)))
    assert cursor.rowcount == 4
    assert conn.execute("SELECT * FROM t ORDER BY a").fetchall() == [(0, "0"), (1, None), (2, "2"), (3, "3")]
    with pytest.raises(pyralog.ProgrammingError):
        conn.executemany("INSERT INTO nowhere VALUES (?)", [[1]])


def test_executemany_runs_rows_of_the_same_types_together(conn):
    conn.execute("CREATE TABLE t (a BIGINT PRIMARY KEY, b VARCHAR)")
    sql = "INSERT INTO t VALUES (?, ?)"
    assert conn.executemany(sql, ((i, None if i % 3 else str(i)) for i in range(25000))) == 25000
    ran = conn.execute("SELECT count(*) FROM pyralog.queries WHERE sql = ?", [sql]).fetchone()
    assert ran == (3,)
    assert conn.execute("SELECT count(b), sum(a), max(b) FROM t").fetchone() == (8334, 312487500, "9999")
    # All or none of those that go together: the key 7 is there.
    with pytest.raises(pyralog.IntegrityError):
        conn.executemany(sql, [(30000, "x"), (7, "x")])
    assert conn.execute("SELECT count(*) FROM t").fetchone() == (25000,)
    # A float is none of the ints before it, whose column says what it becomes.
    assert conn.executemany("INSERT INTO t VALUES (?, ?)", [(40000, None), (40001.0, None), (40002, "y")]) == 3
    assert conn.executemany("UPDATE t SET b = ? WHERE a = ?", [("u", 1), ("v", 2), ("w", 99999)]) == 2
    assert conn.execute("SELECT a, b FROM t WHERE a IN (1, 2, 40001) ORDER BY a").fetchall() == [
        (1, "u"), (2, "v"), (40001, None)]
    assert conn.executemany("SELECT ?", [[1], [2]]) == 0
    assert conn.executemany("INSERT INTO t VALUES (?, ?) RETURNING a", [(50000, None), (50001, None)]) == 2
    assert conn.executemany(sql, []) == 0


def test_transactions_end_as_they_are_told(conn):
    conn.execute("CREATE TABLE t (a BIGINT)")
    conn.commit()  # nothing was begun: nothing to do
    conn.rollback()
    conn.begin()
    conn.execute("INSERT INTO t VALUES (1)")
    conn.rollback()
    assert conn.execute("SELECT COUNT(*) FROM t").fetchone() == (0,)
    conn.begin()
    conn.execute("INSERT INTO t VALUES (1)")
    conn.commit()
    assert conn.execute("SELECT COUNT(*) FROM t").fetchone() == (1,)


@pytest.mark.parametrize("sql, kind, sqlstate, place", [
    ("SELEC 1", pyralog.ProgrammingError, "42601", "SELEC"),
    ("SELECT * FROM nowhere", pyralog.ProgrammingError, "42P01", "nowhere"),
    ("SELECT 'ä', missing FROM t", pyralog.ProgrammingError, "42703", "missing"),
    ("INSERT INTO k VALUES (1), (1)", pyralog.IntegrityError, "23505", None),
    ("INSERT INTO k VALUES (NULL)", pyralog.IntegrityError, "23502", None),
])
def test_errors_say_kind_state_and_place(conn, sql, kind, sqlstate, place):
    conn.execute("CREATE TABLE t (a BIGINT); CREATE TABLE k (a BIGINT PRIMARY KEY)")
    with pytest.raises(kind) as caught:
        conn.execute(sql)
    assert caught.value.sqlstate == sqlstate
    if place is not None:
        assert sql[caught.value.position:].startswith(place)  # in characters, not in bytes


def test_an_error_that_comes_with_the_rows_has_its_state(conn):
    conn.execute("CREATE TABLE t AS SELECT 9223372036854775807 AS a")
    with pytest.raises(pyralog.DataError) as caught:
        conn.execute("SELECT a + 1 FROM t").fetchall()
    assert caught.value.sqlstate == "22003"


def test_what_is_closed_says_so(conn):
    cursor = conn.cursor()
    cursor.close()
    cursor.close()
    with pytest.raises(pyralog.InterfaceError):
        cursor.execute("SELECT 1")
    result = conn.execute("SELECT 1")
    result.close()
    with pytest.raises(pyralog.InterfaceError):
        result.fetchall()
    conn.close()
    conn.close()
    for use in (lambda: conn.execute("SELECT 1"), conn.cursor, conn.ledger, conn.notices, conn.duplicate,
                lambda: conn.tensors("x"), conn.commit):
        with pytest.raises(pyralog.InterfaceError):
            use()
    conn.cancel()  # nothing runs: nothing happens


def test_texts_with_a_zero_byte_are_refused(conn):
    for use in (lambda: conn.execute("SELECT 1\0; DROP TABLE t"), lambda: conn.ingest("a\0b", table_of([1])),
                lambda: pyralog.connect("a\0b"), lambda: conn.tensors("a\0b")):
        with pytest.raises(pyralog.InterfaceError):
            use()


def test_options_and_locations(tmp_path):
    with pyralog.connect(tmp_path / "db", threads=2) as conn:
        conn.execute("CREATE TABLE t (a BIGINT); INSERT INTO t VALUES (1)")
    with pyralog.connect(tmp_path / "db", readonly=True) as conn:
        assert conn.execute("SELECT * FROM t").fetchall() == [(1,)]
        with pytest.raises(pyralog.Error) as caught:
            conn.execute("INSERT INTO t VALUES (2)")
        assert caught.value.sqlstate == "25006"
    with pytest.raises(pyralog.Error):
        pyralog.connect(nonsense=1)


def test_duplicates_see_the_same_database_and_outlive_the_first():
    first = pyralog.connect()
    first.execute("CREATE TABLE t (a BIGINT)")
    second = first.duplicate()
    first.close()
    second.execute("INSERT INTO t VALUES (1)")
    assert second.execute("SELECT * FROM t").fetchall() == [(1,)]
    second.close()


def test_the_ledger_and_notices(conn, tmp_path):
    conn.ingest("t", table_of(range(1000)))
    conn.execute("SELECT a FROM t").fetchall()
    ledger = conn.ledger()
    assert ledger["engine"] == "native" and ledger["rows"] == 1000
    assert ledger["bytes_copied"] == 0 and ledger["copies"] == []
    assert conn.notices() == []
    path = tmp_path / "a.arrow"
    conn.execute(f"COPY (VALUES (1)) TO '{path}' (FORMAT arrow)")
    conn.execute(f"CREATE EXTERNAL TABLE e STORED AS ARROW LOCATION '{path}'")
    conn.execute(f"COPY (VALUES (1), (2)) TO '{path}' (FORMAT arrow)")
    conn.execute("SELECT * FROM e").fetchall()
    assert len(conn.notices()) == 1 and "changed" in conn.notices()[0]


# ---- Threads. ----


def test_cancel_comes_from_another_thread(conn, duckdb_engine):
    failures = []

    def work():
        try:
            conn.execute("SELECT COUNT(*) FROM range(10000000) a(i), range(10000000) b(j) WHERE (i * j) % 7 = 3")
        except pyralog.OperationalError as error:
            failures.append(error.sqlstate)

    worker = threading.Thread(target=work)
    worker.start()
    while worker.is_alive():  # until it runs there is nothing to cancel
        conn.cancel()
        worker.join(0.01)
    assert failures == ["57014"]
    assert conn.execute("SELECT 1").fetchall() == [(1,)]


def test_notices_are_waited_for_and_leave_cancel_free(conn):
    """A source stands in its first batch while a thread asks for notices: cancel must not wait for it."""
    pa = pytest.importorskip("pyarrow")
    reached, cancelled = threading.Event(), threading.Event()
    taken = []

    def batches():
        yield pa.record_batch({"a": [1]})
        reached.set()
        taken.append(cancelled.wait(20))
        yield pa.record_batch({"a": [2]})

    def ingest():
        try:
            conn.ingest("t", pa.RecordBatchReader.from_batches(pa.schema([("a", pa.int64())]), batches()))
        except pyralog.OperationalError as error:
            taken.append(error.sqlstate)

    workers = [threading.Thread(target=ingest), threading.Thread(target=conn.notices)]
    workers[0].start()
    assert reached.wait(60)
    workers[1].start()
    place = None
    while place is None or place[0] not in ("notices", "__enter__") or place != place_of(workers[1]):
        place = place_of(workers[1])  # until it stands still where it waits
        workers[1].join(0.01)
    conn.cancel()
    cancelled.set()
    for worker in workers:
        worker.join()
    assert taken == [True, "57014"]


def place_of(thread):
    """The function that a thread is in, and where in it."""
    frame = sys._current_frames().get(thread.ident)
    return frame and (frame.f_code.co_name, frame.f_lasti)


def test_threads_share_a_connection_and_have_their_own(conn):
    conn.execute("CREATE TABLE t (a BIGINT)")
    failures = []

    def work(own, first):
        try:
            for i in range(first, first + 50):
                own.execute("INSERT INTO t VALUES (?)", [i])
                assert own.execute("SELECT a FROM t WHERE a = ?", [i]).fetchall() == [(i,)]
        except BaseException as error:
            failures.append(error)

    connections = [conn, conn, conn.duplicate(), conn.duplicate()]
    workers = [threading.Thread(target=work, args=(own, 50 * n)) for n, own in enumerate(connections)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert failures == []
    assert conn.execute("SELECT COUNT(*), SUM(a) FROM t").fetchone() == (200, sum(range(200)))
