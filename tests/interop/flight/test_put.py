"""DoPut: every type, acknowledgements, what is refused."""
import datetime
import decimal
import json

import pyarrow as pa
import pyarrow.flight as fl
import pytest

from conftest import numbers, put, shell


def get(client, sql):
    return client.do_get(fl.Ticket(sql)).read_all()


def columns():
    """One column of every type, three rows, a null in each."""
    when = datetime.datetime(2025, 3, 4, 5, 6, 7)
    yield from {
        "bool": pa.array([True, None, False]),
        **{f"int{b}": pa.array([-(2 ** (b - 1)), None, 2 ** (b - 1) - 1], getattr(pa, f"int{b}")())
           for b in (8, 16, 32, 64)},
        **{f"uint{b}": pa.array([0, None, 2 ** b - 1], getattr(pa, f"uint{b}")())
           for b in (8, 16, 32, 64)},
        "float16": pa.array([1.5, None, -2.25], pa.float16()),
        "float32": pa.array([1.5, None, float("inf")], pa.float32()),
        "float64": pa.array([0.1, None, -1e300], pa.float64()),
        "decimal32": pa.array([decimal.Decimal("1.23"), None, decimal.Decimal("-9999999.99")],
                              pa.decimal32(9, 2)),
        "decimal64": pa.array([decimal.Decimal("1.234"), None, decimal.Decimal("-5.000")],
                              pa.decimal64(18, 3)),
        "decimal128": pa.array([decimal.Decimal("1.23"), None, decimal.Decimal("-4.56")],
                               pa.decimal128(38, 2)),
        "decimal256": pa.array([decimal.Decimal("1.23"), None, decimal.Decimal("-4.56")],
                               pa.decimal256(70, 2)),
        "date32": pa.array([when.date(), None, datetime.date(1900, 1, 1)], pa.date32()),
        "date64": pa.array([when.date(), None, datetime.date(1900, 1, 1)], pa.date64()),
        **{f"time_{u}": pa.array([1, None, 86399], pa.time32(u)) for u in ("s", "ms")},
        **{f"time_{u}": pa.array([1, None, 86399], pa.time64(u)) for u in ("us", "ns")},
        **{f"ts_{u}": pa.array([1, None, -1], pa.timestamp(u)) for u in ("s", "ms", "us", "ns")},
        "ts_tz": pa.array([1, None, -1], pa.timestamp("us", "Europe/Berlin")),
        **{f"dur_{u}": pa.array([1, None, -1], pa.duration(u)) for u in ("s", "ms", "us", "ns")},
        "interval": pa.array([pa.MonthDayNano([1, 2, 3]), None, pa.MonthDayNano([-1, 0, 5])]),
        "utf8": pa.array(["ä", None, ""]),
        "large_utf8": pa.array(["a" * 100, None, ""], pa.large_utf8()),
        "utf8_view": pa.array(["short", None, "longer than twelve bytes"], pa.string_view()),
        "binary": pa.array([b"\0\xff", None, b""]),
        "large_binary": pa.array([b"\0\xff", None, b""], pa.large_binary()),
        "binary_view": pa.array([b"short", None, b"longer than twelve bytes"], pa.binary_view()),
        "fixed": pa.array([b"abcd", None, b"efgh"], pa.binary(4)),
        "null": pa.nulls(3),
        "list": pa.array([[1, None], None, []], pa.list_(pa.int32())),
        "large_list": pa.array([["x"], None, []], pa.large_list(pa.utf8())),
        "fixed_list": pa.array([[1, 2], None, [3, None]], pa.list_(pa.int16(), 2)),
        "list_view": pa.array([[1, None], None, []], pa.list_view(pa.int32())),
        "large_list_view": pa.array([[1, None], None, []], pa.large_list_view(pa.int32())),
        "struct": pa.array([{"a": 1, "b": "x"}, None, {"a": None, "b": None}],
                           pa.struct([("a", pa.int64()), ("b", pa.utf8())])),
        "map": pa.array([[("k", 1)], None, []], pa.map_(pa.utf8(), pa.int32())),
        "nested": pa.array([[{"a": [1, 2]}], None, [{"a": None}, None]],
                           pa.list_(pa.struct([("a", pa.list_(pa.int8()))]))),
        "dictionary": pa.array(["x", None, "x"]).dictionary_encode(),
        "dictionary_int": pa.DictionaryArray.from_arrays(
            pa.array([1, None, 0], pa.int8()), pa.array([10, 20], pa.int64())),
        "run_end": pa.RunEndEncodedArray.from_arrays(
            pa.array([2, 3], pa.int32()), pa.array(["a", None])),
        "dense_union": pa.UnionArray.from_dense(
            pa.array([0, 1, 0], pa.int8()), pa.array([0, 0, 1], pa.int32()),
            [pa.array([5, None], pa.int64()), pa.array(["x"])]),
        "sparse_union": pa.UnionArray.from_sparse(
            pa.array([0, 1, 0], pa.int8()),
            [pa.array([5, None, 6], pa.int64()), pa.array([None, "y", None], pa.utf8())]),
    }.items()


