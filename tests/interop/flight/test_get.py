"""DoGet, GetFlightInfo, GetSchema, listings, errors."""
import threading

import pyarrow as pa
import pyarrow.flight as fl
import pytest

from conftest import numbers, put

FOREVER = "SELECT count(*) FROM range(10000000000) a, range(1000) b WHERE (a.range * b.range) % 7 = 3"


def get(client, sql, options=None):
    return client.do_get(fl.Ticket(sql), options).read_all()


def test_a_ticket_is_sql_text(client, duckdb):
    result = get(client, "SELECT 1 AS a, 'x' AS b, NULL::DOUBLE AS c")
    assert result.to_pylist() == [{"a": 1, "b": "x", "c": None}]


def test_ddl_and_dml_run_once_and_give_rows_changed(client):
    def changed(sql):
        result = get(client, sql)
        assert result.schema == pa.schema([pa.field("rows_changed", pa.int64())])
        return result["rows_changed"].to_pylist()

    assert changed("CREATE TABLE t (a BIGINT)") == [0]
    assert changed("INSERT INTO t VALUES (1), (2), (3)") == [3]
    assert len(get(client, "SELECT * FROM t")) == 3


def test_info_of_a_command_leads_to_its_rows(client, duckdb):
    descriptor = fl.FlightDescriptor.for_command("SELECT 1::INTEGER AS a;")
    info = client.get_flight_info(descriptor)
    assert info.schema == pa.schema([("a", pa.int32())])
    assert client.get_schema(descriptor).schema == info.schema
    assert info.descriptor == descriptor
    [endpoint] = info.endpoints
    assert [l.uri for l in endpoint.locations] == [b"arrow-flight-reuse-connection://?"]
    assert client.do_get(endpoint.ticket).read_all().to_pylist() == [{"a": 1}]


@pytest.mark.parametrize("path", [["t"], ["main", "t"]])
def test_info_of_a_path_leads_to_the_table(client, path):
    put(client, "t", numbers(10))
    descriptor = fl.FlightDescriptor.for_path(*path)
    info = client.get_flight_info(descriptor)
    assert info.schema == numbers(1).schema
    assert client.get_schema(descriptor).schema == info.schema
    assert client.do_get(info.endpoints[0].ticket).read_all() == numbers(10)


def test_info_of_ddl_does_not_run_it(client):
    info = client.get_flight_info(fl.FlightDescriptor.for_command("CREATE TABLE t (a BIGINT)"))
    assert info.schema.names == ["rows_changed"]
    assert list(client.list_flights()) == []
    client.do_get(info.endpoints[0].ticket).read_all()
    assert len(list(client.list_flights())) == 1


def test_names_that_need_quotes_work_as_paths(client):
    for name in ['with space', 'Upper', 'select', 'quo"te', "d.ot", "ünï"]:
        put(client, name, numbers(3))
        info = client.get_flight_info(fl.FlightDescriptor.for_path(name))
        assert len(client.do_get(info.endpoints[0].ticket).read_all()) == 3
    assert len(list(client.list_flights())) == 6


def test_flights_are_the_tables(client):
    assert list(client.list_flights()) == []
    put(client, "b", numbers(10))
    put(client, "a", pa.table({"x": ["one", None]}))
    flights = list(client.list_flights())
    assert [f.descriptor.path for f in flights] == [[b"a"], [b"b"]]
    assert [f.total_records for f in flights] == [2, 10]
    assert all(f.total_bytes > 0 for f in flights)
    assert flights[1].schema == numbers(1).schema
    assert [len(client.do_get(f.endpoints[0].ticket).read_all()) for f in flights] == [2, 10]


def test_there_are_no_actions_yet(client):
    assert list(client.list_actions()) == []
    with pytest.raises(pa.ArrowNotImplementedError, match="DoAction is not implemented"):
        list(client.do_action("anything"))


