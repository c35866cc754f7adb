"""Fetches a query through Arrow Flight and compares it with what the shell wrote as CSV.

    demo_client.py ADDRESS QUERY SHELL_CSV
"""
import csv
import sys
import time

import pyarrow.flight as flight


def fetch(client, sql):
    start = time.perf_counter()
    table = client.do_get(flight.Ticket(sql.encode())).read_all()
    return table, time.perf_counter() - start


def main():
    address, query, shell_csv = sys.argv[1:]
    with flight.connect(address) as client:
        result, seconds = fetch(client, query)
        print(f"query:       {result.num_rows} rows in {seconds * 1e3:.1f} ms")
        with open(shell_csv, newline="") as file:
            shell = list(csv.reader(file))
        ours = [result.column_names] + [
            ["" if value is None else str(value) for value in row.values()]
            for row in result.to_pylist()
        ]
        if ours != shell:
            print("the shell and Flight DISAGREE:", shell[:3], ours[:3], sep="\n  ")
            return 1
        print("compared:    the shell's result and Flight's are the same, row by row")
        table, seconds = fetch(client, "SELECT * FROM flights")
        print(f"whole table: {table.num_rows} rows, {table.nbytes / 1e6:.0f} MB in {seconds * 1e3:.0f} ms "
              f"({table.nbytes / 1e9 / seconds:.2f} GB/s), sent from the mapped file")
    return 0


sys.exit(main())
