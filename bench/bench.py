"""Measures Pyralog beside its peers in one run and prints a table of ratios.

    bench.py [--rows ROWS] [--scale SCALE] [--only NAME]... [-- ARGUMENT...]

Times are medians; a ratio is the peer's time divided by ours (for rates: ours by the peer's), so more
is better. Works below build/bench, which is made anew; the native engine's made tables stay below
build/bench-data. Arguments after -- go to bench/native/run.py or bench/tensors/run.py, so that all of --only
must be of one of them. A bench that fails does not end the others: the table says FAILED and the exit status
is 1.
"""
import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import time
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "native"))
from rows import RELEASE, ROOT, run_program, tool, tool_lines  # noqa: E402

WORK = ROOT / "build" / "bench"
HEADLINE = "SELECT user_id, SUM(amount) FROM t WHERE day > DATE '2025-01-01' GROUP BY user_id"
rows_of_table = []
native_arguments = []


def ours(*arguments):
    return tool("pyr_bench", *arguments)


def report(name, our_text, peer, peer_text, ratio, goal):
    """ratio None: there is none, as a side is missing or failed ("FAILED")."""
    met = "" if goal is None or ratio is None else ("met" if ratio >= goal else "MISSED")
    if "FAILED" in (our_text, peer_text):
        met = "FAILED"
    goal_text = "" if goal is None else f">= {goal}"
    ratio_text = "" if ratio is None else f"{ratio:.2f}"
    rows_of_table.append((name, our_text, peer, peer_text, ratio_text, goal_text, met))
    print(f"  {name}: ours {our_text}, {peer} {peer_text}: {ratio_text} {goal_text} {met}", flush=True)


def attempt(name, function, *arguments):
    """What function gives; of one that fails the table has a row, and stderr the place."""
    try:
        return function(*arguments)
    except Exception as failure:  # whatever it is, the other benches are run
        traceback.print_exc()
        report(name, "FAILED", "", (str(failure).splitlines() or [repr(failure)])[0][:60], None, None)
        return None


def segment_files():
    return sorted(WORK.glob("db/segments/*/*.arrow"))


def bench_open(rows):
    """Open + view of one batch of a segment file of about 1 GB, against pyarrow and against reading."""
    import pyarrow as pa

    path = max(segment_files(), key=lambda p: p.stat().st_size)
    size = path.stat().st_size
    mine = ours("open", path, 1000)

    def pyarrow_open(index):
        with pa.memory_map(str(path)) as source:
            reader = pa.ipc.open_file(source)
            batch = reader.get_batch(index % reader.num_record_batches)
            return batch.column(2)[0].as_py()

    pyarrow_open(0)
    start = time.perf_counter()
    for index in range(1000):
        pyarrow_open(index)
    peer = (time.perf_counter() - start) / 1000 * 1e6

    def read_whole():
        begin = time.perf_counter()
        data = path.read_bytes()
        pa.ipc.open_file(pa.BufferReader(data)).get_batch(0)
        return (time.perf_counter() - begin) * 1e6

    whole = statistics.median(read_whole() for _ in range(3))
    label = f"open + view, {size / 1e9:.2f}-GB file"
    report(label, f"{mine['us_each']:.1f} us", "pyarrow mmap", f"{peer:.1f} us", peer / mine["us_each"], 5)
    report(label, f"{mine['us_each']:.1f} us", "reading it", f"{whole:.0f} us", whole / mine["us_each"], 100)
    report("  anonymous memory", f"{mine['anonymous_bytes'] / 1e6:.1f} MB", "limit", "10 MB",
           10e6 / mine["anonymous_bytes"], 1)


def bench_limit(rows):
    mine = ours("query", WORK / "db", "native", 101, "SELECT * FROM t LIMIT 10")
    report(f"SELECT * LIMIT 10, {rows / 1e6:.0f}M rows", f"{mine['ms'] * 1e3:.0f} us", "limit", "1000 us",
           1 / mine["ms"], 1)


def bench_start(rows):
    def once(command):
        begin = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return (time.perf_counter() - begin) * 1e3

    mine = statistics.median(once([RELEASE / "pyralog", ":memory:", "-c", "SELECT 1"]) for _ in range(21))
    empty = statistics.median(once(["/bin/true"]) for _ in range(21))
    report("pyralog :memory: -c 'SELECT 1'", f"{mine:.1f} ms", "limit",
           f"20 ms (/bin/true: {empty:.1f})", 20 / mine, 1)


