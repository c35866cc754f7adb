"""The peer: a pyarrow Flight server over the same Arrow files; a ticket is the rows of a message.

    pyarrow_server.py FILE...        prints its port

The table is one chunk a column beforehand, so that every batch size is a slice and joining batches is
not measured.
"""
import sys

import pyarrow as pa
import pyarrow.flight as flight


class Server(flight.FlightServerBase):
    def __init__(self, paths):
        super().__init__("grpc://127.0.0.1:0")
        self.table = pa.concat_tables(
            pa.ipc.open_file(pa.memory_map(path)).read_all() for path in paths).combine_chunks()

    def do_get(self, context, ticket):
        batches = self.table.to_batches(max_chunksize=int(ticket.ticket))
        return flight.RecordBatchStream(
            pa.RecordBatchReader.from_batches(self.table.schema, batches))


server = Server(sys.argv[1:])
print(server.port, flush=True)
server.serve()