ALL = dict(columns())


def values(column):
    """As Python's; where Python has no such thing as a nanosecond, as integers."""
    return (column.cast(pa.int64()) if str(column.type).endswith("[ns]") else column).to_pylist()


@pytest.mark.parametrize("name", ALL)
def test_every_type_comes_back_as_it_went(client, name):
    table = pa.table({"n": [1, 2, 3], "v": ALL[name]})
    assert put(client, "t", table) == [3]
    assert put(client, "t", table) == [3]  # appended to what is there
    result = get(client, "SELECT * FROM t")
    result.validate(full=True)
    assert values(result["v"]) == values(ALL[name]) * 2
    if not pa.types.is_dictionary(table["v"].type):  # a table's column has its values' type
        assert result.schema == table.schema
    assert put(client, "empty", table.slice(0, 0)) in ([], [0])
    assert len(get(client, "SELECT * FROM empty")) == 0
    put(client, "sliced", pa.table({"v": ALL[name].slice(1, 2)}))
    assert values(get(client, "SELECT * FROM sliced")["v"]) == values(ALL[name])[1:]


def test_all_types_at_once(client):
    table = pa.table({k: v for k, v in ALL.items() if not k.startswith("dictionary")})
    put(client, "t", table)
    result = get(client, "SELECT * FROM t")
    assert result.schema == table.schema
    for name in table.column_names:
        assert values(result[name]) == values(table[name])


@pytest.mark.parametrize("codec", ["lz4", "zstd"])
def test_compressed_bodies_are_taken(server, client, codec):
    options = fl.FlightCallOptions(write_options=pa.ipc.IpcWriteOptions(compression=codec))
    table = numbers(100000)
    writer, reader = client.do_put(fl.FlightDescriptor.for_path("t"), table.schema, options)
    writer.write_table(table)
    writer.done_writing()
    assert json.loads(reader.read().to_pybytes()) == {"rows": 100000}
    writer.close()
    assert get(client, "SELECT * FROM t") == table


def test_dictionaries_may_change_from_batch_to_batch(client):
    batches = [pa.record_batch({"v": pa.array(v).dictionary_encode()})
               for v in (["a", "b"], ["a", "b", "c"], ["z", None])]
    writer, reader = client.do_put(fl.FlightDescriptor.for_path("t"), batches[0].schema)
    for batch in batches:
        writer.write_batch(batch)
    writer.done_writing()
    rows = []
    while (metadata := reader.read()) is not None:
        rows.append(json.loads(metadata.to_pybytes())["rows"])
    writer.close()
    assert rows == [2, 5, 7]
    assert get(client, "SELECT * FROM t")["v"].to_pylist() == ["a", "b", "a", "b", "c", "z", None]


def test_each_message_is_acknowledged_once_it_is_durable(serve, tmp_path):
    server = serve(tmp_path / "db")
    client = server.connect()
    writer, reader = client.do_put(fl.FlightDescriptor.for_path("t"), numbers(1).schema)
    for i in range(1, 4):
        writer.write_batch(numbers(10).to_batches()[0])
        # The stream is still open: nothing but durability can be what this waits for.
        assert json.loads(reader.read().to_pybytes()) == {"rows": 10 * i}
        assert len(server.query("SELECT * FROM t")) == 10 * i
    server.process.kill()
    server.process.wait()
    server.reader.join()
    again = serve(tmp_path / "db")
    assert len(again.query("SELECT * FROM t")) == 30