def bench_headline(rows):
    """The same statement over our segments and over DuckDB's own in-memory table, interleaved."""
    import duckdb
    import pyarrow as pa

    subset = min(rows, 20_000_000)
    peer = duckdb.connect()
    peer.execute(f"SET threads = {os.cpu_count()}")
    tables = [pa.ipc.open_file(pa.memory_map(str(p))).read_all() for p in segment_files()]
    everything = pa.concat_tables(tables).slice(0, subset)
    peer.execute("CREATE TABLE t AS SELECT * FROM everything")
    del everything, tables
    database = WORK / "db"
    if subset != rows:
        database = WORK / "headline"
        ours("make", database, subset)
    peer_times, our_times = [], []
    peer.execute(HEADLINE).to_arrow_table()
    for _ in range(9):
        begin = time.perf_counter()
        result = peer.execute(HEADLINE).to_arrow_table()
        peer_times.append((time.perf_counter() - begin) * 1e3)
        our_times.append(ours("query", database, "duckdb", 3, HEADLINE)["ms"])
    mine, theirs = statistics.median(our_times), statistics.median(peer_times)
    report(f"headline on DuckDB, {subset / 1e6:.0f}M rows, {result.num_rows} groups", f"{mine:.0f} ms",
           "its own table", f"{theirs:.0f} ms", theirs / mine, round(1 / 1.1, 3))


def bench_flight(rows):
    script = ROOT / "bench" / "flight" / "bench_flight.py"
    output = run_program(sys.executable, script, "--database", WORK / "db", "--table", "t")
    print(output, end="")
    for line in output.splitlines():
        if line.startswith("{"):
            row = json.loads(line)
            report(row["name"], row["ours"], row["peer_name"], row["peer"], row["ratio"], row["goal"])


def bench_native(name, folder="native"):
    """One of a folder's runs, in the peers' own environment (bench/native/run.py, bench/tensors/run.py)."""
    def bench(rows):
        command = [ROOT / ".venv-bench" / "bin" / "python", ROOT / "bench" / folder / "run.py", name,
                   *map(str, native_arguments)]
        process = subprocess.Popen(command, text=True, stdout=subprocess.PIPE)
        for line in process.stdout:
            row = json.loads(line)
            report(row["name"], row["ours"], row["peer_name"], row["peer"], row["ratio"], row["goal"])
        if process.wait() != 0:
            raise RuntimeError(f"bench/{folder}/run.py {name} ended with {process.returncode}")
    return bench


