"""Arrow's columns as Python values, without any other package.

A decoder is made once of a column's schema: `decode(array, start, count)` gives the values of rows
[start, start + count), counted from the array's own offset. The arrays come from the library, which
vouches for their offsets; what Python's types cannot hold (a year beyond 9999, 24:00:00) is a
DataError, never another value."""
from __future__ import annotations

import ctypes
import datetime
import decimal
import json
import struct
import uuid
from typing import Any, Callable, Dict, List, Optional, Tuple

from ._errors import DataError, NotSupportedError
from ._library import ArrowArray, ArrowSchema
from ._types import (EXTENSION_METADATA, EXTENSION_NAME, SQL_TYPE, Interval, bignum_of, bit_of, time_of,
                     time_tz_of)

Decode = Callable[[ArrowArray, int, int], List[Any]]

_NUMBERS = {
    "c": ("int8", ctypes.c_int8), "C": ("uint8", ctypes.c_uint8),
    "s": ("int16", ctypes.c_int16), "S": ("uint16", ctypes.c_uint16),
    "i": ("int32", ctypes.c_int32), "I": ("uint32", ctypes.c_uint32),
    "l": ("int64", ctypes.c_int64), "L": ("uint64", ctypes.c_uint64),
    "f": ("float32", ctypes.c_float), "g": ("float64", ctypes.c_double),
}

# ---- Buffers. ----


def _values(array: ArrowArray, buffer: int, kind: Any, start: int, count: int) -> list:
    """count values of a C type, as Python numbers."""
    address = array.buffers[buffer]
    if count == 0 or not address:
        return []
    return (kind * count).from_address(address + start * ctypes.sizeof(kind))[:]


def _bytes(address: Optional[int], start: int, size: int) -> bytes:
    return ctypes.string_at(address + start, size) if address and size else b""