def test_an_empty_result_has_its_schema(client):
    put(client, "t", numbers(5))
    for sql in ["SELECT * FROM t LIMIT 0", "SELECT n FROM t LIMIT 0"]:
        result = get(client, sql)
        assert result.schema == numbers(1).schema and len(result) == 0


def test_an_empty_table_is_an_empty_result(client):
    put(client, "t", numbers(0))
    assert get(client, "SELECT * FROM t").schema == numbers(1).schema


def test_a_big_result_comes_in_messages_small_enough_for_any_client(client, duckdb):
    reader = client.do_get(fl.Ticket("SELECT i, repeat('x', 100) AS s FROM range(500000) t(i)"))
    rows, largest = 0, 0
    for chunk in reader:
        assert chunk.data.column(0)[0].as_py() == rows
        rows += len(chunk.data)
        largest = max(largest, chunk.data.get_total_buffer_size())
    assert rows == 500000
    assert largest < 4 << 20


def test_a_table_of_one_huge_value_still_comes(client):
    table = pa.table({"s": ["x" * (20 << 20)]})
    put(client, "t", table)
    assert get(client, "SELECT * FROM t") == table


def test_a_whole_table_leaves_by_reference(server, client):
    table = pa.table({"n": range(1000000), "s": [str(i) for i in range(1000000)],
                      "o": [None if i % 3 else i / 7 for i in range(1000000)]})
    put(client, "t", table)
    assert get(client, "SELECT * FROM t") == table
    ledger = server.ledgers.last
    assert ledger["engine"] == "native" and ledger["rows"] == 1000000
    assert ledger["bytes_copied"] == 0 and ledger["copies"] == [], ledger
    assert ledger["bytes_sent"] >= 1000000 * 16
    get(client, "SELECT s FROM t LIMIT 10")
    assert server.ledgers.last["bytes_copied"] == 0


def test_explain_analyze_tells_the_ledger_too(client):
    put(client, "t", numbers(1000))
    text = "\n".join(str(row) for row in get(client, "EXPLAIN ANALYZE SELECT * FROM t").to_pylist())
    assert "bytes_copied: 0" in text and "bytes_referenced: " in text


@pytest.mark.parametrize("sql, kind, state", [
    ("SELECT * FROM nowhere", pa.ArrowKeyError, "42P01"),
    ("SELEC 1", pa.ArrowInvalid, "42601"),
    ("", pa.ArrowInvalid, "42601"),
    ("SELECT 1; SELECT 2", pa.ArrowInvalid, "42601"),
    ("SELECT\x001", pa.ArrowInvalid, "22023"),
    ("BEGIN", pa.ArrowNotImplementedError, "0A000"),
    ("SET no_such_setting = 1", pa.ArrowException, ""),
])
def test_errors_have_the_right_kind_and_sqlstate(client, sql, kind, state):
    with pytest.raises(kind, match=f"{state}: "):
        get(client, sql)


@pytest.mark.parametrize("sql, kind, state", [
    ("SELECT nope FROM t", pa.ArrowInvalid, "42703"),
    ("SELECT nope(n) FROM t", pa.ArrowInvalid, "42883"),
    ("SELECT CAST(9999999999 AS INTEGER)", pa.ArrowInvalid, "22003"),
    ("CREATE TABLE t (a BIGINT)", pa.ArrowException, "42P07"),
])
def test_errors_of_the_engine_have_theirs(client, duckdb, sql, kind, state):
    put(client, "t", numbers(3))
    with pytest.raises(pa.ArrowException, match=f"{state}: ") as caught:
        get(client, sql)
    assert isinstance(caught.value, kind), type(caught.value)


def test_the_place_of_an_error_counts_in_the_ticket(client):
    with pytest.raises(pa.ArrowException, match=r"\(at byte 16\)"):
        get(client, "  SELECT * FROM nowhere")


def test_an_error_in_the_middle_of_a_result_reaches_the_client(client, duckdb):
    reader = client.do_get(fl.Ticket(
        "SELECT CASE WHEN i = 900000 THEN error('too far') ELSE i END FROM range(1000000) t(i)"))
    with pytest.raises(pa.ArrowException, match="too far"):
        reader.read_all()


