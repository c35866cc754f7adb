"""Measures tensors and arrays where they lie beside their peers: Python's safetensors, zarr-python,
tensorstore, numcodecs, SQLite and DuckDB.

    run.py tensors [--scale S] [--parts safetensors,registry,blob,serve,stats,zarr,codecs] [--rounds N]

Scale 1 is a model of 5 GB, an array of 1 GB, 100 models of 5 GB. Prints one JSON line a figure for bench.py,
as bench/native/run.py does. A peer that is not installed is a row that says so. What fails, or gives a wrong
result, is a row that says FAILED; the other parts are run all the same, and the exit status is 1.
"""
import argparse
import importlib.util
import json
import os
import pathlib
import shutil
import sqlite3
import statistics
import struct
import sys
import time
import traceback

import numpy as np
import pyarrow as pa

import data

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "native"))
from ours import pyralog  # noqa: E402
from rows import RELEASE, ROOT, THREADS, bandwidth, emit, run_program, say, tool, tool_lines  # noqa: E402

WORK = ROOT / "build" / "bench" / "tensors"
GB = 1_000_000_000
MISSING = object()  # a peer's figure when it is not installed
failures = []


def attempt(what, function):
    """What function gives; None where it failed, which is noted."""
    try:
        return function()
    except Exception as failure:  # whatever it is, the other figures are taken
        traceback.print_exc()
        say(f"  {what}: FAILED: {failure}")
        failures.append(what)
        return None


def attempt_peer(what, module, function):
    """The same of a peer, which may not be installed."""
    if importlib.util.find_spec(module) is None:
        return MISSING
    return attempt(what, function)


def beside(name, ours, peer_name, peer, goal, text, faster=True):
    """One row: figures, smaller being better unless faster is False; None: it failed."""
    shown = ["FAILED" if figure is None else "not installed" if figure is MISSING else text(figure)
             for figure in (ours, peer)]
    ratio = None
    if ours is not None and peer is not None and peer is not MISSING:
        ratio = peer / ours if faster else ours / peer
    emit(name, shown[0], peer_name, shown[1], ratio, goal)


def check(condition, what):
    if not condition:
        raise RuntimeError(f"a wrong result: {what}")


def ms(seconds):
    return f"{seconds * 1e3:.3g} ms"


def rate(gbs):
    return f"{gbs:.2f} GB/s"


def seconds_of(function, rounds, choose=statistics.median):
    """The median; the first run warms and does not count."""
    function()
    taken = []
    for _ in range(rounds):
        begin = time.perf_counter()
        function()
        taken.append(time.perf_counter() - begin)
    return choose(taken)


def quoted(path):
    return "'" + str(path).replace("'", "''") + "'"


# ---- Safetensors. ----

NAME = "model.layers.7.self_attn.q_proj.weight"


def get_all(path, framework="numpy"):
    from safetensors import safe_open
    total = 0
    with safe_open(path, framework=framework) as file:
        for name in file.keys():
            tensor = file.get_tensor(name)
            total += tensor.nbytes
    return total


def sum_all(path):
    """Every byte read: the sum of 64-bit words modulo 2^64, which is tensors_bench's."""
    from safetensors import safe_open
    total = 0
    with safe_open(path, framework="numpy") as file:
        for name in file.keys():
            total += int(file.get_tensor(name).reshape(-1).view(np.uint64).sum())
    return total % 2**64


def get_one(path, name, framework="numpy"):
    from safetensors import safe_open
    with safe_open(path, framework=framework) as file:
        return file.get_tensor(name).ravel()[:1].item()


def numpy_seconds(function, rounds):
    return attempt_peer("safetensors numpy", "safetensors", lambda: seconds_of(function, rounds))


def opened(command, *arguments):
    """(in a database opened anew each time, again in one), in seconds; (None, None) where it failed."""
    taken = attempt(f"tensors_bench {command}", lambda: tool("tensors_bench", command, *arguments))
    return (taken["anew_us"] / 1e6, taken["again_us"] / 1e6) if taken else (None, None)


