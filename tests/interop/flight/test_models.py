"""model_registry over Flight: registered by DoPut and by SQL, read, moved, hashed; rights on paths."""
import json
import struct

import pyarrow as pa
import pyarrow.flight as fl
import pytest

from conftest import put, shell


def write(path, count):
    text = json.dumps({"w": {"dtype": "U8", "shape": [count], "data_offsets": [0, count]}}).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(count))
    return path


def get(client, sql):
    return client.do_get(fl.Ticket(sql)).read_all()


def test_models_are_registered_read_and_moved(serve, tmp_path):
    paths = [str(write(tmp_path / f"m{i}", 10 * i)) for i in (1, 2)]
    client = serve(tmp_path / "db", "--allow-path", tmp_path).connect()
    names = pa.table({"name": ["llama@1", "llama@2"], "path": paths})
    assert put(client, "model_registry", names)[-1] == 2
    get(client, "INSERT INTO model_registry (name, path) VALUES ('llama@prod', 'model:llama@1')")
    table = get(client, "SELECT name, parameters, state FROM model_registry ORDER BY name")
    assert table.to_pydict() == {"name": ["llama@1", "llama@2", "llama@prod"],
                                 "parameters": [10, 20, 10], "state": ["ok"] * 3}
    get(client, "UPDATE model_registry SET path = 'model:llama@2' WHERE name = 'llama@prod'")
    table = get(client, "SELECT parameters FROM model_registry WHERE name = 'llama@prod'")
    assert table.to_pydict() == {"parameters": [20]}
    # GetFlightInfo only describes; DoGet computes, and keeps.
    info = client.get_flight_info(fl.FlightDescriptor.for_command(b"SELECT model_hash('llama')"))
    assert get(client, "SELECT count(blake3) AS n FROM model_registry")["n"].to_pylist() == [0]
    hash = client.do_get(info.endpoints[0].ticket).read_all().column(0).to_pylist()[0]
    assert get(client, "SELECT blake3 FROM model_registry WHERE name = 'llama@2'")[
        "blake3"].to_pylist() == [hash]


def test_list_flights_shows_what_one_sees(serve, tmp_path):
    path = write(tmp_path / "m", 10)
    client = serve(tmp_path / "db", "--allow-path", tmp_path).connect()
    get(client, f"INSERT INTO model_registry (name, path) VALUES ('m', '{path}')")
    (info,) = list(client.list_flights())
    assert info.schema.names[-1] == "state" and len(info.schema) == 12
    seen = client.get_flight_info(fl.FlightDescriptor.for_path("model_registry"))
    assert seen.schema == info.schema
    table = client.do_get(seen.endpoints[0].ticket).read_all()
    assert table["name"].to_pylist() == ["m"] and table.schema == info.schema


def test_who_may_not_read_a_path_does_not_register_it(serve, tmp_path):
    path = write(tmp_path / "m", 10)
    shell("model", "register", tmp_path / "db", "m", path)
    client = serve(tmp_path / "db").connect()
    with pytest.raises(fl.FlightUnauthorizedError, match="42501"):
        get(client, f"INSERT INTO model_registry (name, path) VALUES ('n', '{path}')")
    with pytest.raises(fl.FlightUnauthorizedError, match="42501"):
        get(client, f"INSERT INTO model_registry (name, path) VALUES ('n', '{tmp_path / 'none'}')")
    with pytest.raises(fl.FlightUnauthorizedError, match="42501"):
        get(client, "SET model_memory = '1GB'")
    # What is registered needs no right of its own.
    assert len(get(client, "SELECT model_hash('m') AS h")["h"].to_pylist()[0]) == 64
    pinned = get(client, "SELECT model_pin('m') AS p")["p"].to_pylist()
    assert pinned[0].startswith(f"{path.stat().st_size} bytes")
    assert get(client, "SELECT model_unpin('m') AS p")["p"].to_pylist() == ["unpinned"]
