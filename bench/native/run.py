"""Measures the native engine beside its peers: `native` (the table of statements), `wide`, `clickbench`.

    run.py native|wide|clickbench [--scale S] [--rounds N] [--peers A,B] [--queries TEXT] [--docs]

One peer at a time, on the columns that a group of statements needs, because the three do not fit into
memory together. Rounds alternate ours and the peer's after one that warms both and compares the results.
Prints one JSON line a figure for bench.py; everything goes to build/bench-results/scale-S/NAME.json, and
from those files the report is written (report.py): docs/benchmarks.md at scale 1 or with --docs. A run of
some --queries only goes to NAME-part.json and into no report.
"""
import argparse
import datetime
import json
import os
import pathlib
import select
import shutil
import statistics
import subprocess
import sys
import time

import pyarrow as pa

import data
import queries
import report
from compare import FINE, compare
from rows import ROOT, THREADS, bandwidth_rounds, emit, say

HERE = pathlib.Path(__file__).resolve().parent
RESULTS = ROOT / "build" / "bench-results"
LEAST_ROWS = 100_000  # smaller tables stay in the log, without segments that peers could load


class Worker:
    """An engine's process. One that ends (a crash, or a statement over the limit) is an answer with an
    error, and is started and loaded again for the next request."""
    limit_seconds = 300

    def __init__(self, engine):
        self.engine, self.loaded, self.process = engine, None, None
        self.start()

    def start(self):
        # numpy's OpenBLAS would start threads that spin beside the engine's.
        self.process = subprocess.Popen([sys.executable, HERE / "worker.py", self.engine], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        env=os.environ | {"OPENBLAS_NUM_THREADS": "1"})

    def ask(self, do, **more):
        if self.process.poll() is not None:
            self.start()
            if self.loaded and do != "load":
                self.ask("load", **self.loaded)
        try:
            print(json.dumps({"do": do, **more}), file=self.process.stdin, flush=True)
            ready, _, _ = select.select([self.process.stdout], [], [], self.limit_seconds)
            line = self.process.stdout.readline() if ready else ""
        except BrokenPipeError:
            ready, line = True, ""
        if line:
            return json.loads(line)
        if not ready:
            self.process.kill()
        status = self.process.wait()
        return {"error": f"the process ended with {status}" if ready else f"over {self.limit_seconds} s"}

    def load(self, table, directory, columns, threads=THREADS):
        self.loaded = {"table": table, "directory": str(directory), "columns": columns, "threads": threads}
        return self.ask("load", **self.loaded)

    def stop(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()


def results_of(ours, peer, query):
    """What each gave, compared; an engine that refuses or fails is named with its own words."""
    answers = {}
    for worker in (ours, peer):
        path = RESULTS / f"result-{worker.engine}.arrow"
        answer = worker.ask("result", sql=queries.dialect(query, worker.engine), path=str(path))
        if "error" in answer:
            return {"failed": worker.engine, "why": answer["error"]}
        with pa.memory_map(str(path)) as source:
            answers[worker.engine] = pa.ipc.open_file(source).read_all()
    return {"compared": compare(query.sql, answers[ours.engine], answers[peer.engine]),
            "rows": answers[ours.engine].num_rows}


def alternate(ours, peer, query, rounds):
    """Medians of wall and CPU time of both, in turn: more rounds for what is quick."""
    answer = results_of(ours, peer, query)
    if "failed" in answer:
        return answer
    taken = {ours.engine: [], peer.engine: []}
    started = time.perf_counter()
    number = 0
    while number < rounds or (time.perf_counter() - started < 0.5 and number < 5 * rounds):
        for worker in (ours, peer):
            once = worker.ask("run", sql=queries.dialect(query, worker.engine))
            if "error" in once:
                return {"failed": worker.engine, "why": once["error"]}
            taken[worker.engine].append(once)
        number += 1
    for engine, key in ((ours.engine, "ours"), (peer.engine, "peer")):
        for clock in ("ms", "cpu_ms"):
            answer[f"{key}_{clock}"] = statistics.median(once[clock] for once in taken[engine])
    last = taken[ours.engine][-1]
    return answer | {"rounds": number, "bytes_scanned": last["bytes_scanned"],
                     "bytes_copied": last["bytes_copied"], "batches_skipped": last["batches_skipped"],
                     "ratio": answer["peer_ms"] / answer["ours_ms"],
                     "cpu_ratio": answer["peer_cpu_ms"] / max(answer["ours_cpu_ms"], 0.01)}


def beside_memory(ours, query, rounds, scale):
    """The rate at which a statement goes through its columns and that of a loop that only reads, in turn:
    what other work on the machine leaves of the memory's bandwidth changes from second to second."""
    mine, memory = [], []
    for _ in range(rounds):
        memory.append(bandwidth_rounds(scale, 5)["median_gbs"])
        for _ in range(3):
            once = ours.ask("run", sql=query.sql)
            if "error" in once:
                return {}
            mine.append(once["bytes_scanned"] / 1e6 / once["ms"])
    return {"gbs": statistics.median(mine), "memory_gbs": statistics.median(memory)}


def show(query, peer, answer, goal):
    if "failed" in answer:
        say(f"  {query.name}: {answer['failed']} failed: {answer['why']}")
        if answer["failed"] == "pyralog":
            emit(query.name, "FAILED", peer, answer["why"][:40], None, goal)
        return
    wrong = "" if answer["compared"] in FINE else f" [result: {answer['compared']}]"
    emit(query.name + wrong, f"{answer['ours_ms']:.2f} ms", peer, f"{answer['peer_ms']:.2f} ms",
         answer["ratio"], goal)


def run_group(group, rows, arguments, peers, versions):
    """Every statement of a group beside each peer: [{"query", "sql", "peers": {peer: answer}}]."""
    wanted = [query for query in group.queries if arguments.queries.lower() in query.name.lower()]
    found = [{"query": query.name, "table": group.table, "rows": rows, "sql": query.sql,
              "goals": {"duckdb": query.duckdb, "clickhouse": query.clickhouse},
              "peers": {}} for query in wanted]
    directory = data.ensure(group.table, rows) if wanted else None
    for name in peers if wanted else ():
        ours, peer = Worker("pyralog"), Worker(name)
        loaded = [worker.load(group.table, directory, list(group.columns) or None) for worker in (ours, peer)]
        versions |= {worker.engine: worker.ask("version").get("version", "?") for worker in (ours, peer)}
        data.settle(directory)
        for query, entry in zip(wanted, found):
            failed = next((answer["error"] for answer in loaded if "error" in answer), None)
            answer = ({"failed": ours.engine if "error" in loaded[0] else name, "why": failed} if failed else
                      alternate(ours, peer, query, arguments.rounds))
            entry["peers"][name] = answer
            show(query, name, answer, entry["goals"].get(name))
        peer.stop()
        for query, entry in zip(wanted, found):
            if query.scanned and "gbs" not in entry:
                entry |= beside_memory(ours, query, arguments.rounds, arguments.scale)
        ours.stop()
    return found


def rows_of(group, scale):
    return max(LEAST_ROWS, int(group.millions * 1_000_000 * scale))


# ---- Beside the table: threads, memory, size, cold files. ----

def once_loaded(table, directory, threads, sql, rounds):
    """The median of our wall time, in a process of its own."""
    worker = Worker("pyralog")
    worker.load(table, directory, None, threads)
    answers = [worker.ask("run", sql=sql) for _ in range(rounds + 1)][1:]
    worker.stop()
    failed = next((answer for answer in answers if "error" in answer), None)
    return failed or answers[0] | {"ms": statistics.median(answer["ms"] for answer in answers)}


def headline_threads(directory, sql, rounds):
    """The same statement by one thread and by all, in turn."""
    taken = {1: [], THREADS: []}
    workers = {}
    for threads in taken:
        workers[threads] = Worker("pyralog")
        workers[threads].load("transactions", directory, None, threads)
    for number in range(rounds + 1):
        for threads, worker in workers.items():
            answer = worker.ask("run", sql=sql)
            if number > 0 and "error" not in answer:
                taken[threads].append(answer["ms"])
    for worker in workers.values():
        worker.stop()
    if not all(taken.values()):
        return {"error": "the headline failed"}
    one, many = (statistics.median(taken[threads]) for threads in (1, THREADS))
    emit(f"headline, {THREADS} threads", f"{many:.1f} ms", "1 thread", f"{one:.1f} ms", one / many, 1.8)
    return {"one_ms": one, "all_ms": many, "threads": THREADS, "speed_up": one / many}


def headline_memory(directory, sql):
    worker = Worker("pyralog")
    worker.load("transactions", directory, None)
    answer = worker.ask("memory", sql=sql)
    worker.stop()
    if "error" not in answer:
        used = answer["anonymous_bytes"]
        emit("headline, anonymous memory", f"{used / 1e6:.0f} MB", "limit", "150 MB", 150e6 / used, 1)
    return answer


def headline_sizes(scale, rounds):
    """The headline from 1M to 1B rows (times the scale), as far as the disk has room."""
    found = []
    for rows in sorted({max(LEAST_ROWS, int(millions * 1_000_000 * scale)) for millions in (1, 10, 100, 1000)}):
        data.DATA.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(data.DATA).free
        kept = data.made("transactions", rows)
        if not kept and rows * 20 > free // 2:
            found.append({"rows": rows, "error": f"needs {rows * 20 / 1e9:.0f} GB, {free / 1e9:.0f} GB are free"})
            continue
        directory = data.ensure("transactions", rows)
        answer = once_loaded("transactions", directory, THREADS, queries.HEADLINE.format("transactions"), rounds)
        found.append(answer | {"rows": rows})
        if not kept and rows * 20 > 4 << 30:  # too large to be left lying for a single figure
            data.remove("transactions", rows)
    return found


def drop_caches(directory):
    """Takes the table's files out of the page cache."""
    for path in data.segments(directory):
        data.drop(path)


def cold(directory):
    """A statement that reads four fifths of the file, from a file out of the cache, beside reading it."""
    sql = "SELECT user_id, SUM(amount) FROM transactions GROUP BY user_id"
    mine, disk = [], []
    size = sum(path.stat().st_size for path in data.segments(directory))
    for _ in range(3):
        drop_caches(directory)
        worker = Worker("pyralog")
        worker.load("transactions", directory, None)
        answer = worker.ask("run", sql=sql)
        worker.stop()
        if "error" in answer:
            return answer
        mine.append(answer["bytes_scanned"] / 1e6 / answer["ms"])
        drop_caches(directory)
        start = time.perf_counter()
        for path in data.segments(directory):
            data.read_in_order(path)
        disk.append(size / 1e9 / (time.perf_counter() - start))
    rate, limit = statistics.median(mine), statistics.median(disk)
    emit("cold files, group by", f"{rate:.2f} GB/s", "reading them", f"{limit:.2f} GB/s", rate / limit, 0.85)
    return {"ours_gbs": rate, "disk_gbs": limit, "share": rate / limit}


# ---- The three runs. ----

def native(arguments, peers):
    found = {"versions": {}, "queries": []}
    for group in queries.NATIVE:
        found["queries"] += run_group(group, rows_of(group, arguments.scale), arguments, peers,
                                      found["versions"])
    for entry in found["queries"]:
        if "gbs" in entry:
            emit(f"{entry['query']}, of the bandwidth", f"{entry['gbs']:.1f} GB/s", "memory",
                 f"{entry['memory_gbs']:.1f} GB/s", entry["gbs"] / entry["memory_gbs"], 0.85)
    if not arguments.queries:
        rows = max(LEAST_ROWS, int(100_000_000 * arguments.scale))
        directory = data.ensure("transactions", rows)
        sql = queries.HEADLINE.format("transactions")
        found["threads"] = headline_threads(directory, sql, arguments.rounds)
        found["memory"] = headline_memory(directory, sql)
        found["cold"] = cold(directory)
        found["sizes"] = headline_sizes(arguments.scale, arguments.rounds)
    return found


def wide(arguments, peers):
    found = {"versions": {}, "queries": []}
    for group in queries.WIDE:
        rows = rows_of(group, arguments.scale)
        filled = tuple(queries.Query(query.name, query.sql.replace("{half}", str(rows // 2)), query.duckdb,
                                     query.clickhouse) for query in group.queries)
        found["queries"] += run_group(queries.Group(group.table, group.columns, filled), rows, arguments,
                                      peers, found["versions"])
    return found


def clickbench(arguments, peers):
    found = {"versions": {}}
    group = queries.Group("hits", (), tuple(queries.clickbench()), 10)
    found["queries"] = run_group(group, rows_of(group, arguments.scale), arguments, peers, found["versions"])
    for name, goal in (("duckdb", 3), ("clickhouse", 1.8), ("best of all", 1.3)):
        ratios = report.clickbench_ratios(found["queries"], name)
        if ratios:
            emit(f"ClickBench, geometric mean of {len(ratios)}", "1", name, "", report.geometric(ratios), goal)
    worst = report.clickbench_ratios(found["queries"], "best of all")
    if worst:
        emit("ClickBench, slowest beside the best peer", "1", "best of all", "", min(worst), 0.8)
    return found


RUNS = {"native": native, "wide": wide, "clickbench": clickbench}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("name", choices=RUNS)
    parser.add_argument("--scale", type=float, default=1.0, help="1: 100M rows, 20M of strings, 10M of hits")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--peers", default="duckdb,clickhouse", help="of duckdb, clickhouse, polars, datafusion")
    parser.add_argument("--queries", default="", help="only those whose names contain this")
    parser.add_argument("--docs", action="store_true", help="write docs/benchmarks.md at any scale")
    arguments = parser.parse_args()
    RESULTS.mkdir(parents=True, exist_ok=True)
    commit = report.commit()  # before the run, in which somebody may go on working
    started = time.perf_counter()
    found = RUNS[arguments.name](arguments, arguments.peers.split(","))
    found |= {"name": arguments.name, "scale": arguments.scale, "rounds": arguments.rounds,
              "queries_wanted": arguments.queries, "seconds": time.perf_counter() - started,
              "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
              "load": os.getloadavg()[1], "machine": report.machine(), "commit": commit}
    for path in RESULTS.glob("result-*.arrow"):
        path.unlink()
    # Runs of one scale are reported together; one of some statements only is kept apart.
    folder = RESULTS / f"scale-{arguments.scale:g}"
    folder.mkdir(exist_ok=True)
    if arguments.queries:
        (folder / f"{arguments.name}-part.json").write_text(json.dumps(found, indent=1))
        return
    (folder / f"{arguments.name}.json").write_text(json.dumps(found, indent=1))
    report.write(folder, ROOT / "docs" if arguments.docs or arguments.scale == 1 else folder)


main()
