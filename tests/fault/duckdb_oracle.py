#!/usr/bin/env python3
"""Random statements run by DuckDB and by Pyralog: the tables have the same rows at the end.

    duckdb_oracle.py PYRALOG [--seeds N] [--seed N] [--statements N]

DuckDB (the Python package, with storage of its own) runs a statement first. One that it refuses for a
constraint Pyralog must refuse, too; transactions that it refuses are left out, because it has
limits there that are not ours. Pyralog runs in a process for every few statements, so that the
database is opened again and again, and one in four of those processes is killed when it is done.
Ends with 77 where the duckdb or the pyarrow package is not there.
"""
import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile

try:
    import duckdb
    import pyarrow.ipc
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

TABLES = {
    "plain": "CREATE TABLE plain (id BIGINT, a INTEGER, s VARCHAR, d DECIMAL(12, 2), t DATE)",
    "keyed": "CREATE TABLE keyed (id BIGINT PRIMARY KEY, a INTEGER CHECK (a < 90), "
    "s VARCHAR DEFAULT 'none', d DECIMAL(12, 2), t DATE)",
    "composite": "CREATE TABLE composite (id BIGINT, a INTEGER, s VARCHAR, d DECIMAL(12, 2), "
    "t DATE, PRIMARY KEY (s, id))",
}