def bench_blake3(rows):
    """Our BLAKE3 beside the Python package's (Rust and assembly), in rounds in turn, the best of each. One
    thread by the CPU's time, which a busy machine does not disturb; two by the wall's."""
    import blake3

    size = 256 << 20
    data = (bytes(range(251)) * (size // 251 + 1))[:size]
    for threads in (1, 2):
        clock = time.thread_time if threads == 1 else time.perf_counter
        mine = theirs = 0
        for _ in range(9):
            mine = max(mine, tool("blake3_bench", size, threads, 3)["cpu_gbs" if threads == 1 else "wall_gbs"])
            for _ in range(3):
                begin = clock()
                blake3.blake3(data, max_threads=threads).digest()
                theirs = max(theirs, size / 1e9 / (clock() - begin))
        report(f"BLAKE3, 256 MiB, {threads} thread{'s' * (threads > 1)}", f"{mine:.2f} GB/s", "blake3 (PyPI)",
               f"{theirs:.2f} GB/s", mine / theirs, 0.8 if threads == 1 else None)


def bench_kernels(rows):
    """Each kernel by ISA, in memory and in the cache; the widest ISA beside the C library reading memory (memchr)."""
    kernels = {}
    for row in tool_lines("kernels_bench", 128, 5):
        kernels.setdefault(row["name"], []).append(row)
    for name, isas in kernels.items():
        best, limit = isas[-1], isas[-1]["limit_gbs"]
        cached = ", ".join(f"{row['isa']} {row['memory_gbs']:.1f} ({row['cache_gbs']:.1f})" for row in isas)
        print(f"  {name}: GB/s in memory (in the cache): {cached}", flush=True)
        report(name, f"{best['memory_gbs']:.1f} GB/s", "memchr", f"{limit:.1f} GB/s",
               best["memory_gbs"] / limit, None)


def bench_skip(rows):
    """A point filter on a sorted column, beside the same where zone maps say nothing (id + 0)."""
    mine = tool("skip_bench", WORK / "skip", 2 * rows, 9)
    shutil.rmtree(WORK / "skip", ignore_errors=True)
    share = mine["bytes_scanned"] / mine["all_bytes_scanned"]
    label = f"point filter, sorted column, {2 * rows / 1e6:.0f}M rows"
    report(label, f"{100 * share:.3f} % of bytes", "limit", "1 %", 0.01 / share, 1)
    report(label, f"{mine['ms']:.1f} ms", "without zone maps", f"{mine['all_ms']:.1f} ms",
           mine["all_ms"] / mine["ms"], None)


def bench_insert(rows):
    """Single-row INSERTs, each on disk when it returns: group commit, and SQLite with the same promise."""
    mine = tool("insert_bench", WORK / "insert", 8, 2, 5)
    one, many = mine["one"], mine["many"]
    report("INSERT of a row, 8 connections", f"{many} rows/s", "1 connection", f"{one} rows/s", many / one, 4)
    report("INSERT of a row, 1 connection", f"{one} rows/s", "SQLite WAL FULL", f"{mine['sqlite_one']} rows/s",
           one / mine["sqlite_one"], 1)
    report("INSERT of a row, 8 connections", f"{many} rows/s", "SQLite WAL FULL",
           f"{mine['sqlite_many']} rows/s", many / mine["sqlite_many"], 1)
    report("INSERT of a row, 1 connection", f"{one} rows/s", "append + fdatasync", f"{mine['disk']} /s",
           one / mine["disk"], None)


def bench_append(rows):
    """A durable table from one stream beside dd of as many bytes to the same disk, in turn."""
    ratios, mine, theirs = [], [], []
    for _ in range(3):
        shutil.rmtree(WORK / "append", ignore_errors=True)
        os.sync()
        ms = tool("ingest_bench", "append", WORK / "append", 64)["ms"]
        size = sum(p.stat().st_size for p in (WORK / "append").glob("segments/*/*.arrow"))
        shutil.rmtree(WORK / "append")
        os.sync()
        begin = time.perf_counter()
        run_program("dd", "if=/dev/zero", f"of={WORK / 'dd'}", "bs=16M", "iflag=count_bytes", f"count={size}",
                    "conv=fdatasync")
        theirs.append(size / 1e6 / (time.perf_counter() - begin))
        (WORK / "dd").unlink()
        mine.append(size / 1e3 / ms)
        ratios.append(mine[-1] / theirs[-1])
    report(f"append of Arrow batches, {size / 1e9:.1f} GB, synced", f"{statistics.median(mine):.0f} MB/s",
           "dd conv=fdatasync", f"{statistics.median(theirs):.0f} MB/s", statistics.median(ratios), 0.7)


def bench_realtime(rows):
    """A memory_only table that takes a stream while a second connection asks about the last hour: 5 of
    100 million rows. The CPU's rate is what the stream could do on a core of its own."""
    mine = tool("ingest_bench", "realtime", WORK / "realtime", 100, 5)
    for key, label in (("alone", "memory_only stream"), ("alone_cpu", "  a second of its CPU"),
                       ("rate", "memory_only stream, queries beside it")):
        goal = 1 if key != "alone_cpu" else None
        report(label, f"{mine[key] / 1e6:.1f}M rows/s", "limit", "25M rows/s", mine[key] / 25e6, goal)
    label = f"  last hour GROUP BY, {mine['queries']} times"
    report(label, f"{mine['median_ms']:.0f} ms", "limit", "100 ms", 100 / mine["median_ms"], 1)
    report("  the 95th percentile of them", f"{mine['p95_ms']:.0f} ms", "limit", "100 ms", 100 / mine["p95_ms"], 1)


def bench_segments(rows):
    """Opening a database of 10,000 segments, in a process of its own each time; memory is compared with
    that of a database of one."""
    many, few = WORK / "segments", WORK / "segment"

    def opened(path):
        return tool("segments_bench", "open", path)

    run_program(RELEASE / "segments_bench", "make", many, 10000)
    run_program(RELEASE / "segments_bench", "make", few, 1)
    runs = [opened(many) for _ in range(9)]
    base = opened(few)
    ms = statistics.median(run["open_ms"] for run in runs)
    each = (statistics.median(run["bytes"] for run in runs) - base["bytes"]) / 10000
    report("open a database of 10,000 segments", f"{ms:.0f} ms", "limit",
           f"200 ms (of one: {base['open_ms']:.0f})", 200 / ms, 1)
    report("  memory a segment until used", f"{each:.0f} bytes", "limit", "4096 bytes", 4096 / each, 1)


def bench_keyed(rows):
    """Tables with a PRIMARY KEY beside RocksDB itself with the same options, in rounds; medians."""
    runs = []
    for number in range(3):
        folder = WORK / f"keyed-{number}"
        runs.append(tool("keyed_bench", folder, 500000, 20000))
        shutil.rmtree(folder)
    goals = [("read of a row by key, prepared", "raw_read", "statement_read_ratio", 0.8),
             ("read of rows by lists of 100 keys, prepared", "raw_read", "statement_list_ratio", 0.8),
             ("load in key order", "raw_load", "load_ratio", 0.8),
             ("upsert of 1,000 rows, prepared, a batch bound", "raw_upsert", "statement_upsert_ratio", 0.8),
             ("upsert of 1,000 rows, pyr_ingest", "raw_upsert", "ingest_upsert_ratio", 0.8),
             ("upsert of 1,000 rows, prepared, VALUES of them all", "raw_upsert", "values_upsert_ratio", 0.8)]
    for name, raw, ratio, goal in goals:
        theirs = statistics.median(run[raw] for run in runs)
        mine = statistics.median(run[raw] * run[ratio] for run in runs)
        report(name, f"{mine:.0f} rows/s", "RocksDB", f"{theirs:.0f} rows/s",
               statistics.median(run[ratio] for run in runs), goal)


BENCHES = {"open": bench_open, "limit": bench_limit, "start": bench_start, "headline": bench_headline,
           "flight": bench_flight, "blake3": bench_blake3, "insert": bench_insert,
           "append": bench_append, "realtime": bench_realtime, "segments": bench_segments,
           "skip": bench_skip, "kernels": bench_kernels, "keyed": bench_keyed,
           "native": bench_native("native"), "wide": bench_native("wide"), "clickbench": bench_native("clickbench"),
           "tensors": bench_native("tensors", "tensors")}
FOLDERS = {"native": "native", "wide": "native", "clickbench": "native", "tensors": "tensors"}  # whose run.py
OF_THE_TABLE = {"open", "limit", "headline", "flight"}  # which read the table that main makes


def make_table(rows):
    made = ours("make", WORK / "db", rows)
    size = sum(p.stat().st_size for p in segment_files())
    print(f"made {rows / 1e6:.0f}M rows, {size / 1e9:.2f} GB in {made['ms'] / 1e3:.1f} s "
          f"({size / 1e6 / made['ms']:.2f} GB/s)", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=50_000_000, help="rows of the table (20 bytes each)")
    parser.add_argument("--only", action="append", choices=sorted(BENCHES))
    parser.add_argument("--scale", type=float, default=1.0, help="of the native engine's tables (1: 100M rows) and of models")
    parser.add_argument("more", nargs="*", help="arguments for bench/native/run.py or bench/tensors/run.py, after --")
    arguments = parser.parse_args()
    wanted = arguments.only or list(BENCHES)
    folders = {FOLDERS.get(name) for name in wanted}
    if arguments.more and (len(folders) != 1 or None in folders):
        parser.error("arguments after -- are for one run.py: give --only native, wide, clickbench, or --only tensors")
    native_arguments.extend(["--scale", arguments.scale, *arguments.more])
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    if OF_THE_TABLE & set(wanted):
        attempt("making the table", make_table, arguments.rows)
    for name in wanted:
        attempt(name, BENCHES[name], arguments.rows)
    header = ("what", "ours", "peer", "its figure", "ratio", "goal", "")
    widths = [max(len(row[i]) for row in [header, *rows_of_table]) for i in range(len(header))]
    print()
    for row in [header, *rows_of_table]:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
    shutil.rmtree(WORK, ignore_errors=True)
    return 1 if any(row[-1] == "FAILED" for row in rows_of_table) else 0


sys.exit(main())
