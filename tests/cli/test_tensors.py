"""Safetensors, GGUF and Zarr through the program: functions, files as tables, the ledger, inspect. The
expected values are those that the files were made of."""
import json
import pathlib
import struct

import pytest

from tensor_files import LATS, LONS, TIMES, grid, safetensors, weather

SOURCE = pathlib.Path(__file__).parents[2]
F32 = struct.pack("<4f", 1.0, -2.0, 0.5, 3.0)


def rows(run, *statements, **more):
    arguments = [a for s in statements for a in ("-c", s)]
    outcome = run("--format", "ndjson", *arguments, **more)
    return [json.loads(line) for line in outcome.out.splitlines()]


def ledger(run, sql, cwd):
    outcome = run("--ledger", "--format", "csv", "-c", sql, cwd=cwd)
    return json.loads(outcome.err.splitlines()[-1])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("tensors")
    safetensors(path / "m.safetensors", [
        ("w", "F32", [2, 2], F32), ("one", "U8", [1], b"\7"), ("odd", "F32", [4], F32),
        ("h", "F16", [2], struct.pack("<2e", 1.5, -0.25)),
        ("fp8", "F8_E4M3", [2], b"\x38\xb8")], {"format": "pt"})
    safetensors(path / "no_suffix", [("w", "F32", [2, 2], F32)])
    weather().folder(path / "weather.zarr")
    grid().folder(path / "grid.zarr")
    grid().zip(path / "grid.bin")
    weather().zip(path / "weather.zip")
    shards = path / "sharded"
    shards.mkdir()
    safetensors(shards / "a.safetensors", [("x", "F32", [4], F32)])
    safetensors(shards / "b.safetensors", [("y", "U8", [3], b"\1\2\3")])
    (shards / "model.safetensors.index.json").write_text(json.dumps(
        {"metadata": {"total_size": 19}, "weight_map": {"x": "a.safetensors",
                                                        "y": "b.safetensors"}}))
    return path


# ---- Safetensors. ----


def test_a_file_is_one_row_a_tensor_and_nothing_is_copied(run, folder):
    got = rows(run, "SELECT * FROM read_safetensors('m.safetensors')", cwd=folder)
    assert [(r["name"], r["dtype"], r["shape"], r["size_bytes"]) for r in got] == [
        ("w", "F32", [2, 2], 16), ("one", "U8", [1], 1), ("odd", "F32", [4], 16),
        ("h", "F16", [2], 4), ("fp8", "F8_E4M3", [2], 2)]
    whole = (folder / "m.safetensors").read_bytes()
    import base64
    for r in got:
        at = r["offset_bytes"]
        assert base64.b64decode(r["data"]) == whole[at:at + r["size_bytes"]]
    told = ledger(run, "SELECT * FROM read_safetensors('m.safetensors')", folder)
    assert told["engine"] == "native" and told["bytes_copied"] == 0 and told["copies"] == []
    assert told["bytes_referenced"] == 39 and told["bytes_mapped"] == len(whole)


@pytest.mark.parametrize("source", ["'m.safetensors'", "\"m.safetensors\"", "'./m.safetensors'",
                                    "read_safetensors('m.*')", "'m.safe*'"])
@pytest.mark.parametrize("engine", ["native", "duckdb"])
def test_every_way_to_name_it(run, folder, duckdb, source, engine):
    got = rows(run, f"SET engine = '{engine}'", f"SELECT name FROM {source}", cwd=folder)
    assert [r["name"] for r in got] == ["w", "one", "odd", "h", "fp8"]


def test_it_is_found_by_content(run, folder):
    assert rows(run, "SELECT name FROM 'no_suffix'", cwd=folder) == [{"name": "w"}]


def test_a_statement_maps_a_file_once_however_it_is_planned(run, folder, duckdb):
    size = (folder / "m.safetensors").stat().st_size
    for sql in ["SELECT name FROM 'm.safetensors' WHERE size_bytes > 3",
                "SELECT a.name FROM 'm.safetensors' a JOIN 'm.safetensors' b USING (name)",
                "SELECT list(name) FROM 'm.safetensors'"]:
        assert ledger(run, sql, folder)["bytes_mapped"] == size, sql


def test_columns_that_are_not_asked_for_are_not_made(run, folder, duckdb):
    for sql in ["SELECT name FROM 'm.safetensors'", "SELECT mode(name) FROM 'm.safetensors'"]:
        assert ledger(run, sql, folder)["bytes_referenced"] == 0


