"""Databases, connections and cursors."""
from __future__ import annotations

import ctypes
import os
import re
import threading
from ctypes import c_int64, c_void_p
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, Sequence, Union

from ._encode import many_parameters, parameters
from ._errors import Error, InterfaceError, ProgrammingError
from ._library import PyrLedger, call, lib, options_argument, path_argument, text_argument
from ._result import Result, Row
from ._stream import Source, Stream
from ._tensors import Tensors

_NO_TRANSACTION = "25P01"
_TOGETHER_MAX = 10000  # parameters of executemany, in memory twice
_WRITES = re.compile(r"\s*(INSERT|UPDATE|DELETE|MERGE)\b", re.IGNORECASE)


def _takes_many(sql: Any) -> bool:
    """Whether a statement takes many rows of parameters; of one that only looks different: no."""
    return isinstance(sql, str) and _WRITES.match(sql) is not None and "returning" not in sql.lower()


class _Handle:
    """Something of the C API's that is closed once, when the last that needs it is gone."""

    def __init__(self, close: Callable[[Any], None]) -> None:
        self.pointer = c_void_p()
        self._close = close

    def close(self) -> None:
        pointer, self.pointer = self.pointer, c_void_p()
        if pointer:
            self._close(pointer)

    def __del__(self) -> None:
        self.close()


