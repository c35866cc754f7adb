"""TPC-DS with tables stored by us: every query of the corpus binds and runs, and gives what DuckDB gives
over its own tables with the same rows.

The corpus has no rows; these are made here, from a fixed seed: surrogate keys meet, and columns that the
queries compare with constants mostly have those, so that many queries give rows."""
import datetime
import decimal
import math
import os
import pathlib
import random
import re

import pyarrow as pa
import pytest

from conftest import Server, put

duckdb_python = pytest.importorskip("duckdb", reason="the duckdb package, the judge, is not in .venv")
pytestmark = pytest.mark.usefixtures("duckdb")

CORPUS = pathlib.Path(os.environ.get("PYRALOG_CORPORA", "")) / "tpcds-bind"
QUERIES = sorted(path.stem for path in CORPUS.glob("queries/*.sql"))
FACTS = ("sales", "returns", "inventory")
DIMENSION_ROWS, FACT_ROWS = 60, 400


def sql_of(query):
    """Without the LIMIT, below which rows that are ordered alike may differ."""
    return re.sub(r"\bLIMIT\s+\d+\s*;?\s*$", "", (CORPUS / "queries" / f"{query}.sql").read_text().strip())


def constants():
    """What the queries compare each column with."""
    found = {}
    for query in QUERIES:
        text = sql_of(query)
        for name, values in re.findall(r"(\w+)\s*(?:=|\bIN\b)\s*\(?\s*('[^']*'(?:\s*,\s*'[^']*')*)", text, re.I):
            found.setdefault(name.lower(), []).extend(re.findall(r"'([^']*)'", values))
        for name, values in re.findall(r"(\w+)\s*(?:=|\bIN\b)\s*\(?\s*(\d+(?:\s*,\s*\d+)*)", text, re.I):
            found.setdefault(name.lower(), []).extend(map(int, re.findall(r"\d+", values)))
        for name, low, high in re.findall(r"(\w+)\s+BETWEEN\s+(\d+)\s+AND\s+(\d+)", text, re.I):
            found.setdefault(name.lower(), []).extend((int(low), int(high)))
    return found


def date_of(row):
    return datetime.date(1998, 1, 1) + datetime.timedelta(days=36 * row)


def value_of(table, place, field, row, known, chance):
    """place: of the column; the first one of a dimension is its key."""
    name, kind = field.name.lower(), field.type
    fact = table.endswith(FACTS)
    day = date_of(row)
    if table == "date_dim" and name in ("d_date", "d_year", "d_moy", "d_dom", "d_qoy"):
        return {"d_date": day, "d_year": day.year, "d_moy": day.month, "d_dom": day.day,
                "d_qoy": (day.month + 2) // 3}[name]
    if not fact and place == 0 and pa.types.is_integer(kind):
        return row + 1
    if field.nullable and chance.random() < 0.05:
        return None
    pool = [value for value in known.get(name, ()) if isinstance(value, int) == pa.types.is_integer(kind)]
    if pa.types.is_integer(kind):
        return chance.choice(pool) if pool and chance.random() < 0.8 else chance.randint(1, DIMENSION_ROWS)
    if pa.types.is_date(kind):
        return date_of(chance.randrange(DIMENSION_ROWS))
    if pa.types.is_decimal(kind):
        return decimal.Decimal(chance.randint(0, 10 ** min(kind.precision, 5) - 1)).scaleb(-kind.scale)
    return chance.choice(pool) if pool and chance.random() < 0.8 else f"{name[:4]}{chance.randint(0, 9)}"


def rows_of(table, schema, known):
    chance = random.Random(table)
    count = FACT_ROWS if table.endswith(FACTS) else DIMENSION_ROWS
    columns = [pa.array([value_of(table, place, field, row, known, chance) for row in range(count)], field.type)
               for place, field in enumerate(schema)]
    return pa.table(columns, schema=schema)


@pytest.fixture(scope="module")
def both(duckdb, tmp_path_factory):
    """Our server and DuckDB itself, with the same tables."""
    if not QUERIES:
        pytest.skip("PYRALOG_CORPORA has no tpcds-bind")
    known = constants()
    peer = duckdb_python.connect()
    server = Server(tmp_path_factory.mktemp("tpcds") / "db")
    client = server.connect()
    for path in sorted(CORPUS.glob("schema/*.sql")):
        statement = path.read_text()
        server.query(statement)
        peer.execute(statement)
        described = peer.execute(f"DESCRIBE {path.stem}").fetchall()
        types = peer.execute(f"SELECT * FROM {path.stem}").to_arrow_table().schema
        schema = pa.schema([pa.field(field.name, field.type, nullable=about[2] == "YES")
                            for field, about in zip(types, described)])
        rows = rows_of(path.stem, schema, known)
        assert put(client, path.stem, rows)[-1] == rows.num_rows
        peer.execute(f"INSERT INTO {path.stem} SELECT * FROM rows")
    yield server, peer
    server.stop()


def order(row):
    return [(value is None, isinstance(value, float), str(value) if not isinstance(value, float) else value)
            for value in row]


def rows_in_order(table):
    return sorted(zip(*(column.to_pylist() for column in table.columns)), key=order)


def same(ours, theirs):
    if isinstance(ours, float) and isinstance(theirs, float):
        return math.isclose(ours, theirs, rel_tol=1e-9, abs_tol=1e-9) or (math.isnan(ours) and math.isnan(theirs))
    return ours == theirs


@pytest.mark.parametrize("query", QUERIES)
def test_every_query_gives_what_duckdb_gives(both, query):
    server, peer = both
    ours = server.query(sql_of(query))
    theirs = peer.execute(sql_of(query)).to_arrow_table()
    assert ours.column_names == theirs.column_names
    assert [str(field.type) for field in ours.schema] == [str(field.type) for field in theirs.schema]
    assert ours.num_rows == theirs.num_rows
    for row, expected in zip(rows_in_order(ours), rows_in_order(theirs)):
        assert all(map(same, row, expected)), (row, expected)


def test_many_queries_give_rows(both):
    """Two empty results are equal whatever an engine does."""
    _, peer = both
    filled = [query for query in QUERIES if peer.execute(sql_of(query)).fetchone() is not None]
    print(len(filled), "of", len(QUERIES), "queries give rows")
    assert len(filled) >= len(QUERIES) // 2