def test_values_are_by_reference_where_arrow_has_the_type_and_they_are_aligned(run, folder):
    def of(name, what="value"):
        return ledger(run, f"SELECT {what} FROM tensor_values('m.safetensors', '{name}')", folder)
    assert of("w")["bytes_copied"] == 0 and of("w")["bytes_referenced"] == 16
    assert of("odd")["copies"] == [{"reason": "alignment", "bytes": 16}]
    assert of("h")["copies"] == [{"reason": "type conversion", "bytes": 8}]
    assert of("h", "index")["copies"] == [{"reason": "engine result", "bytes": 16}]


@pytest.mark.parametrize("name, values", [("w", [1.0, -2.0, 0.5, 3.0]), ("one", [7]),
                                          ("odd", [1.0, -2.0, 0.5, 3.0]), ("h", [1.5, -0.25]),
                                          ("fp8", [1.0, -1.0])])
@pytest.mark.parametrize("engine", ["native", "duckdb"])
def test_values(run, folder, duckdb, engine, name, values):
    got = rows(run, f"SET engine = '{engine}'",
               f"SELECT index, value FROM tensor_values('m.safetensors', '{name}')", cwd=folder)
    assert [r["value"] for r in got] == values
    assert [r["index"] for r in got] == list(range(len(values)))


@pytest.mark.parametrize("path", ["sharded", "sharded/model.safetensors.index.json"])
def test_a_sharded_model_is_one_table(run, folder, path):
    got = rows(run, f"SELECT name, size_bytes FROM read_safetensors('{path}')", cwd=folder)
    assert got == [{"name": "x", "size_bytes": 16}, {"name": "y", "size_bytes": 3}]
    got = rows(run, f"SELECT value FROM tensor_values('{path}', 'y')", cwd=folder)
    assert [r["value"] for r in got] == [1, 2, 3]


def test_a_tensor_beyond_a_blob_is_an_error_only_where_its_bytes_are_asked_for(run, tmp_path):
    count = (1 << 31) + 8
    header = json.dumps({"big": {"dtype": "U8", "shape": [count], "data_offsets": [0, count]},
                         "small": {"dtype": "U8", "shape": [1],
                                   "data_offsets": [count, count + 1]}}).encode()
    with open(tmp_path / "big.safetensors", "wb") as out:  # sparse
        out.write(struct.pack("<Q", len(header)) + header)
        out.truncate(8 + len(header) + count + 1)
    assert len(rows(run, "SELECT name, size_bytes FROM 'big.safetensors'", cwd=tmp_path)) == 2
    assert rows(run, "SELECT data FROM 'big.safetensors' WHERE offset_bytes > 3000000000",
                cwd=tmp_path) == []
    refused = run("-c", "SELECT data FROM 'big.safetensors'", cwd=tmp_path, code=1)
    assert 'tensor "big"' in refused.err and "tensor_values(p, 'big')" in refused.err
    got = rows(run, f"SELECT index, value FROM tensor_values('big.safetensors', 'big')"
                    f" WHERE index >= {count - 2}", cwd=tmp_path)
    assert got == [{"index": count - 2, "value": 0}, {"index": count - 1, "value": 0}]


def test_a_broken_file_is_an_error_that_names_it(run, folder, tmp_path):
    whole = (folder / "m.safetensors").read_bytes()
    (tmp_path / "cut.safetensors").write_bytes(whole[:-1])
    refused = run("-c", "SELECT * FROM 'cut.safetensors'", cwd=tmp_path, code=1)
    assert "cut.safetensors" in refused.err
    assert run("inspect", "cut.safetensors", cwd=tmp_path, code=1).out == ""


def test_what_copy_writes_is_the_format_and_its_bytes_come_from_the_mapping(run, folder, tmp_path):
    sql = f"COPY (SELECT * FROM '{folder}/m.safetensors') TO 'out.safetensors'"
    told = ledger(run, sql, tmp_path)
    assert told["bytes_copied"] == 0
    whole = (tmp_path / "out.safetensors").read_bytes()
    assert told["bytes_encoded"] == len(whole)
    length = struct.unpack("<Q", whole[:8])[0]
    header = json.loads(whole[8:8 + length])
    assert (8 + length) % 64 == 0 and list(header) == ["w", "one", "odd", "h", "fp8"]
    begin, end = header["odd"]["data_offsets"]
    assert whole[8 + length + begin:8 + length + end] == F32


