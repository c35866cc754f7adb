"""ingest, inspect and verify."""
import datetime
import json
import re
import signal
import subprocess

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from conftest import PROGRAM, environment
from test_statements import LEDGER_KEYS


@pytest.fixture
def table():
    return pa.table({"id": pa.array([1, 2, None], pa.int64()), "name": ["a", None, "東京"]})


def write_file(path, table, **options):
    with pa.OSFile(str(path), "wb") as sink, \
            pa.ipc.new_file(sink, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table)
    return path


def stream_bytes(table):
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def read(run, db, sql="SELECT * FROM t"):
    out = run(db, "-c", sql, "--format", "arrow", text=False).out
    return pa.ipc.open_stream(out).read_all()


def test_an_arrow_file_is_ingested(run, tmp_path, table):
    db = tmp_path / "db"
    outcome = run("ingest", db, "t", write_file(tmp_path / "x", table), "--ledger")
    summary, ledger = outcome.err.splitlines()
    assert summary.startswith("t: 3 rows, ") and summary.endswith(" rows/s")
    ledger = json.loads(ledger)
    assert LEDGER_KEYS <= ledger.keys()
    assert ledger["rows"] == 3
    assert ledger["bytes_mapped"] == (tmp_path / "x").stat().st_size
    assert read(run, db).equals(table)


def test_a_stream_is_ingested_from_stdin_and_from_a_file(run, tmp_path, table):
    db = tmp_path / "db"
    run("ingest", db, "t", "-", input=stream_bytes(table), text=False)
    (tmp_path / "s").write_bytes(stream_bytes(table))
    run("ingest", db, "t", tmp_path / "s")
    assert read(run, db).equals(pa.concat_tables([table, table]).combine_chunks())


def test_several_files_are_one_commit_and_columns_go_by_name(run, tmp_path, table):
    db = tmp_path / "db"
    one = write_file(tmp_path / "1.arrow", table)
    two = write_file(tmp_path / "2.arrow", table.select(["name", "id"]), compression="zstd")
    run("ingest", db, "t", one, two)
    assert read(run, db).equals(pa.concat_tables([table, table]).combine_chunks())
    broken = tmp_path / "3.arrow"
    broken.write_bytes(one.read_bytes()[:-20])
    assert "3.arrow" in run("ingest", db, "t", one, broken, code=1).err
    other = write_file(tmp_path / "4.arrow", table.rename_columns(["id", "wrong"]))
    assert "42703" in run("ingest", db, "t", one, other, code=1).err
    wider = write_file(tmp_path / "5.arrow", table.set_column(0, "id", pa.array(["x", "y", "z"])))
    assert '"id"' in run("ingest", db, "t", one, wider, code=1).err
    assert read(run, db).num_rows == 6


def test_replace_takes_the_new_columns(run, tmp_path, table):
    db = tmp_path / "db"
    run("ingest", db, "t", write_file(tmp_path / "x", table))
    run("ingest", db, "t", write_file(tmp_path / "y", table.select(["name"])), "--replace")
    assert read(run, db).equals(table.select(["name"]))


@pytest.mark.parametrize("kind", ["parquet", "csv", "ndjson", "json"])
def test_other_formats_are_known_by_their_content(run, duckdb, tmp_path, table, kind):
    db = tmp_path / "db"
    path = tmp_path / "it's data [1].bin"
    if kind == "parquet":
        pq.write_table(table, path)
    elif kind == "csv":
        path.write_text('id,name\n1,a\n2,\n,東京\n')
    else:
        rows = table.to_pylist()
        path.write_text(json.dumps(rows) if kind == "json" else "\n".join(map(json.dumps, rows)))
    outcome = run("ingest", db, "t", path)
    assert outcome.err.startswith("t: 3 rows, ")
    got = read(run, db)
    assert got.column("id").cast(pa.int64()).to_pylist() == [1, 2, None]
    assert got.column("name").to_pylist() == ["a", None, "東京"]


def test_what_cannot_be_ingested_says_why(run, tmp_path, table):
    db = tmp_path / "db"
    assert "02000" in run("ingest", db, "t", tmp_path / "nowhere", code=1).err
    assert "regular file" in run("ingest", db, "t", tmp_path, code=1).err
    assert "stdin" in run("ingest", db, "t", "-", input="id,name\n", code=1).err
    assert "--format" in run("ingest", db, "t", "x", "--format", "xml", code=2).err
    assert run(db, "-c", "SHOW TABLES", "--format", "csv").out.count("\n") == 1


