"""DoGet of a whole table: our server and pyarrow's at its best batch size to the same pyarrow client,
our server to a C client and raw TCP. Runs alternate; medians. Prints a JSON line a comparison.

    bench_flight.py --database DIRECTORY --table NAME
"""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import time

import pyarrow.flight as flight

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
RELEASE = ROOT / "build" / "release"
RUNS = 9
PEER_ROWS = (16384, 32768, 65536, 131072, 262144, 524288, 1048576)


def start(command, read_port):
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    line = process.stdout.readline()
    if not line:
        raise SystemExit(f"{command[0]} did not start")
    return process, read_port(line)


def fetch(client, ticket):
    """Every batch is received and dropped; gives bytes of the columns and seconds."""
    size = 0
    begin = time.perf_counter()
    for chunk in client.do_get(flight.Ticket(ticket)):
        size += chunk.data.nbytes
    return size, time.perf_counter() - begin


def rate(result):
    return result[0] / result[1] / 1e9


def c_client(*arguments):
    output = subprocess.run([RELEASE / "flight_client", *map(str, arguments)], check=True,
                            capture_output=True, text=True).stdout
    made = json.loads(output)
    return made["bytes"], made["seconds"]


def compare(name, ours, peer_name, theirs, goal):
    mine, peer = statistics.median(map(rate, ours)), statistics.median(map(rate, theirs))
    print(json.dumps({"name": name, "ours": f"{mine:.2f} GB/s", "peer_name": peer_name,
                      "peer": f"{peer:.2f} GB/s", "ratio": mine / peer, "goal": goal}), flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--database", required=True, type=pathlib.Path)
    parser.add_argument("--table", required=True)
    arguments = parser.parse_args()
    files = sorted(str(p) for p in arguments.database.glob("segments/*/*.arrow"))
    sql = f"SELECT * FROM {arguments.table}"
    ours_process, our_port = start(
        [RELEASE / "pyralog", "serve", arguments.database, "--listen", "127.0.0.1:0"],
        lambda line: int(line.rsplit(":", 1)[1]))
    peer_process, peer_port = start(
        [sys.executable, pathlib.Path(__file__).with_name("pyarrow_server.py"), *files], int)
    try:
        ours = flight.connect(f"grpc://127.0.0.1:{our_port}")
        peer = flight.connect(f"grpc://127.0.0.1:{peer_port}")
        size, _ = fetch(ours, sql.encode())  # warms connection and page cache
        best = max(PEER_ROWS, key=lambda rows: max(
            rate(fetch(peer, str(rows).encode())) for _ in range(3)))
        mine, theirs = [], []
        for _ in range(RUNS):
            mine.append(fetch(ours, sql.encode()))
            theirs.append(fetch(peer, str(best).encode()))
            assert mine[-1][0] == size == theirs[-1][0], "the servers sent different amounts"
        compare(f"DoGet of {size / 1e9:.2f} GB to pyarrow", mine,
                f"pyarrow's server, {best // 1024}K rows", theirs, 1.0)
        mine, theirs = [], []
        for _ in range(RUNS):
            mine.append(c_client("get", our_port, sql))
            theirs.append(c_client("raw", max(files, key=lambda p: pathlib.Path(p).stat().st_size)))
        compare("DoGet to a C client", mine, "raw TCP", theirs, 0.85)
    finally:
        ours_process.terminate()
        peer_process.kill()
        ours_process.wait()


main()
