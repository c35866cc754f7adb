"""The benchmarks' corpora by the native engine alone: SET engine = 'native' refuses what it would
have to hand on, so an answer is the native engine's answer."""
import csv
import json
import math
import os
import pathlib

import pytest

from conftest import Server, shell

pytestmark = pytest.mark.usefixtures("duckdb")

CORPORA = pathlib.Path(os.environ.get("PYRALOG_CORPORA", ""))
CLICKBENCH = CORPORA / "clickbench"
DB_BENCHMARK = CORPORA / "db-benchmark"
TPCH = CORPORA / "tpch"
TPCH_TABLES = ("region", "nation", "supplier", "customer", "part", "partsupp", "orders", "lineitem")


def expected(folder):
    file = folder / "expected.json"
    return json.loads(file.read_text()) if file.exists() else {"queries": [], "groupby": [], "join": []}


def serve(database):
    return Server(database, "--set", "engine=native")


@pytest.fixture(scope="module")
def hits(duckdb, tmp_path_factory):
    if not (CLICKBENCH / "expected.json").exists():
        pytest.skip("PYRALOG_CORPORA has no clickbench")
    database = tmp_path_factory.mktemp("clickbench") / "db"
    load = (CLICKBENCH / "queries" / "load.sql").read_text()
    shell(database, "-c", load[: load.index(";") + 1])
    # The file's order of columns is the table's.
    shell(database, "-c", f"COPY hits FROM '{CLICKBENCH / 'hits.parquet'}'")
    server = serve(database)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def tables(duckdb, tmp_path_factory):
    """db-benchmark's tables. The group-by queries and the joins both call theirs x."""
    if not (DB_BENCHMARK / "expected.json").exists():
        pytest.skip("PYRALOG_CORPORA has no db-benchmark")
    folder = tmp_path_factory.mktemp("db_benchmark")
    shell("ingest", folder / "groupby", "x", DB_BENCHMARK / "groupby.parquet")
    for name in ("x", "small", "medium", "big"):
        shell("ingest", folder / "join", name, DB_BENCHMARK / f"join_{name}.parquet")
    servers = {kind: serve(folder / kind) for kind in ("groupby", "join")}
    yield servers
    for server in servers.values():
        server.stop()


@pytest.fixture(scope="module")
def tpch(duckdb, tmp_path_factory):
    if not (TPCH / "schema.sql").exists():
        pytest.skip("PYRALOG_CORPORA has no tpch")
    database = tmp_path_factory.mktemp("tpch") / "db"
    shell(database, "-f", TPCH / "schema.sql")
    for table in TPCH_TABLES:
        shell("ingest", database, table, TPCH / f"{table}.parquet")
    server = serve(database)
    yield server
    server.stop()


def rows_of(table):
    """Rows of Python's values."""
    return list(zip(*(column.to_pylist() for column in table.columns)))


def text(value):
    """As DuckDB casts it to VARCHAR, for the types that the corpora have."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)


def same(value, cell, tolerance=1e-9):
    if value is None or cell is None:
        return value is None and cell in (None, "", "NULL")
    if isinstance(value, float):
        return math.isclose(value, float(cell), rel_tol=tolerance) or (
            math.isnan(value) and cell == "nan")
    if isinstance(value, (int, float)) or type(value).__name__ == "Decimal":
        return float(value) == float(cell) and type(value)(cell) == value
    return text(value) == cell


def assert_same(rows, cells, tolerance=1e-9):
    assert len(rows) == len(cells)
    for place, (row, expect) in enumerate(zip(rows, cells)):
        assert all(same(v, c, tolerance) for v, c in zip(row, expect)), (place, row, expect)


def order_column(sql, table):
    """The result's column that ORDER BY begins with, or None where it is not in the result."""
    words = sql.rstrip().rstrip(";").split("ORDER BY")
    if len(words) < 2:
        return None
    first = words[-1].split("LIMIT")[0].split(",")[0].split()[0]
    names = [name.lower() for name in table.column_names]
    return names.index(first.lower()) if first.lower() in names else None


@pytest.mark.parametrize("query", expected(CLICKBENCH)["queries"], ids=lambda q: f"q{q['q']:02}")
def test_clickbench_runs_natively(hits, query):
    sql = (CLICKBENCH / query["sql"]).read_text()
    table = hits.query(sql)
    rows, cells = rows_of(table), query["result"]
    assert len(rows) == query["rows"]
    key = order_column(sql, table)
    if key is not None:
        assert_same([(row[key],) for row in rows], [(row[key],) for row in cells])
    if query["tie_free"]:  # as a set: no LIMIT cuts through rows whose keys are the same
        assert_same(sorted(rows, key=lambda row: [text(v) or "" for v in row]),
                    sorted(cells, key=lambda row: [c or "" for c in row]))


def check_sums(table, expect):
    for name, value in zip(expect["chk_columns"], expect["chk"]):
        cells = [v for v in table.column(name).to_pylist() if v is not None]
        assert same(math.fsum(map(float, cells)), value), name


def check_table(table, expect):
    assert table.column_names == [name for name, _ in expect["schema"]]
    assert table.num_rows == expect["rows"]
    check_sums(table, expect)


@pytest.mark.parametrize("number", range(10))
def test_db_benchmark_groups_run_natively(tables, number):
    groupby = expected(DB_BENCHMARK)["groupby"]
    table = tables["groupby"].query(groupby[number]["sql"])
    check_table(table, groupby[number])
    # DuckDB's ORDER BY ALL has NULLs last, and texts by bytes, as Python has them by code points.
    ordered = sorted(rows_of(table), key=lambda row: [(v is None, v if v is not None else 0) for v in row])
    assert_same(ordered[:40], groupby[number]["first"])


@pytest.mark.parametrize("number", range(5))
def test_db_benchmark_joins_run_natively(tables, number):
    join = expected(DB_BENCHMARK)["join"][number]
    table = tables["join"].query(join["sql"])
    check_table(table, join)
    ordered = sorted(rows_of(table), key=lambda row: [(v is None, v if v is not None else 0) for v in row])
    assert_same(ordered[:40], join["first"])


@pytest.mark.parametrize("number", range(1, 23))
def test_tpch_runs_natively(tpch, number):
    sql = (TPCH / "queries" / f"q{number:02}.sql").read_text()
    with open(TPCH / "answers" / f"q{number:02}.csv", newline="") as file:
        header, *cells = csv.reader(file, delimiter="|")
    table = tpch.query(sql)
    assert table.num_columns == len(header)
    assert_same(rows_of(table), cells, 1e-6)
