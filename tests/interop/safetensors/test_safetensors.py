"""Safetensors against the package of its makers, numpy and ml_dtypes: what they write we read, what
we write they read, and our statistics are numpy's.

PYRALOG_SAFETENSORS_TOOL names the program built from safetensors_tool.c.
"""
import json
import math
import os
import random
import struct
import subprocess

import pytest

np = pytest.importorskip("numpy")
ml_dtypes = pytest.importorskip("ml_dtypes")
safetensors = pytest.importorskip("safetensors")
import safetensors.numpy  # noqa: E402

TOOL = os.environ.get("PYRALOG_SAFETENSORS_TOOL")
pytestmark = pytest.mark.skipif(not TOOL, reason="PYRALOG_SAFETENSORS_TOOL is not set")

DTYPES = {
    "BOOL": np.bool_, "U8": np.uint8, "I8": np.int8, "I16": np.int16, "U16": np.uint16, "I32": np.int32,
    "U32": np.uint32, "I64": np.int64, "U64": np.uint64, "F16": np.float16, "F32": np.float32, "F64": np.float64,
    "C64": np.complex64, "BF16": ml_dtypes.bfloat16, "F8_E4M3": ml_dtypes.float8_e4m3fn,
    "F8_E5M2": ml_dtypes.float8_e5m2, "F8_E8M0": ml_dtypes.float8_e8m0fnu,
    "F8_E4M3FNUZ": ml_dtypes.float8_e4m3fnuz, "F8_E5M2FNUZ": ml_dtypes.float8_e5m2fnuz,
}


def tool(*arguments):
    return subprocess.run([TOOL, *map(str, arguments)], capture_output=True, text=True)


def listed(path):
    run = tool("list", path)
    assert run.returncode == 0, run.stderr
    return {tensor["name"]: tensor for tensor in map(json.loads, run.stdout.splitlines())}


def values_of(name, shape, rng):
    """Any bytes of whole numbers and small floats (NaN and infinities too), weights of the others."""
    dtype = np.dtype(DTYPES[name])
    count = math.prod(shape)
    if name == "BOOL":
        return rng.integers(0, 2, count).astype(dtype).reshape(shape)
    if name == "C64":
        return (rng.normal(size=count) + 1j * rng.normal(size=count)).astype(dtype).reshape(shape)
    if name in ("F16", "F32", "F64", "BF16"):
        return rng.normal(3.0, 0.5, count).astype(dtype).reshape(shape)
    return rng.integers(0, 256, count * dtype.itemsize, dtype=np.uint8).view(dtype).reshape(shape)


@pytest.fixture
def model():
    rng = np.random.default_rng(7)
    tensors = {f"{name}.{'x'.join(map(str, shape))}": values_of(name, shape, rng)
               for name in DTYPES for shape in [(), (0,), (3, 5), (2, 0, 3), (7, 1, 2, 3), (10007,)]}
    tensors['a "quoted" näme \U0001f600\n'] = np.arange(3, dtype=np.int32)
    return tensors


def assert_listed(tensors, found):
    assert set(found) == set(tensors)
    for name, tensor in found.items():
        value = tensors[name]
        assert np.dtype(DTYPES[tensor["dtype"]]) == value.dtype
        assert tuple(tensor["shape"]) == value.shape
        assert bytes.fromhex(tensor["bytes"]) == np.ascontiguousarray(value).tobytes()


def test_what_they_write_we_read(model, tmp_path):
    path = tmp_path / "model.safetensors"
    metadata = {"format": "pt", "ключ": "значение\t\"", "empty": ""}
    safetensors.numpy.save_file(model, path, metadata)
    assert_listed(model, listed(path))
    run = tool("metadata", path)
    assert dict(map(json.loads, run.stdout.splitlines())) == metadata


def test_what_we_write_they_read(model, tmp_path):
    safetensors.numpy.save_file(model, tmp_path / "theirs", {"format": "pt"})
    assert tool("rewrite", tmp_path / "theirs", tmp_path / "ours").returncode == 0
    with safetensors.safe_open(tmp_path / "ours", framework="numpy") as ours:
        assert set(ours.keys()) == set(model)
        assert ours.metadata() == {"format": "pt"}
    raw = dict(safetensors.deserialize((tmp_path / "ours").read_bytes()))
    for name, value in model.items():
        assert DTYPES[raw[name]["dtype"]] == value.dtype and tuple(raw[name]["shape"]) == value.shape
        assert bytes(raw[name]["data"]) == np.ascontiguousarray(value).tobytes()
    (length,) = struct.unpack("<Q", (tmp_path / "ours").read_bytes()[:8])
    assert (8 + length) % 64 == 0


def number(value):
    return float(value) if value in ("nan", "inf", "-inf") else value