def bench_safetensors(scale, rounds):
    """Every tensor of a model, and one of it: ours through the C API of tensors, by reference, where the
    peer copies. Ours opens the model in a database that has not seen it before; that database's own opening
    is outside of the clock, as is the peer's import."""
    models = [("sparse", data.model("sparse", "F16", int(5 * GB * scale))),
              ("real", data.model("real", "F32", int(1 * GB * scale), real=True))]
    for kind, path in models:
        label = f"{path.stat().st_size / 1e9:.2f}-GB {kind} model"
        mine, again = opened("open", path, 50)
        one, one_again = opened("find", path, NAME, 50)
        theirs = numpy_seconds(lambda: get_all(path), rounds)
        their_one = numpy_seconds(lambda: get_one(path, NAME), rounds)
        beside(f"open a {label}, get all: by reference / copied", mine, "safetensors numpy", theirs, 100, ms)
        beside("  again in the same database", again, "safetensors numpy", theirs, None, ms)
        beside(f"open a {label}, get one: by reference / copied", one, "safetensors numpy", their_one, None, ms)
        beside(f"open a {label}, get one", one, "limit", 1e-3, 1, ms)
        beside("  again in the same database", one_again, "safetensors numpy", their_one, None, ms)
        # Its own mapping path, where torch is installed.
        theirs = attempt_peer("safetensors torch", "torch", lambda: seconds_of(lambda: get_all(path, "pt"), rounds))
        beside(f"open a {label}, get all: by reference, both", mine, "safetensors torch", theirs, 1, ms)
        if kind == "real":
            beside_sums(path, label, rounds)

        def listed():
            with pyralog.connect() as database:
                sql = f"SELECT count(*), sum(size_bytes) FROM read_safetensors({quoted(path)})"
                return seconds_of(lambda: database.execute(sql).arrow(), max(rounds, 9))
        beside(f"read_safetensors: names and sizes, {label}", attempt("read_safetensors", listed),
               "safetensors numpy", numpy_seconds(lambda: [*keys_of(path)], 9), None, ms)


def beside_sums(path, label, rounds):
    """Opening and then reading every byte: what a copy costs who needs the values."""
    def mine():
        taken = tool("tensors_bench", "sum", path, 2 * rounds + 1)
        if importlib.util.find_spec("safetensors") is not None:
            check(taken["sum"] == sum_all(path), "the tensors' bytes add up to another sum than the peer's")
        return taken["anew_us"] / 1e6
    beside(f"open a {label}, read every byte", attempt("tensors_bench sum", mine), "safetensors numpy",
           numpy_seconds(lambda: sum_all(path), rounds), None, ms)


def keys_of(path):
    from safetensors import safe_open
    with safe_open(path, framework="numpy") as file:
        for name in file.keys():
            yield name, file.get_slice(name).get_shape()


# ---- The registry. ----

def bench_registry(scale, rounds):
    path = data.model("sparse", "F16", int(5 * GB * scale))
    folder = WORK / "models"
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"model-{i}.safetensors" for i in range(100)]
    for each in paths:
        if not each.exists():
            os.link(path, each)

    def register():
        directory = WORK / "registry"
        shutil.rmtree(directory, ignore_errors=True)
        taken = []
        with pyralog.connect(directory) as database:
            for number, each in enumerate(paths):
                begin = time.perf_counter()
                database.execute("INSERT INTO model_registry (name, path) VALUES "
                                 f"('m{number}', {quoted(each)})")
                taken.append(time.perf_counter() - begin)
        return taken

    taken = attempt("model_registry", register)
    size = path.stat().st_size / 1e9
    beside(f"register a {size:.2f}-GB model", statistics.median(taken) if taken else None, "limit", 5e-3, 1, ms)
    beside("register 100 models, a synced commit each", sum(taken) if taken else None, "limit", 0.2, 1, ms)

    def program():
        directory = WORK / "registry-program"
        shutil.rmtree(directory, ignore_errors=True)
        begin = time.perf_counter()
        run_program(RELEASE / "pyralog", "model", "register", directory, "m", path)
        return time.perf_counter() - begin
    whole = attempt("pyralog model register", lambda: statistics.median(program() for _ in range(9)))
    beside("pyralog model register, the whole program", whole, "limit", 50e-3, 1, ms)


