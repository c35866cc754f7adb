"""Tensors by reference: files written here by hand, numpy as the consumer, the corpus as the judge."""
import ctypes
import gc
import json
import struct
import threading

import pyralog
import pytest
from conftest import mapped_file, mappings_of
from pyralog import _capsule, _tensors


@pytest.fixture
def numpy():
    return pytest.importorskip("numpy")


def write(path, tensors):
    """A Safetensors file: {name: (dtype, shape, bytes)}."""
    header, data = {}, b""
    for name, (dtype, shape, content) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    text = json.dumps(header).encode()
    text += b" " * (-(len(text) + 8) % 64)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return 8 + len(text)


WEIGHTS = [1.5, -2.0, 0.25, 4.0, 5.0, 6.0]
MODEL = {
    "layer.weight": ("F32", [2, 3], struct.pack("<6f", *WEIGHTS)),
    "layer.half": ("BF16", [2], struct.pack("<2H", 0x3FC0, 0xC000)),  # 1.5, -2.0
    "steps": ("I64", [2], struct.pack("<2q", 7, -8)),
    "mask": ("BOOL", [3], b"\1\0\1"),
    "scalar": ("F64", [], struct.pack("<d", 2.5)),
    "empty": ("F32", [0, 4], b""),
    "small": ("F8_E4M3", [2], b"\x38\xb8"),  # 1, -1
    "odd": ("F16", [1], struct.pack("<e", -0.5)),
}


@pytest.fixture
def path(tmp_path):
    write(tmp_path / "model.safetensors", MODEL)
    return tmp_path / "model.safetensors"


def test_tensors_are_a_mapping_in_the_files_order(conn, path):
    tensors = conn.tensors(path)
    assert list(tensors) == list(tensors.keys()) == list(MODEL) and len(tensors) == len(MODEL)
    assert "steps" in tensors and "Steps" not in tensors and 5 not in tensors and "a\0b" not in tensors
    assert [tensor.name for tensor in tensors.values()] == list(MODEL)
    assert tensors.get("steps").dtype == "I64"
    assert tensors.get("nothing") is None and tensors.get("nothing", 5) == 5 and tensors.get(5, 6) == 6
    assert tensors.nbytes == sum(len(content) for _, _, content in MODEL.values())
    with pytest.raises(KeyError, match='did you mean \\\\?"layer.weight\\\\?"'):
        tensors["layer.wieght"]


def test_asking_whether_a_tensor_is_there_looks_for_no_likeness(conn, path, monkeypatch):
    tensors, errors = conn.tensors(path), []
    find = _tensors.lib.pyr_tensors_find

    def spy(*arguments):
        errors.append(arguments[3])
        return find(*arguments)

    monkeypatch.setattr(_tensors.lib, "pyr_tensors_find", spy)
    assert "layer.wieght" not in tensors and tensors.get("layer.wieght") is None
    assert errors == [None, None]
    tensors.close()
    with pytest.raises(pyralog.InterfaceError):
        "steps" in tensors


def test_a_tensor_says_what_it_is_and_where_it_lies(conn, path):
    data = path.read_bytes()
    for name, tensor in conn.tensors(str(path)).items():
        dtype, shape, content = MODEL[name]
        assert (tensor.dtype, tensor.shape, tensor.ndim) == (dtype, tuple(shape), len(shape))
        assert tensor.nbytes == len(content)
        assert tensor.file == str(path)
        assert data[tensor.offset_bytes:tensor.offset_bytes + tensor.nbytes] == content
        if content:
            assert ctypes.string_at(tensor.data_ptr, tensor.nbytes) == content
            assert mapped_file(tensor.data_ptr) == str(path)


def test_numpy_gets_the_mapped_file_itself(conn, path, numpy):
    tensors = conn.tensors(path)
    for name, values in (("layer.weight", [WEIGHTS[:3], WEIGHTS[3:]]), ("steps", [7, -8]),
                         ("mask", [True, False, True]), ("scalar", 2.5), ("odd", [-0.5])):
        array = numpy.from_dlpack(tensors[name])
        assert array.ctypes.data == tensors[name].data_ptr
        assert array.tolist() == values and not array.flags.writeable
        assert tensors[name].numpy().ctypes.data == tensors[name].data_ptr
    assert numpy.from_dlpack(tensors["empty"]).shape == (0, 4)
    assert numpy.asarray(tensors["steps"]).ctypes.data == tensors["steps"].data_ptr
    assert numpy.asarray(tensors["steps"], dtype="float64").tolist() == [7.0, -8.0]
    assert numpy.array(tensors["steps"], copy=True).flags.writeable


