"""Pyralog from Python, over its C API: results, tables and tensors by reference.

    import pyralog
    conn = pyralog.connect()
    print(conn.execute("SELECT 40 + $1", [2]).fetchall())

PEP 249, and beside it Arrow's PyCapsule interface, DLPack, and `.arrow()`, `.df()`, `.pl()`."""
import datetime as _datetime

from ._connection import Connection, Cursor, connect
from ._errors import (DatabaseError, DataError, Error, IntegrityError, InterfaceError, InternalError,
                      NotSupportedError, OperationalError, ProgrammingError, Warning)
from ._library import lib as _lib, library_path
from ._result import Result
from ._tensors import Tensor, Tensors
from ._types import BINARY, DATETIME, NUMBER, ROWID, STRING, Interval
from ._version import __version__

#: Of PEP 249.
apilevel = "2.0"
#: Threads may share the module and connections.
threadsafety = 2
#: `?`; `$1` and up is understood as well.
paramstyle = "qmark"

Date = _datetime.date
Time = _datetime.time
Timestamp = _datetime.datetime
Binary = bytes


def DateFromTicks(ticks: float) -> _datetime.date:
    return _datetime.date.fromtimestamp(ticks)


def TimeFromTicks(ticks: float) -> _datetime.time:
    return _datetime.datetime.fromtimestamp(ticks).time()


def TimestampFromTicks(ticks: float) -> _datetime.datetime:
    return _datetime.datetime.fromtimestamp(ticks)


def library_version() -> str:
    """The version of the libpyralog that is loaded; `library_path` says which file that is."""
    return _lib.pyr_version().decode()


__all__ = [
    "apilevel", "threadsafety", "paramstyle", "connect", "Connection", "Cursor", "Result", "Tensor", "Tensors",
    "Interval", "Warning", "Error", "InterfaceError", "DatabaseError", "DataError", "OperationalError",
    "IntegrityError", "InternalError", "ProgrammingError", "NotSupportedError", "Date", "Time", "Timestamp",
    "Binary", "DateFromTicks", "TimeFromTicks", "TimestampFromTicks", "STRING", "BINARY", "NUMBER", "DATETIME",
    "ROWID", "library_version", "library_path", "__version__",
]
