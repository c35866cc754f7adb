"""Values on their way in, as parameters, and out, as rows; pyarrow is the judge of what Arrow holds."""
import ctypes
import datetime as dt
import decimal
import enum
import uuid

import pyralog
import pytest
from pyralog import _capsule
from pyralog._decode import RowDecoder
from pyralog._library import ArrowArray, ArrowSchema

UTC = dt.timezone.utc


@pytest.mark.parametrize("value, type", [
    (True, "BOOLEAN"), (False, "BOOLEAN"), (0, "BIGINT"), (-2**63, "BIGINT"), (2**63 - 1, "BIGINT"),
    (2**63, "DECIMAL(38,0)"), (-2**70, "DECIMAL(38,0)"), (10**38 - 1, "DECIMAL(38,0)"),
    (1.5, "DOUBLE"), (float("inf"), "DOUBLE"), (-0.0, "DOUBLE"), (5e-324, "DOUBLE"),
    ("", "VARCHAR"), ("grüße \U0001f600 'quoted'", "VARCHAR"), ("a\0b", "VARCHAR"),
    (b"", "BLOB"), (b"\x00\xff'", "BLOB"), (bytearray(b"ab"), "BLOB"), (memoryview(b"ab"), "BLOB"),
    (dt.date(1, 1, 1), "DATE"), (dt.date(1969, 12, 31), "DATE"), (dt.date(9999, 12, 31), "DATE"),
    (dt.time(0, 0), "TIME"), (dt.time(23, 59, 59, 999999), "TIME"),
    (dt.datetime(1969, 12, 31, 23, 59, 59, 999999), "TIMESTAMP"), (dt.datetime(9999, 12, 31), "TIMESTAMP"),
    (dt.datetime(2020, 1, 2, 3, 4, tzinfo=dt.timezone(dt.timedelta(hours=-5))), "TIMESTAMP WITH TIME ZONE"),
    (dt.timedelta(days=-1, seconds=5, microseconds=7), "INTERVAL"), (pyralog.Interval(14, -2, 3000), "INTERVAL"),
    (decimal.Decimal("-12.340"), "DECIMAL(5,3)"), (decimal.Decimal("0.001"), "DECIMAL(3,3)"),
    (decimal.Decimal("1E+5"), "DECIMAL(6,0)"), (decimal.Decimal("9" * 38), "DECIMAL(38,0)"),
    (uuid.UUID("12345678-1234-5678-1234-567812345678"), "UUID"),
    ([1, None, 3], "BIGINT[]"), (["a", None], "VARCHAR[]"), ([[1], [], None, [2.5]], "DOUBLE[][]"),
    ([decimal.Decimal("1.5"), 2], "DECIMAL(20,1)[]"), ({"a": 1, "b": ["x"]}, "STRUCT(a BIGINT, b VARCHAR[])"),
    ([{"a": 1}, None, {"a": 2}], "STRUCT(a BIGINT)[]"), ([2**70, 1], "DECIMAL(38,0)[]"),
])
def test_parameters_come_back_as_they_went(conn, duckdb_engine, value, type):
    back, said = conn.execute("SELECT $1, typeof($1)", [value]).fetchone()
    assert said == type
    assert back == value
    if isinstance(value, float):
        assert str(back) == str(value)  # the zeros' signs, too
    if isinstance(value, decimal.Decimal):
        assert back.as_tuple().exponent == min(value.as_tuple().exponent, 0)  # digits behind the point stay


class Colour(enum.IntEnum):
    RED = 7


class Whole(int):
    pass


def test_subclasses_of_int_are_numbers(conn):
    conn.execute("CREATE TABLE t (a BIGINT, b BIGINT, c DECIMAL(38, 0))")
    conn.execute("INSERT INTO t VALUES (?, ?, ?)", [Colour.RED, Whole(-2**63), Whole(2**70)])
    assert conn.execute("SELECT a, b, c FROM t").fetchall() == [(7, -2**63, 2**70)]
    with pytest.raises(pyralog.DataError):
        conn.execute("SELECT $1", [Whole(-10**38)])


def test_nulls_and_several_parameters(conn):
    conn.execute("CREATE TABLE t (a BIGINT, b VARCHAR, c DOUBLE, d BOOLEAN)")
    conn.execute("INSERT INTO t VALUES (?, ?, ?, ?)", (1, None, 2.5, True))
    conn.execute("INSERT INTO t VALUES ($4, $2, $3, $1)", [None, "x", None, 2])
    assert conn.execute("SELECT * FROM t ORDER BY a").fetchall() == [(1, None, 2.5, True), (2, "x", None, None)]


def test_not_a_number_stays_one(conn, duckdb_engine):
    (value,) = conn.execute("SELECT $1", [float("nan")]).fetchone()
    assert value != value
    (value,) = conn.execute("SELECT $1", [decimal.Decimal("NaN")]).fetchone()
    assert value != value