def test_what_numpy_has_not_is_said_and_nothing_is_lost(conn, path, numpy):
    tensor = conn.tensors(path)["layer.half"]
    for _ in range(3):
        # numpy's own words arrive: the capsule that it drops runs nothing while they are on their way.
        with pytest.raises((BufferError, RuntimeError)) as caught:
            numpy.from_dlpack(tensor)
        assert "dtype" in str(caught.value)


def test_bf16_and_f8_by_ml_dtypes(conn, path, numpy):
    pytest.importorskip("ml_dtypes")
    tensors = conn.tensors(path)
    for name, type, values in (("layer.half", "bfloat16", [1.5, -2.0]), ("small", "float8_e4m3fn", [1.0, -1.0])):
        array = tensors[name].numpy()
        assert array.dtype.name == type and array.astype("float32").tolist() == values
        assert array.ctypes.data == tensors[name].data_ptr and not array.flags.writeable
    tensors.close()
    assert array.astype("float32").tolist() == [1.0, -1.0]


def test_torch_gets_the_mapped_file_itself(conn, path):
    torch = pytest.importorskip("torch", reason="torch is not in .venv")
    tensors = conn.tensors(path)
    for name in ("layer.weight", "layer.half", "steps"):
        tensor = torch.from_dlpack(tensors[name])
        assert tensor.data_ptr() == tensors[name].data_ptr and list(tensor.shape) == MODEL[name][1]
    assert torch.from_dlpack(tensors["layer.half"]).tolist() == [1.5, -2.0]


def test_jax_gets_the_values(conn, path):
    jax = pytest.importorskip("jax", reason="jax is not in .venv")
    assert jax.numpy.from_dlpack(conn.tensors(path)["layer.weight"]).tolist() == [WEIGHTS[:3], WEIGHTS[3:]]


def test_the_capsule_is_of_the_version_that_is_asked_for(conn, path):
    tensor = conn.tensors(path)["steps"]
    assert tensor.__dlpack_device__() == (1, 0)
    for asked, name in ((None, b"dltensor"), ((0, 8), b"dltensor"), ((1, 0), b"dltensor_versioned"),
                        ((2, 0), b"dltensor_versioned")):
        assert _capsule.holds(tensor.__dlpack__(max_version=asked), name)
    versioned = tensor.__dlpack__(max_version=(1, 0), dl_device=(1, 0), copy=False)
    address = _capsule.pointer_of(versioned, b"dltensor_versioned")
    # version, manager_ctx, deleter, flags: read-only.
    assert ctypes.c_uint32.from_address(address).value == 1
    assert ctypes.c_uint64.from_address(address + 24).value & 1
    for wrong in ({"stream": 1}, {"dl_device": (2, 0)}, {"copy": True}):
        with pytest.raises(BufferError):
            tensor.__dlpack__(max_version=(1, 0), **wrong)


class Old:
    """A tensor to a consumer from before DLPack 1.0."""

    def __init__(self, tensor):
        self.tensor = tensor

    def __dlpack__(self, **ignored):
        return self.tensor.__dlpack__()

    def __dlpack_device__(self):
        return self.tensor.__dlpack_device__()


def test_the_old_form_is_the_same_bytes(conn, path, numpy):
    tensors = conn.tensors(path)
    address = tensors["layer.weight"].data_ptr
    array = numpy.from_dlpack(Old(tensors["layer.weight"]))
    tensors.close()
    assert array.ctypes.data == address and array.ravel().tolist() == WEIGHTS


def test_arrays_outlive_tensors_connection_and_database(path, numpy):
    connection = pyralog.connect()
    tensors = connection.tensors(path)
    array = tensors["layer.weight"].numpy()
    kept = tensors["steps"]
    connection.close()
    assert kept.numpy().tolist() == [7, -8]  # tensors need no connection
    tensors.close()
    tensors.close()
    path.unlink()
    assert array.ravel().tolist() == WEIGHTS
    assert kept.shape == (2,)
    for use in (lambda: kept.numpy(), lambda: kept.data_ptr, lambda: tensors["steps"], lambda: list(tensors),
                tensors.check):
        with pytest.raises(pyralog.InterfaceError):
            use()


def test_the_file_is_unmapped_when_the_last_that_needs_it_is_gone(path, numpy):
    connection = pyralog.connect()

    def take(tensors):
        yield from (numpy.from_dlpack(tensors[name]) for name in ("steps", "mask"))
        yield tensors["steps"].__dlpack__(max_version=(1, 0))  # never taken
        yield tensors["steps"].__dlpack__()
        yield numpy.from_dlpack(Old(tensors["steps"]))
        yield tensors["mask"]

    held = list(take(connection.tensors(path)))
    connection.close()
    del connection
    gc.collect()
    while held:
        assert mappings_of(path) == 1, held
        held.pop()
        gc.collect()
    assert mappings_of(path) == 0


