"""The demo's Python side.

    demo_client.py ledger FILE                       the last ledger line of FILE, for people
    demo_client.py fetch ADDRESS QUERY SHELL_CSV     QUERY through Arrow Flight, compared with what the
                                                     shell wrote as CSV
"""
import csv
import json
import sys
import time

UNITS = ((1e9, "GB"), (1e6, "MB"), (1e3, "KB"))


def size(count):
    for unit, name in UNITS:
        if count >= unit:
            return f"{count / unit:.1f} {name}"
    return f"{count} bytes"


def print_ledger(ledger):
    print(f"  {ledger['rows']:,} rows in {ledger['elapsed_ms']:.1f} ms, engine {ledger['engine']}")
    moved = ("mapped", "scanned", "referenced", "copied", "sent")
    print("  ledger: " + ", ".join(f"{what} {size(ledger['bytes_' + what])}" for what in moved))
    for copy in ledger["copies"]:
        print(f"    copied {size(copy['bytes'])}: {copy['reason']}")


def last_ledger(path):
    with open(path) as file:
        lines = [line for line in file if line.startswith("{")]
    print_ledger(json.loads(lines[-1]))


def fetch(client, sql):
    import pyarrow.flight as flight

    start = time.perf_counter()
    table = client.do_get(flight.Ticket(sql.encode())).read_all()
    return table, time.perf_counter() - start


def server_ledger(client, sql):
    """What the server says of the last run of sql."""
    queries, _ = fetch(client, "SELECT * FROM pyralog.queries")
    return [row for row in queries.to_pylist() if row["sql"] == sql][-1]


def compare(address, query, shell_csv):
    import pyarrow.flight as flight

    with flight.connect(address) as client:
        result, seconds = fetch(client, query)
        print(f"  at the client: {result.num_rows} rows in {seconds * 1e3:.1f} ms")
        print_ledger(server_ledger(client, query))
        with open(shell_csv, newline="") as file:
            shell = list(csv.reader(file))
        ours = [result.column_names] + [
            ["" if value is None else str(value) for value in row.values()]
            for row in result.to_pylist()
        ]
        if ours != shell:
            print("  the shell and Flight DISAGREE:", shell[:3], ours[:3], sep="\n  ")
            return 1
        print("  compared: the shell's result and Flight's are the same, row by row")
        everything = "SELECT * FROM flights"
        print(f"\n  and the whole table, as it lies in the mapped file: {everything}")
        table, seconds = fetch(client, everything)
        print(f"  at the client: {table.num_rows:,} rows, {size(table.nbytes)} in {seconds * 1e3:.0f} ms "
              f"({table.nbytes / 1e9 / seconds:.2f} GB/s)")
        print_ledger(server_ledger(client, everything))
    return 0


if sys.argv[1] == "ledger":
    sys.exit(last_ledger(sys.argv[2]))
sys.exit(compare(*sys.argv[2:]))