def test_numpys_scalars_and_paths_are_plain_values(conn, duckdb_engine, tmp_path):
    numpy = pytest.importorskip("numpy")
    row = [numpy.int32(7), numpy.float64(1.5), numpy.bool_(True), numpy.str_("x"), numpy.array([1, 2]), tmp_path]
    assert conn.execute("SELECT $1, $2, $3, $4, $5, $6", row).fetchone() == (7, 1.5, True, "x", [1, 2], str(tmp_path))


def test_pandas_moments_and_nulls(conn, duckdb_engine):
    pandas = pytest.importorskip("pandas")
    row = [pandas.Timestamp("2020-01-02 03:04:05"), pandas.NaT, pandas.NA, [pandas.NaT, pandas.Timestamp(0)]]
    assert conn.execute("SELECT $1, $2, $3, $4", row).fetchone() == (
        dt.datetime(2020, 1, 2, 3, 4, 5), None, None, [None, dt.datetime(1970, 1, 1)])


@pytest.mark.parametrize("value, kind", [
    (object(), pyralog.NotSupportedError), ({1: 2}, pyralog.ProgrammingError), ([1, "a"], pyralog.ProgrammingError),
    (10**38, pyralog.DataError), (decimal.Decimal("1e-39"), pyralog.DataError),
    (dt.time(1, tzinfo=UTC), pyralog.NotSupportedError), (1j, pyralog.NotSupportedError),
])
def test_what_sql_has_not_is_refused(conn, value, kind):
    with pytest.raises(kind):
        conn.execute("SELECT $1", [value])


@pytest.mark.parametrize("params", ["ab", b"ab", {"a": 1}, 5])
def test_parameters_are_a_list(conn, params):
    with pytest.raises(pyralog.ProgrammingError):
        conn.execute("SELECT $1", params)


@pytest.mark.parametrize("sql, value", [
    ("170141183460469231731687303715884105727::HUGEINT", 2**127 - 1),
    ("340282366920938463463374607431768211455::UHUGEINT", 2**128 - 1),
    ("'-12345678901234567890123456789012345678901234567890'::VARINT",
     -12345678901234567890123456789012345678901234567890),
    ("'10110'::BIT", "10110"), ("'1'::BIT", "1"), ("'000000001'::BIT", "000000001"),
    ("'10:00:00.5-02:30'::TIMETZ", dt.time(10, 0, 0, 500000, dt.timezone(-dt.timedelta(hours=2, minutes=30)))),
    ("INTERVAL '1 day 2 seconds'", dt.timedelta(days=1, seconds=2)),
    ("INTERVAL '13 months 4 days'", pyralog.Interval(13, 4, 0)),
    ("TIMESTAMP_NS '2020-01-02 03:04:05.123456789'", dt.datetime(2020, 1, 2, 3, 4, 5, 123456)),
    ("TIMESTAMP_S '1900-01-02 03:04:05'", dt.datetime(1900, 1, 2, 3, 4, 5)),
    ("TIMESTAMPTZ '2020-01-02 03:04:05+02'", dt.datetime(2020, 1, 2, 1, 4, 5, tzinfo=UTC)),
    ("'b'::ENUM('a', 'b')", "b"), ("'x'::BLOB", b"x"), ("1.5::FLOAT", 1.5),
    ("-12.345::DECIMAL(5, 3)", decimal.Decimal("-12.345")),
    ("[1, 2]::INTEGER[2]", [1, 2]), ("MAP {'a': 1, 'b': NULL}", {"a": 1, "b": None}), ("MAP {[1]: 2}", [([1], 2)]),
    ("{'a': 1, 'b': {'c': [NULL, 'x']}}", {"a": 1, "b": {"c": [None, "x"]}}), ("union_value(k := 'x')", "x"),
    ("NULL", None), ("[NULL]::VARCHAR[]", [None]), ("uuid_nil", None),
])
def test_values_of_sql_become_pythons(conn, duckdb_engine, sql, value):
    if sql == "uuid_nil":
        sql, value = "'00000000-0000-0000-0000-000000000000'::UUID", uuid.UUID(int=0)
    (back,) = conn.execute(f"SELECT {sql}").fetchone()
    assert back == value and type(back) is type(value)


@pytest.mark.parametrize("sql", [
    "'24:00:00'::TIME", "'infinity'::TIMESTAMP", "DATE '20000-01-01'", "DATE '0001-01-01 (BC)'",
])
def test_what_pythons_types_cannot_hold_is_an_error_not_another_value(conn, duckdb_engine, sql):
    with pytest.raises(pyralog.DataError, match='column "v"'):
        conn.execute(f"SELECT {sql} AS v").fetchall()


# ---- Arrow's layouts, whoever made them. ----


def rows_of(batch):
    """The rows of a pyarrow batch by our decoder."""
    schema_capsule, array_capsule = batch.__arrow_c_array__()
    schema = ArrowSchema.from_address(_capsule.pointer_of(schema_capsule, b"arrow_schema"))
    array = ArrowArray.from_address(_capsule.pointer_of(array_capsule, b"arrow_array"))
    decoder = RowDecoder(schema)
    whole = decoder.rows(array, 0, array.length)
    parts = []
    for start in range(0, array.length, 3):
        parts += decoder.rows(array, start, min(3, array.length - start))
    assert parts == whole
    return [row[0] for row in whole]