def test_threads_take_and_drop_tensors(conn, path, numpy):
    tensors = conn.tensors(path)
    failures = []

    def work():
        try:
            for i in range(200):
                array = numpy.from_dlpack(tensors["steps"])
                assert array.tolist() == [7, -8]
                tensors["mask"].__dlpack__(max_version=(1, 0))
                if i % 50 == 0:
                    gc.collect()
        except BaseException as error:
            failures.append(error)

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert failures == []
    tensors.close()
    conn.close()  # the database keeps models mapped that nobody uses
    gc.collect()
    assert mappings_of(path) == 0


def test_a_registered_model_is_found_by_its_name(conn, path, numpy):
    conn.execute("INSERT INTO model_registry (name, path) VALUES (?, ?)", ["llama@3", path])
    for name in ("llama", "llama@3", "model:llama"):
        assert conn.tensors(name)["steps"].numpy().tolist() == [7, -8]
        assert conn.notices() == []
    address = conn.tensors("llama")["steps"].data_ptr
    assert conn.tensors(path)["steps"].data_ptr == address  # mapped once
    with pytest.raises(pyralog.ProgrammingError) as caught:
        conn.tensors("model:nobody")
    assert caught.value.sqlstate == "42P01"
    path.unlink()
    write(path, {"w": ("I64", [1], struct.pack("<q", 1))})
    assert list(conn.tensors("llama")) == ["w"]
    assert len(conn.notices()) == 1 and "llama@3" in conn.notices()[0]


def test_a_sharded_model_is_one_mapping(conn, tmp_path, numpy):
    write(tmp_path / "a.safetensors", {"one": ("I64", [1], struct.pack("<q", 1))})
    write(tmp_path / "b.safetensors", {"two": ("I64", [1], struct.pack("<q", 2))})
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"one": "a.safetensors", "two": "b.safetensors"}}))
    for place in (tmp_path, index):
        tensors = conn.tensors(place)
        assert {name: tensor.numpy().tolist() for name, tensor in tensors.items()} == {"one": [1], "two": [2]}
        assert tensors["two"].file == str(tmp_path / "b.safetensors")


def test_a_file_that_was_cut_is_an_error(conn, tmp_path):
    path = tmp_path / "big.safetensors"
    write(path, {"w": ("U8", [1 << 16], b"\7" * (1 << 16))})
    tensors = conn.tensors(path)
    tensors.check()
    with path.open("r+b") as file:
        file.truncate(4096)
    assert ctypes.string_at(tensors["w"].data_ptr + (1 << 16) - 1, 1) == b"\0"
    with pytest.raises(pyralog.OperationalError, match="big.safetensors") as caught:
        tensors.check()
    assert caught.value.sqlstate == "58030"


def test_what_is_not_there_or_is_no_model_is_said(conn, tmp_path):
    with pytest.raises(pyralog.Error, match="nowhere"):
        conn.tensors(tmp_path / "nowhere.safetensors")
    (tmp_path / "a.csv").write_text("a,b\n1,2\n")
    with pytest.raises(pyralog.DataError, match="a.csv"):
        conn.tensors(tmp_path / "a.csv")
    (tmp_path / "bad.safetensors").write_bytes(struct.pack("<Q", 10) + b"{" * 10)
    with pytest.raises(pyralog.DataError, match="bad.safetensors"):
        conn.tensors(tmp_path / "bad.safetensors")


def fnv1a64(content):
    value = 0xCBF29CE484222325
    for byte in content:
        value = (value ^ byte) * 0x100000001B3 % 2**64
    return f"{value:016x}"


def test_the_corpus_has_the_verdicts_and_bytes_of_the_reference(conn, corpora):
    folder = corpora / "safetensors"
    if not folder.is_dir():
        pytest.skip("PYRALOG_CORPORA has no safetensors")
    files = json.loads((folder / "expected.json").read_text())["files"]
    assert {"ok"} < {expected["verdict"] for expected in files.values()}  # both kinds are there
    for name, expected in files.items():
        if expected["verdict"] != "ok":
            with pytest.raises(pyralog.Error):
                conn.tensors(folder / name)
            continue
        found = {tensor.name: (tensor.dtype, list(tensor.shape), tensor.nbytes,
                               fnv1a64(ctypes.string_at(tensor.data_ptr, tensor.nbytes) if tensor.nbytes else b""))
                 for tensor in conn.tensors(folder / name).values()}
        assert found == {t["name"]: (t["dtype"], t["shape"], t["bytes"], t["fnv1a64"])
                         for t in expected["tensors"]}, name