def test_acknowledgements_count_the_rows_of_the_stream(client):
    assert put(client, "t", numbers(1000), chunk=100) == list(range(100, 1001, 100))
    assert put(client, "t", numbers(5)) == [5]


def test_a_stream_without_batches_creates_its_table(client):
    assert put(client, "t", numbers(0)) in ([], [0])
    assert get(client, "SELECT * FROM t").schema == numbers(1).schema


def test_types_are_cast_where_nothing_is_lost(client):
    put(client, "t", pa.table({"n": pa.array([1], pa.int64())}))
    put(client, "t", pa.table({"n": pa.array([2], pa.int32())}))
    assert get(client, "SELECT * FROM t")["n"].to_pylist() == [1, 2]


@pytest.mark.parametrize("table, state", [
    (pa.table({"n": ["text"]}), "42804"),
    (pa.table({"other": [1]}), "42804"),
    (pa.table({"n": [1], "more": [2]}), "42804"),
])
def test_a_stream_that_does_not_fit_is_refused_whole(client, table, state):
    put(client, "t", numbers(3))
    with pytest.raises(pa.ArrowInvalid, match=f"{state}: "):
        put(client, "t", table)
    assert len(get(client, "SELECT * FROM t")) == 3


@pytest.mark.parametrize("descriptor, kind", [
    (fl.FlightDescriptor.for_command("INSERT"), pa.ArrowNotImplementedError),
    (fl.FlightDescriptor.for_path("a", "b", "c"), pa.ArrowException),
    (fl.FlightDescriptor.for_path(""), pa.ArrowInvalid),
])
def test_a_descriptor_that_is_no_table_is_refused(client, descriptor, kind):
    writer, reader = client.do_put(descriptor, numbers(1).schema)
    with pytest.raises(kind):
        writer.write_table(numbers(10))
        writer.done_writing()
        reader.read()
        writer.close()
    assert list(client.list_flights()) == []


def test_a_message_above_the_limit_is_refused_with_the_way_out(client):
    table = pa.table({"s": ["x" * (70 << 20)]})
    with pytest.raises(pa.ArrowException, match="send smaller batches") as caught:
        put(client, "t", table)
    assert "RESOURCE_EXHAUSTED" in str(caught.value) or "54000" in str(caught.value)
    put(client, "small", numbers(3))


def test_a_client_that_goes_away_leaves_only_what_was_acknowledged(server):
    client = server.connect()
    writer, reader = client.do_put(fl.FlightDescriptor.for_path("t"), numbers(1).schema)
    writer.write_batch(numbers(10).to_batches()[0])
    assert json.loads(reader.read().to_pybytes()) == {"rows": 10}
    del writer, reader
    client.close()
    assert len(server.query("SELECT * FROM t")) == 10


def test_a_readonly_server_refuses(serve, tmp_path):
    first = serve(tmp_path / "db")
    put(first.connect(), "t", numbers(3))
    first.stop()
    server = serve(tmp_path / "db", "--readonly")
    client = server.connect()
    with pytest.raises(fl.FlightUnauthorizedError, match="25006"):
        put(client, "t", numbers(3))
    with pytest.raises(fl.FlightUnauthorizedError, match="25006"):
        get(client, "CREATE TABLE u (a BIGINT)")
    assert len(get(client, "SELECT * FROM t")) == 3


def test_what_was_put_is_an_ordinary_table(serve, tmp_path):
    server = serve(tmp_path / "db")
    put(server.connect(), "t", numbers(3))
    ledger = server.ledgers.last
    assert {c["reason"] for c in ledger["copies"]} == {"network receive", "append to segment"}
    server.stop()
    assert shell(tmp_path / "db", "--format", "csv", "-c", "SELECT * FROM t").stdout == "n\n0\n1\n2\n"
    shell("verify", tmp_path / "db")
