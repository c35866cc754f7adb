"""Measures tensors and arrays where they lie beside their peers: Python's safetensors, zarr-python,
tensorstore, numcodecs, SQLite and DuckDB.

    run.py tensors [--scale S] [--parts safetensors,registry,blob,serve,stats,zarr,codecs] [--rounds N]

Scale 1 is a model of 5 GB, an array of 1 GB, 100 models of 5 GB. Prints one JSON line a figure for bench.py,
as bench/native/run.py does. What is not there (a function of ours that the library has not, a peer that is
not installed) is said on stderr and does not end the run.
"""
import argparse
import json
import os
import pathlib
import shutil
import sqlite3
import statistics
import subprocess
import sys
import time

import numpy as np
import pyarrow as pa

import data

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
RELEASE = ROOT / "build" / "release"
WORK = ROOT / "build" / "bench" / "tensors"
sys.path.insert(0, str(HERE.parent / "native"))
import pyralog  # noqa: E402

GB = 1_000_000_000


def say(text):
    print(text, file=sys.stderr, flush=True)


def emit(name, ours, peer_name, peer, ratio, goal):
    print(json.dumps({"name": name, "ours": ours, "peer_name": peer_name, "peer": peer, "ratio": ratio,
                      "goal": goal}), flush=True)


def attempt(what, function):
    """What function gives, or None, saying why."""
    try:
        return function()
    except (pyralog.Failure, AttributeError, ImportError, OSError, RuntimeError) as failure:
        say(f"  {what}: {failure}")
        return None


def beside(name, ours, peer_name, peer, goal, text, faster=True):
    """One row: figures, smaller being better unless faster is False. ours or peer may be None."""
    if ours is None or peer is None:
        say(f"  {name}: ours {text(ours) if ours is not None else 'not there'}, {peer_name} "
            f"{text(peer) if peer is not None else 'not there'}")
        if ours is None:
            emit(name, "FAILED", peer_name, text(peer) if peer is not None else "-", 0, goal)
        return
    ratio = peer / ours if faster else ours / peer
    emit(name, text(ours), peer_name, text(peer), ratio, goal)


def ms(seconds):
    return f"{seconds * 1e3:.3g} ms"


def rate(gbs):
    return f"{gbs:.2f} GB/s"


def seconds_of(function, rounds):
    """The median; the first run warms and does not count."""
    function()
    taken = []
    for _ in range(rounds):
        begin = time.perf_counter()
        function()
        taken.append(time.perf_counter() - begin)
    return statistics.median(taken)


def tool(*arguments):
    """A command of tensors_bench, which is there when the library has the C API of tensors."""
    program = RELEASE / "tensors_bench"
    if not program.exists():
        raise RuntimeError("tensors_bench is not built")
    run = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True)
    if run.returncode != 0:
        raise RuntimeError(run.stderr.strip() or f"tensors_bench ended with {run.returncode}")
    return json.loads(run.stdout)


def quoted(path):
    return "'" + str(path).replace("'", "''") + "'"


# ---- Safetensors. ----

def get_all(path, framework="numpy"):
    from safetensors import safe_open
    total = 0
    with safe_open(path, framework=framework) as file:
        for name in file.keys():
            tensor = file.get_tensor(name)
            total += tensor.nbytes
    return total


def get_one(path, name, framework="numpy"):
    from safetensors import safe_open
    with safe_open(path, framework=framework) as file:
        return file.get_tensor(name).ravel()[:1].item()


def bench_safetensors(scale, rounds):
    """Every tensor of a model, and one of it: ours through the C API of tensors."""
    models = [("sparse", data.model("sparse", "F16", int(5 * GB * scale))),
              ("real", data.model("real", "F32", int(1 * GB * scale), real=True))]
    for kind, path in models:
        label = f"{path.stat().st_size / 1e9:.2f}-GB {kind} model"
        name = "model.layers.7.self_attn.q_proj.weight"
        mine = attempt("pyr_tensors_open", lambda: tool("open", path, 200)["us"] / 1e6)
        one = attempt("pyr_tensors_find", lambda: tool("find", path, name, 200)["us"] / 1e6)
        beside(f"all tensors of a {label}", mine, "safetensors numpy", seconds_of(lambda: get_all(path), rounds),
               100, ms)
        beside(f"one tensor of a {label}", one, "safetensors numpy", seconds_of(lambda: get_one(path, name), rounds),
               None, ms)
        beside(f"one tensor of a {label}", one, "limit", 1e-3, 1, ms)
        # Its own mapping path, where torch is installed.
        if attempt("torch", lambda: __import__("torch")):
            theirs = seconds_of(lambda: get_all(path, "pt"), rounds)
            beside(f"all tensors of a {label}", mine, "safetensors torch", theirs, 1, ms)

        def listed():
            database = pyralog.Database(":memory:")
            sql = f"SELECT count(*), sum(size_bytes) FROM read_safetensors({quoted(path)})"
            try:
                return seconds_of(lambda: database.query(sql), max(rounds, 9))
            finally:
                database.close()
        beside(f"read_safetensors: names and sizes, {label}", attempt("read_safetensors", listed),
               "safetensors numpy", seconds_of(lambda: [*keys_of(path)], 9), None, ms)


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
        database = pyralog.Database(directory)
        taken = []
        try:
            for number, each in enumerate(paths):
                begin = time.perf_counter()
                database.execute("INSERT INTO model_registry (name, path) VALUES "
                                 f"('m{number}', {quoted(each)})")
                taken.append(time.perf_counter() - begin)
        finally:
            database.close()
        return taken

    taken = attempt("model_registry", register)
    size = path.stat().st_size / 1e9
    beside(f"register a {size:.2f}-GB model", statistics.median(taken) if taken else None, "limit", 5e-3, 1, ms)
    beside("register 100 models, a synced commit each", sum(taken) if taken else None, "limit", 0.2, 1, ms)

    def program():
        directory = WORK / "registry-program"
        shutil.rmtree(directory, ignore_errors=True)
        begin = time.perf_counter()
        run = subprocess.run([RELEASE / "pyralog", "model", "register", directory, "m", path],
                             capture_output=True, text=True)
        if run.returncode != 0:
            raise RuntimeError(run.stderr.strip())
        return time.perf_counter() - begin
    whole = attempt("pyralog model register", lambda: statistics.median(program() for _ in range(9)))
    beside("pyralog model register, the whole program", whole, "limit", 50e-3, None, ms)


