"""`pyralog model`, and models whose files change. The files are written here, by the format's rules."""
import json
import os
import struct

import pytest

# Its statements over the registry are DuckDB's.
pytestmark = pytest.mark.usefixtures("duckdb")


def write(path, tensors, metadata=None, hole=False):
    """tensors: {name: (dtype, shape, bytes)}, in the order of their data; of a hole, the number of
    bytes."""
    header, at = {}, 0
    if metadata:
        header["__metadata__"] = metadata
    for name, (dtype, shape, data) in tensors.items():
        size = data if hole else len(data)
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        if hole:
            file.truncate(file.tell() + at)
        else:
            file.write(b"".join(data for _, _, data in tensors.values()))
    return path


@pytest.fixture
def small(tmp_path):
    return write(tmp_path / "small.safetensors",
                 {"w": ("F32", [2, 3], bytes(24)), "b": ("F32", [3], bytes(12))},
                 {"format": "pt", "note": "a \"quoted\" one"})


@pytest.fixture
def model(run, tmp_path):
    def call(verb, *arguments, code=0, format="csv"):
        return run("model", verb, tmp_path / "db", *arguments, "--format", format, code=code)

    return call


@pytest.fixture
def ask(run, tmp_path):
    def call(sql, code=0):
        return run(tmp_path / "db", "--format", "csv", "-c", sql, code=code)

    return call


def rows(outcome):
    return [json.loads(line) for line in outcome.out.splitlines()]


def test_register_reads_the_header(model, small):
    (row,) = rows(model("register", "llama@1", small, format="ndjson"))
    assert row["name"] == "llama@1" and row["path"] == str(small)
    assert (row["format"], row["framework"], row["dtype"]) == ("safetensors", "pytorch", "F32")
    assert (row["tensors"], row["parameters"]) == (2, 9)
    assert row["size_bytes"] == small.stat().st_size
    assert json.loads(row["metadata"]) == {"format": "pt", "note": "a \"quoted\" one"}
    assert row["blake3"] is None and row["state"] == "ok"
    again = model("register", "llama@1", small, code=1)
    assert again.err.startswith("error: 23505: ")


def test_a_relative_path_is_made_absolute(run, tmp_path, small):
    run("model", "register", "db", "m", small.name, cwd=tmp_path)
    listed = run("model", "list", tmp_path / "db", "--format", "ndjson")
    assert [row["path"] for row in rows(listed)] == [str(small)]


def test_list_show_and_framework(model, small, tmp_path):
    other = write(tmp_path / "other", {"x": ("BF16", [4], bytes(8))})
    model("register", "m@9", small)
    model("register", "m@10", other, "--framework", "jax")
    assert [row["name"] for row in rows(model("list", format="ndjson"))] == ["m@10", "m@9"]
    (row,) = rows(model("show", "m", format="ndjson"))
    assert (row["name"], row["framework"], row["dtype"]) == ("m@10", "jax", "BF16")
    assert "42P01" in model("show", "nobody", code=1).err


def test_what_is_no_model_is_refused(model, tmp_path):
    bad = tmp_path / "bad.safetensors"
    bad.write_bytes(struct.pack("<Q", 100) + b"{}")
    assert model("register", "x", bad, code=1).err.startswith("error: 22023: ")
    assert model("register", "x", tmp_path / "none", code=1).err.startswith("error: 58030: ")
    write(bad, {"w": ("F32", [2], bytes(4))})
    assert "not a valid Safetensors model" in model("register", "x", bad, code=1).err
    assert rows(model("list", format="ndjson")) == []


