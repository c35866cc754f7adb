"""Arrow streams across the border: ours out as capsules, others' in as pointers."""
from __future__ import annotations

import ctypes
from typing import Any, Optional

from . import _capsule
from ._errors import Error, InterfaceError, OperationalError, stream_error
from ._library import (GET_LAST_ERROR, GET_NEXT, GET_SCHEMA, RELEASE_STREAM, ArrowArray, ArrowArrayStream,
                       ArrowSchema)

_EIO = 5


def release(thing: Any) -> None:
    """A schema, array or stream, once: a second time does nothing."""
    if thing.release:
        thing.release(ctypes.byref(thing))


class Stream:
    """A result's record batches. Owns the C stream until somebody takes it."""

    def __init__(self) -> None:
        self.c: Optional[ArrowArrayStream] = ArrowArrayStream()

    def __del__(self) -> None:
        self.close()

    def pointer(self) -> Any:
        """Where a call puts it, or who pulls it finds it."""
        return ctypes.byref(self._open())

    def close(self) -> None:
        stream, self.c = self.c, None
        if stream is not None:
            release(stream)

    def _open(self) -> ArrowArrayStream:
        if self.c is None:
            raise InterfaceError("the result is closed, or was taken as Arrow before")
        return self.c

    def _fail(self, stream: ArrowArrayStream) -> Error:
        text = stream.get_last_error(ctypes.byref(stream))
        return stream_error(ctypes.string_at(text).decode(errors="replace")) if text else OperationalError(
            "the stream failed")

    def schema(self) -> ArrowSchema:
        """The caller releases it."""
        stream = self._open()
        schema = ArrowSchema()
        if stream.get_schema(ctypes.byref(stream), ctypes.byref(schema)) != 0:
            raise self._fail(stream)
        return schema

    def next(self) -> Optional[ArrowArray]:
        """The next batch, which the caller releases, or None at the end."""
        stream = self._open()
        batch = ArrowArray()
        if stream.get_next(ctypes.byref(stream), ctypes.byref(batch)) != 0:
            raise self._fail(stream)
        return batch if batch.release else None

    def capsule(self) -> object:
        """Hands the stream over: whoever takes it out of the capsule releases it."""
        stream = self._open()
        self.c = None
        return _capsule.new(ctypes.addressof(stream), _capsule.STREAM, lambda capsule: release(stream))


def schema_capsule(schema: ArrowSchema) -> object:
    return _capsule.new(ctypes.addressof(schema), _capsule.SCHEMA, lambda capsule: release(schema))


# ---- What others have. ----


def _structure(kind: Any, capsule: object, name: bytes) -> Any:
    try:
        return kind.from_address(_capsule.pointer_of(capsule, name))
    except ValueError:
        raise InterfaceError(f"a capsule named {name.decode()} was expected, this is {capsule!r}") from None


class _OneBatch:
    """A schema and an array as a stream of that one batch, for pyr_ingest, which takes the schema
    once and releases the stream before it returns."""

    def __init__(self, schema: ArrowSchema, array: ArrowArray) -> None:
        self._parts = {ArrowSchema: schema, ArrowArray: array}
        self._callbacks = (
            GET_SCHEMA(lambda stream, out: self._move(ArrowSchema, out, _EIO)),
            GET_NEXT(lambda stream, out: self._move(ArrowArray, out, 0)),
            GET_LAST_ERROR(lambda stream: None),
            RELEASE_STREAM(self._release),
        )
        self.c = ArrowArrayStream(*self._callbacks, None)

    def _move(self, kind: Any, out: Any, empty: int) -> int:
        """Copies a struct and marks the source as released, which is how Arrow's structs move."""
        part = self._parts.pop(kind, None)
        ctypes.memset(out, 0, ctypes.sizeof(kind))
        if part is None or not part.release:
            return empty
        ctypes.memmove(out, ctypes.byref(part), ctypes.sizeof(kind))
        part.release = type(part.release)()
        return 0

    def _release(self, stream: Any) -> None:
        stream.contents.release = RELEASE_STREAM()


class Source:
    """What `ingest` takes, as a C stream. Keeps the capsules for as long as the stream is used."""

    def __init__(self, data: Any) -> None:
        if hasattr(data, "__arrow_c_stream__"):
            self._kept = data.__arrow_c_stream__()
            self.c = _structure(ArrowArrayStream, self._kept, _capsule.STREAM)
        elif hasattr(data, "__arrow_c_array__"):
            self._kept = schema, array = data.__arrow_c_array__()
            self._batch = _OneBatch(_structure(ArrowSchema, schema, _capsule.SCHEMA),
                                    _structure(ArrowArray, array, _capsule.ARRAY))
            self.c = self._batch.c
        else:
            raise TypeError(f"{type(data).__qualname__} has neither __arrow_c_stream__ nor __arrow_c_array__: "
                            "give a table of pyarrow, polars, pandas (with pyarrow) or duckdb")
        if not self.c.release:
            raise InterfaceError("the Arrow stream was read before")
