"""`pyralog serve`: its options, its line, signals, its end."""
import signal
import socket
import subprocess

import pyarrow as pa
import pyarrow.flight as fl
import pytest

from conftest import PROGRAM, WAIT, environment, numbers, put, shell

def refused(*arguments, code=1, env=None):
    done = subprocess.run([PROGRAM, "serve", *map(str, arguments)], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, env=environment(**(env or {})), timeout=WAIT)
    assert done.returncode == code, done
    assert done.stdout == ""
    assert "Sanitizer" not in done.stderr, done.stderr
    return done.stderr


@pytest.mark.parametrize("address", ["0.0.0.0:0", "[::]:0", "0:0"])
def test_an_address_off_loopback_needs_insecure(address):
    text = refused(":memory:", "--listen", address)
    assert text.startswith("error: 42501: ") and "--insecure" in text


def test_insecure_allows_it():
    process = subprocess.Popen([PROGRAM, "serve", ":memory:", "--listen", "0.0.0.0:0", "--insecure"],
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                               env=environment())
    line = process.stdout.readline()
    assert line.startswith("pyralog: serving :memory: on grpc://0.0.0.0:")
    process.terminate()
    assert process.wait(timeout=WAIT) == 0
    process.stdout.close()


def test_a_port_in_use_is_named_with_the_way_out(server):
    text = refused(":memory:", "--listen", f"127.0.0.1:{server.port}")
    assert text == (f"error: 55006: 127.0.0.1 port {server.port} is in use: "
                    "give another --listen address\n")


@pytest.mark.parametrize("listen", ["127.0.0.1", ":1", "127.0.0.1:", "127.0.0.1:x",
                                    "127.0.0.1:65536", "127.0.0.1:-1", "no.such.host.invalid:1"])
def test_a_malformed_address_is_wrong_usage(listen):
    assert "--listen" in refused(":memory:", "--listen", listen, code=2)


@pytest.mark.parametrize("option", [["--max-connections", "0"], ["--max-connections", "many"],
                                    ["--statement-timeout", "-1"], ["--statement-timeout", "soon"]])
def test_a_malformed_number_is_wrong_usage(option):
    assert option[0] in refused(":memory:", *option, code=2)


@pytest.mark.parametrize("option", [["--memory-limit", "plenty"], ["--threads", "none"]])
def test_a_malformed_setting_is_wrong_usage(option):
    text = refused(":memory:", "--listen", "127.0.0.1:0", *option, code=2)
    assert text.startswith("error: 22023: ") and option[1] in text


def test_an_allowed_folder_must_be_there():
    text = refused(":memory:", "--listen", "127.0.0.1:0", "--allow-path", "/nowhere/at/all")
    assert text.startswith("error: ") and "/nowhere/at/all" in text


@pytest.mark.parametrize("option", [["--tls-cert", "x"], ["--user-file", "x"], ["--http", "x"]])
def test_protection_that_is_not_there_yet_is_refused_rather_than_ignored(option):
    assert option[0] in refused(":memory:", *option)


def test_options_come_from_the_environment_too():
    text = refused(":memory:", env={"PYRALOG_LISTEN": "0.0.0.0:0"})
    assert "--insecure" in text


def test_a_database_that_is_held_names_its_holder(serve, tmp_path):
    server = serve(tmp_path / "db")
    text = refused(tmp_path / "db", "--listen", "127.0.0.1:0")
    assert str(server.process.pid) in text
    assert "-readonly" in text or "readonly" in text


def test_the_line_names_a_port_that_answers(serve):
    server = serve(":memory:", listen="localhost:0")
    assert list(server.connect().list_flights()) == []


def test_an_ipv6_address_has_brackets():
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    process = subprocess.Popen([PROGRAM, "serve", ":memory:", "--listen", "[::1]:0"],
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True, env=environment())
    line = process.stdout.readline()
    if not line:
        process.wait(timeout=WAIT)
        pytest.skip(f"no IPv6 here: {process.stderr.read()}")
    assert line.startswith("pyralog: serving :memory: on grpc://[::1]:")
    client = fl.connect(line.split()[-1])
    assert list(client.list_flights()) == []
    client.close()
    process.terminate()
    assert process.wait(timeout=WAIT) == 0
    process.stdout.close()
    process.stderr.close()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_an_idle_server_at_once(serve, number):
    server = serve(":memory:")
    client = server.connect()
    assert list(client.list_flights()) == []
    server.signal(number)
    assert server.wait() == 0


def test_the_first_signal_lets_a_running_query_finish(serve):
    server = serve(":memory:")
    client = server.connect()
    table = numbers(3000000)
    put(client, "t", table)
    reader = client.do_get(fl.Ticket("SELECT * FROM t"))
    first = reader.read_chunk().data
    server.signal()
    other = server.connect()
    while True:  # until the signal has been taken, calls still come through
        try:
            list(other.list_flights())
        except fl.FlightUnavailableError:
            break
    rest = reader.read_all()
    assert len(first) + len(rest) == len(table)
    assert server.wait() == 0


def test_a_second_signal_stops_at_once(serve, duckdb):
    server = serve(":memory:")
    client = server.connect()
    reader = client.do_get(fl.Ticket("SELECT i FROM range(100000000000) t(i)"))
    assert len(reader.read_chunk().data) > 0  # it runs, and pauses for this client
    probe = server.connect()
    server.signal()
    while True:
        try:
            list(probe.list_flights())
        except fl.FlightUnavailableError:
            break
    server.signal()
    assert server.wait() == 1
    with pytest.raises(pa.ArrowException):
        while True:
            reader.read_chunk()
    assert "calls that still ran were cancelled" in "".join(server.errors)


def test_what_was_committed_is_there_after_a_drain(serve, tmp_path):
    server = serve(tmp_path / "db")
    put(server.connect(), "t", numbers(100))
    server.signal()
    assert server.wait() == 0
    out = shell(tmp_path / "db", "--format", "csv", "-c", "SELECT * FROM t").stdout
    assert len(out.splitlines()) == 101


def test_the_connection_limit_is_kept(serve):
    server = serve(":memory:", "--max-connections", "1")
    client = server.connect()
    assert list(client.list_flights()) == []
    with pytest.raises(fl.FlightUnavailableError):
        list(server.connect(generic_options=[("grpc.use_local_subchannel_pool", 1)]).list_flights())
    assert list(client.list_flights()) == []


def test_a_memory_limit_is_kept(serve, duckdb):
    server = serve(":memory:", "--memory-limit", "64MB")
    client = server.connect()
    with pytest.raises(pa.ArrowException, match="53200"):
        client.do_get(fl.Ticket(
            "SELECT i, count(*) FROM range(50000000) t(i) GROUP BY i ORDER BY i")).read_all()
    with pytest.raises(fl.FlightUnauthorizedError, match="42501"):
        client.do_get(fl.Ticket("SET memory_limit = '100GB'")).read_all()
    assert client.do_get(fl.Ticket("SELECT 1 AS a")).read_all()["a"].to_pylist() == [1]


def test_garbage_and_http1_leave_the_server_alone(server):
    for sent in [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 300,
                 b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", b"\0" * 1000]:
        with socket.create_connection(("127.0.0.1", server.port), timeout=WAIT) as plain:
            plain.sendall(sent)
            got = b""
            while chunk := plain.recv(4096):
                got += chunk
            assert b"HTTP/1.1 400 Bad Request" in got and b"gRPC" in got
    assert list(server.connect().list_flights()) == []
