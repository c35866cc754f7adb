"""The few functions of include/pyralog.h that the benchmark calls, through ctypes: what is measured is a
call of the library, not the start of a program."""
import ctypes
import pathlib

import pyarrow as pa

LIBRARY = pathlib.Path(__file__).resolve().parents[2] / "build" / "release" / "libpyralog.so"
REASONS_MAX = 16


class Error(ctypes.Structure):
    _fields_ = [("code", ctypes.c_int), ("sqlstate", ctypes.c_char * 6), ("position", ctypes.c_int32),
                ("message", ctypes.c_char * 1024)]


class Copy(ctypes.Structure):
    _fields_ = [("reason", ctypes.c_char_p), ("bytes", ctypes.c_int64)]


class Ledger(ctypes.Structure):
    _fields_ = [("engine", ctypes.c_char * 16), ("rows", ctypes.c_int64), ("elapsed_ms", ctypes.c_double),
                ("bytes_mapped", ctypes.c_int64), ("bytes_scanned", ctypes.c_int64),
                ("bytes_referenced", ctypes.c_int64), ("bytes_copied", ctypes.c_int64),
                ("bytes_decoded", ctypes.c_int64), ("bytes_encoded", ctypes.c_int64),
                ("bytes_sent", ctypes.c_int64), ("batches_skipped", ctypes.c_int64),
                ("peak_memory_bytes", ctypes.c_int64), ("copies_count", ctypes.c_int32),
                ("copies", Copy * REASONS_MAX)]


class ArrowStream(ctypes.Structure):
    """struct ArrowArrayStream, which pyarrow fills or empties by its address."""
    _fields_ = [("get_schema", ctypes.c_void_p), ("get_next", ctypes.c_void_p),
                ("get_last_error", ctypes.c_void_p), ("release", ctypes.c_void_p),
                ("private_data", ctypes.c_void_p)]


def load():
    library = ctypes.CDLL(str(LIBRARY))
    pointer, text = ctypes.c_void_p, ctypes.c_char_p
    library.pyr_version.restype = text
    library.pyr_open.argtypes = [text, ctypes.POINTER(text), pointer, pointer]
    library.pyr_close.argtypes = library.pyr_disconnect.argtypes = [pointer]
    library.pyr_close.restype = library.pyr_disconnect.restype = None
    library.pyr_connect.argtypes = [pointer, pointer, pointer]
    library.pyr_execute.argtypes = [pointer, text, pointer, pointer, pointer]
    library.pyr_query.argtypes = [pointer, text, pointer, pointer, pointer]
    library.pyr_ingest.argtypes = [pointer, text, pointer, pointer, pointer, pointer]
    library.pyr_ledger.argtypes = [pointer, pointer]
    library.pyr_ledger.restype = None
    return library


class Failure(Exception):
    pass


class Database:
    """An open database with one connection."""

    def __init__(self, directory, options=()):
        self.library = load()
        self.error = Error()
        self.database, self.connection = ctypes.c_void_p(), ctypes.c_void_p()
        words = [word.encode() for word in options] + [None]
        self._check(self.library.pyr_open(str(directory).encode(), (ctypes.c_char_p * len(words))(*words),
                                          ctypes.byref(self.database), ctypes.byref(self.error)))
        self._check(self.library.pyr_connect(self.database, ctypes.byref(self.connection),
                                             ctypes.byref(self.error)))

    def _check(self, status):
        if status != 0:
            raise Failure(f"{self.error.sqlstate.decode()}: {self.error.message.decode(errors='replace')}")

    def execute(self, sql):
        self._check(self.library.pyr_execute(self.connection, sql.encode(), None, None,
                                             ctypes.byref(self.error)))

    def query(self, sql):
        """The whole result as a table whose columns are the engine's own buffers."""
        stream = ArrowStream()
        self._check(self.library.pyr_query(self.connection, sql.encode(), None, ctypes.byref(stream),
                                           ctypes.byref(self.error)))
        return pa.RecordBatchReader._import_from_c(ctypes.addressof(stream)).read_all()

    def ingest(self, table, reader):
        stream = ArrowStream()
        reader._export_to_c(ctypes.addressof(stream))
        self._check(self.library.pyr_ingest(self.connection, table.encode(), ctypes.byref(stream), None, None,
                                            ctypes.byref(self.error)))

    def ledger(self):
        ledger = Ledger()
        self.library.pyr_ledger(self.connection, ctypes.byref(ledger))
        return {"engine": ledger.engine.decode()} | {
            name: getattr(ledger, name) for name in
            ("bytes_scanned", "bytes_copied", "batches_skipped", "peak_memory_bytes")}

    def close(self):
        if self.connection:
            self.library.pyr_disconnect(self.connection)
            self.library.pyr_close(self.database)
            self.connection = self.database = None