# ---- The same model as a BLOB. ----

def span_of(payload, name):
    """Where a tensor's bytes begin in a .safetensors file, and how many they are."""
    length = struct.unpack("<Q", payload[:8])[0]
    begin, end = json.loads(bytes(payload[8:8 + length]))[name]["data_offsets"]
    return 8 + length + begin, end - begin


def ours_by_reference(path):
    directory = WORK / "reference"
    shutil.rmtree(directory, ignore_errors=True)
    with pyralog.connect(directory) as database:
        begin = time.perf_counter()
        database.execute(f"INSERT INTO model_registry (name, path) VALUES ('m', {quoted(path)})")
        return time.perf_counter() - begin


def ours_as_blob(payload, span):
    """(seconds to put a model there, seconds to have a tensor of it); the same of the other two."""
    directory = WORK / "blob"
    shutil.rmtree(directory, ignore_errors=True)
    with pyralog.connect(directory) as database:
        database.execute("CREATE TABLE models (name VARCHAR PRIMARY KEY, data BLOB)")
        table = pa.table({"name": ["m"], "data": pa.array([payload], pa.large_binary())})
        begin = time.perf_counter()
        database.ingest("models", table)
        put = time.perf_counter() - begin
        begin = time.perf_counter()
        taken = database.execute("SELECT data FROM models WHERE name = 'm'").arrow()
        whole = memoryview(taken.column(0)[0].as_buffer()).cast("B")
        start, size = span_of(whole, NAME)
        tensor = whole[start:start + size]
        got = time.perf_counter() - begin
        check(tensor == payload[span[0]:sum(span)], "the tensor of our BLOB")
        return put, got


def sqlite_blob(payload, span):
    """One tensor by SQLite's incremental reading of BLOBs: the header, then as much as the tensor has."""
    file = WORK / "blob.sqlite"
    file.unlink(missing_ok=True)
    connection = sqlite3.connect(file)
    connection.execute("CREATE TABLE models (name TEXT PRIMARY KEY, data BLOB)")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    begin = time.perf_counter()
    with connection:
        connection.execute("INSERT INTO models VALUES (?, ?)", ("m", payload))
    put = time.perf_counter() - begin
    begin = time.perf_counter()
    row = connection.execute("SELECT rowid FROM models WHERE name = 'm'").fetchone()[0]
    with connection.blobopen("models", "data", row, readonly=True) as blob:
        head = blob.read(8)
        head += blob.read(struct.unpack("<Q", head)[0])
        start, size = span_of(head, NAME)
        blob.seek(start)
        tensor = blob.read(size)
    got = time.perf_counter() - begin
    connection.close()
    check(tensor == payload[span[0]:sum(span)], "the tensor of SQLite's BLOB")
    return put, got


def duckdb_blob(payload, span):
    import duckdb
    file = WORK / "blob.duckdb"
    file.unlink(missing_ok=True)
    connection = duckdb.connect(str(file))
    connection.execute("CREATE TABLE models (name VARCHAR PRIMARY KEY, data BLOB)")
    begin = time.perf_counter()
    connection.execute("INSERT INTO models VALUES (?, ?)", ["m", payload])
    put = time.perf_counter() - begin
    begin = time.perf_counter()
    whole = memoryview(connection.execute("SELECT data FROM models WHERE name = 'm'").fetchone()[0])
    start, size = span_of(whole, NAME)
    tensor = whole[start:start + size]
    got = time.perf_counter() - begin
    connection.close()
    check(tensor == payload[span[0]:sum(span)], "the tensor of DuckDB's BLOB")
    return put, got