def test_inspect_shows_what_an_arrow_file_holds(run, tmp_path, table):
    dictionary = pa.array(["x", "y", "x"]).dictionary_encode()
    rich = table.append_column("d", dictionary).replace_schema_metadata({"made": "here\x1b[31m"})
    out = run("inspect", write_file(tmp_path / "x.arrow", rich, compression="lz4")).out
    assert "format: Arrow IPC file\n" in out
    assert "rows: 3\nbatches: 1\n" in out
    assert "  id: int64\n  name: utf8\n" in out
    assert "  made = here\\x1B[31m\n" in out
    assert "  d: 2 values, " in out
    assert "compression lz4" in out
    (tmp_path / "s").write_bytes(stream_bytes(table))
    out = run("inspect", tmp_path / "s", "--check").out
    assert "format: Arrow IPC stream\n" in out and "rows: 3\n" in out and "all well" in out


def test_inspect_shows_the_zone_maps_of_our_segments(run, tmp_path):
    db = tmp_path / "db"
    values = pa.table({"a": pa.array([-5, 7], pa.int64()), "s": ["pear", "apple"],
                       "d": pa.array([datetime.date(2024, 1, 31), None]), "x": [float("nan"), 1.5]})
    run("ingest", db, "t", write_file(tmp_path / "x", values))
    run(db, "-c", "CHECKPOINT")
    (segment,) = db.glob("segments/**/*.arrow")
    out = run("inspect", segment, "--check").out
    assert "a: min -5, max 7, nulls 0\n" in out
    assert "d: min 2024-01-31, max 2024-01-31, nulls 1\n" in out
    assert "x: min 1.5, max 1.5, nulls 0, NaN\n" in out
    assert 's: min "apple", max "pear", nulls 0\n' in out
    assert ", aligned to 64, compression none, crc32c " in out and "check: all well\n" in out
    assert "checksums: crc32c of 1 of 1 batches\n" in out
    assert "checksums: crc32c of 1 of 1 batches, not checked (--check does)\n" in run("inspect", segment).out


def test_inspect_shows_how_many_texts_a_segment_has_numbered(run, tmp_path):
    db = tmp_path / "db"
    values = pa.table({"few": [f"state {i % 7}" for i in range(3000)], "many": [f"{i}" for i in range(3000)]})
    run("ingest", db, "t", write_file(tmp_path / "x", values))
    run(db, "-c", "CHECKPOINT")
    (segment,) = db.glob("segments/**/*.arrow")
    out = run("inspect", segment, "--check").out
    assert 'few: min "state 0", max "state 6", nulls 0, 7 values numbered\n' in out
    assert 'many: min "0", max "999", nulls 0\n' in out and "check: all well\n" in out
    assert pa.ipc.open_file(segment).read_all().equals(values)  # another reader sees nothing of it


def test_inspect_shows_metadata_of_the_file_and_of_columns_and_ordered_dictionaries(run, tmp_path):
    field = pa.field("c", pa.dictionary(pa.int8(), pa.utf8(), ordered=True), metadata={"unit": "m/s"})
    column = pa.DictionaryArray.from_arrays(pa.array([0, 1], pa.int8()), ["lo", "hi"], ordered=True)
    table = pa.table([column, [1, 2]], schema=pa.schema([field, pa.field("n", pa.int32(), nullable=False)],
                                                        metadata={"origin": "x" * 200}))
    out = run("inspect", write_file(tmp_path / "x", table)).out
    assert "      unit = m/s\n" in out
    assert "  n: int32 not null\n" in out
    assert "  origin = " + "x" * 59 + "… (200 bytes)\n" in out
    assert re.search(r"  c: 2 values, \d+ bytes, ordered\n", out)


def test_inspect_lists_the_first_batches_or_all(run, tmp_path):
    table = pa.table({"a": range(30)})
    for stream in (False, True):
        path = tmp_path / f"x{stream}"
        new = pa.ipc.new_stream if stream else pa.ipc.new_file
        with pa.OSFile(str(path), "wb") as sink, new(sink, table.schema) as writer:
            writer.write_table(table, max_chunksize=1)
        out = run("inspect", path).out
        assert "\n  19: 1 rows" in out and "\n  20: " not in out and "and 10 more" in out
        assert "\n  1: " in run("inspect", path, "--batches", 2).out
        assert "\n  29: 1 rows" in run("inspect", path, "--batches", 0).out
    assert "not a number" in run("inspect", path, "--batches", "x", code=2).err


def test_the_content_decides_what_a_file_is_not_its_name(run, tmp_path, table):
    assert "format: Arrow IPC file" in run("inspect", write_file(tmp_path / "x.parquet", table)).out
    pq.write_table(table, tmp_path / "y.arrow")
    assert "it is Parquet" in run("inspect", tmp_path / "y.arrow", code=1).err
    db = tmp_path / "db"
    run("ingest", db, "t", tmp_path / "x.parquet")
    assert read(run, db).equals(table)


