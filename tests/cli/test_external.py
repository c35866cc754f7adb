"""External tables whose files change: written by pyarrow, read by the program."""
import os
import select
import subprocess

import pyarrow as pa
import pyarrow.csv
import pyarrow.dataset
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

from conftest import PROGRAM, environment


@pytest.fixture
def ask(run, tmp_path):
    def call(*statements, code=0):
        arguments = [word for statement in statements for word in ("-c", statement)]
        return run(tmp_path / "db", "--format", "csv", *arguments, code=code)

    return call


@pytest.fixture
def table(duckdb, ask, tmp_path):
    """One Parquet file, registered as t."""
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"a": [1, 2, 3], "b": ["x", "y", "z"]}), path)
    ask(f"CREATE EXTERNAL TABLE t STORED AS PARQUET LOCATION '{path}'")
    return path


def states(ask):
    out = ask("SELECT state, location FROM pyralog.external_files").out.splitlines()[1:]
    return {os.path.basename(line.split(",")[1]): line.split(",")[0] for line in out}


def test_a_file_as_it_was_registered_is_no_news(ask, table):
    outcome = ask("SELECT sum(a) AS s FROM t")
    assert outcome.out == "s\n6\n"
    assert outcome.err == ""
    assert states(ask) == {"t.parquet": "ok"}


def test_a_changed_file_is_read_with_a_notice_until_refresh(ask, table):
    pq.write_table(pa.table({"a": [10, 20], "b": ["x", "y"], "c": [1.5, 2.5]}), table)
    outcome = ask("SELECT sum(a) AS s FROM t")
    assert outcome.out == "s\n30\n"
    assert outcome.err.startswith('notice: external table "t": ') and "1 changed" in outcome.err
    assert states(ask) == {"t.parquet": "changed"}
    refreshed = ask("ALTER EXTERNAL TABLE t REFRESH", "SELECT * FROM t")
    assert refreshed.out == "a,b,c\n10,x,1.5\n20,y,2.5\n"  # the columns were the file's, not declared
    assert refreshed.err == ""
    assert states(ask) == {"t.parquet": "ok"}


def test_a_change_of_time_alone_is_a_change(ask, table):
    os.utime(table, ns=(1, 1))
    assert "1 changed" in ask("SELECT count(*) FROM t").err
    assert states(ask) == {"t.parquet": "changed"}


def test_a_file_that_does_not_fit_any_more_is_named_with_its_column(ask, table):
    pq.write_table(pa.table({"a": [1]}), table)
    outcome = ask("SELECT count(*) FROM t", code=1)
    assert "42804" in outcome.err
    assert f'file "{table}": column "b" is not in it' in outcome.err
    pq.write_table(pa.table({"a": ["1"], "b": ["x"]}), table)
    outcome = ask("SELECT count(*) FROM t", code=1)
    assert f'file "{table}": column "a" is VARCHAR, which does not fit the table\'s BIGINT' in outcome.err
    pq.write_table(pa.table({"a": pa.array([7], pa.int16()), "b": ["x"]}), table)  # narrower: fits
    assert ask("SELECT typeof(a) AS t, a FROM t").out == "t,a\nBIGINT,7\n"


def test_a_file_of_another_format_is_named_with_both(ask, table):
    pyarrow.feather.write_feather(pa.table({"a": [1], "b": ["x"]}), str(table), compression="uncompressed")
    assert "is ARROW, not PARQUET" in ask("SELECT * FROM t", code=1).err


def test_a_missing_file_is_an_error_and_a_state(ask, table):
    os.remove(table)
    outcome = ask("SELECT * FROM t", code=1)
    assert "58P01" in outcome.err and str(table) in outcome.err
    assert states(ask) == {"t.parquet": "missing"}
    assert ask("SELECT 1 AS t").out == "t\n1\n"  # a name that is no table here


def test_csv_and_arrow_columns_are_named_too(duckdb, ask, tmp_path):
    csv, arrow = tmp_path / "c.csv", tmp_path / "a.arrow"
    data = pa.table({"a": [1, 2], "b": ["x", "y"]})
    pyarrow.csv.write_csv(data, csv)
    pyarrow.feather.write_feather(data, str(arrow), compression="uncompressed")
    ask(f"CREATE EXTERNAL TABLE c STORED AS CSV LOCATION '{csv}'",
        f"CREATE EXTERNAL TABLE a STORED AS ARROW LOCATION '{arrow}'")
    other = pa.table({"a": [1, 2]})
    pyarrow.csv.write_csv(other, csv)
    pyarrow.feather.write_feather(other, str(arrow), compression="uncompressed")
    for name, path in (("c", csv), ("a", arrow)):
        assert f'file "{path}": column "b" is not in it' in ask(f"SELECT * FROM {name}", code=1).err


