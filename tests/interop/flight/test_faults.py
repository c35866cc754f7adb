"""What goes wrong below the server: a file cut while it is served, a full disk."""
import glob
import os
import subprocess

import pyarrow as pa
import pyarrow.flight as fl
import pytest

from conftest import numbers, put, shell


def get(client, sql):
    return client.do_get(fl.Ticket(sql)).read_all()


def segments(database):
    return sorted(glob.glob(os.path.join(database, "segments", "**", "*.arrow"), recursive=True),
                  key=os.path.getsize)


def test_a_file_cut_while_it_is_served_is_an_error_of_that_query(serve, tmp_path):
    server = serve(tmp_path / "db")
    client = server.connect()
    put(client, "other", numbers(1000))
    rows = 6000000  # far more than all the buffers on the way hold
    put(client, "parts", pa.table({c: pa.array(range(rows), pa.int64()) for c in "abcd"}),
        chunk=1000000)
    # How many segments a stream makes depends on what arrives together; this makes one.
    client.do_get(fl.Ticket("CREATE TABLE t AS SELECT a, b, c, d FROM parts")).read_all()
    client.do_get(fl.Ticket("DROP TABLE parts")).read_all()
    reader = client.do_get(fl.Ticket("SELECT * FROM t"))
    assert len(reader.read_chunk().data) > 0
    largest = segments(tmp_path / "db")[-1]
    assert os.path.getsize(largest) > 150 << 20
    os.truncate(largest, 4096)
    # Whole rows before the place, then the error: never an end that looks like a good one.
    with pytest.raises(pa.ArrowException, match="58030: .*" + os.path.basename(largest)):
        while True:
            reader.read_chunk()
    for _ in range(3):
        with pytest.raises(pa.ArrowException, match="58030|XX001"):
            get(client, "SELECT * FROM t")
        assert get(client, "SELECT * FROM other") == numbers(1000)
    assert get(server.connect(), "SELECT * FROM other") == numbers(1000)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 64 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", folder],
                             capture_output=True, text=True)
    if mounted.returncode != 0:
        pytest.skip(f"a small tmpfs needs root: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_full_disk_refuses_the_stream_and_keeps_what_was_there(serve, small_disk):
    database = small_disk / "db"
    server = serve(database)
    client = server.connect()
    assert put(client, "t", numbers(1000)) == [1000]
    large = numbers(12000000)
    for name in ["t", "fresh"]:
        with pytest.raises(pa.ArrowException, match="53100: ") as caught:
            put(client, name, large, chunk=12000000 // 3)
        assert "RESOURCE_EXHAUSTED" in str(caught.value), caught.value
    # Messages that were acknowledged before may stand; nothing half.
    for table in ["t", "fresh"]:
        if table in [f.descriptor.path[0].decode() for f in client.list_flights()]:
            kept = get(client, f"SELECT * FROM {table}")
            assert (len(kept) - (1000 if table == "t" else 0)) % 4000000 == 0
    with pytest.raises(pa.ArrowException, match="53100: "):
        client.do_get(fl.Ticket("CREATE TABLE third (a BIGINT)")).read_all()
        for _ in range(100):
            put(client, "third", pa.table({"a": pa.array(range(1000000), pa.int64())}))
    client.do_get(fl.Ticket("DROP TABLE IF EXISTS fresh")).read_all()
    client.do_get(fl.Ticket("DROP TABLE IF EXISTS third")).read_all()
    # There is room again.
    assert put(client, "after", numbers(1000)) == [1000]
    assert get(client, "SELECT * FROM after") == numbers(1000)
    server.stop()
    shell("verify", database)