def test_a_timeout_of_the_client_ends_the_statement(server, client, duckdb):
    with pytest.raises(fl.FlightTimedOutError):
        get(client, FOREVER, fl.FlightCallOptions(timeout=0.2))
    # A drain, in the fixture's end, would wait for a statement that still ran.


def test_a_statement_timeout_of_the_server_ends_it(serve, duckdb):
    client = serve(":memory:", "--statement-timeout", "0.2").connect()
    with pytest.raises(fl.FlightTimedOutError, match="57014"):
        get(client, FOREVER)
    assert len(get(client, "SELECT 1")) == 1


def test_a_cancelled_reader_ends_the_statement(client, duckdb):
    reader = client.do_get(fl.Ticket("SELECT i FROM range(100000000000) t(i)"))
    assert len(reader.read_chunk().data) > 0
    reader.cancel()
    with pytest.raises(fl.FlightCancelledError):
        while True:
            reader.read_chunk()


def test_clients_side_by_side_get_their_own_results(server, duckdb):
    setup = server.connect()
    put(setup, "t", numbers(200000), chunk=10000)
    failures = []

    def work(i):
        try:
            client = server.connect()
            for round in range(5):
                assert get(client, "SELECT * FROM t") == numbers(200000)
                assert get(client, f"SELECT {i} * 1000 + {round} AS x")["x"].to_pylist() == [
                    i * 1000 + round]
                put(client, f"own{i}", numbers(100))
            assert len(get(client, f"SELECT * FROM own{i}")) == 500
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures, failures


def test_streams_side_by_side_on_one_connection(client):
    put(client, "t", numbers(1000000))
    readers = [client.do_get(fl.Ticket("SELECT * FROM t")) for _ in range(20)]
    sums = [0] * 20
    while True:
        chunks = []
        for i, reader in enumerate(readers):
            try:
                chunks.append(reader.read_chunk())
                sums[i] += len(chunks[-1].data)
            except StopIteration:
                pass
        if not chunks:
            break
    assert sums == [1000000] * 20


def test_a_client_that_does_not_read_pauses_its_query(server, duckdb):
    slow = server.connect()
    before = server.memory()
    reader = slow.do_get(fl.Ticket("SELECT i, repeat('y', 200) AS s FROM range(100000000) t(i)"))
    assert len(reader.read_chunk().data) > 0
    other = server.connect()
    for _ in range(5):
        assert get(other, "SELECT sum(i) AS s FROM range(1000000) t(i)")["s"].to_pylist() == [
            499999500000]
    # The result has 20 GB. What is allowed: queues of megabytes, and the engine's own memory.
    assert server.memory() - before < 1 << 30
    reader.cancel()
    del reader


def test_handshake_is_answered(server):
    class Nothing(fl.ClientAuthHandler):
        def authenticate(self, outgoing, incoming):
            outgoing.write(b"")
            incoming.read()

        def get_token(self):
            return b""

    client = server.connect()
    client.authenticate(Nothing())
    assert list(client.list_flights()) == []


def test_a_client_that_is_slow_to_shake_hands_is_waited_for(server):
    """The stream must not have ended when it writes: gRPC's clients wait for ever then."""
    other = server.connect()

    class Slow(fl.ClientAuthHandler):
        def authenticate(self, outgoing, incoming):
            for _ in range(20):  # time for the server to have done all it would
                assert list(other.list_flights()) == []
            outgoing.write(b"late")
            incoming.read()

        def get_token(self):
            return b""

    client = server.connect()
    client.authenticate(Slow(), fl.FlightCallOptions(timeout=60))
    assert list(client.list_flights()) == []


def test_compression_asked_for_by_the_client_is_not_forced_on_it(server):
    client = server.connect(generic_options=[("grpc.default_compression_algorithm", 2)])
    with pytest.raises(pa.ArrowNotImplementedError, match="identity"):
        list(client.list_flights())