def bench_blob(scale, rounds):
    """A model's bytes put into a database and a tensor taken out again, beside its name and path put there;
    medians of rounds, each in a database of its own."""
    path = data.model("blob", "F32", int(0.256 * GB * scale), real=True)
    payload = path.read_bytes()
    span = span_of(payload, NAME)
    registered = attempt("model_registry", lambda: statistics.median(ours_by_reference(path) for _ in range(rounds)))
    one, _ = opened("find", path, NAME, 50)
    for peer, module, function in (("our BLOB", "pyralog", ours_as_blob), ("SQLite BLOB", "sqlite3", sqlite_blob),
                                   ("DuckDB BLOB", "duckdb", duckdb_blob)):
        taken = attempt_peer(peer, module, lambda: [function(payload, span) for _ in range(rounds)])
        for what, mine, place in (("put a {:.2f}-GB model there", registered, 0), ("one tensor of it", one, 1)):
            figure = statistics.median(each[place] for each in taken) if isinstance(taken, list) else taken
            beside(what.format(len(payload) / 1e9), mine, peer, figure, None, ms)


# ---- Many models in little memory. ----

def bench_serve(scale, rounds):
    size = int(5 * GB * scale)
    limit = max(64 << 20, int(8 * GB * scale))
    paths = [data.model(f"many/m{number}", "F16", size) for number in range(100)]

    def serve():
        served = tool("tensors_bench", "serve", f"{limit // 1000000}MB", 20, 3 * limit, *paths)
        say(f"  {served['reads']} tensors, {served['bytes'] / 1e9:.1f} GB read of {100 * size / 1e9:.0f} GB")
        # Less would fit without anything having been given back.
        check(served["bytes"] > 2 * limit, f"only {served['bytes'] / 1e9:.2f} GB were read")
        return served["most_resident_bytes"] / 1e9
    beside(f"100 models of {size / 1e9:.2f} GB: most memory", attempt("serve", serve), "model_memory", limit / 1e9, 1,
           lambda gigabytes: f"{gigabytes:.2f} GB")


# ---- tensor_stats. ----

def bench_stats(scale, rounds):
    """The statement over a file beside the memory's bandwidth; then what it calls, over values in memory,
    beside the same threads reading the same bytes in turns, which no other work on the machine favours.
    The bandwidth is the best of 15 rounds, and so is the statement."""
    before = bandwidth(scale)
    measured = []
    for dtype in ("F32", "BF16"):
        path = data.model("real" if dtype == "F32" else "real-bf16", dtype, int(1 * GB * scale), real=True)

        def stats():
            with pyralog.connect() as database:
                sql = f"SELECT sum(mean), sum(zero_count) FROM tensor_stats({quoted(path)})"
                return path.stat().st_size / 1e9 / seconds_of(lambda: database.execute(sql).arrow(), 15, min)
        measured.append((f"tensor_stats, {path.stat().st_size / 1e9:.2f} GB of {dtype}", attempt("tensor_stats", stats)))
    most = max(before, bandwidth(scale))
    for name, mine in measured:
        beside(name, mine, "reading memory", most, 0.8, rate, faster=False)
    size = max(64 << 20, int((1 << 30) * min(1, scale)))
    for row in attempt("tensor_bench", lambda: tool_lines("tensor_bench", size, max(1, THREADS - 1), 9)) or []:
        goal = 0.8 if row["type"] in ("F32", "BF16") else None
        emit(f"pyr_tensor_stats_of, {size / 1e9:.2f} GB of {row['type']}", rate(row["stats_gbs"]), "reading in turns",
             rate(row["read_gbs"]), row["ratio"], goal)


# ---- Zarr. ----

def zarr_python(path):
    import zarr
    return zarr.open_array(str(path), mode="r")


