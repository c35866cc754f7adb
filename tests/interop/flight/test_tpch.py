"""TPC-H with tables stored by us: all 22 queries, over Flight, give the corpus' answers."""
import csv
import decimal
import math
import os
import pathlib

import pytest

from conftest import Server, shell

pytestmark = pytest.mark.usefixtures("duckdb")

CORPUS = pathlib.Path(os.environ.get("PYRALOG_CORPORA", "")) / "tpch"
TABLES = ("region", "nation", "supplier", "customer", "part", "partsupp", "orders", "lineitem")


@pytest.fixture(scope="module")
def server(duckdb, tmp_path_factory):
    if not (CORPUS / "schema.sql").exists():
        pytest.skip("PYRALOG_CORPORA has no tpch")
    database = tmp_path_factory.mktemp("tpch") / "db"
    shell(database, "-f", CORPUS / "schema.sql")
    for i, table in enumerate(TABLES):
        file = CORPUS / f"{table}.parquet"
        if i % 2 == 0:
            shell("ingest", database, table, file)
        else:
            shell(database, "-c", f"COPY {table} FROM '{file}'")
    server = Server(database)
    yield server
    server.stop()


def same(value, text):
    if value is None:
        return text in ("", "NULL")
    if isinstance(value, float):
        return math.isclose(value, float(text), rel_tol=1e-6)
    if isinstance(value, (int, decimal.Decimal)):
        return value == decimal.Decimal(text)
    return str(value) == text


@pytest.mark.parametrize("number", range(1, 23))
def test_every_query_gives_its_answer(server, number):
    sql = (CORPUS / "queries" / f"q{number:02}.sql").read_text()
    with open(CORPUS / "answers" / f"q{number:02}.csv", newline="") as file:
        header, *expected = csv.reader(file, delimiter="|")
    table = server.query(sql)
    assert table.num_columns == len(header)  # of which one has another system's name
    rows = list(zip(*(column.to_pylist() for column in table.columns)))
    assert len(rows) == len(expected)
    for place, (row, texts) in enumerate(zip(rows, expected)):
        assert all(map(same, row, texts)), (place, row, texts)