@pytest.mark.parametrize("stream", [False, True])
def test_inspect_survives_every_broken_byte_and_names_the_file(run, tmp_path, table, stream):
    rich = table.append_column("d", pa.array(["x", "y", "x"]).dictionary_encode())
    path = tmp_path / "hostile.arrow"
    good = stream_bytes(rich) if stream else write_file(path, rich).read_bytes()
    bad = 0
    for at in range(8, len(good), max(1, len(good) // 16)):
        for way in ("flip", "cut"):
            path.write_bytes(good[:at] if way == "cut" else good[:at] + bytes([good[at] ^ 0x81]) + good[at + 1:])
            outcome = run("inspect", path, "--check", code=None)
            assert outcome.code in (0, 1), outcome
            if outcome.code == 1:
                bad += 1
                assert outcome.err.startswith("error: ") and "hostile.arrow" in outcome.err
                assert outcome.err.count("\n") == 1
            elif way == "cut":
                # A stream may end after any whole message.
                assert stream
    assert bad > 8


@pytest.mark.parametrize("stalled", [False, True])
def test_an_ingest_that_is_interrupted_leaves_nothing(run, tmp_path, stalled):
    db = tmp_path / "db"
    process = subprocess.Popen([PROGRAM, "ingest", db, "t", "-"], stdin=subprocess.PIPE, stderr=subprocess.PIPE,
                               env=environment())
    batch = pa.record_batch({"a": pa.array(range(100000), pa.int64())})
    sink = pa.PythonFile(process.stdin, "w")
    try:
        writer = pa.ipc.new_stream(sink, batch.schema)
        for _ in range(40):  # more than a pipe holds: once it is written it was read
            writer.write_batch(batch)
        process.send_signal(signal.SIGINT)
        if not stalled:
            with pytest.raises(OSError):
                while True:  # until nobody reads any more
                    writer.write_batch(batch)
        assert process.wait(60) == 1
        assert process.stderr.read().decode() == "error: 57014: the ingest was cancelled\n"
    finally:
        process.kill()
        process.wait()
        process.stderr.close()
    assert run(db, "-c", "SHOW TABLES", "--format", "csv").out.count("\n") == 1
    assert not list(db.glob("segments/**/*.arrow"))
    run("verify", db)


def test_verify_says_what_a_database_lacks(run, tmp_path):
    db = tmp_path / "db"
    run(db, "-c", "CREATE TABLE t (a BIGINT); INSERT INTO t VALUES (1); CHECKPOINT")
    (segment,) = db.glob("segments/**/*.arrow")
    whole = segment.read_bytes()
    segment.chmod(0o644)
    segment.write_bytes(whole[:-7])
    outcome = run("verify", db, code=1)
    assert segment.name in outcome.out and outcome.err.startswith("error: XX001: ")
    segment.unlink()
    outcome = run("verify", db, code=1)
    assert segment.name in outcome.out + outcome.err


def test_inspect_exits_1_on_a_bad_file(run, tmp_path, table):
    good = write_file(tmp_path / "good.arrow", table).read_bytes()
    bad = tmp_path / "bad.arrow"
    for cut in (9, 100, len(good) // 2, len(good) - 1):
        bad.write_bytes(good[:cut])
        assert "bad.arrow" in run("inspect", bad, code=1).err
    bad.write_text("a,b\n1,2\n")
    assert "not an Arrow file: " in run("inspect", bad, code=1).err
    bad.write_bytes(b"")
    assert "not an Arrow file: " in run("inspect", bad, code=1).err
    assert "02000" in run("inspect", tmp_path / "nowhere", code=1).err


def test_verify_finds_a_flipped_bit(run, tmp_path):
    db = tmp_path / "db"
    run(db, "-c", "CREATE TABLE t (a BIGINT); INSERT INTO t VALUES (1), (2); CHECKPOINT;"
        "INSERT INTO t VALUES (3)")
    assert "2 segments" in run("verify", db).out
    segment = sorted(db.glob("segments/**/*.arrow"))[0]
    data = bytearray(segment.read_bytes())
    body = data.find((1).to_bytes(8, "little") + (2).to_bytes(8, "little"))
    assert body > 0
    data[body] ^= 4
    segment.chmod(0o644)
    segment.write_bytes(data)
    outcome = run("verify", db, code=1)
    assert "bad: table t: " in outcome.out and segment.name in outcome.out
    assert outcome.err.startswith("error: XX001: ")
    assert "all well" not in outcome.out
    assert "crc" in run("inspect", segment, "--check", code=1).err.lower()
    run("verify", tmp_path / "nowhere", code=1)