def layouts():
    pa = pytest.importorskip("pyarrow")
    d = decimal.Decimal
    texts = ["", "short", "twelve bytes", "longer than twelve bytes", None, "ä" * 20]
    yield from (pa.array([1, None, 3, -4], type) for type in (
        pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.float16(), pa.float32(), pa.float64()))
    yield from (pa.array([1, None, 3], type) for type in (pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()))
    yield pa.array([True, None, False] * 7)
    yield pa.nulls(4)
    yield from (pa.array(texts, type) for type in (pa.string(), pa.large_string(), pa.string_view()))
    yield from (pa.array([t and t.encode() for t in texts], type)
                for type in (pa.binary(), pa.large_binary(), pa.binary_view()))
    yield pa.array([b"abc", None, b"xyz"], pa.binary(3))
    yield pa.array([d("1.25"), None, d("-3.50")], pa.decimal32(5, 2))
    yield pa.array([d("1.25"), None, d("-3.50")], pa.decimal64(12, 2))
    yield pa.array([d("1.25"), None, d("-12345678901234567890123456.50")], pa.decimal128(38, 2))
    yield pa.array([d("9" * 70), None, d("-1")], pa.decimal256(76, 0))
    yield pa.array([dt.date(2020, 1, 1), None, dt.date(1900, 1, 1)], pa.date32())
    yield pa.array([dt.date(2020, 1, 1), None, dt.date(1900, 1, 1)], pa.date64())
    for unit in ("s", "ms", "us"):
        yield pa.array([dt.datetime(2020, 1, 1, 2), None, dt.datetime(1900, 1, 1)], pa.timestamp(unit))
        yield pa.array([dt.datetime(2020, 7, 1, 2, tzinfo=UTC), None], pa.timestamp(unit, "Europe/Paris"))
        yield pa.array([dt.timedelta(days=-3, seconds=1), None], pa.duration(unit))
    yield pa.array([dt.time(1, 2, 3), None], pa.time32("s"))
    yield pa.array([dt.time(1, 2, 3, 4000), None], pa.time32("ms"))
    yield pa.array([dt.time(1, 2, 3, 4), None], pa.time64("us"))
    lists = [[1, 2], None, [], [None, 3]]
    yield from (pa.array(lists, type) for type in (
        pa.list_(pa.int64()), pa.large_list(pa.int32()), pa.list_view(pa.int64()), pa.large_list_view(pa.int64())))
    yield pa.array([[1, 2], None, [3, None]], pa.list_(pa.int64(), 2))
    yield pa.array([{"a": 1, "b": "x"}, None, {"a": None, "b": "y"}])
    yield pa.array(["a", "b", None, "a"]).dictionary_encode()
    yield pa.array(["a", "b", None, "a"] * 2 + ["c"]).dictionary_encode()[7:]
    yield pa.RunEndEncodedArray.from_arrays(pa.array([2, 5, 6], pa.int32()), pa.array(["a", None, "b"]))
    yield pa.RunEndEncodedArray.from_arrays(pa.array([2, 5, 6], pa.int16()), pa.array([1, None, 2]))[1:5]
    yield pa.UnionArray.from_sparse(pa.array([0, 1, 0], pa.int8()), [pa.array([1, 2, 3]), pa.array(["a", "b", None])])
    yield pa.UnionArray.from_dense(pa.array([0, 1, 0], pa.int8()), pa.array([0, 0, 1], pa.int32()),
                                   [pa.array([1, 2]), pa.array(["b"])])


def test_every_layout_of_arrow_is_read_as_pyarrow_reads_it():
    pa = pytest.importorskip("pyarrow")
    count = 0
    for array in layouts():
        for part in (array, array[1:], array[1:2], array[:0]):
            batch = pa.record_batch({"v": part})
            assert rows_of(batch) == part.to_pylist(), array.type
            # The offset of the struct itself counts, too.
            if len(part) > 1:
                assert rows_of(batch.slice(1)) == part.to_pylist()[1:], array.type
        count += 1
    assert count > 45


def test_months_and_maps_of_arrow():
    pa = pytest.importorskip("pyarrow")
    intervals = pa.array([pa.MonthDayNano([1, 2, 3]), None, pa.MonthDayNano([0, 2, 3000])])
    assert rows_of(pa.record_batch({"v": intervals})) == [
        pyralog.Interval(1, 2, 3), None, dt.timedelta(days=2, microseconds=3)]
    maps = pa.array([[("a", 1)], None, []], pa.map_(pa.string(), pa.int64()))
    assert rows_of(pa.record_batch({"v": maps})) == [{"a": 1}, None, {}]


def test_a_schema_that_nobody_knows_is_refused():
    schema = ArrowSchema(format=b"?")
    column = ctypes.pointer(schema)
    top = ArrowSchema(format=b"+s", n_children=1, children=(ctypes.POINTER(ArrowSchema) * 1)(column))
    with pytest.raises(pyralog.NotSupportedError):
        RowDecoder(top)