def test_a_sharded_model_is_one_registration(model, tmp_path):
    folder = tmp_path / "sharded"
    folder.mkdir()
    names = [f"model-0000{i}-of-00002.safetensors" for i in (1, 2)]
    for i, name in enumerate(names):
        write(folder / name, {f"layer{i}": ("F16", [10], bytes(20))})
    index = {"metadata": {"total_size": 40},
             "weight_map": {f"layer{i}": name for i, name in enumerate(names)}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    (row,) = rows(model("register", "s", folder, format="ndjson"))
    assert row["path"] == str(folder / "model.safetensors.index.json")
    assert (row["tensors"], row["parameters"], row["dtype"]) == (2, 20, "F16")
    assert row["size_bytes"] == sum(file.stat().st_size for file in folder.iterdir())
    os.utime(folder / names[1], ns=(1, 1))
    outcome = model("verify", "s", code=1)
    assert names[1] in outcome.out and "changed" in outcome.out
    (folder / names[0]).unlink()
    (row,) = rows(model("list", format="ndjson"))
    assert row["state"] == "missing"


def test_verify_compares_what_size_and_time_do_not_tell(model, ask, run, tmp_path, small):
    model("register", "m", small)
    assert model("verify", "m").out.splitlines()[1].startswith("m,ok,")
    hash = ask("SELECT model_hash('m') AS h").out.splitlines()[1]
    assert len(hash) == 64
    (row,) = rows(model("verify", "m", format="ndjson"))
    assert row["hashed"] is True and row["message"] is None
    before = small.stat()
    with open(small, "r+b") as file:  # the same size, time and inode
        file.seek(-1, os.SEEK_END)
        file.write(b"\1")
    os.utime(small, ns=(before.st_atime_ns, before.st_mtime_ns))
    (row,) = rows(model("list", format="ndjson"))
    assert row["state"] == "ok"  # which only its bytes tell
    (row,) = rows(model("verify", "m", format="ndjson", code=1))
    assert row["state"] == "changed" and hash in row["message"]
    outcome = run("verify", tmp_path / "db", code=1)
    assert "model_registry" in outcome.out and "BLAKE3" in outcome.out
    # Of all, it is said by its own row alone; an alias that is named is hashed, too.
    model("register", "prod", "model:m")
    assert run("verify", tmp_path / "db", code=1).out.count("BLAKE3") == 1
    (row,) = rows(model("verify", "prod", format="ndjson", code=1))
    assert row["hashed"] is True and hash in row["message"]
    # Registered anew it is well, and its hash is to be computed again.
    ask("UPDATE model_registry SET path = path")
    (row,) = rows(model("show", "m", format="ndjson"))
    assert row["blake3"] is None
    run("verify", tmp_path / "db")


def test_serve_check_opens_all_and_tells_by_its_exit(model, ask, tmp_path, small):
    other = write(tmp_path / "other", {"x": ("U8", [4], bytes(4))})
    model("register", "a", small)
    model("register", "b", other)
    model("register", "prod", "model:b")
    well = model("serve-check", format="ndjson")
    assert [row["state"] for row in rows(well)] == ["ok", "ok", "ok"]
    assert "3 models, 0 not ok" in well.err
    other.write_bytes(b"no model any more, by its first bytes")
    bad = rows(model("serve-check", code=1, format="ndjson"))
    assert [row["message"] is None for row in bad] == [True, False, False]
    other.unlink()
    bad = rows(model("serve-check", code=1, format="ndjson"))
    assert [row["state"] for row in bad] == ["ok", "missing", "missing"]
    ask("DELETE FROM model_registry WHERE state = 'missing'")
    model("serve-check")


def test_pin_says_how_long_it_holds(model, small):
    model("register", "m", small)
    pinned = model("pin", "m")
    assert f"{small.stat().st_size} bytes" in pinned.out
    assert "note: a pin is that of a running process" in pinned.err
    assert "was not pinned" in model("unpin", "m").out


def test_a_pin_above_the_budget_says_the_figures(run, tmp_path):
    write(tmp_path / "big", {"w": ("U8", [5_000_000], 5_000_000)}, hole=True)
    run("model", "register", tmp_path / "db", "big", tmp_path / "big")
    outcome = run("model", "pin", tmp_path / "db", "big", "--set", "model_memory=1MB", code=1)
    assert outcome.err.startswith("error: 53200: ") and "1000000" in outcome.err


def test_five_gigabytes_are_registered_by_their_header(model, tmp_path):
    size = 5 * 10**9
    path = write(tmp_path / "large", {"w": ("F32", [size // 4], size)}, hole=True)
    (row,) = rows(model("register", "large", path, format="ndjson"))
    assert row["parameters"] == size // 4 and row["size_bytes"] > size
    assert path.stat().st_blocks * 512 < 1 << 20  # nobody filled the hole
    model("serve-check")


def test_a_backup_has_the_registry(model, ask, run, tmp_path, small):
    model("register", "m", small)
    ask(f"BACKUP TO '{tmp_path / 'backup'}'")
    out = run(tmp_path / "backup", "--format", "csv", "-c", "SELECT name, state FROM model_registry")
    assert out.out == "name,state\nm,ok\n"


@pytest.mark.parametrize("words", [["list"], ["register", "db"], ["show", "db"],
                                   ["list", "db", "more"], ["registr", "db", "m", "p"]])
def test_wrong_use_is_exit_2(run, tmp_path, words):
    outcome = run("model", *words, cwd=tmp_path, code=2)
    assert outcome.err.startswith("error: ") and not (tmp_path / "db").exists()


def test_verbs_are_suggested(run):
    assert "did you mean \"register\"?" in run("model", "registr", "db", code=2).err
