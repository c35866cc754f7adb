"""One engine in a process of its own: requests are JSON lines on stdin, answers JSON lines on stdout.

    worker.py pyralog|duckdb|clickhouse|polars|datafusion

    {"do": "load", "table": T, "directory": D, "columns": [...] or null, "threads": N}
    {"do": "run", "sql": SQL}            -> {"ms", "cpu_ms", "rows", ...}: the result is made and dropped
    {"do": "result", "sql": SQL, "path": P}   the result as an Arrow IPC file
    {"do": "memory", "sql": SQL}         -> {"anonymous_bytes"}: the most above what the process had before
                                            the table was opened, while the statement runs once
    {"do": "version"}

It ends with its stdin.
"""
import json
import os
import resource
import sys
import threading
import time

import pyarrow as pa

import data


def anonymous_bytes():
    with open("/proc/self/status") as file:
        for line in file:
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) * 1024
    return 0


def arrow_table(directory, columns):
    tables = [pa.ipc.open_file(pa.memory_map(str(path))).read_all() for path in data.segments(directory)]
    table = pa.concat_tables(tables)
    return table.select(columns) if columns else table


class Pyralog:
    """Ours: mapped segments, in this process, and never another engine."""

    def load(self, table, directory, columns, threads):
        from ours import pyralog  # here, so that it is in no peer's process
        self.drop()
        self.database = pyralog.connect(directory, readonly=True, engine="native", threads=threads)
        self.database.execute("SET engine = 'native'")

    def run(self, sql):
        return self.result(sql).num_rows

    def result(self, sql):
        table = self.database.execute(sql).arrow()
        engine = self.database.ledger()["engine"]
        if engine != "native":
            raise RuntimeError(f"ran on {engine or 'no engine'}, not on the native one")
        return table

    def notes(self):
        ledger = self.database.ledger()
        return {name: ledger[name] for name in ("engine", "bytes_scanned", "bytes_copied", "batches_skipped",
                                                "peak_memory_bytes")}

    def version(self):
        from ours import pyralog
        return pyralog.library_version()

    def drop(self):
        if getattr(self, "database", None):
            self.database.close()
            self.database = None


class DuckDB:
    """A table in memory; a result is an Arrow table."""

    def __init__(self):
        import duckdb
        self.duckdb, self.connection, self.table = duckdb, duckdb.connect(), None

    def load(self, table, directory, columns, threads):
        self.drop()
        self.connection.execute(f"SET threads = {threads}")
        self.table, source = table, arrow_table(directory, columns)
        self.connection.register("source", source)
        self.connection.execute(f"CREATE TABLE {table} AS SELECT * FROM source")
        self.connection.unregister("source")

    def run(self, sql):
        return self.result(sql).num_rows

    def result(self, sql):
        # Not execute(), whose Arrow tables cost DuckDB 2 a copy of the rows.
        return self.connection.sql(sql).to_arrow_table()

    def version(self):
        return self.duckdb.__version__

    def drop(self):
        if self.table:
            self.connection.execute(f"DROP TABLE {self.table}")
            self.table = None


class ClickHouse:
    """chdb, a table of the Memory engine without Nullable; a timed result goes to FORMAT Null, which
    spares it the encoding that the others' Arrow tables do not need either."""
    TYPES = {"int64": "Int64", "int32": "Int32", "int16": "Int16", "double": "Float64", "string": "String",
             "date32[day]": "Date", "timestamp[us]": "DateTime64(6, 'UTC')"}

    def __init__(self):
        from chdb import session
        self.session, self.table = session.Session(), None

    def load(self, table, directory, columns, threads):
        self.drop()
        paths = data.segments(directory)
        schema = pa.ipc.open_file(pa.memory_map(str(paths[0]))).schema
        names = columns or schema.names
        types = {name: self.TYPES[str(schema.field(name).type)] for name in names}
        if table == "hits":  # as ClickBench's own definition has them
            types = {name: type.replace("DateTime64(6, 'UTC')", "DateTime('UTC')") for name, type in
                     types.items()}
        self.table = table
        self.session.query(f"CREATE TABLE {table} ({', '.join(f'{n} {t}' for n, t in types.items())}) "
                           "ENGINE = Memory")
        for path in paths:
            self.session.query(f"INSERT INTO {table} SELECT {', '.join(names)} FROM file('{path}', 'Arrow') "
                               f"SETTINGS max_threads = {threads}, schema_inference_make_columns_nullable = 0")
        self.settings = f" SETTINGS max_threads = {threads}"

    def run(self, sql):
        self.session.query(sql + self.settings + " FORMAT Null")
        return None

    def result(self, sql):
        answer = self.session.query(sql + self.settings, "Arrow")
        return pa.ipc.open_file(pa.BufferReader(answer.bytes())).read_all()

    def version(self):
        return str(self.session.query("SELECT version()", "TabSeparated")).strip()

    def drop(self):
        if self.table:
            self.session.query(f"DROP TABLE {self.table} SYNC")
            self.table = None


