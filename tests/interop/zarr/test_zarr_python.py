"""Zarr against zarr-python 3: what it writes we read equal, cell by cell.

PYRALOG_ZARR_TOOL names the program built from zarr_tool.c.
"""
import itertools
import os
import shutil
import subprocess

import pyarrow as pa
import pytest

TOOL = os.environ.get("PYRALOG_ZARR_TOOL")
pytestmark = pytest.mark.skipif(not TOOL, reason="PYRALOG_ZARR_TOOL is not set")
np = pytest.importorskip("numpy")
zarr = pytest.importorskip("zarr", minversion="3.0")
from zarr.codecs import (BloscCodec, BytesCodec, Crc32cCodec, GzipCodec, ShardingCodec,  # noqa: E402
                         TransposeCodec, ZstdCodec)


def read(path, inner="", *options):
    done = subprocess.run([TOOL, str(path), inner, *options], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return pa.ipc.open_stream(done.stdout).read_all()


def cells(table, column, shape, dimensions):
    """The column as an array of that shape, put there by the positions in the dimension columns."""
    places = tuple(table[name].to_numpy() for name in dimensions)
    values = table[column].to_numpy(zero_copy_only=False)
    out = np.empty(shape, dtype=values.dtype)
    seen = np.zeros(shape, dtype=int)
    out[places] = values
    np.add.at(seen, places, 1)
    assert (seen == 1).all()
    return out


def check(path, expected, inner=""):
    names = [f"dim_{i}" for i in range(expected.ndim)]
    got = cells(read(path, inner), "value", expected.shape, names)
    np.testing.assert_array_equal(got, expected)


NUMBERS = ["bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
           "float16", "float32", "float64"]


def values_of(dtype, shape):
    rng = np.random.default_rng(7)
    if dtype == "bool":
        return rng.integers(0, 2, shape).astype(bool)
    if dtype.startswith("float"):
        return rng.normal(0, 100, shape).astype(dtype)
    info = np.iinfo(dtype)
    return rng.integers(info.min, info.max, shape, dtype=dtype, endpoint=True)


@pytest.mark.parametrize("version,dtype,order", list(itertools.product([2, 3], NUMBERS, "CF")))
def test_numbers_in_ragged_chunks(tmp_path, version, dtype, order):
    data = values_of(dtype, (7, 10, 3))
    options = {"order": order} if version == 2 else {
        "filters": [TransposeCodec(order=(2, 1, 0))] if order == "F" else []}
    array = zarr.create_array(tmp_path / "a", shape=data.shape, chunks=(3, 4, 2), dtype=dtype,
                              zarr_format=version, **options)
    array[:] = data
    check(tmp_path / "a", data)


CODECS = {
    "none": [], "gzip": [GzipCodec()], "zstd": [ZstdCodec()], "zstd_sum": [ZstdCodec(checksum=True)],
    "crc32c": [Crc32cCodec()], "zstd_crc32c": [ZstdCodec(), Crc32cCodec()],
    **{f"blosc_{cname}_{shuffle}": [BloscCodec(cname=cname, shuffle=shuffle)]
       for cname in ("lz4", "lz4hc", "blosclz", "zlib", "zstd")
       for shuffle in ("noshuffle", "shuffle", "bitshuffle")},
}


@pytest.mark.parametrize("name", CODECS)
@pytest.mark.parametrize("endian", ["little", "big"])
def test_codecs(tmp_path, name, endian):
    data = (np.arange(60 * 50).reshape(60, 50) // 7).astype("int32")
    array = zarr.create_array(tmp_path / "a", shape=data.shape, chunks=(25, 30), dtype="int32",
                              serializer=BytesCodec(endian=endian), compressors=CODECS[name])
    array[:] = data
    check(tmp_path / "a", data)


@pytest.mark.parametrize("location", ["start", "end"])
@pytest.mark.parametrize("compressors", [[], [ZstdCodec()], [BloscCodec(cname="lz4")]])
def test_shards(tmp_path, location, compressors):
    data = np.arange(23 * 17, dtype="float32").reshape(23, 17)
    array = zarr.create_array(
        tmp_path / "a", shape=data.shape, dtype="float32", chunks=(8, 12), fill_value=-1,
        compressors=None, filters=None,
        serializer=ShardingCodec(chunk_shape=(4, 3), index_location=location,
                                 codecs=[BytesCodec(), *compressors]))
    array[:16] = data[:16]
    expected = np.full(data.shape, -1, "float32")
    expected[:16] = data[:16]
    check(tmp_path / "a", expected)


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("separator", [".", "/"])
def test_missing_chunks_have_the_fill_value(tmp_path, version, separator):
    name = "v2" if version == 2 else "default"
    array = zarr.create_array(tmp_path / "a", shape=(5, 6), chunks=(2, 2), dtype="float64",
                              fill_value=np.nan, zarr_format=version,
                              chunk_key_encoding={"name": name, "separator": separator})
    array[2:4, 2:4] = 1.5
    expected = np.full((5, 6), np.nan)
    expected[2:4, 2:4] = 1.5
    check(tmp_path / "a", expected)


@pytest.mark.parametrize("version", [2, 3])
def test_texts(tmp_path, version):
    texts = np.array(["", "a", "é", "日本語", "😀" * 30, "end"], dtype=object)
    array = zarr.create_array(tmp_path / "s", shape=(6,), chunks=(4,), dtype=str, zarr_format=version)
    array[:] = texts
    assert read(tmp_path / "s")["value"].to_pylist() == list(texts)
    fixed = np.array(["", "ab", "é日", "😀"])
    array = zarr.create_array(tmp_path / "u", shape=(4,), chunks=(3,), dtype=fixed.dtype,
                              zarr_format=version)
    array[:] = fixed
    assert read(tmp_path / "u")["value"].to_pylist() == list(fixed)


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("unit", ["Y", "M", "W", "D", "h", "m", "s", "ms", "us", "ns"])
def test_times(tmp_path, version, unit):
    numbers = np.array([0, 1, -1, 40, -700], dtype="int64")
    times = numbers.view(f"M8[{unit}]")
    array = zarr.create_array(tmp_path / "t", shape=(6,), chunks=(4,), dtype=times.dtype,
                              zarr_format=version)
    array[:5] = times
    array[5:] = np.datetime64("NaT")
    got = read(tmp_path / "t")["value"]
    assert got.to_pylist()[5] is None
    in_unit = got.type.unit
    assert got.cast(pa.int64()).to_pylist()[:5] == times.astype(f"M8[{in_unit}]").view("int64").tolist()


def make_group(path, version):
    """time (4), y (3), x (5): temperature of them, packed; unit and counts of other dimensions."""
    data = np.arange(60, dtype="int16").reshape(4, 3, 5)
    root = zarr.create_group(path, zarr_format=version)

    def put(name, values, dimensions, chunks, attributes=None):
        names = {"dimension_names": dimensions} if version == 3 else {}
        array = root.create_array(name, shape=values.shape, dtype=values.dtype, chunks=chunks,
                                  fill_value=-1 if name == "temperature" else 0, **names)
        array[:] = values
        array.attrs.update(attributes or {})
        if version == 2:
            array.attrs["_ARRAY_DIMENSIONS"] = list(dimensions)

    put("time", np.array([0, 24, 48, 96], "int32") + 1, ("time",), (2,),
        {"units": "hours since 2020-02-28T23:00:00"})
    put("y", np.array([60.0, 55.0, 50.0]), ("y",), (3,))
    put("x", np.array([1, 2, 3, 4, 5], "int64"), ("x",), (5,))
    put("temperature", data, ("time", "y", "x"), (2, 2, 3),
        {"scale_factor": 0.5, "add_offset": 10.0, "_FillValue": -1})
    put("also", data.astype("float32") * 2, ("time", "y", "x"), (4, 3, 5))
    put("counts", np.arange(4), ("time",), (4,))
    return data


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("consolidated", [False, True])
@pytest.mark.parametrize("zipped", [False, True])
def test_a_group_is_a_table(tmp_path, version, consolidated, zipped):
    data = make_group(tmp_path / "g", version)
    if consolidated:
        zarr.consolidate_metadata(tmp_path / "g")
    path = tmp_path / "g"
    if zipped:
        shutil.make_archive(str(tmp_path / "g"), "zip", tmp_path / "g")
        path = (tmp_path / "g.zip").rename(tmp_path / "g.bin")
    table = read(path)
    assert table.column_names == ["time", "y", "x", "also", "temperature"]
    assert table.num_rows == data.size
    expected = {}
    for (t, time), (j, y), (i, x) in itertools.product(
            enumerate([1, 25, 49, 97]), enumerate([60.0, 55.0, 50.0]), enumerate([1, 2, 3, 4, 5])):
        expected[time, y, x] = (float(data[t, j, i]) * 2, int(data[t, j, i]))
    got = {(r["time"], r["y"], r["x"]): (r["also"], r["temperature"]) for r in table.to_pylist()}
    assert got == expected


def test_cf_is_decoded_when_asked_for(tmp_path):
    data = make_group(tmp_path / "g", 3)
    table = read(tmp_path / "g", "", "cf")
    assert sorted({str(t) for t in table["time"].to_pylist()}) == [
        "2020-02-29 00:00:00", "2020-03-01 00:00:00", "2020-03-02 00:00:00", "2020-03-04 00:00:00"]
    assert sorted(table["temperature"].to_pylist()) == sorted((data.ravel() * 0.5 + 10).tolist())


def test_an_array_inside_of_a_group(tmp_path):
    data = make_group(tmp_path / "g", 3)
    table = read(tmp_path / "g", "temperature")
    assert table.column_names == ["time", "y", "x", "value"]
    np.testing.assert_array_equal(cells(table, "value", data.shape, ["time", "y", "x"]), data)