def test_rows_that_do_not_fit_in_memory_wait_in_a_file(run, duckdb, tmp_path):
    """100 tensors of 1 MB, more than are held."""
    run("-c", "COPY (SELECT 't' || i AS name, 'U8' AS dtype, [1000000] AS shape,"
              " repeat(chr((65 + i % 26)::INTEGER), 1000000)::BLOB AS data FROM range(100) r(i))"
              " TO 'big.safetensors'", cwd=tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["big.safetensors"]
    whole = (tmp_path / "big.safetensors").read_bytes()
    length = struct.unpack("<Q", whole[:8])[0]
    header = json.loads(whole[8:8 + length])
    assert len(header) == 100
    for i in range(100):
        begin, end = header[f"t{i}"]["data_offsets"]
        assert whole[8 + length + begin:8 + length + end] == bytes([65 + i % 26]) * 1000000


# ---- Zarr. ----


@pytest.mark.parametrize("source", ["read_zarr('weather.zarr')", "'weather.zarr'",
                                    "read_zarr('weather.zip')", "'weather.zip'"])
@pytest.mark.parametrize("engine", ["native", "duckdb"])
def test_a_group_is_a_table(run, folder, duckdb, source, engine):
    got = rows(run, f"SET engine = '{engine}'",
               f"SELECT * FROM {source} WHERE time = 63 AND lat >= 30 ORDER BY lon", cwd=folder)
    assert got == [{"time": 63, "lat": 30.0, "lon": 100 + x, "temp": 6330.0 + x}
                   for x in range(LONS)]


@pytest.mark.parametrize("source", ["read_zarr('weather.zarr')", "read_zarr('weather.zip') z"])
def test_chunks_that_a_condition_excludes_are_not_opened(run, folder, source):
    sql = f"SELECT sum(temp) FROM {source} WHERE time BETWEEN 10 AND 11"
    assert "batches 2/64" in run("-c", f"EXPLAIN {sql}", cwd=folder).out
    told = ledger(run, sql, folder)
    assert told["batches_skipped"] == 62
    assert told["bytes_referenced"] < 2 * 4 * LATS * LONS + 8 * TIMES + 8 * LATS + 8 * LONS + 1
    analyzed = run("-c", f"EXPLAIN ANALYZE {sql}", cwd=folder).out
    assert "batches 2/64" in analyzed


def test_a_chunk_that_is_not_needed_may_even_be_broken(run, folder, tmp_path):
    weather().folder(tmp_path / "w.zarr")
    (tmp_path / "w.zarr/temp/5.0.0").write_bytes(b"short")
    run("-c", "SELECT sum(temp) FROM 'w.zarr' WHERE time <> 5 AND time > 5", cwd=tmp_path)
    refused = run("-c", "SELECT sum(temp) FROM 'w.zarr'", cwd=tmp_path, code=1)
    assert "w.zarr: temp: chunk [5,0,0]" in refused.err


def test_duckdb_skips_them_too(run, folder, duckdb):
    told = ledger(run, "SELECT mode(temp) FROM read_zarr('weather.zarr') WHERE time = 10", folder)
    assert told["engine"] == "duckdb" and told["batches_skipped"] == 63


def test_an_array_alone_has_its_dimensions_and_value(run, folder):
    got = rows(run, "SELECT * FROM read_zarr('grid.zarr', 'a')", cwd=folder)
    assert sorted((r["i"], r["j"], r["value"]) for r in got) == [
        (i, j, 10 * i + j) for i in range(5) for j in range(4)]


def test_cf_is_decoded_where_it_is_asked_for(run, folder):
    sql = "SELECT time, temp FROM read_zarr('weather.zarr'{}) WHERE lat = 0 AND lon = 100 LIMIT 2"
    assert rows(run, sql.format(""), cwd=folder) == [{"time": 0, "temp": 0.0},
                                                     {"time": 1, "temp": 100.0}]
    for option in [", decode_cf := true", ", decode_cf = true"]:
        got = rows(run, sql.format(option), cwd=folder)
        assert [r["time"] for r in got] == ["2000-01-01 00:00:00", "2000-01-02 00:00:00"]
        assert [r["temp"] for r in got] == [0.0, 50.0]


def test_chunks_are_listed_with_their_places(run, duckdb, folder):
    got = rows(run, "SELECT * FROM zarr_chunks('grid.zarr') ORDER BY chunk", cwd=folder)
    assert [r["chunk"] for r in got] == [[i, j] for i in range(3) for j in range(2)]
    assert all(r["array"] == "a" and r["size_bytes"] == 24 and r["offset_bytes"] == 0 for r in got)
    assert got[1]["location"].endswith("grid.zarr/a/c/0/1")
    whole = (folder / "grid.bin").read_bytes()
    [one] = rows(run, "SELECT * FROM zarr_chunks('grid.bin') WHERE chunk = [2, 0]", cwd=folder)
    at = one["offset_bytes"]
    assert struct.unpack("<3i", whole[at:at + 12]) == (40, 41, 42)


def test_a_missing_chunk_is_its_fill_value_and_has_no_place(run, tmp_path):
    grid().folder(tmp_path / "g.zarr")
    (tmp_path / "g.zarr/a/c/0/0").unlink()
    got = rows(run, "SELECT sum(value) AS s FROM read_zarr('g.zarr', 'a') WHERE i < 2 AND j < 3",
               cwd=tmp_path)
    assert got == [{"s": 0}]
    got = rows(run, "SELECT count(*) AS n FROM zarr_chunks('g.zarr') WHERE location IS NULL",
               cwd=tmp_path)
    assert got == [{"n": 1}]


def test_stored_as_zarr(run, folder, duckdb, tmp_path):
    weather().folder(tmp_path / "w.zarr")
    made = ["CREATE EXTERNAL TABLE w STORED AS ZARR LOCATION 'w.zarr'",
            "CREATE EXTERNAL TABLE cf STORED AS ZARR LOCATION 'w.zarr' WITH (decode_cf = true)",
            "CREATE EXTERNAL TABLE narrow (lat DOUBLE, temp DOUBLE) STORED AS ZARR"
            " LOCATION 'w.zarr'"]
    arguments = [a for s in made for a in ("-c", s)]
    run("db", *arguments, cwd=tmp_path)

    def ask(sql):
        outcome = run("db", "--format", "ndjson", "-c", sql, cwd=tmp_path)
        return [json.loads(line) for line in outcome.out.splitlines()]
    total = sum(100 * t + 10 * y + x for t in range(TIMES) for y in range(LATS)
                for x in range(LONS))
    assert ask("SELECT sum(temp) AS s, count(*) AS n FROM w") == [
        {"s": float(total), "n": TIMES * LATS * LONS}]
    assert ask("SELECT max(temp) AS m, max(time) AS t FROM cf") == [
        {"m": 6332 / 2, "t": "2000-03-04 00:00:00"}]
    assert ask("SELECT sum(temp) AS s FROM narrow WHERE lat = 0")[0]["s"] == sum(
        100 * t + x for t in range(TIMES) for x in range(LONS))
    for sql in ["SELECT sum(temp) FROM w WHERE time = 10", "SELECT mode(temp) FROM w WHERE time=10"]:
        outcome = run("db", "--ledger", "-c", sql, cwd=tmp_path)
        assert json.loads(outcome.err.splitlines()[-1])["batches_skipped"] == 63, sql
    state = "SELECT DISTINCT state FROM pyralog.external_files WHERE \"table\" = 'w'"
    assert ask(state) == [{"state": "ok"}]
    (tmp_path / "w.zarr/.zattrs").write_text('{"title": "changed"}')
    assert {"state": "changed"} in ask(state)
    run("verify", "db", cwd=tmp_path, code=None)


def test_metadata_of_a_few_bytes_that_claims_the_world_is_refused(run, tmp_path):
    store = grid()
    document = json.loads(store["a/zarr.json"])
    document["shape"] = [1 << 40, 1 << 20]
    document["chunk_grid"]["configuration"]["chunk_shape"] = [1, 1]
    store.put("a/zarr.json", document)
    store.folder(tmp_path / "g.zarr")
    for sql in ["SELECT count(*) FROM read_zarr('g.zarr', 'a')",
                "SELECT count(*) FROM zarr_chunks('g.zarr')"]:
        assert "54000" in run("-c", sql, cwd=tmp_path, code=1).err


@pytest.mark.parametrize("sql, state, at", [
    ("SELECT * FROM read_zarr('none.zarr')", "58030", "'none.zarr'"),
    ("SELECT * FROM 'none.zarr'", "58030", "'none.zarr'"),
    ("SELECT * FROM read_zarr('m.safetensors')", "22023", "'m.safetensors'"),
    ("SELECT * FROM read_zarr('sharded')", "22023", "'sharded'"),
    ("SELECT * FROM read_zarr('grid.zarr', 'b')", "", "'grid.zarr'"),
    ("SELECT * FROM tensor_values('m.safetensors', 'none')", "22023", "'none'"),
    ("SELECT * FROM tensor_diff('m.safetensors', 'none')", "58030", "'none'"),
    ("SELECT * FROM read_safetensors('weather.zarr')", "58030", "'weather.zarr'")])
def test_an_error_stands_under_its_argument(run, folder, sql, state, at):
    lines = run("-c", sql, cwd=folder, code=1).err.splitlines()
    assert lines[0].startswith(f"error: {state}"), lines
    assert lines[1] == sql and lines[2].index("^") == sql.index(at), lines


# ---- inspect. ----


def test_inspect_says_what_a_model_is(run, folder):
    out = run("inspect", "m.safetensors", cwd=folder).out
    for line in ["format: Safetensors", "tensors: 5", "parameters: 13", "  format = pt"]:
        assert line in out.splitlines(), out
    assert "  w: F32 [2, 2], 16 bytes at " in out
    out = run("inspect", "no_suffix", cwd=folder).out
    assert out.startswith("format: Safetensors\n")
    for path in ["sharded", "sharded/model.safetensors.index.json"]:
        out = run("inspect", path, cwd=folder).out
        assert out.startswith("format: Safetensors, 2 files\n")
        assert "y: U8 [3], 3 bytes at " in out and " of b.safetensors" in out
    out = run("inspect", "--batches", "1", "m.safetensors", cwd=folder).out
    assert "and 4 more" in out and "one: U8" not in out
    assert "check: all well" in run("inspect", "--check", "m.safetensors", cwd=folder).out
    (folder / "sharded" / "b.safetensors").unlink()
    refused = run("inspect", "sharded", cwd=folder, code=1)
    assert refused.out == "" and "b.safetensors" in refused.err


def test_inspect_says_what_a_gguf_file_is(run, tmp_path):
    # What its writer, the PyPI package gguf, says of it: tests/unit/formats/gguf_test.c.
    path = SOURCE / "fuzz/corpus/formats_gguf/gguf_py"
    out = run("inspect", path).out
    assert out.splitlines() == [
        "format: GGUF, version 3", f"size: {path.stat().st_size} B ({path.stat().st_size} bytes)", "tensors: 4",
        "parameters: 146", "data: 177 B (177 bytes)", "alignment: 32 bytes", "metadata:",
        "  general.architecture = llama", "  t.u8 = 200", "  t.i8 = -5", "  t.u16 = 65535", "  t.i16 = -300",
        "  t.u32 = 4000000000", "  t.i32 = -7", "  t.u64 = 9223372036854775809", "  t.i64 = -4611686018427387904",
        "  t.f32 = 0.5", "  t.f64 = -1.25e+300", "  t.yes = true", "  t.no = false", "  t.text = gr\u00fc\u00dfe",
        "  t.words: array of string, 3 values", "  t.numbers: array of int32, 3 values", "by offset:",
        "  w: F32 [2, 3], 24 bytes at 640", "  half: F16 [5], 10 bytes at 672", "  bytes: I8 [7], 7 bytes at 704",
        "  blocks: Q8_0 [2, 64], 136 bytes at 736"]
    assert run("inspect", "--check", path).out.splitlines()[-1] == "check: all well"
    assert "and 3 more" in run("inspect", "--batches", "1", path).out
    (tmp_path / "cut").write_bytes(path.read_bytes()[:800])
    assert "blocks" in run("inspect", "cut", cwd=tmp_path, code=1).err


def test_inspect_finds_a_store_by_content(run, folder):
    for path, first in [("weather.zarr", "format: Zarr v2, a folder"),
                        ("grid.bin", "format: Zarr v3, a zip file")]:
        out = run("inspect", "--check", path, cwd=folder).out.splitlines()
        assert out[0] == first and out[-1] == "check: all well"
    out = run("inspect", "grid.bin", cwd=folder).out
    assert "  a: int32 [5, 4], 6 chunks of [2, 3], codecs bytes\n      dimensions: i, j\n" in out


def test_inspect_says_what_is_not_in_the_table(run, tmp_path):
    store = weather()
    store.v2("bounds", [2, 3], [2, 3], "<f8", "<d", lambda i, j: 0.0, ["lat", "nv"])
    store.folder(tmp_path / "w.zarr")
    out = run("inspect", "w.zarr", cwd=tmp_path).out
    assert out.endswith("not in the table: bounds (has other dimensions)\n")
    (tmp_path / "w.zarr/lat/0").write_bytes(b"no")
    out = run("inspect", "w.zarr", cwd=tmp_path).out
    assert "no table: w.zarr: lat: chunk [0]: " in out.splitlines()[-1]


def test_inspect_finds_a_broken_chunk(run, tmp_path):
    grid().folder(tmp_path / "g.zarr")
    (tmp_path / "g.zarr/a/c/1/0").write_bytes(b"no")
    run("inspect", "g.zarr", cwd=tmp_path)
    assert "a: chunk [1,0]" in run("inspect", "--check", "g.zarr", cwd=tmp_path, code=1).err


def test_inspect_of_another_folder_is_an_error(run, tmp_path):
    assert "neither a Zarr store nor" in run("inspect", ".", cwd=tmp_path, code=1).err