# ---- The same model as a BLOB. ----

def bench_blob(scale, rounds):
    """A model's bytes put into a database and taken out again, beside its name and path put there."""
    path = data.model("blob", "F32", int(0.256 * GB * scale), real=True)
    payload = path.read_bytes()
    name = "model.layers.7.self_attn.q_proj.weight"

    def ours_by_reference():
        directory = WORK / "reference"
        shutil.rmtree(directory, ignore_errors=True)
        database = pyralog.Database(directory)
        try:
            begin = time.perf_counter()
            database.execute(f"INSERT INTO model_registry (name, path) VALUES ('m', {quoted(path)})")
            return time.perf_counter() - begin
        finally:
            database.close()

    def ours_as_blob():
        directory = WORK / "blob"
        shutil.rmtree(directory, ignore_errors=True)
        database = pyralog.Database(directory)
        try:
            database.execute("CREATE TABLE models (name VARCHAR PRIMARY KEY, data BLOB)")
            table = pa.table({"name": ["m"], "data": pa.array([payload], pa.large_binary())})
            begin = time.perf_counter()
            database.ingest("models", table.to_reader())
            put = time.perf_counter() - begin
            begin = time.perf_counter()
            taken = database.query("SELECT data FROM models WHERE name = 'm'")
            assert len(taken.column(0)[0].as_buffer()) == len(payload)
            return put, time.perf_counter() - begin
        finally:
            database.close()

    def sqlite_blob():
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
        assert len(connection.execute("SELECT data FROM models WHERE name = 'm'").fetchone()[0]) == len(payload)
        got = time.perf_counter() - begin
        connection.close()
        return put, got

    def duckdb_blob():
        import duckdb
        file = WORK / "blob.duckdb"
        file.unlink(missing_ok=True)
        connection = duckdb.connect(str(file))
        connection.execute("CREATE TABLE models (name VARCHAR PRIMARY KEY, data BLOB)")
        begin = time.perf_counter()
        connection.execute("INSERT INTO models VALUES (?, ?)", ["m", payload])
        put = time.perf_counter() - begin
        begin = time.perf_counter()
        assert len(connection.execute("SELECT data FROM models WHERE name = 'm'").fetchone()[0]) == len(payload)
        got = time.perf_counter() - begin
        connection.close()
        return put, got

    registered = attempt("model_registry", ours_by_reference)
    opened = attempt("pyr_tensors_find", lambda: tool("find", path, name, 100)["us"] / 1e6)
    for peer, function in (("our BLOB", ours_as_blob), ("SQLite BLOB", sqlite_blob), ("DuckDB BLOB", duckdb_blob)):
        blob = attempt(peer, function)
        for what, mine, place in (("put a {:.2f}-GB model there", registered, 0),
                                  ("one tensor of it", opened, 1)):
            beside(what.format(len(payload) / 1e9), mine, peer, blob[place] if blob else None, None, ms)


# ---- Many models in little memory. ----

def bench_serve(scale, rounds):
    size = int(5 * GB * scale)
    limit = max(64 << 20, int(8 * GB * scale))
    paths = [data.model(f"many/m{number}", "F16", size) for number in range(100)]
    served = attempt("serve", lambda: tool("serve", f"{limit // 1000000}MB", 20, *paths))
    if served:
        say(f"  {served['reads']} tensors, {served['bytes'] / 1e9:.1f} GB read of {100 * size / 1e9:.0f} GB")
    beside(f"100 models of {size / 1e9:.2f} GB: most memory", served and served["most_resident_bytes"] / 1e9,
           "model_memory", limit / 1e9, 1, lambda gigabytes: f"{gigabytes:.2f} GB")


# ---- tensor_stats. ----