def write_sales(root, years):
    rows = [(year, month, year * 100 + month) for year in years for month in (1, 2)]
    table = pa.table({"year": [r[0] for r in rows], "month": [r[1] for r in rows], "a": [r[2] for r in rows]})
    partitioning = pyarrow.dataset.partitioning(
        pa.schema([("year", pa.int32()), ("month", pa.int32())]), flavor="hive")
    pyarrow.dataset.write_dataset(table, root, format="parquet", partitioning=partitioning,
                                  existing_data_behavior="overwrite_or_ignore")


def test_new_partitions_of_a_pyarrow_dataset_are_read_and_broken_ones_are_not_opened(duckdb, ask, tmp_path):
    root = tmp_path / "sales"
    write_sales(root, (2024, 2025))
    ask(f"CREATE EXTERNAL TABLE sales (a BIGINT) STORED AS PARQUET LOCATION '{root}' "
        "PARTITIONED BY (year INT, month INT)")
    assert ask("SELECT year, sum(a) AS s FROM sales GROUP BY year ORDER BY year").out == (
        "year,s\n2024,404803\n2025,405003\n")
    write_sales(root, (2026,))
    outcome = ask("SELECT sum(a) AS s FROM sales WHERE year = 2026")
    assert outcome.out == "s\n405203\n"
    assert "2 new" in outcome.err
    broken = root / "year=2024" / "month=1" / "part-0.parquet"
    broken.write_bytes(b"PAR1 and then nothing of the kind")
    assert ask("SELECT sum(a) AS s FROM sales WHERE year >= 2025").out == "s\n810206\n"
    assert ask("SELECT sum(a) AS s FROM sales", code=1).err
    broken.unlink()
    assert "1 missing" in ask("SELECT sum(a) AS s FROM sales WHERE year = 2025").err
    ask("ALTER EXTERNAL TABLE sales REFRESH")
    assert set(states(ask).values()) == {"ok"}


def test_a_file_that_changes_while_it_is_read_is_an_error(duckdb, ask, tmp_path):
    path = tmp_path / "big.arrow"
    data = pa.table({"a": pa.array(range(2_000_000), pa.int64())})
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, data.schema) as writer:
        for batch in data.to_batches(max_chunksize=10_000):
            writer.write_batch(batch)
    ask(f"CREATE EXTERNAL TABLE big STORED AS ARROW LOCATION '{path}'")
    reading = subprocess.Popen([PROGRAM, str(tmp_path / "db"), "--format", "csv", "-c", "SELECT a FROM big"],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment())
    assert select.select([reading.stdout], [], [], 60)[0]  # it is reading, and waits for us to read
    os.utime(path, ns=(1, 1))
    out, err = reading.communicate(timeout=120)
    assert reading.returncode == 1
    assert b"58030" in err and b"changed while it was read" in err and str(path).encode() in err


def test_the_same_size_and_time_with_another_content_is_found_by_verify_and_its_hash(duckdb, run, ask, tmp_path):
    path = tmp_path / "h.csv"
    path.write_text("a\n1\n2\n")
    os.utime(path, ns=(10**18, 10**18))
    ask(f"CREATE EXTERNAL TABLE h STORED AS CSV LOCATION '{path}' WITH (hash = true)",
        f"CREATE EXTERNAL TABLE n STORED AS CSV LOCATION '{path}'")
    db = tmp_path / "db"
    assert run("verify", db).out
    with open(path, "r+") as file:  # in place: the same inode
        file.write("a\n1\n3\n")
    os.utime(path, ns=(10**18, 10**18))
    # The table tells by size, time and inode alone: it reads no file.
    rows = ask('SELECT "table", state, length(blake3) AS l FROM pyralog.external_files').out
    assert rows == "table,state,l\nh,ok,64\nn,ok,NULL\n" or rows == "table,state,l\nh,ok,64\nn,ok,\n"
    outcome = run("verify", db, code=1)
    assert str(path) in outcome.out and "BLAKE3" in outcome.out
    ask("ALTER EXTERNAL TABLE h REFRESH")
    assert run("verify", db).out


