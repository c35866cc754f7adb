"""Parameters: Python values as one row of the Arrow C Data Interface, made by hand.

A value's type is found first (`_type_of`, and `_common` where a list has several), then its buffers
are made (`_array`). Everything is borrowed by the library for one call, so that nothing here has a
release callback: the structs and buffers live as long as the Parameters do."""
from __future__ import annotations

import ctypes
import datetime
import decimal
import os
import struct
import uuid
from ctypes import c_void_p
from typing import Any, Callable, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from ._errors import DataError, NotSupportedError, ProgrammingError
from ._library import (ARROW_FLAG_NULLABLE, RELEASE_ARRAY, RELEASE_SCHEMA, ArrowArray, ArrowSchema,
                       PyrParams)
from ._types import Interval, UUID_EXTENSION

_EPOCH = datetime.datetime(1970, 1, 1)
_EPOCH_UTC = _EPOCH.replace(tzinfo=datetime.timezone.utc)
_MICROSECOND = datetime.timedelta(microseconds=1)
_DECIMAL_DIGITS_MAX = 38


class _Type(NamedTuple):
    kind: str  # which row of _PLAIN, or "decimal", "list", "struct"
    digits: int = 0  # decimal: before the point
    scale: int = 0  # decimal: after it
    names: Tuple[str, ...] = ()  # struct
    children: Tuple["_Type", ...] = ()


_NULL = _Type("null")


def _micros(value: datetime.datetime) -> int:
    return (value - (_EPOCH if value.tzinfo is None else _EPOCH_UTC)) // _MICROSECOND


def _time_micros(value: datetime.time) -> int:
    return ((value.hour * 60 + value.minute) * 60 + value.second) * 1000000 + value.microsecond


def _interval(value: Any) -> bytes:
    if isinstance(value, datetime.timedelta):
        value = Interval(0, value.days, (value.seconds * 1000000 + value.microseconds) * 1000)
    return struct.pack("<iiq", *value)


# Kinds whose values have a width: format, metadata, width in bytes, value to bytes.
_FIXED = {
    "int": ("l", None, 8, struct.Struct("<q").pack),
    "hugeint": ("d:38,0", None, 16, lambda v: v.to_bytes(16, "little", signed=True)),
    "float": ("g", None, 8, struct.Struct("<d").pack),
    "timestamp": ("tsu:", None, 8, lambda v: struct.pack("<q", _micros(v))),
    "timestamptz": ("tsu:UTC", None, 8, lambda v: struct.pack("<q", _micros(v))),
    "date": ("tdD", None, 4, lambda v: struct.pack("<i", v.toordinal() - 719163)),
    "time": ("ttu", None, 8, lambda v: struct.pack("<q", _time_micros(v))),
    "interval": ("tin", None, 16, _interval),
    "uuid": ("w:16", UUID_EXTENSION, 16, lambda v: v.bytes),
}
# Kinds of bytes of any length.
_VARIABLE = {
    "str": ("u", None, lambda v: v.encode()),
    "bytes": ("z", None, bytes),
}

# ---- Types. ----


def _decimal_type(value: decimal.Decimal) -> _Type:
    sign, digits, exponent = value.as_tuple()
    if not isinstance(exponent, int):
        return _Type("float")  # NaN and infinities are doubles
    scale = max(-exponent, 0)
    return _Type("decimal", max(len(digits) + exponent, 0), scale)


def _integer_type(value: int) -> _Type:
    # Bounds, not `in range(...)`, which for a subclass of int (an IntEnum) walks the range.
    if -2**63 <= value < 2**63:
        return _Type("int")
    if abs(value) < 10**_DECIMAL_DIGITS_MAX:
        return _Type("hugeint")
    raise DataError(f"an int of more than {_DECIMAL_DIGITS_MAX} digits cannot be a parameter: give it as a str",
                    "22003")


def _type_of(value: Any) -> _Type:
    if value is None:
        return _NULL
    if isinstance(value, bool):
        return _Type("bool")
    if isinstance(value, int):
        return _integer_type(value)
    for classes, kind in _SIMPLE:
        if isinstance(value, classes):
            return _Type(kind)
    if isinstance(value, datetime.datetime):
        return _Type("timestamp" if value.tzinfo is None else "timestamptz")
    if isinstance(value, datetime.date):
        return _Type("date")
    if isinstance(value, datetime.time):
        if value.tzinfo is not None:
            raise NotSupportedError("a time with a time zone cannot be a parameter: give it as a str", "0A000")
        return _Type("time")
    if isinstance(value, decimal.Decimal):
        return _decimal_type(value)
    if isinstance(value, dict):
        for name in value:
            if not isinstance(name, str):
                raise ProgrammingError("a parameter that is a dict is a struct: its keys must be str",
                                       "22023")
        return _Type("struct", names=tuple(value), children=tuple(map(_type_of, value.values())))
    if isinstance(value, (list, tuple)):
        return _Type("list", children=(_common_of(value),))
    raise NotSupportedError(f"a parameter of type {type(value).__qualname__} has no SQL type", "0A000")