def test_statistics_are_those_of_numpy(model, tmp_path):
    model["F32.odd"] = np.array([1, np.nan, -0.0, 0, 5, np.nan], np.float32)
    model["BF16.far"] = np.random.default_rng(1).normal(1000, 30, 50000).astype(ml_dtypes.bfloat16)
    model["F32.far"] = np.random.default_rng(2).normal(1e6, 1, 50000).astype(np.float32)
    path = tmp_path / "model.safetensors"
    safetensors.numpy.save_file(model, path)
    for name, got in listed(path).items():
        values = np.ascontiguousarray(model[name]).reshape(-1)
        values = (values.view(np.float32) if values.dtype == np.complex64 else values).astype(np.float64)
        nans = np.isnan(values)
        numbers = values[~nans]
        assert got["count"] == values.size and got["nan_count"] == nans.sum(), name
        assert got["zero_count"] == (values == 0).sum(), name
        if numbers.size == 0:
            assert all(math.isnan(number(got[key])) for key in ("min", "max", "mean", "std"))
            continue
        assert number(got["min"]) == numbers.min() and number(got["max"]) == numbers.max(), name
        with np.errstate(invalid="ignore"):
            mean, std = numbers.mean(), numbers.std()
        precision = 1e-6 if got["dtype"] in ("BF16", "F16") else 1e-11
        if np.isfinite(mean):
            assert number(got["mean"]) == pytest.approx(mean, rel=precision, abs=precision * std), name
            assert number(got["std"]) == pytest.approx(std, rel=precision, abs=1e-12), name
        else:
            assert number(got["mean"]) == mean or (math.isnan(mean) and got["mean"] == "nan"), name
            assert got["std"] == "nan", name


def test_a_model_in_shards(model, tmp_path):
    names = sorted(model)
    parts = {"model-00002-of-00002.safetensors": names[::2], "model-00001-of-00002.safetensors": names[1::2]}
    for file, inside in parts.items():
        safetensors.numpy.save_file({name: model[name] for name in inside}, tmp_path / file)
    index = {"metadata": {"total_size": sum(v.nbytes for v in model.values())},
             "weight_map": {name: file for file, inside in parts.items() for name in inside}}
    path = tmp_path / "model.safetensors.index.json"
    path.write_text(json.dumps(index, indent=2))
    found = listed(path)
    assert_listed(model, found)
    assert {name: tensor["file"] for name, tensor in found.items()} == index["weight_map"]
    index["weight_map"][names[0]] = "model-00001-of-00002.safetensors"
    path.write_text(json.dumps(index))
    run = tool("list", path)
    assert run.returncode == 1 and run.stderr.startswith("corrupt: ") and "weight_map says" in run.stderr


def header(text, data=b""):
    text = text if isinstance(text, bytes) else text.encode()
    return struct.pack("<Q", len(text)) + text + data


def theirs(data):
    try:
        safetensors.deserialize(data)
        return True
    except safetensors.SafetensorError:
        return False


def damaged(whole, rng):
    result = bytearray(whole)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        at = rng.randrange(8, len(result) - 19)
        piece = bytes([rng.choice(b'    0123456789{}[]":,\\abtfe\x00\xff')])
        kind = rng.randrange(4)
        if kind == 0:
            result[at:at + 1] = piece
        elif kind == 1:
            del result[at]
        else:
            result[at:at] = piece
    result[:8] = struct.pack("<Q", len(result) - 19 - 8)
    return bytes(result)


def test_damaged_files_are_refused_as_theirs_are(tmp_path):
    """One byte or a few changed: where the verdicts differ, ours is the stricter, for a reason we name."""
    rng = random.Random(3)
    whole = header('{"__metadata__":{"k":"v"},"a":{"dtype":"BF16","shape":[2,2],"data_offsets":[0,8]},'
                   '"b":{"dtype":"F4","shape":[6],"data_offsets":[8,11]},'
                   '"c":{"dtype":"I64","shape":[],"data_offsets":[11,19]}}  ', bytes(range(19)))
    files = [damaged(whole, rng) for _ in range(3000)]
    paths = [tmp_path / str(i) for i in range(len(files))]
    for path, data in zip(paths, files):
        path.write_bytes(data)
    verdicts = tool("check", *paths).stdout.splitlines()
    assert len(verdicts) == len(files)
    stricter = ("is there twice", "expected an object", "zero character", "2^63 - 1", "64 dimensions")
    agreed = [0, 0]
    for data, verdict in zip(files, verdicts):
        ok = theirs(data)
        if ok != (verdict == "ok"):
            assert ok and any(reason in verdict for reason in stricter), (data, verdict)
        else:
            agreed[ok] += 1
    assert min(agreed) > 100