def tensorstore_open(path):
    import tensorstore
    return tensorstore.open({"driver": "zarr3", "kvstore": {"driver": "file", "path": str(path)}},
                            read=True).result()


def mixed_sum(values):
    """A sum of float32 that says whether the same values are there, in any order."""
    bits = np.ascontiguousarray(values).view(np.uint32).astype(np.uint64)
    bits *= np.uint64(0x9E3779B97F4A7C15)
    bits ^= bits >> np.uint64(29)
    return int(bits.sum()) % 2**64


def bench_zarr(scale, rounds):
    """The whole array, then a slice that lies in one chunk: decoded values, page cache warm."""
    path = data.array(int(1.07 * GB * scale))
    array = zarr_python(path)
    size = array.nbytes / 1e9
    expected = float(array[:].sum(dtype=np.float64))
    stored = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    say(f"  {size:.2f} GB {array.shape} in {array.nchunks} chunks, {stored / 1e9:.2f} GB stored")
    with pyralog.connect() as database:
        bench_whole(path, array, database, expected, rounds)
        bench_slice(path, array, database)


def bench_whole(path, array, database, expected, rounds):
    def table():
        return database.execute(f"SELECT value FROM read_zarr({quoted(path)})").arrow()

    def whole():
        total = table().num_rows
        check(total == array.size, f"{total} cells, not {array.size}")

    def timed_and_compared():
        theirs = sum(mixed_sum(array[at:at + array.chunks[0]]) for at in range(0, array.shape[0], array.chunks[0]))
        mine = sum(mixed_sum(batch.column(0).to_numpy()) for batch in table().to_batches())
        check(mine % 2**64 == theirs % 2**64, "the array's values are others than zarr-python's")
        return seconds_of(whole, rounds)

    def summed():
        answer = database.execute(f"SELECT sum(value) FROM read_zarr({quoted(path)})").fetchone()[0]
        check(abs(answer - expected) <= abs(expected) * 1e-6, f"the sum is {answer}, not {expected}")

    mine = attempt("read_zarr", timed_and_compared)
    sums = attempt("sum over read_zarr", lambda: seconds_of(summed, rounds))
    label = f"Zarr, {array.nbytes / 1e9:.2f} GB of blosc-zstd"
    # Ours opens the array with each statement, and so do they.
    for peer, module, goal, read in (("zarr-python", "zarr", 2, lambda: zarr_python(path)[:]),
                                     ("tensorstore", "tensorstore", 1, lambda: tensorstore_open(path).read().result())):
        beside(f"{label}: an Arrow stream", mine, peer,
               attempt_peer(peer, module, lambda: seconds_of(read, rounds)), goal, ms)
        beside(f"{label}: the sum", sums, peer,
               attempt_peer(peer, module, lambda: seconds_of(lambda: read().sum(dtype=np.float64), rounds)), goal, ms)


def bench_slice(path, array, database):
    """A whole statement of ours opens the array; so does the peer in the row that has the goal."""
    where = f"FROM read_zarr({quoted(path)}) WHERE dim_0 = 3 AND dim_1 < 16 AND dim_2 < 16"

    def sliced():
        found = database.execute(f"SELECT value {where}").arrow()
        check(found.num_rows == 256, f"{found.num_rows} rows of a slice of 256")

    def timed_and_compared():
        values = np.full((16, 16), np.nan, np.float32)
        for dim_1, dim_2, value in database.execute(f"SELECT dim_1, dim_2, value {where}").fetchall():
            values[dim_1, dim_2] = value
        check(np.array_equal(values, array[3, :16, :16]), "the slice's values are others than zarr-python's")
        return seconds_of(sliced, 9)

    def peer_opened(peer, module, read):
        return attempt_peer(peer, module, lambda: seconds_of(read, 9))

    mine = attempt("a slice of read_zarr", timed_and_compared)
    store = attempt_peer("tensorstore", "tensorstore", lambda: tensorstore_open(path))
    for peer, module, anew, held in (
            ("zarr-python", "zarr", lambda: zarr_python(path)[3, :16, :16], lambda: array[3, :16, :16]),
            ("tensorstore", "tensorstore", lambda: tensorstore_open(path)[3, :16, :16].read().result(),
             lambda: store[3, :16, :16].read().result())):
        beside("Zarr, a slice of one chunk, opened anew", mine, peer, peer_opened(peer, module, anew), 1, ms)
        beside("  the peer's array open already", mine, peer, peer_opened(peer, module, held), None, ms)
    if mine is not None:
        sliced()
        chunk = int(np.prod(array.chunks)) * array.dtype.itemsize
        say(f"  the slice scanned {database.ledger()['bytes_scanned']} bytes; a chunk has {chunk}")