def bench_stats(scale, rounds):
    output = subprocess.run([RELEASE / "bandwidth_bench", str(max(64 << 20, int((2 << 30) * min(1, scale)))),
                             str(os.cpu_count()), "9"], check=True, capture_output=True, text=True).stdout
    bandwidth = json.loads(output)["best_gbs"]
    for dtype in ("F32", "BF16"):
        path = data.model("real" if dtype == "F32" else "real-bf16", dtype, int(1 * GB * scale), real=True)

        def stats():
            database = pyralog.Database(":memory:")
            sql = f"SELECT sum(mean), sum(zero_count) FROM tensor_stats({quoted(path)})"
            try:
                return path.stat().st_size / 1e9 / seconds_of(lambda: database.query(sql), rounds)
            finally:
                database.close()
        beside(f"tensor_stats, {path.stat().st_size / 1e9:.2f} GB of {dtype}", attempt("tensor_stats", stats),
               "reading memory", bandwidth, 0.8, rate, faster=False)


# ---- Zarr. ----

def zarr_python(path):
    import zarr
    return zarr.open_array(str(path), mode="r")


def tensorstore_open(path):
    import tensorstore
    return tensorstore.open({"driver": "zarr3", "kvstore": {"driver": "file", "path": str(path)}},
                            read=True).result()


def bench_zarr(scale, rounds):
    """The whole array, then a slice that lies in one chunk: decoded values, page cache warm."""
    path = data.array(int(1.07 * GB * scale))
    array = zarr_python(path)
    size = array.nbytes / 1e9
    expected = float(array[:].sum(dtype=np.float64))
    stored = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    say(f"  {size:.2f} GB {array.shape} in {array.nchunks} chunks, {stored / 1e9:.2f} GB stored")
    store = attempt("tensorstore", lambda: tensorstore_open(path))
    database = pyralog.Database(":memory:")

    def whole():
        total = 0
        for batch in database.query(f"SELECT value FROM read_zarr({quoted(path)})").to_batches():
            total += batch.num_rows
        if total != array.size:
            raise RuntimeError(f"{total} cells, not {array.size}")

    def summed():
        answer = database.query(f"SELECT sum(value) FROM read_zarr({quoted(path)})").column(0)[0].as_py()
        if abs(answer - expected) > abs(expected) * 1e-6:
            raise RuntimeError(f"the sum is {answer}, not {expected}")

    mine = attempt("read_zarr", lambda: seconds_of(whole, rounds))
    sums = attempt("sum over read_zarr", lambda: seconds_of(summed, rounds))
    peers = [("zarr-python", seconds_of(lambda: array[:], rounds), 2,
              seconds_of(lambda: array[:].sum(dtype=np.float64), rounds))]
    if store is not None:
        peers.append(("tensorstore", seconds_of(lambda: store.read().result(), rounds), 1,
                      seconds_of(lambda: store.read().result().sum(dtype=np.float64), rounds)))
    for peer, read, goal, read_and_sum in peers:
        beside(f"Zarr, {size:.2f} GB of blosc-zstd: an Arrow stream", mine, peer, read, goal, ms)
        beside(f"Zarr, {size:.2f} GB of blosc-zstd: the sum", sums, peer, read_and_sum, goal, ms)
    bench_slice(path, array, store, database, rounds)
    database.close()


def bench_slice(path, array, store, database, rounds):
    def sliced():
        database.query(f"SELECT value FROM read_zarr({quoted(path)}) WHERE dim_0 = 3 AND dim_1 < 16 AND dim_2 < 16")
        return database.ledger()

    mine = attempt("a slice of read_zarr", lambda: seconds_of(sliced, 9))
    beside("Zarr, a slice of one chunk", mine, "zarr-python", seconds_of(lambda: array[3, :16, :16], 9), 1, ms)
    if store is not None:
        beside("Zarr, a slice of one chunk", mine, "tensorstore",
               seconds_of(lambda: store[3, :16, :16].read().result(), 9), 1, ms)
    if mine is not None:
        chunk = int(np.prod(array.chunks)) * array.dtype.itemsize
        say(f"  the slice scanned {sliced()['bytes_scanned']} bytes; a chunk has {chunk}")


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
    room = np.empty_like(chunk)
    for name, codec in codecs.items():
        encoded = bytes(codec.encode(chunk))
        file = WORK / "chunk.bin"
        file.write_bytes(encoded)
        kind, _, option = name.partition(" ")
        element = option if kind == "shuffle" else "0"
        output = subprocess.run([RELEASE / "codecs_bench", kind, element, file, str(chunk.nbytes)], check=True,
                                capture_output=True, text=True).stdout
        best, end = 0, time.perf_counter() + 1
        while time.perf_counter() < end:
            begin = time.thread_time()
            codec.decode(encoded, room)
            best = max(best, chunk.nbytes / 1e9 / (time.thread_time() - begin))
        beside(f"decode {name}", json.loads(output)["gbs"], "numcodecs", best, None, rate, faster=False)


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
        PARTS[part](arguments.scale, arguments.rounds)
    shutil.rmtree(WORK, ignore_errors=True)


main()