_SIMPLE: List[Tuple[Any, str]] = [
    (float, "float"),
    (str, "str"),
    ((bytes, bytearray, memoryview), "bytes"),
    ((datetime.timedelta, Interval), "interval"),
    (uuid.UUID, "uuid"),
]
_INTEGER_DIGITS = {"int": 19, "hugeint": _DECIMAL_DIGITS_MAX}


def _common_of(values: Iterable[Any]) -> _Type:
    result = _NULL
    for value in values:
        result = _common(result, _type_of(value))
    return result


def _common(a: _Type, b: _Type) -> _Type:
    if a == b or b == _NULL:
        return a
    if a == _NULL:
        return b
    kinds = {a.kind, b.kind}
    if kinds == {"int", "hugeint"}:
        return _Type("hugeint")
    if kinds <= {"decimal", "int", "hugeint"}:
        digits = [_INTEGER_DIGITS.get(t.kind, t.digits) for t in (a, b)]
        return _Type("decimal", max(digits), max(a.scale, b.scale))
    if kinds <= {"decimal", "int", "float"}:
        return _Type("float")
    if kinds == {"list"}:
        return _Type("list", children=(_common(a.children[0], b.children[0]),))
    if kinds == {"struct"} and a.names == b.names:
        return a._replace(children=tuple(map(_common, a.children, b.children)))
    raise ProgrammingError(f"a list cannot hold both {a.kind} and {b.kind}", "42804")


# ---- Structs and buffers. ----


def _metadata(pairs: dict) -> bytes:
    """Arrow's own form: counts and lengths as int32 before each text."""
    parts = [struct.pack("=i", len(pairs))]
    for key, value in pairs.items():
        for text in (key.encode(), value.encode()):
            parts += [struct.pack("=i", len(text)), text]
    return b"".join(parts)


