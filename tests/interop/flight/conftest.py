"""The real server, PYRALOG_PROGRAM, with pyarrow's Flight client against it."""
import json
import os
import re
import signal
import subprocess
import threading

import pyarrow as pa
import pyarrow.flight as fl
import pytest

PROGRAM = os.environ.get("PYRALOG_PROGRAM")
WAIT = 60  # seconds, for what must come; never waited for in full


def environment(**more):
    """The caller's, without its own PYRALOG_ options."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PYRALOG_")}
    kept.update(more)
    return kept


def shell(*arguments, code=0):
    """Runs the program to its end."""
    done = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, env=environment(), timeout=WAIT)
    assert done.returncode == code, done
    return done


class Ledgers(fl.ClientMiddlewareFactory):
    """Keeps the trailer `pyralog-ledger` of the last call."""

    def __init__(self):
        self.last = None

    def start_call(self, info):
        return Ledger(self)


class Ledger(fl.ClientMiddleware):
    def __init__(self, owner):
        self.owner = owner

    def received_headers(self, headers):
        for value in headers.get("pyralog-ledger", []):
            self.owner.last = json.loads(value)


class Server:
    """`pyralog serve`; every end is checked for what the sanitizers have to say."""

    def __init__(self, database, *options, listen="127.0.0.1:0"):
        self.process = subprocess.Popen(
            [PROGRAM, "serve", str(database), "--listen", listen, *map(str, options)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env=environment())
        self.errors = []
        self.reader = threading.Thread(target=lambda: self.errors.extend(self.process.stderr))
        self.reader.start()
        self.line = self.process.stdout.readline()
        found = re.fullmatch(r"pyralog: serving (.*) on (grpc://127\.0\.0\.1:(\d+))\n", self.line)
        if not found:
            self.wait()
            raise AssertionError((self.line, self.process.returncode, self.errors))
        assert found[1] == str(database)
        self.location, self.port = found[2], int(found[3])
        self.ledgers = Ledgers()
        self.clients = []

    def connect(self, **options):
        client = fl.connect(self.location, middleware=[self.ledgers], **options)
        self.clients.append(client)
        return client

    def query(self, sql):
        return self.connect().do_get(fl.Ticket(sql)).read_all()

    def signal(self, number=signal.SIGTERM):
        self.process.send_signal(number)

    def wait(self):
        """Until the process ends; gives its exit code."""
        self.process.wait(timeout=WAIT)
        self.reader.join()
        self.process.stdout.close()
        self.process.stderr.close()
        text = "".join(self.errors)
        assert "Sanitizer" not in text and "runtime error" not in text, text
        return self.process.returncode

    def memory(self):
        """Anonymous memory in bytes."""
        with open(f"/proc/{self.process.pid}/status") as status:
            return int(re.search(r"RssAnon:\s+(\d+) kB", status.read())[1]) * 1024

    def stop(self):
        """The polite end, which must be a clean one."""
        for client in self.clients:
            client.close()
        if self.process.returncode is None:
            self.signal()
            assert self.wait() == 0, self.errors


@pytest.fixture(scope="session", autouse=True)
def program():
    if not PROGRAM:
        pytest.fail("PYRALOG_PROGRAM names the program to test")


@pytest.fixture
def serve():
    """serve(database, options...) starts a server that ends with the test."""
    started = []

    def start(database, *options, **more):
        started.append(Server(database, *options, **more))
        return started[-1]

    yield start
    try:
        for one in started:
            one.stop()
    finally:
        for one in started:
            if one.process.returncode is None:
                one.process.kill()
                one.process.wait()


@pytest.fixture
def server(serve):
    return serve(":memory:")


@pytest.fixture
def client(server):
    return server.connect()


@pytest.fixture(scope="session")
def duckdb(program):
    """Asks for the DuckDB engine: the test is skipped, visibly, in a build without it."""
    ask = "SET engine = 'duckdb'; SELECT 1"
    done = subprocess.run([PROGRAM, "-c", ask], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, env=environment(), timeout=WAIT)
    if done.returncode != 0:
        assert "0A000" in done.stderr, done.stderr
        pytest.skip("this build has no DuckDB engine")


def put(client, path, table, chunk=None):
    """DoPut of a whole table; gives the acknowledgements."""
    path = [path] if isinstance(path, str) else path
    writer, reader = client.do_put(fl.FlightDescriptor.for_path(*path), table.schema)
    for batch in table.to_batches(max_chunksize=chunk):
        writer.write_batch(batch)
    writer.done_writing()
    acknowledged = []
    while (metadata := reader.read()) is not None:
        acknowledged.append(json.loads(metadata.to_pybytes())["rows"])
    writer.close()
    return acknowledged


def numbers(rows):
    return pa.table({"n": pa.array(range(rows), pa.int64())})
