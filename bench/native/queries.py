"""The statements of the native engine's table and their goals (ratios against DuckDB and ClickHouse)."""
import os
import pathlib
from dataclasses import dataclass

CORPORA = pathlib.Path(os.environ.get("PYRALOG_CORPORA") or
                       pathlib.Path(__file__).resolve().parents[3] / "shared" / "corpora")


@dataclass(frozen=True)
class Query:
    name: str
    sql: str
    duckdb: float | None = None         # goals
    clickhouse: float | None = None
    scanned: tuple = ()                 # columns read once, whole: bound by the memory's bandwidth
    clickhouse_sql: str | None = None   # where its dialect differs


@dataclass(frozen=True)
class Group:
    """Statements on the same columns of a table, so that each peer loads just those and at once."""
    table: str
    columns: tuple
    queries: tuple
    millions: int = 100


HEADLINE = "SELECT user_id, SUM(amount) FROM {} WHERE date > DATE '2025-01-01' GROUP BY user_id"


def grouped(key, label, duckdb, clickhouse, scanned=()):
    return Query(f"group by {label}", f"SELECT {key}, SUM(v) FROM events GROUP BY {key}", duckdb, clickhouse,
                 scanned)


NATIVE = (
    Group("transactions", ("user_id", "date", "amount"), (
        Query("headline, 1M users", HEADLINE.format("transactions"), 8, 3.5),)),
    Group("sparse", ("user_id", "date", "amount"), (
        Query("headline, sparse 64-bit keys", HEADLINE.format("sparse"), 5, 2.2),)),
    Group("events", ("share", "v"), (
        Query("filter + sum, 1 %", "SELECT SUM(v) FROM events WHERE share < 10000", 4, 2, ("share", "v")),
        Query("filter + sum, 50 %", "SELECT SUM(v) FROM events WHERE share < 500000", 6, 3, ("share", "v")),
        Query("filter + sum, 99 %", "SELECT SUM(v) FROM events WHERE share < 990000", 8, 4, ("share", "v")))),
    Group("events", ("k50", "k1k", "v"), (
        grouped("k50", "50 int keys", 3.5, 2.5, ("k50", "v")),
        grouped("k1k", "1k int keys", 3.5, 2.5, ("k1k", "v")))),
    Group("events", ("k100k", "k10m", "v"), (
        grouped("k100k", "100k int keys", 5, 5),
        grouped("k10m", "10M int keys", 12, 6))),
    Group("strings", ("s1k", "s1m", "v"), (
        Query("group by utf8, 1k", "SELECT s1k, SUM(v) FROM strings GROUP BY s1k", 5, 3),
        Query("group by utf8, 1M", "SELECT s1m, SUM(v) FROM strings GROUP BY s1m", 5, 2.5)), 20),
    Group("events", ("k1m", "k50m"), (
        Query("count(distinct int64), 1M", "SELECT COUNT(DISTINCT k1m) FROM events", 30, 15),
        Query("count(distinct int64), 50M", "SELECT COUNT(DISTINCT k50m) FROM events", 50, 15))),
    Group("events", ("ts", "k1k", "v"), (
        Query("order by ts desc limit 10", "SELECT ts, k1k, v FROM events ORDER BY ts DESC LIMIT 10", 15, 50),)),
    Group("strings", ("url",), (
        Query("LIKE '%word%'", "SELECT COUNT(*) FROM strings WHERE url LIKE '%word%'", 8, 1.4, ("url",)),), 20),
)

# Ten columns of 200M rows (1B of them would be 80 GB): each statement reads two or three.
WIDE = (
    Group("wide", ("c0", "c1", "c2"), (
        Query("10 columns: filter", "SELECT COUNT(*), SUM(c1) FROM wide WHERE c2 > 0.9", 6, 3),
        Query("10 columns: slice", "SELECT c0, c1, c2 FROM wide LIMIT 1000 OFFSET {half}", 6, 3),
        Query("10 columns: project", "SELECT SUM(c1 * 2 + c2) FROM wide", 6, 3),
        Query("10 columns: group by", "SELECT c0, SUM(c1), AVG(c2) FROM wide GROUP BY c0", 6, 3)), 200),
)

# What ClickHouse (and the others) call differently; the rest is the same text for all.
DIALECTS = {"clickhouse": (("STRLEN(", "length("),), "datafusion": (("STRLEN(", "octet_length("),),
            "polars": (("STRLEN(", "OCTET_LENGTH("),)}


def clickbench():
    folder = CORPORA / "clickbench" / "queries"
    return [Query(f"q{number:02}", (folder / f"q{number:02}.sql").read_text().strip().rstrip(";"))
            for number in range(43)]


def dialect(query, engine):
    """The statement as the engine spells it."""
    if engine == "clickhouse" and query.clickhouse_sql:
        return query.clickhouse_sql
    sql = query.sql
    for mine, theirs in DIALECTS.get(engine, ()):
        sql = sql.replace(mine, theirs)
    return sql