class _Builder:
    """Makes structs and keeps what they point to."""

    def __init__(self) -> None:
        self.kept: List[Any] = []

    def keep(self, thing: Any) -> Any:
        self.kept.append(thing)
        return thing

    def buffer(self, content: bytes) -> int:
        return ctypes.addressof(self.keep(ctypes.create_string_buffer(content, max(len(content), 1))))

    def bits(self, flags: Sequence[bool]) -> int:
        number = sum(1 << i for i, flag in enumerate(flags) if flag)
        return self.buffer(number.to_bytes(len(flags) // 8 + 1, "little"))

    def schema(self, name: str, format: str, metadata: Optional[dict] = None,
               children: Sequence[ArrowSchema] = ()) -> ArrowSchema:
        out = self.keep(ArrowSchema())
        out.format = self.keep(format.encode())
        out.name = self.keep(name.encode())
        if metadata:
            out.metadata = self.buffer(_metadata(metadata))
        out.flags = ARROW_FLAG_NULLABLE
        out.n_children = len(children)
        if children:
            out.children = self.keep((ctypes.POINTER(ArrowSchema) * len(children))(
                *map(ctypes.pointer, children)))
        out.release = _release_schema
        return out

    def array(self, values: Sequence[Any], buffers: Sequence[Optional[int]],
              children: Sequence[ArrowArray] = (), has_validity: bool = True) -> ArrowArray:
        """buffers: those behind the validity bitmap."""
        out = self.keep(ArrowArray())
        nulls = sum(value is None for value in values)
        validity = self.bits([value is not None for value in values]) if nulls else None
        pointers = [validity, *buffers] if has_validity else []
        out.length = len(values)
        out.null_count = nulls
        out.n_buffers = len(pointers)
        out.n_children = len(children)
        out.buffers = self.keep((c_void_p * max(len(pointers), 1))(*pointers))
        if children:
            out.children = self.keep((ctypes.POINTER(ArrowArray) * len(children))(
                *map(ctypes.pointer, children)))
        out.release = _release_array
        return out


# Not NULL, as that would say that the struct is released; never called, as it is borrowed. The
# address of a C function that does nothing to it: no Python callback is made.
_nothing: Any = ctypes.cast(ctypes.pythonapi.Py_GetVersion, c_void_p).value
_release_schema = RELEASE_SCHEMA(_nothing)
_release_array = RELEASE_ARRAY(_nothing)


def _decimal_integer(value: Any, scale: int) -> int:
    sign, digits, exponent = decimal.Decimal(value).as_tuple()
    assert isinstance(exponent, int)  # what is no number is a double
    number = int("".join(map(str, digits))) * 10**(exponent + scale)
    return -number if sign else number


def _column(build: _Builder, name: str, kind: _Type, values: Sequence[Any]) -> Tuple[ArrowSchema, ArrowArray]:
    if kind.kind == "null":
        return build.schema(name, "n"), build.array(values, (), has_validity=False)
    if kind.kind == "bool":
        return build.schema(name, "b"), build.array(values, [build.bits([bool(v) for v in values])])
    if kind.kind in _FIXED:
        format, metadata, width, pack = _FIXED[kind.kind]
        zeros = bytes(width)
        content = b"".join(zeros if v is None else pack(float(v) if format == "g" else v) for v in values)
        return build.schema(name, format, metadata), build.array(values, [build.buffer(content)])
    if kind.kind in _VARIABLE:
        format, metadata, pack = _VARIABLE[kind.kind]
        return build.schema(name, format, metadata), _bytes_array(build, values, pack)
    if kind.kind == "decimal":
        precision = max(kind.digits + kind.scale, 1)
        if precision > _DECIMAL_DIGITS_MAX:
            raise DataError(f"a Decimal of {precision} digits: DECIMAL has {_DECIMAL_DIGITS_MAX} at most",
                            "22003")
        numbers = [0 if v is None else _decimal_integer(v, kind.scale) for v in values]
        content = b"".join(number.to_bytes(16, "little", signed=True) for number in numbers)
        return build.schema(name, f"d:{precision},{kind.scale}"), build.array(values, [build.buffer(content)])
    if kind.kind == "list":
        return _list_column(build, name, kind, values)
    columns = [_column(build, child, type, [None if v is None else v[child] for v in values])
               for child, type in zip(kind.names, kind.children)]
    return (build.schema(name, "+s", None, [c[0] for c in columns]),
            build.array(values, (), [c[1] for c in columns]))


def _offsets(build: _Builder, lengths: Iterable[int]) -> int:
    offsets = [0]
    for length in lengths:
        offsets.append(offsets[-1] + length)
    if offsets[-1] >= 2**31:
        raise DataError("a parameter of 2 GiB or more", "54000")
    return build.buffer(struct.pack(f"={len(offsets)}i", *offsets))


def _bytes_array(build: _Builder, values: Sequence[Any], pack: Callable[[Any], bytes]) -> ArrowArray:
    contents = [b"" if v is None else pack(v) for v in values]
    return build.array(values, [_offsets(build, map(len, contents)), build.buffer(b"".join(contents))])


def _list_column(build: _Builder, name: str, kind: _Type, values: Sequence[Any]) -> Tuple[ArrowSchema, ArrowArray]:
    items = [item for v in values if v is not None for item in v]
    schema, array = _column(build, "item", kind.children[0], items)
    offsets = _offsets(build, (0 if v is None else len(v) for v in values))
    return build.schema(name, "+l", None, [schema]), build.array(values, [offsets], [array])


# ---- The row. ----


def _plain(value: Any) -> Any:
    """Paths as text, numpy's scalars and arrays and pandas' nulls as Python's own."""
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if type(value).__name__ in ("NaTType", "NAType"):  # pandas' nulls
        return None
    if type(value).__module__ == "numpy":
        return value.tolist()
    if isinstance(value, (list, tuple)) and not isinstance(value, Interval):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return value


def _checked(values: Sequence[Any]) -> List[Any]:
    if isinstance(values, (str, bytes, dict)) or not hasattr(values, "__len__"):
        raise ProgrammingError("parameters must be a list or tuple, in the order of $1, $2, ...", "42601")
    return [_plain(value) for value in values]


class Parameters:
    """The values of $1, $2, ... or of each `?`, as pyr_params."""

    def __init__(self, values: Sequence[Any]) -> None:
        row = _checked(values)
        self._make([row], [_type_of(value) for value in row])

    def _make(self, rows: Sequence[Sequence[Any]], types: Sequence[_Type]) -> None:
        self.count = len(types)
        build = _Builder()
        columns = [_column(build, str(index + 1), kind, [row[index] for row in rows])
                   for index, kind in enumerate(types)]
        self._build = build
        self._schema = build.schema("", "+s", None, [c[0] for c in columns])
        self._schema.flags = 0
        self._array = build.array([()] * len(rows), (), [c[1] for c in columns])
        self.params = PyrParams(ctypes.pointer(self._schema), ctypes.pointer(self._array))

    @classmethod
    def _of_rows(cls, rows: Sequence[Sequence[Any]], types: Sequence[_Type]) -> "Parameters":
        self = cls.__new__(cls)
        self._make(rows, types)
        return self


def _joined(types: Sequence[_Type], more: Sequence[_Type]) -> Optional[List[_Type]]:
    """The types of a row and those of the rows before it, where no value would change by it."""
    if len(types) != len(more):
        return None
    out = []
    for a, b in zip(types, more):
        if a != b and _NULL not in (a, b):
            return None
        out.append(b if a == _NULL else a)
    return out


def many_parameters(params: Iterable[Sequence[Any]], rows_max: int) -> Iterator[Parameters]:
    """Rows that follow each other and are of the same types together, at most rows_max of them."""
    rows: List[List[Any]] = []
    types: List[_Type] = []
    for values in params:
        row = _checked(values)
        kinds = [_type_of(value) for value in row]
        together = _joined(types, kinds) if rows and len(rows) < rows_max else None
        if rows and together is None:
            yield Parameters._of_rows(rows, types)
            rows = []
        types = kinds if together is None else together
        rows.append(row)
    if rows:
        yield Parameters._of_rows(rows, types)


def parameters(values: Optional[Sequence[Any]]) -> Optional[Parameters]:
    """None where there are none."""
    row = None if values is None else Parameters(values)
    return row if row is not None and row.count > 0 else None