class Maker:
    """Statements, of which most change something."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def value_row(self, table, a_most=80):
        r = self.random
        text = r.choice(["a", "bb", "it''s", "", "ü€", "x" * 40])
        text = "NULL" if table != "composite" and r.random() < 0.1 else f"'{text}'"
        number = "NULL" if r.random() < 0.1 else r.randrange(-5, a_most)
        return (
            f"({r.randrange(60)}, {number}, {text}, {r.randrange(-9999, 9999) / 100}, "
            f"DATE '2024-01-01' + {r.randrange(400)})"
        )

    def values(self, table, a_most):
        return ", ".join(
            self.value_row(table, a_most) for _ in range(1 + self.random.randrange(12))
        )

    def where(self):
        r = self.random
        return r.choice(
            [
                f"id = {r.randrange(60)}",
                f"id BETWEEN {r.randrange(30)} AND {30 + r.randrange(30)}",
                f"a < {r.randrange(80)}",
                f"s = '{r.choice(['a', 'bb', ''])}' AND d > {r.randrange(100)}",
                "a IS NULL",
                f"t < DATE '2024-01-01' + {r.randrange(400)}",
                f"id IN (SELECT id FROM {r.choice(list(TABLES))} WHERE a > {r.randrange(80)})",
                f"d > (SELECT avg(d) FROM {r.choice(list(TABLES))})",
            ]
        )

    def insert(self, table):
        r = self.random
        key = {"keyed": "(id)", "composite": "(s, id)"}.get(table)
        if key is None or r.random() < 0.2:
            return f"INSERT INTO {table} VALUES {self.values(table, 92)}"
        # Of a row that breaks a CHECK and is not inserted, DuckDB does not look at the CHECK.
        if r.random() < 0.4:
            return f"INSERT INTO {table} VALUES {self.values(table, 80)} ON CONFLICT DO NOTHING"
        # Of a key that stands twice in one statement DuckDB refuses the second.
        return (
            f"INSERT INTO {table} VALUES {self.value_row(table)} ON CONFLICT {key} DO UPDATE SET "
            "a = coalesce(excluded.a, 0) % 90, d = d + excluded.d, t = excluded.t"
        )

    def statement(self):
        r = self.random
        table = r.choice(list(TABLES))
        other = r.choice(list(TABLES))
        kind = r.randrange(12)
        if kind < 5:
            return self.insert(table)
        if kind < 7:
            change = r.choice(
                ["d = d + 1.25", "a = (a + 1) % 80", "t = t + 1, d = d / 2", "a = id % 7, d = NULL"]
            )
            return f"UPDATE {table} SET {change} WHERE {self.where()}"
        if kind < 9:
            return f"DELETE FROM {table} WHERE {self.where()} AND id % 3 = {r.randrange(3)}"
        if kind == 9:
            limit = f"ORDER BY ALL LIMIT {1 + r.randrange(20)}"
            return f"INSERT INTO plain SELECT * FROM {other} WHERE {self.where()} {limit}"
        if kind == 10:
            return (
                f"INSERT INTO plain SELECT i, i % 50, repeat('y', {r.randrange(3000)}), i / 4, "
                f"DATE '2020-01-01' + (i % 900)::INTEGER FROM range({100 + r.randrange(200)}) r(i)"
            )
        return (
            "MERGE INTO keyed AS t USING (SELECT id, max(a) AS a, max(d) AS d FROM "
            f"{other} WHERE id < 60 GROUP BY id) AS s ON t.id = s.id "
            "WHEN MATCHED AND s.a % 5 = 0 THEN DELETE WHEN MATCHED THEN UPDATE SET d = s.d "
            "WHEN NOT MATCHED THEN INSERT (id, a, d) VALUES (s.id, s.a % 90, s.d)"
        )

    def unit(self):
        """One statement, or a transaction."""
        r = self.random
        if r.random() < 0.8:
            return [self.statement()]
        end = "ROLLBACK" if r.random() < 0.3 else "COMMIT"
        return ["BEGIN", *(self.statement() for _ in range(1 + r.randrange(4))), end]


def run_in_duckdb(connection, unit):
    """What Pyralog is to run of it, and how many of its statements must be refused."""
    try:
        for statement in unit:
            connection.execute(statement)
    except duckdb.Error as refused:
        if len(unit) > 1:
            connection.execute("ROLLBACK")
            return [], 0
        return (unit, 1) if isinstance(refused, duckdb.ConstraintException) else ([], 0)
    return unit, 0


def run_in_pyralog(program, database, statements, refused, kill):
    process = subprocess.Popen(
        [program, database, "--keep-going"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )
    text = "".join(statement + ";\n" for statement in statements)
    if kill:
        process.stdin.write(text + "SELECT 'all is done';\n")
        process.stdin.flush()
        for line in process.stdout:
            if "│ all is done" in line:
                break
        process.send_signal(signal.SIGKILL)
        errors = process.communicate()[1]
    else:
        errors = process.communicate(text)[1]
    count = sum(line.startswith("error:") for line in errors.splitlines())
    if count != refused:
        print(text, errors, sep="\n")
        sys.exit(f"{count} statements were refused instead of {refused}")


def rows_of(table):
    return sorted(map(repr, (tuple(row.values()) for row in table.to_pylist())))


def compare(program, database, connection):
    for name in TABLES:
        query = f"SELECT * FROM {name}"
        ours = subprocess.run(
            [program, database, "--format", "arrow", "-c", query], stdout=subprocess.PIPE, check=True
        ).stdout
        found = rows_of(pyarrow.ipc.open_stream(ours).read_all())
        expected = rows_of(connection.execute(query).to_arrow_table())
        if found != expected:
            print("only in DuckDB:", sorted(set(expected) - set(found))[:5])
            print("only in Pyralog:", sorted(set(found) - set(expected))[:5])
            sys.exit(f"{name}: {len(found)} rows, DuckDB has {len(expected)}, in {database}")
    subprocess.run([program, "verify", database], stdout=subprocess.DEVNULL, check=True)
    return len(expected)


def run_seed(program, seed, count):
    maker = Maker(seed)
    folder = tempfile.mkdtemp(prefix="pyralog-duckdb-oracle-")
    database = os.path.join(folder, "db")
    connection = duckdb.connect()
    statements = list(TABLES.values())
    for statement in statements:
        connection.execute(statement)
    refused = 0
    done = 0
    while done < count:
        unit, more = run_in_duckdb(connection, maker.unit())
        statements += unit
        refused += more
        done += len(unit)
        if maker.random.random() < 0.03:
            statements.append(maker.random.choice(["CHECKPOINT", "VACUUM"]))
        if len(statements) > 40:
            run_in_pyralog(program, database, statements, refused, maker.random.random() < 0.25)
            statements, refused = [], 0
    run_in_pyralog(program, database, statements, refused, False)
    compare(program, database, connection)
    shutil.rmtree(folder)
    print(f"seed {seed}: {done} statements, all rows the same")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--statements", type=int, default=300)
    options = parser.parse_args()
    for seed in range(options.seed, options.seed + options.seeds):
        print(f"seed {seed}", flush=True)
        run_seed(options.program, seed, options.statements)


main()
