"""Tensors over the network: a model's bytes from its mapping to the socket, and who may see them."""
import json
import struct

import pyarrow as pa
import pyarrow.flight as fl
import pytest

ROW = 100_000


def tensors(path, count):
    """count tensors of ROW bytes, each filled with its number."""
    header = {f"t{i}": {"dtype": "U8", "shape": [ROW], "data_offsets": [i * ROW, (i + 1) * ROW]}
              for i in range(count)}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    body = b"".join(bytes([i]) * ROW for i in range(count))
    path.write_bytes(struct.pack("<Q", len(text)) + text + body)
    return path


@pytest.fixture
def model(tmp_path):
    (tmp_path / "open").mkdir()
    return tensors(tmp_path / "open" / "m.safetensors", 50)


@pytest.fixture
def server(serve, model):
    return serve(":memory:", "--allow-path", model.parent)


def test_a_model_is_streamed_from_its_mapping(server, model):
    table = server.query(f"SELECT * FROM read_safetensors('{model}')")
    told = server.ledgers.last
    assert told["engine"] == "native" and told["rows"] == 50
    assert told["bytes_copied"] == 0 and told["copies"] == [], told
    assert told["bytes_referenced"] == 50 * ROW and told["bytes_sent"] >= 50 * ROW
    assert table.column_names == ["name", "dtype", "shape", "offset_bytes", "size_bytes", "data"]
    assert table.schema.field("shape").type.value_type == pa.int64()
    assert table["data"].to_pylist() == [bytes([i]) * ROW for i in range(50)]


def test_one_tensor_is_streamed_without_a_copy_too(server, model):
    table = server.query(f"SELECT data FROM read_safetensors('{model}') WHERE name = 't7'")
    told = server.ledgers.last
    assert table["data"].to_pylist() == [b"\7" * ROW]
    assert told["engine"] == "native", told
    assert told["bytes_copied"] == 8, told  # the two offsets of the message; no byte of the tensor
    assert ROW <= told["bytes_sent"] < 2 * ROW


def test_values_of_a_tensor_come_by_reference(server, model):
    table = server.query(f"SELECT value FROM tensor_values('{model}', 't3')")
    assert table["value"].to_pylist() == [3] * ROW
    assert server.ledgers.last["bytes_copied"] == 0


@pytest.fixture
def secret(tmp_path, model):
    """The same outside of what is allowed, and ways to it."""
    folder = tmp_path / "secret"
    folder.mkdir()
    tensors(folder / "m.safetensors", 1)
    (model.parent / "link.safetensors").symlink_to(folder / "m.safetensors")
    shards = model.parent / "sharded"
    shards.mkdir()
    (shards / "a.safetensors").symlink_to(folder / "m.safetensors")
    (shards / "model.safetensors.index.json").write_text(
        json.dumps({"weight_map": {"t0": "a.safetensors"}}))
    store = model.parent / "w.zarr"
    (store / "c").mkdir(parents=True)
    (store / "zarr.json").write_text(json.dumps({
        "zarr_format": 3, "node_type": "array", "shape": [ROW], "data_type": "uint8",
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [ROW]}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "fill_value": 0, "codecs": [{"name": "bytes"}]}))
    (folder / "chunk").write_bytes(b"\5" * ROW)
    (store / "c" / "0").symlink_to(folder / "chunk")
    return folder


@pytest.mark.parametrize("sql", [
    "SELECT * FROM read_safetensors('{secret}/m.safetensors')",
    "SELECT * FROM read_safetensors('{secret}/none.safetensors')",
    "SELECT * FROM read_safetensors('{secret}/*.safetensors')",
    "SELECT * FROM read_safetensors('{secret}')",
    "SELECT * FROM '{secret}/m.safetensors'",
    "SELECT * FROM read_safetensors('{open}/../secret/m.safetensors')",
    "SELECT * FROM read_safetensors('{open}/link.safetensors')",
    "SELECT * FROM read_safetensors('{open}/l*.safetensors')",
    "SELECT * FROM read_safetensors('{open}/sharded')",
    "SELECT * FROM read_safetensors('{open}/sharded/model.safetensors.index.json')",
    "SELECT * FROM tensor_values('{open}/link.safetensors', 't0')",
    "SELECT * FROM tensor_stats('{secret}/m.safetensors')",
    "SELECT * FROM tensor_diff('{open}/m.safetensors', '{secret}/m.safetensors')",
    "SELECT sum(value) FROM read_zarr('{open}/w.zarr')",
    "SELECT * FROM read_zarr('{secret}')",
    "SELECT * FROM zarr_chunks('{secret}')",
    "SELECT t.* FROM (SELECT '{secret}/m.safetensors' || repeat('', i) AS p FROM range(2) r(i)) v,"
    " read_safetensors(v.p) t",
    "SELECT __pyralog_read_safetensors_rows('{secret}/m.safetensors')",
    "SELECT __pyralog_read_safetensors_blob('{secret}/m.safetensors', 't0', 0::BIGINT)",
    "SELECT * FROM '{secret}'",
    "COPY (SELECT name, dtype, shape, data FROM '{open}/m.safetensors') TO '{secret}/x.safetensors'",
    "CREATE EXTERNAL TABLE x STORED AS SAFETENSORS LOCATION '{secret}/m.safetensors'",
    "CREATE EXTERNAL TABLE x STORED AS ZARR LOCATION '{secret}'"])
@pytest.mark.parametrize("engine", ["auto", "duckdb"])
def test_nothing_outside_of_the_allowed_folder_is_read(server, model, secret, sql, engine):
    sql = sql.format(secret=secret, open=model.parent)
    if engine == "duckdb" and sql.startswith("SELECT *") and " v," not in sql:
        sql = sql.replace("SELECT *", "SELECT mode(COLUMNS(*)::VARCHAR)")
    with pytest.raises(pa.ArrowException) as caught:
        server.query(sql)
    assert "42501" in str(caught.value) or "42P01" in str(caught.value), caught.value
    assert not (secret / "x.safetensors").exists()


def test_an_allowed_store_may_be_read(server, model, secret):
    (model.parent / "w.zarr/c/0").unlink()
    (model.parent / "w.zarr/c/0").write_bytes(b"\5" * ROW)
    table = server.query(f"SELECT sum(value) AS s FROM read_zarr('{model.parent}/w.zarr')")
    assert table["s"].to_pylist() == [5 * ROW]


def test_tensors_of_one_kind_are_arrows_own_extension_type(server, model):
    reader = server.connect().do_get(fl.Ticket(
        f"SELECT name, tensor FROM read_safetensors('{model}', tensors := true)"))
    table = reader.read_all()
    assert table.schema.field("tensor").type == pa.fixed_shape_tensor(pa.uint8(), [ROW])
    assert server.ledgers.last["bytes_copied"] == 0
    [chunk] = table["tensor"].chunks
    whole = chunk.to_numpy_ndarray()
    assert whole.shape == (50, ROW) and (whole[49] == 49).all() and (whole[0] == 0).all()