class _CallLock:
    """Calls on a connection wait for each other. One inside of another, as by a source of `ingest` that
    asks its own connection, would wait for itself: that is an error."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._owner = 0

    def __enter__(self) -> None:
        if self._owner == threading.get_ident():
            raise InterfaceError("the connection is in a call of this very thread: use a duplicate()")
        self._lock.acquire()
        self._owner = threading.get_ident()

    def __exit__(self, *exception: object) -> None:
        self._owner = 0
        self._lock.release()


def _place_in_text(error: Error, sql: str) -> Error:
    """The C API counts bytes, a str characters."""
    if error.position is not None:
        error.position = len(sql.encode()[:error.position].decode(errors="ignore"))
    return error


class Connection:
    """A connection to a database. Made by `connect`.

    Threads may share it; their calls wait for each other (`cancel` does not). `duplicate` gives
    another one to the same database, which runs beside it. Each statement is a transaction of its own
    where none was begun."""

    def __init__(self, database: _Handle) -> None:
        self._database = database
        self._handle = _Handle(lib.pyr_disconnect)
        self._call_lock = _CallLock()  # held during a statement, and to close
        self._state_lock = threading.RLock()  # for what may be asked meanwhile
        call(lib.pyr_connect, database.pointer, ctypes.byref(self._handle.pointer))

    def _pointer(self) -> c_void_p:
        if not self._handle.pointer:
            raise InterfaceError("the connection is closed")
        return self._handle.pointer

    # ---- Statements. ----

    def execute(self, sql: str, params: Optional[Sequence[Any]] = None) -> Result:
        """Runs one or several statements; the result is the last one's.

        `params`: the values of `$1`, `$2`, ... or of each `?`."""
        text = text_argument(sql, "SQL")
        values = parameters(params)
        stream = Stream()
        with self._call_lock:
            try:
                call(lib.pyr_query, self._pointer(), text, ctypes.byref(values.params) if values else None,
                     stream.pointer())
            except Error as error:
                raise _place_in_text(error, sql) from None
            # Of a statement without a result that is what the ledger's rows are.
            return Result(stream, self._ledger().rows)

    query = execute
    sql = execute

    def executemany(self, sql: str, params: Iterable[Sequence[Any]]) -> int:
        """Runs a statement once for each of the parameters, prepared once. Gives the rows changed.

        Of INSERT, UPDATE, DELETE and MERGE, parameters that follow each other and are of the same
        types (None is of any) are run together, up to 10,000 at once: all of them or none."""
        rows_max = _TOGETHER_MAX if _takes_many(sql) else 1
        statement = _Handle(lib.pyr_statement_close)
        total = 0
        with self._call_lock:
            try:
                call(lib.pyr_prepare, self._pointer(), text_argument(sql, "SQL"), ctypes.byref(statement.pointer))
                for values in many_parameters(params, rows_max):
                    changed = c_int64()
                    call(lib.pyr_bind, statement.pointer, ctypes.byref(values.params))
                    call(lib.pyr_statement_execute, statement.pointer, ctypes.byref(changed))
                    total += changed.value
            except Error as error:
                raise _place_in_text(error, sql) from None
            finally:
                statement.close()
        return total

    def cursor(self) -> "Cursor":
        """A cursor as PEP 249 has it."""
        self._pointer()
        return Cursor(self)

    def begin(self) -> None:
        """Begins a transaction, which sees one snapshot."""
        self.execute("BEGIN")

    def commit(self) -> None:
        """Commits the transaction; where none was begun there is nothing to do."""
        self._end("COMMIT")

    def rollback(self) -> None:
        """Takes the transaction back; where none was begun there is nothing to do."""
        self._end("ROLLBACK")

    def _end(self, statement: str) -> None:
        try:
            self.execute(statement)
        except ProgrammingError as error:
            if error.sqlstate != _NO_TRANSACTION:
                raise

    # ---- Data in. ----

    def ingest(self, table: str, data: Any, *, create: bool = True, replace: bool = False,
               on_conflict: Optional[str] = None) -> int:
        """Appends `data` to a table and gives the number of rows.

        `data`: anything with `__arrow_c_stream__` or `__arrow_c_array__`: tables of pyarrow, polars,
        pandas (with pyarrow), duckdb, a `Result`. It is read by reference. `create`: the table is made
        when missing; `replace`: it is made anew; `on_conflict`: "error", "ignore" or "replace", of rows
        whose key is there."""
        options: Dict[str, Any] = {"create": create, "replace": replace}
        if on_conflict is not None:
            options["on_conflict"] = on_conflict
        name = text_argument(table, "a table's name")
        source = Source(data)
        rows = c_int64()
        with self._call_lock:
            call(lib.pyr_ingest, self._pointer(), name, ctypes.byref(source.c), options_argument(options),
                 ctypes.byref(rows))
        return rows.value

    # ---- Tensors. ----

    def tensors(self, name_or_path: Union[str, "os.PathLike[str]"]) -> Tensors:
        """The tensors of a registered model, a .safetensors file, or a sharded model's index or folder,
        by name. Only headers are read."""
        with self._call_lock:
            return Tensors(self._pointer(), path_argument(name_or_path, "the name or path of a model"))

    # ---- About the last statement. ----

    def _ledger(self) -> PyrLedger:
        ledger = PyrLedger()
        with self._state_lock:
            lib.pyr_ledger(self._pointer(), ctypes.byref(ledger))
        return ledger

    def ledger(self) -> Dict[str, Any]:
        """What the last statement did with bytes. While its result is being read the figures grow."""
        ledger = self._ledger()
        result: Dict[str, Any] = {}
        for name, *_ in PyrLedger._fields_:
            if name == "copies":
                result[name] = [{"reason": copy.reason.decode(), "bytes": copy.bytes}
                                for copy in ledger.copies[:ledger.copies_count]]
            elif name != "copies_count":
                value = getattr(ledger, name)
                result[name] = value.decode() if isinstance(value, bytes) else value
        return result

    def notices(self) -> List[str]:
        """What the last statement had to say beside its result. Waits for one that runs."""
        # The C API waits, too: under the state's lock `cancel` would wait for what it is to end.
        with self._call_lock:
            size = lib.pyr_notices(self._pointer(), None, 0)
            buffer = ctypes.create_string_buffer(size + 1)
            lib.pyr_notices(self._pointer(), buffer, len(buffer))
        return buffer.value.decode(errors="replace").splitlines()

    def cancel(self) -> None:
        """Cancels what runs on the connection, from any thread; nothing running: nothing happens. The
        statement fails with sqlstate 57014."""
        with self._state_lock:
            if self._handle.pointer:
                lib.pyr_cancel(self._handle.pointer)

    # ---- Ends. ----

    def duplicate(self) -> "Connection":
        """Another connection to the same database."""
        with self._call_lock:
            self._pointer()
            return Connection(self._database)

    def close(self) -> None:
        """Closes the connection; waits for what runs on it. Results live on. Twice is once."""
        with self._call_lock, self._state_lock:
            self._handle.close()
            self._database = _Handle(lib.pyr_close)

    def __enter__(self) -> "Connection":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


class Cursor:
    """A cursor as PEP 249 has it: one statement's result at a time, of a connection that it shares.
    What `Result` can do beside rows is in `result`."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.arraysize = 1
        #: The last statement's.
        self.result: Optional[Result] = None
        self._rows_changed = -1
        self._closed = False

    def _check(self) -> None:
        if self._closed:
            raise InterfaceError("the cursor is closed")

    def _result(self) -> Result:
        self._check()
        if self.result is None:
            raise ProgrammingError("no statement with a result was executed", "02000")
        return self.result

    @property
    def description(self) -> Optional[list]:
        return self.result.description if self.result else None

    @property
    def rowcount(self) -> int:
        return self.result.rowcount if self.result else self._rows_changed

    def execute(self, sql: str, params: Optional[Sequence[Any]] = None) -> "Cursor":
        self._forget()
        self.result = self.connection.execute(sql, params)
        return self

    def executemany(self, sql: str, params: Iterable[Sequence[Any]]) -> "Cursor":
        self._forget()
        self._rows_changed = self.connection.executemany(sql, params)
        return self

    def _forget(self) -> None:
        self._check()
        result, self.result = self.result, None
        self._rows_changed = -1
        if result is not None:
            result.close()

    def fetchone(self) -> Optional[Row]:
        return self._result().fetchone()

    def fetchmany(self, size: Optional[int] = None) -> List[Row]:
        return self._result().fetchmany(self.arraysize if size is None else size)

    def fetchall(self) -> List[Row]:
        return self._result().fetchall()

    def __iter__(self) -> Iterator[Row]:
        return iter(self._result())

    def setinputsizes(self, sizes: Sequence[Any]) -> None:
        """Sizes need not be said."""

    def setoutputsize(self, size: int, column: Optional[int] = None) -> None:
        """Sizes need not be said."""

    def close(self) -> None:
        if not self._closed:
            self._forget()
            self._closed = True

    def __enter__(self) -> "Cursor":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def connect(location: Union[str, "os.PathLike[str]"] = ":memory:", **options: Any) -> Connection:
    """Opens a database and connects to it.

    `location`: a directory, made when missing, or ":memory:". `options`: `readonly=True`, `threads=4`,
    `memory_limit="4GB"`, `engine="native"`. A directory is written by one process at a time; within it
    `Connection.duplicate` gives more connections."""
    database = _Handle(lib.pyr_close)
    call(lib.pyr_open, path_argument(location, "the location"), options_argument(options),
         ctypes.byref(database.pointer))
    return Connection(database)