class Polars:
    """A data frame in memory, its own SQL."""

    def load(self, table, directory, columns, threads):
        os.environ["POLARS_MAX_THREADS"] = str(threads)
        import polars
        self.polars = polars
        frame = polars.from_arrow(arrow_table(directory, columns)).rechunk()
        self.context = polars.SQLContext(**{table: frame}, eager=True)

    def run(self, sql):
        return self.context.execute(sql).height

    def result(self, sql):
        return self.context.execute(sql).to_arrow()

    def version(self):
        import polars
        return polars.__version__

    def drop(self):
        self.context = None


class DataFusion:
    """Record batches in memory; no statistics, no load format of its own."""

    def load(self, table, directory, columns, threads):
        import datafusion
        config = datafusion.SessionConfig().with_target_partitions(threads)
        # DataFusion folds names without quotes to lower case unless told otherwise.
        config = config.set("datafusion.sql_parser.enable_ident_normalization", "false")
        self.context = datafusion.SessionContext(config)
        batches = arrow_table(directory, columns).to_batches()
        share = -(-len(batches) // threads)
        self.context.register_record_batches(
            table, [batches[start:start + share] for start in range(0, len(batches), share)])

    def run(self, sql):
        return sum(batch.num_rows for batch in self.context.sql(sql).collect())

    def result(self, sql):
        return self.context.sql(sql).to_arrow_table()

    def version(self):
        import datafusion
        return datafusion.__version__

    def drop(self):
        self.context = None


ENGINES = {"pyralog": Pyralog, "duckdb": DuckDB, "clickhouse": ClickHouse, "polars": Polars,
           "datafusion": DataFusion}


def timed(engine, sql):
    before = resource.getrusage(resource.RUSAGE_SELF)
    start = time.perf_counter()
    rows = engine.run(sql)
    elapsed = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    answer = {"ms": elapsed * 1e3, "cpu_ms": cpu * 1e3, "rows": rows}
    if hasattr(engine, "notes"):
        answer |= engine.notes()
    return answer


def memory(engine, sql, base):
    most, done = anonymous_bytes(), threading.Event()

    def watch():
        nonlocal most
        while not done.wait(0.001):
            most = max(most, anonymous_bytes())
    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        engine.run(sql)
    finally:
        most = max(most, anonymous_bytes())
        done.set()
        watcher.join()
    return {"anonymous_bytes": most - base}


def answer(engine, request, base):
    do = request["do"]
    if do == "load":
        start = time.perf_counter()
        engine.load(request["table"], request["directory"], request["columns"], request["threads"])
        return {"ms": (time.perf_counter() - start) * 1e3}
    if do == "run":
        return timed(engine, request["sql"])
    if do == "memory":
        return memory(engine, request["sql"], base)
    if do == "result":
        table = engine.result(request["sql"])
        with pa.ipc.new_file(request["path"], table.schema) as writer:
            writer.write_table(table)
        return {"rows": table.num_rows}
    if do == "version":
        return {"version": engine.version()}
    raise ValueError(f"unknown request {do!r}")


def main():
    # What an engine prints itself must not come between the answers.
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    engine = ENGINES[sys.argv[1]]()
    base = anonymous_bytes()
    for line in sys.stdin:
        request = json.loads(line)
        try:
            reply = answer(engine, request, base)
        except Exception as error:  # an engine's failure is an answer, not the benchmark's end
            reply = {"error": " ".join(str(error).split())[:300] or repr(error)}
        print(json.dumps(reply), file=out, flush=True)
    engine.drop()


main()
