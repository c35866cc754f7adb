"""Results: rows as Python values, or the record batches themselves by reference."""
from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Iterator, List, Optional, Tuple

from . import _stream
from ._decode import RowDecoder
from ._errors import ProgrammingError
from ._library import ArrowArray
from ._stream import Stream

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

_ROWS_AT_ONCE = 4096  # a batch may have millions: its rows become Python's as they are fetched

Row = Tuple[Any, ...]


class Result:
    """What a statement gave: read once, as rows or as Arrow.

    It outlives its connection. As `__arrow_c_stream__` it is taken by reference by pyarrow, polars,
    pandas, duckdb and whatever else knows Arrow's PyCapsule interface. Threads may not share one."""

    def __init__(self, stream: Stream, rows_changed: int) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        self._batch: Optional[ArrowArray] = None
        self._position = 0  # in the batch
        self._rows: List[Row] = []  # decoded, the next one last
        self._fetched = False
        schema = stream.schema()
        try:
            self._decoder = RowDecoder(schema) if schema.n_children else None
        finally:
            _stream.release(schema)
        #: Rows that a statement without a result changed; -1 of a query, whose rows are not counted before.
        self.rowcount: int = -1 if self._decoder else rows_changed

    @property
    def description(self) -> Optional[List[Tuple[str, str, None, None, None, None, None]]]:
        """Name and type of each column, as PEP 249 has it; None where the statement gives no rows."""
        if self._decoder is None:
            return None
        return [(name, type, None, None, None, None, None) for name, type, _ in self._decoder.columns]

    @property
    def columns(self) -> List[str]:
        """The columns' names."""
        return [name for name, _, _ in self._decoder.columns] if self._decoder else []

    # ---- Rows. ----

    def _more(self) -> bool:
        """Decodes rows where none are left; False at the end."""
        if self._decoder is None:
            raise ProgrammingError("the statement gives no rows", "02000")
        self._fetched = True
        while not self._rows:
            if self._batch is not None and self._position == self._batch.length:
                self._release_batch()
            if self._batch is None:
                self._batch, self._position = self._stream.next(), 0
                if self._batch is None:
                    return False
                continue
            count = min(_ROWS_AT_ONCE, self._batch.length - self._position)
            self._rows = self._decoder.rows(self._batch, self._position, count)
            self._rows.reverse()
            self._position += count
        return True

    def _release_batch(self) -> None:
        batch, self._batch = self._batch, None
        if batch is not None:
            _stream.release(batch)

    def fetchone(self) -> Optional[Row]:
        """The next row, or None at the end."""
        with self._lock:
            return self._rows.pop() if self._more() else None

    def fetchmany(self, size: int = 1) -> List[Row]:
        """The next rows, at most `size`; none at the end."""
        rows: List[Row] = []
        with self._lock:
            while len(rows) < size and self._more():
                count = min(size - len(rows), len(self._rows))
                rows += self._rows[:-count - 1:-1]
                del self._rows[-count:]
        return rows

    def fetchall(self) -> List[Row]:
        """All rows that are left."""
        rows: List[Row] = []
        with self._lock:
            while self._more():
                self._rows.reverse()
                rows += self._rows
                self._rows = []
        return rows

    def __iter__(self) -> Iterator[Row]:
        return self

    def __next__(self) -> Row:
        row = self.fetchone()
        if row is None:
            raise StopIteration
        return row

    # ---- Arrow. ----

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """The record batches as a capsule of Arrow's PyCapsule interface; once. A requested schema is
        a wish that the interface lets a producer pass over: batches come as they lie."""
        with self._lock:
            if self._fetched:
                raise ProgrammingError("rows were fetched already: take a result as rows or as Arrow", "08003")
            return self._stream.capsule()

    def __arrow_c_schema__(self) -> object:
        """The schema as a capsule; as often as it is asked for, until the result is taken."""
        with self._lock:
            return _stream.schema_capsule(self._stream.schema())

    def fetch_record_batch_reader(self) -> "pyarrow.RecordBatchReader":
        """The batches as they come, as a pyarrow.RecordBatchReader."""
        import pyarrow

        return pyarrow.RecordBatchReader.from_stream(self)

    def arrow(self) -> "pyarrow.Table":
        """All of it as a pyarrow.Table, by reference."""
        return self.fetch_record_batch_reader().read_all()

    def pl(self) -> "polars.DataFrame":
        """All of it as a polars.DataFrame, by reference where polars has the same layout."""
        import polars

        return polars.DataFrame(self)

    def df(self) -> "pandas.DataFrame":
        """All of it as a pandas.DataFrame, through pyarrow."""
        return self.arrow().to_pandas()

    # ---- Ends. ----

    def close(self) -> None:
        """Ends the statement if it still runs. Batches that were handed out live on."""
        with self._lock:
            self._rows = []
            self._release_batch()
            self._stream.close()

    def __del__(self) -> None:
        if getattr(self, "_batch", None) is not None:
            self._release_batch()

    def __enter__(self) -> "Result":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