# ---- Single codecs. ----

def bench_codecs(scale, rounds):
    """Decoding a chunk of 4 MB by one thread, by its CPU time, the best of a second."""
    import numcodecs
    numcodecs.blosc.use_threads = False
    random = np.random.default_rng(1)
    chunk = np.cumsum(random.standard_normal(1 << 20, dtype=np.float32) * np.float32(0.01)).round(2)
    chunk = chunk.astype(np.float32)
    codecs = {"gzip": numcodecs.GZip(5), "zlib": numcodecs.Zlib(1), "zstd": numcodecs.Zstd(3),
              "lz4": numcodecs.LZ4(), "bz2": numcodecs.BZ2(5), "lzma": numcodecs.LZMA(preset=1),
              "crc32c": numcodecs.checksum32.CRC32C(), "adler32": numcodecs.Adler32("end"),
              "crc32": numcodecs.CRC32("end"), "fletcher32": numcodecs.Fletcher32(),
              "shuffle 4": numcodecs.Shuffle(4), "shuffle 8": numcodecs.Shuffle(8)}
    for inner in ("zstd", "lz4", "zlib", "blosclz"):
        for number, mode in enumerate(("plain", "bytes", "bits")):
            codecs[f"blosc {inner} {mode}"] = numcodecs.Blosc(inner, 5, number)
    WORK.mkdir(parents=True, exist_ok=True)
    decoded = WORK / "decoded.bin"
    decoded.write_bytes(chunk.tobytes())
    for name, codec in codecs.items():
        encoded = bytes(codec.encode(chunk))
        file = WORK / "chunk.bin"
        file.write_bytes(encoded)
        kind, _, option = name.partition(" ")
        element = option if kind == "shuffle" else "0"
        mine = attempt(f"decode {name}", lambda: tool("codecs_bench", kind, element, file, decoded)["gbs"])
        theirs = attempt(f"numcodecs {name}", lambda: best_of_a_second(codec, encoded, chunk))
        beside(f"decode {name}", mine, "numcodecs", theirs, None, rate, faster=False)


def best_of_a_second(codec, encoded, chunk):
    room = np.empty_like(chunk)
    best, end = 0, time.perf_counter() + 1
    while time.perf_counter() < end:
        begin = time.thread_time()
        codec.decode(encoded, room)
        best = max(best, chunk.nbytes / 1e9 / (time.thread_time() - begin))
    check(np.array_equal(room, chunk), "what numcodecs decoded")
    return best


PARTS = {"safetensors": bench_safetensors, "registry": bench_registry, "blob": bench_blob, "serve": bench_serve,
         "stats": bench_stats, "zarr": bench_zarr, "codecs": bench_codecs}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("suite", choices=["tensors"])
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--parts", default=",".join(PARTS))
    arguments = parser.parse_args()
    WORK.mkdir(parents=True, exist_ok=True)
    for part in arguments.parts.split(","):
        say(f"{part}:")
        if attempt(part, lambda: PARTS[part](arguments.scale, arguments.rounds) or True) is None:
            emit(f"part {part}", "FAILED", "", "", None, None)
    shutil.rmtree(WORK, ignore_errors=True)
    return 1 if failures else 0


sys.exit(main())