def _bits(address: int, start: int, count: int) -> List[bool]:
    first = start // 8
    content = _bytes(address, first, (start + count + 7) // 8 - first)
    start -= first * 8
    return [bool(content[i >> 3] >> (i & 7) & 1) for i in range(start, start + count)]


def _valid(array: ArrowArray, start: int, count: int) -> Optional[List[bool]]:
    """None where there is no null among them."""
    if array.null_count == 0 or array.n_buffers == 0 or not array.buffers[0]:
        return None
    flags = _bits(array.buffers[0], array.offset + start, count)
    return None if all(flags) else flags


def _with_nulls(array: ArrowArray, start: int, count: int, values: list,
                convert: Optional[Callable[[Any], Any]] = None) -> list:
    """The values, converted, with None where the bitmap says so: what is there is not looked at."""
    valid = _valid(array, start, count)
    if convert is None:
        return values if valid is None else [v if ok else None for v, ok in zip(values, valid)]
    if valid is None:
        return [convert(v) for v in values]
    return [convert(v) if ok else None for v, ok in zip(values, valid)]


# ---- Metadata. ----


def metadata_of(schema: ArrowSchema) -> Dict[str, str]:
    """Counts and lengths are int32 in the machine's order."""
    address = schema.metadata
    result: Dict[str, str] = {}
    if not address:
        return result

    def number() -> int:
        nonlocal address
        address += 4
        return int.from_bytes(ctypes.string_at(address - 4, 4), "little")

    def text() -> str:
        nonlocal address
        size = number()
        address += size
        return ctypes.string_at(address - size, size).decode(errors="replace")

    for _ in range(number()):
        key = text()
        result[key] = text()
    return result


# ---- Columns of a width. ----


def _plain(kind: Any, convert: Optional[Callable[[Any], Any]] = None) -> Decode:
    def decode(array: ArrowArray, start: int, count: int) -> list:
        values = _values(array, 1, kind, array.offset + start, count)
        return _with_nulls(array, start, count, values, convert)

    return decode


def _wide(width: int, convert: Callable[[bytes], Any]) -> Decode:
    """Values of a width that no C type of ctypes has."""

    def decode(array: ArrowArray, start: int, count: int) -> list:
        content = _bytes(array.buffers[1], (array.offset + start) * width, count * width)
        values = [content[i * width:(i + 1) * width] for i in range(count)]
        return _with_nulls(array, start, count, values, convert)

    return decode


def _null(array: ArrowArray, start: int, count: int) -> list:
    return [None] * count


def _bool(array: ArrowArray, start: int, count: int) -> list:
    return _with_nulls(array, start, count, _bits(array.buffers[1], array.offset + start, count))


def _signed(content: bytes) -> int:
    return int.from_bytes(content, "little", signed=True)


_exact = decimal.Context(prec=100)  # more than DECIMAL(76) has: nothing is rounded


def _decimal(format: str, whole: bool) -> Decode:
    numbers = [int(part) for part in format[2:].split(",")]
    scale = numbers[1]
    width = (numbers[2] if len(numbers) > 2 else 128) // 8
    if whole:
        return _wide(width, _signed)
    return _wide(width, lambda content: _exact.scaleb(decimal.Decimal(_signed(content)), -scale))


# ---- Times. ----

_EPOCH = datetime.datetime(1970, 1, 1)
_EPOCH_DAY = _EPOCH.toordinal()
_MICROS = {"s": (1000000, 1), "m": (1000, 1), "u": (1, 1), "n": (1, 1000)}


def _micros(unit: str) -> Callable[[int], int]:
    """Nanoseconds are cut: Python's types have none."""
    factor, divisor = _MICROS[unit]
    return lambda value: value * factor // divisor


def _zone(name: str) -> datetime.tzinfo:
    if name in ("UTC", "Etc/UTC", "GMT"):
        return datetime.timezone.utc
    try:
        import zoneinfo

        return zoneinfo.ZoneInfo(name)
    except Exception:  # no such zone on this system: the same moment
        return datetime.timezone.utc


def _timestamp(unit: str, zone: str) -> Decode:
    micros = _micros(unit)
    if not zone:
        return _plain(ctypes.c_int64, lambda v: _EPOCH + datetime.timedelta(microseconds=micros(v)))
    epoch = _EPOCH.replace(tzinfo=datetime.timezone.utc)
    there = _zone(zone)
    return _plain(ctypes.c_int64,
                  lambda v: (epoch + datetime.timedelta(microseconds=micros(v))).astimezone(there))


def _interval(months: int, days: int, nanoseconds: int) -> Any:
    if months == 0 and nanoseconds % 1000 == 0:
        return datetime.timedelta(days=days, microseconds=nanoseconds // 1000)
    return Interval(months, days, nanoseconds)


def _day_time(content: bytes) -> Any:
    days, milliseconds = struct.unpack("<ii", content)
    return _interval(0, days, milliseconds * 1000000)


def _time(format: str) -> Tuple[str, Decode]:
    kind, unit = format[1], format[2]
    if kind == "d":
        if unit == "D":
            return "date", _plain(ctypes.c_int32, lambda v: datetime.date.fromordinal(v + _EPOCH_DAY))
        return "date", _plain(ctypes.c_int64, lambda v: datetime.date.fromordinal(v // 86400000 + _EPOCH_DAY))
    if kind == "t":
        micros = _micros(unit)
        width = ctypes.c_int32 if unit in "sm" else ctypes.c_int64
        return "time", _plain(width, lambda v: time_of(micros(v)))
    if kind == "s":
        zone = format.partition(":")[2]
        return "timestamp_tz" if zone else "timestamp", _timestamp(unit, zone)
    if kind == "D":
        micros = _micros(unit)
        return "duration", _plain(ctypes.c_int64, lambda v: datetime.timedelta(microseconds=micros(v)))
    if format == "tiM":
        return "interval", _plain(ctypes.c_int32, lambda v: _interval(v, 0, 0))
    if format == "tiD":
        return "interval", _wide(8, _day_time)
    return "interval", _wide(16, lambda content: _interval(*struct.unpack("<iiq", content)))


# ---- Texts and bytes. ----


def _slices(content: Any, offsets: List[int]) -> list:
    first = offsets[0]
    return [content[a - first:b - first] for a, b in zip(offsets, offsets[1:])]


def _variable(kind: Any, convert: Optional[Callable[[bytes], Any]]) -> Decode:
    """Bytes, or what convert makes of them."""

    def decode(array: ArrowArray, start: int, count: int) -> list:
        if count == 0:
            return []
        offsets = _values(array, 1, kind, array.offset + start, count + 1)
        content = _bytes(array.buffers[2], offsets[0], offsets[-1] - offsets[0])
        return _with_nulls(array, start, count, _slices(content, offsets), convert)

    return decode


def _text(kind: Any) -> Decode:
    """As _variable, but what is all ASCII becomes a str once and is cut then."""

    def decode(array: ArrowArray, start: int, count: int) -> list:
        if count == 0:
            return []
        offsets = _values(array, 1, kind, array.offset + start, count + 1)
        content = _bytes(array.buffers[2], offsets[0], offsets[-1] - offsets[0])
        if content.isascii():
            return _with_nulls(array, start, count, _slices(content.decode("ascii"), offsets))
        return _with_nulls(array, start, count, _slices(content, offsets), bytes.decode)

    return decode


def _views(convert: Optional[Callable[[bytes], Any]]) -> Decode:
    """Views of 16 bytes: a length, then up to 12 bytes, or four, a buffer's number and an offset."""

    def decode(array: ArrowArray, start: int, count: int) -> list:
        content = _bytes(array.buffers[1], (array.offset + start) * 16, count * 16)
        valid = _valid(array, start, count)
        result: list = []
        for i in range(count):
            if valid is not None and not valid[i]:
                result.append(None)
                continue
            length, _, buffer, offset = struct.unpack_from("<iiii", content, i * 16)
            if length <= 12:
                value = content[i * 16 + 4:i * 16 + 4 + length]
            else:
                value = _bytes(array.buffers[2 + buffer], offset, length)
            result.append(convert(value) if convert else value)
        return result

    return decode


# ---- Nested columns. ----


def _child(schema: ArrowSchema, index: int) -> Tuple[str, Decode]:
    return decoder(schema.children[index].contents)


def _list(kind: Any, decode_child: Decode) -> Decode:
    def decode(array: ArrowArray, start: int, count: int) -> list:
        if count == 0:
            return []
        offsets = _values(array, 1, kind, array.offset + start, count + 1)
        items = decode_child(array.children[0].contents, offsets[0], offsets[-1] - offsets[0])
        return _with_nulls(array, start, count, _slices(items, offsets))

    return decode


def _list_view(kind: Any, decode_child: Decode) -> Decode:
    def decode(array: ArrowArray, start: int, count: int) -> list:
        offsets = _values(array, 1, kind, array.offset + start, count)
        sizes = _values(array, 2, kind, array.offset + start, count)
        values = [decode_child(array.children[0].contents, offset, size) for offset, size in zip(offsets, sizes)]
        return _with_nulls(array, start, count, values)

    return decode


def _fixed_list(size: int, decode_child: Decode) -> Decode:
    def decode(array: ArrowArray, start: int, count: int) -> list:
        items = decode_child(array.children[0].contents, (array.offset + start) * size, count * size)
        return _with_nulls(array, start, count, [items[i * size:(i + 1) * size] for i in range(count)])

    return decode


def _struct(schema: ArrowSchema) -> Decode:
    names = [(schema.children[i].contents.name or b"").decode() for i in range(schema.n_children)]
    children = [_child(schema, i)[1] for i in range(schema.n_children)]

    def decode(array: ArrowArray, start: int, count: int) -> list:
        columns = [child(array.children[i].contents, array.offset + start, count)
                   for i, child in enumerate(children)]
        rows = [dict(zip(names, row)) for row in zip(*columns)] if columns else [{} for _ in range(count)]
        return _with_nulls(array, start, count, rows)

    return decode


def _pairs(items: List[dict]) -> Any:
    """A dict, or where a key cannot be one's, the pairs."""
    pairs = [tuple(item.values()) for item in items]
    try:
        return dict(pairs)
    except TypeError:
        return pairs


def _map(schema: ArrowSchema) -> Decode:
    lists = _list(ctypes.c_int32, _child(schema, 0)[1])

    def decode(array: ArrowArray, start: int, count: int) -> list:
        return [None if items is None else _pairs(items) for items in lists(array, start, count)]

    return decode


def _union(schema: ArrowSchema, dense: bool) -> Decode:
    codes = [int(code) for code in schema.format.decode().partition(":")[2].split(",") if code]
    children = [_child(schema, i)[1] for i in range(schema.n_children)]

    def decode(array: ArrowArray, start: int, count: int) -> list:
        first = array.offset + start
        types = _values(array, 0, ctypes.c_int8, first, count)
        places = _values(array, 1, ctypes.c_int32, first, count) if dense else range(first, first + count)
        result = []
        for code, place in zip(types, places):
            index = codes.index(code)
            result += children[index](array.children[index].contents, place, 1)
        return result

    return decode


def _dictionary(schema: ArrowSchema) -> Tuple[str, Decode]:
    name, decode_values = decoder(schema.dictionary.contents)
    indexes = _plain(_NUMBERS[schema.format.decode()][1])

    def decode(array: ArrowArray, start: int, count: int) -> list:
        dictionary = array.dictionary.contents
        used = indexes(array, start, count)
        if dictionary.length <= count:
            values = decode_values(dictionary, 0, dictionary.length)
            return [None if i is None else values[i] for i in used]
        # Of a large dictionary only what is used.
        known: Dict[int, Any] = {i: decode_values(dictionary, i, 1)[0] for i in set(used) if i is not None}
        return [None if i is None else known[i] for i in used]

    return name, decode


def _run_ends(schema: ArrowSchema) -> Tuple[str, Decode]:
    kind = _NUMBERS[schema.children[0].contents.format.decode()][1]
    name, decode_values = _child(schema, 1)

    def decode(array: ArrowArray, start: int, count: int) -> list:
        ends_array, values_array = (array.children[i].contents for i in range(2))
        ends = _values(ends_array, 1, kind, ends_array.offset, ends_array.length)
        values = decode_values(values_array, 0, len(ends))
        position, stop = array.offset + start, array.offset + start + count
        result: list = []
        for end, value in zip(ends, values):
            if end > position:
                result += [value] * (min(end, stop) - position)
                position = min(end, stop)
            if position == stop:
                break
        return result

    return name, decode


# ---- Which decoder. ----


def _extension(schema: ArrowSchema, metadata: Dict[str, str]) -> Optional[Tuple[str, Callable[[bytes], Any]]]:
    name = metadata.get(EXTENSION_NAME)
    if name == "arrow.uuid":
        return "uuid", lambda content: uuid.UUID(bytes=content)
    if name != "arrow.opaque":
        return None
    try:
        opaque = json.loads(metadata.get(EXTENSION_METADATA, ""))
    except ValueError:
        return None
    if opaque.get("vendor_name") != "DuckDB":
        return None
    known = {
        "time_tz": time_tz_of,
        "uhugeint": lambda content: int.from_bytes(content, "little"),
        "hugeint": _signed,
        "bit": bit_of,
        "bignum": bignum_of,
    }
    type_name = opaque.get("type_name")
    return (type_name, known[type_name]) if type_name in known else None


def _of_format(schema: ArrowSchema, format: str, metadata: Dict[str, str]) -> Tuple[str, Decode]:
    if format in _NUMBERS:
        name, kind = _NUMBERS[format]
        return name, _plain(kind)
    if format in ("u", "U"):
        return "string", _text(ctypes.c_int32 if format == "u" else ctypes.c_int64)
    if format[0] == "d":
        whole = metadata.get(SQL_TYPE) == "HUGEINT"
        return "hugeint" if whole else "decimal", _decimal(format, whole)
    if format[0] == "t":
        return _time(format)
    if format.startswith("+"):
        return _nested(schema, format)
    extension = _extension(schema, metadata)
    name, convert = extension if extension else ("binary", None)
    if format in ("z", "Z"):
        return name, _variable(ctypes.c_int32 if format == "z" else ctypes.c_int64, convert)
    if format[0] == "w":
        return name, _wide(int(format[2:]), convert or bytes)
    simple = {
        "n": ("null", _null), "b": ("bool", _bool),
        "e": ("float16", _wide(2, lambda content: struct.unpack("<e", content)[0])),
        "vu": ("string", _views(bytes.decode)), "vz": (name, _views(convert)),
    }
    if format not in simple:
        raise NotSupportedError(f'an Arrow column of format "{format}" has no Python values here; '
                                "take the result as Arrow", "0A000")
    return simple[format]


def _nested(schema: ArrowSchema, format: str) -> Tuple[str, Decode]:
    lists = {"+l": (_list, ctypes.c_int32), "+L": (_list, ctypes.c_int64),
             "+vl": (_list_view, ctypes.c_int32), "+vL": (_list_view, ctypes.c_int64)}
    if format in lists:
        make, kind = lists[format]
        return "list", make(kind, _child(schema, 0)[1])
    if format.startswith("+w:"):
        return "list", _fixed_list(int(format[3:]), _child(schema, 0)[1])
    if format == "+s":
        return "struct", _struct(schema)
    if format == "+m":
        return "map", _map(schema)
    if format == "+r":
        return _run_ends(schema)
    return "union", _union(schema, dense=format.startswith("+ud"))


def decoder(schema: ArrowSchema) -> Tuple[str, Decode]:
    """The type's name, as `Result.description` has it, and what decodes its columns."""
    if schema.dictionary:
        return _dictionary(schema)
    return _of_format(schema, schema.format.decode(), metadata_of(schema))


class RowDecoder:
    """Rows of a batch: of one schema, made once a result."""

    def __init__(self, schema: ArrowSchema) -> None:
        self.columns: List[Tuple[str, str, Decode]] = []
        for i in range(schema.n_children):
            child = schema.children[i].contents
            self.columns.append(((child.name or b"").decode(errors="replace"), *decoder(child)))

    def rows(self, batch: ArrowArray, start: int, count: int) -> List[tuple]:
        columns = []
        for i, (name, _, decode) in enumerate(self.columns):
            try:
                columns.append(decode(batch.children[i].contents, batch.offset + start, count))
            except (OverflowError, ValueError) as error:
                raise DataError(f'column "{name}": a value is beyond Python\'s type ({error}); '
                                "take the result as Arrow, or cast it in SQL", "22003") from None
        return list(zip(*columns))