def test_verify_names_what_is_not_as_it_was(run, ask, table, tmp_path):
    db = tmp_path / "db"
    run("verify", db)
    pq.write_table(pa.table({"a": [1], "b": ["x"]}), table)
    outcome = run("verify", db, code=1)
    assert f"bad: table t: {table}: changed since it was registered" in outcome.out
    os.remove(table)
    assert f"bad: table t: {table}: missing" in run("verify", db, code=1).out


def test_what_was_registered_is_there_after_a_restart_and_dropping_leaves_the_files(ask, table):
    assert ask("SHOW TABLES").out == "name\nt\n"
    ask("DROP EXTERNAL TABLE t")
    assert table.exists()
    assert ask("SHOW TABLES").out == "name\n"


def condition(random, depth=0):
    """A condition over a, year, month and region, pruned by or not."""
    comparison = [
        lambda: f"year {random.choice(['=', '<>', '<', '<=', '>', '>='])} {random.randint(2023, 2026)}",
        lambda: f"t.month {random.choice(['=', '<', '>='])} {random.randint(0, 4)}",
        lambda: f"year BETWEEN {random.randint(2023, 2025)} AND {random.randint(2024, 2026)}",
        lambda: f"month IN ({random.randint(1, 3)}, {random.randint(1, 3)}, NULL)",
        lambda: f"region {random.choice(['=', '>', 'LIKE', 'IS DISTINCT FROM'])} '{random.choice(['eu', 'u%', 'x y'])}'",
        lambda: f"region IS {random.choice(['', 'NOT '])}NULL",
        lambda: f"a % {random.randint(2, 5)} = 1",
        lambda: f"year + month {random.choice(['<', '>'])} {random.randint(2024, 2029)}",
        lambda: f"CASE WHEN year = 2024 AND a > 3 THEN month = 1 ELSE month = 2 END",
        lambda: f"year::VARCHAR || month = '2024{random.randint(1, 3)}'",
        lambda: f"(year, month) IN ((2024, 1), (2025, {random.randint(1, 3)}))",
        lambda: f"list_contains([2024, 2026], year)",
        lambda: f"year = (SELECT max(2024 + a % 2) FROM (SELECT 1 AS a))",
    ]
    if depth == 3 or random.random() < 0.3:
        return random.choice(comparison)()
    left, right = condition(random, depth + 1), condition(random, depth + 1)
    return random.choice([f"{left} AND {right}", f"{left} AND {right}", f"{left} OR {right}",
                          f"({left} OR {right})", f"NOT ({left}) AND {right}", f"NOT {left} AND {right}"])


@pytest.mark.parametrize("format", ["parquet", "arrow"])
def test_pruning_loses_no_row(duckdb, run, ask, tmp_path, format):
    import random

    rows = [(i, 2024 + i % 3, 1 + i % 3, [None, "eu", "us", "x y"][i % 4]) for i in range(72)]
    table = pa.table({name: [row[k] for row in rows] for k, name in enumerate(("a", "year", "month", "region"))})
    partitioning = pyarrow.dataset.partitioning(
        pa.schema([("year", pa.int32()), ("month", pa.int32()), ("region", pa.string())]), flavor="hive")
    pyarrow.dataset.write_dataset(table, tmp_path / "r", format=format, partitioning=partitioning)
    ask(f"CREATE EXTERNAL TABLE e (a BIGINT) STORED AS {format} LOCATION '{tmp_path / 'r'}' "
        "PARTITIONED BY (year INT, month INT, region VARCHAR)", "CREATE TABLE s AS SELECT * FROM e")
    assert ask("SELECT count(*) AS c, count(region) AS r FROM e").out == "c,r\n72,54\n"
    source = random.Random(format)
    conditions = [condition(source) for _ in range(60)]
    sources = ["{} AS t WHERE {}", "{} t JOIN (SELECT 2024 AS y UNION ALL SELECT 2026) o ON t.year = o.y WHERE {}",
               "(SELECT 7 AS b) o LEFT JOIN {} t ON t.a = o.b WHERE {}"]
    answers = []
    for name in ("e", "s"):
        statements = [f"SELECT count(*) AS c, sum(t.a) AS s FROM {sources[k % 5 % 3].format(name, where)}"
                      for k, where in enumerate(conditions)]
        outcome = ask(*statements)
        assert outcome.err == ""
        answers.append(outcome.out.split("c,s\n")[1:])
    for where, external, stored in zip(conditions, *answers, strict=True):
        assert external == stored, where
