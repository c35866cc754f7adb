"""The made tables: seeded, the same rows each time, written once as databases of ours below
build/bench-data and found there again. Peers load from our segments, which are plain Arrow IPC files."""
import mmap
import os
import pathlib
import shutil
import sys
import time

import numpy as np
import pyarrow as pa

import hits

ROOT = pathlib.Path(__file__).resolve().parents[2]
DATA = ROOT / "build" / "bench-data"
MADV_POPULATE_READ = 22
VERSION = 4             # of the generators: a folder made by another one is made anew
BATCH_ROWS = 1 << 17    # the rows of a record batch, and so of a zone map
FIRST_DAY = 19723       # 2024-01-01
DAYS = 731
FIRST_US = FIRST_DAY * 86_400_000_000


def mix(values):
    """A bijection of 64 bits (splitmix64's finaliser): makes dense keys sparse, negative ones too."""
    z = values.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return (z ^ (z >> np.uint64(31))).view(np.int64)


def amounts(rng, count):
    """Multiples of 1/64, so that sums of doubles are exact in any order."""
    return rng.integers(0, 1 << 20, count, dtype=np.int32) / 64.0


def transactions(rows, rng):
    """The headline's: dates rise with the row, so that zone maps know them."""
    schema = pa.schema([("user_id", pa.int64()), ("date", pa.date32()), ("amount", pa.float64())])
    return schema, columns(schema, rows, lambda row, count: (
        rng.integers(0, 1_000_000, count),
        (FIRST_DAY + row * DAYS // rows).astype(np.int32),
        amounts(rng, count)))


def sparse(rows, rng):
    """The same with 64-bit keys from anywhere."""
    schema = pa.schema([("user_id", pa.int64()), ("date", pa.date32()), ("amount", pa.float64())])
    return schema, columns(schema, rows, lambda row, count: (
        mix(rng.integers(0, 1_000_000, count)),
        (FIRST_DAY + row * DAYS // rows).astype(np.int32),
        amounts(rng, count)))


def events(rows, rng):
    schema = pa.schema([("ts", pa.timestamp("us")), ("share", pa.int32()), ("k50", pa.int64()),
                        ("k1k", pa.int64()), ("k100k", pa.int64()), ("k1m", pa.int64()),
                        ("k10m", pa.int64()), ("k50m", pa.int64()), ("v", pa.float64())])
    step = DAYS * 86_400_000_000 // rows
    return schema, columns(schema, rows, lambda row, count: (
        FIRST_US + row * step + rng.integers(0, 60_000_000, count),
        rng.integers(0, 1_000_000, count, dtype=np.int32),
        *(rng.integers(0, distinct, count) for distinct in
          (50, 1000, 100_000, 1_000_000, 10_000_000, 50_000_000)),
        amounts(rng, count)))


def wide(rows, rng):
    """Ten columns of eight bytes, evenly drawn: half of them whole numbers."""
    schema = pa.schema([("c0", pa.int64()), ("c1", pa.float64()), ("c2", pa.float64()),
                        *((f"c{x}", pa.int64() if x % 2 else pa.float64()) for x in range(3, 10))])
    return schema, columns(schema, rows, lambda row, count: (
        rng.integers(0, 1000, count), amounts(rng, count), rng.integers(0, 1 << 20, count) / float(1 << 20),
        *(rng.integers(0, 1 << 40, count) if x % 2 else amounts(rng, count) for x in range(3, 10))))


def columns(schema, rows, make):
    """Record batches of BATCH_ROWS rows; make(row numbers, count) gives numpy arrays in the schema's order."""
    for start in range(0, rows, BATCH_ROWS):
        count = min(BATCH_ROWS, rows - start)
        arrays = make(np.arange(start, start + count, dtype=np.int64), count)
        yield pa.record_batch([pa.array(a).cast(f.type) if f.type != pa.timestamp("us")
                               else pa.array(a).view(f.type) for a, f in zip(arrays, schema)], schema=schema)


def strings(rows, rng):
    """1k and 1M distinct texts (evenly drawn), and made URLs of which 1 in 200 has the word in it."""
    schema = pa.schema([("s1k", pa.string()), ("s1m", pa.string()), ("url", pa.string()), ("v", pa.float64())])
    few = pa.array([f"item-{x:04d}" for x in range(1000)])
    many = pa.array([f"customer-{x & 0xffffffff:08x}" for x in mix(np.arange(1_000_000)).tolist()])
    urls = hits.urls(np.random.default_rng(5), 500_000, hits.domains(np.random.default_rng(6)), 0.005, "word")

    def batches():
        for start in range(0, rows, BATCH_ROWS):
            count = min(BATCH_ROWS, rows - start)
            yield pa.record_batch([few.take(rng.integers(0, 1000, count)),
                                   many.take(rng.integers(0, 1_000_000, count)),
                                   urls.take(rng.integers(0, len(urls), count)),
                                   pa.array(amounts(rng, count))], schema=schema)
    return schema, batches()


def clickbench(rows, rng):
    return hits.SCHEMA, hits.batches(rows, rng, BATCH_ROWS)


# Each table has a database of its own, so that its segments are the only ones in it.
TABLES = {"transactions": transactions, "sparse": sparse, "events": events, "strings": strings,
          "wide": wide, "hits": clickbench}


def place(table, rows):
    return DATA / f"{table}-{rows}-v{VERSION}"


def made(table, rows):
    return place(table, rows).with_suffix(".made").exists()


def remove(table, rows):
    place(table, rows).with_suffix(".made").unlink(missing_ok=True)
    shutil.rmtree(place(table, rows), ignore_errors=True)


def ensure(table, rows):
    """The directory of the database that holds the table with so many rows."""
    directory = place(table, rows)
    if made(table, rows):
        return directory
    remove(table, rows)
    start = time.perf_counter()
    rng = np.random.default_rng([20250101, len(table), rows])
    schema, batches = TABLES[table](rows, rng)
    directory.parent.mkdir(parents=True, exist_ok=True)
    from ours import pyralog  # here: the workers of peers have this module, too
    with pyralog.connect(directory) as database:
        database.ingest(table, pa.RecordBatchReader.from_batches(schema, batches))
    size = sum(path.stat().st_size for path in segments(directory))
    print(f"  made {table}, {rows} rows, {size / 1e9:.2f} GB in {time.perf_counter() - start:.0f} s",
          file=sys.stderr, flush=True)
    directory.with_suffix(".made").touch()
    return directory


def in_large_pages(path):
    """The share of a file that is mapped by entries of 2 MiB once all of it is."""
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as mapped:
        try:
            mapped.madvise(MADV_POPULATE_READ)
        except OSError:     # Linux before 5.14
            return 0
        lines = iter(pathlib.Path("/proc/self/smaps").read_text().splitlines())
        for line in lines:
            if line.endswith(str(path)):
                kb = next(int(other.split()[1]) for other in lines if other.startswith("FilePmdMapped:"))
                return kb * 1024 / path.stat().st_size
    return 0


def drop(path):
    """Takes a file out of the page cache."""
    with open(path, "rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def read_in_order(path):
    buffer = bytearray(16 << 20)
    with open(path, "rb", buffering=0) as file:
        while file.readinto(buffer):
            pass


def settle(directory):
    """The table's files in the page cache as they are when they were just written, or read in order. What
    was read of them here and there, or comes back after the kernel took it, lies in small pieces."""
    for path in segments(directory):
        if path.stat().st_size >= 16 << 20 and in_large_pages(path) <= 0.9:
            drop(path)
            read_in_order(path)


def segments(directory):
    return sorted(pathlib.Path(directory).glob("segments/*/*.arrow"))
