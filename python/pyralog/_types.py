"""Values and types that Python's own do not say: intervals, and what DuckDB exports as bytes."""
from __future__ import annotations

import datetime
from typing import NamedTuple

SQL_TYPE = "pyralog.sql_type"
EXTENSION_NAME = "ARROW:extension:name"
EXTENSION_METADATA = "ARROW:extension:metadata"


UUID_EXTENSION = {EXTENSION_NAME: "arrow.uuid", EXTENSION_METADATA: ""}


class Interval(NamedTuple):
    """An INTERVAL that timedelta cannot say: months have no length, and a part may be below a
    microsecond."""

    months: int
    days: int
    nanoseconds: int


class DBAPIType:
    """What PEP 249 calls a type object: equal to each of the type codes of its kind."""

    def __init__(self, name: str, *codes: str) -> None:
        self._name = name
        self._codes = frozenset(codes)

    def __eq__(self, other: object) -> bool:
        return other in self._codes if isinstance(other, str) else self is other

    def __hash__(self) -> int:
        return hash(self._name)

    def __repr__(self) -> str:
        return f"pyralog.{self._name}"


STRING = DBAPIType("STRING", "string", "uuid", "bit")
BINARY = DBAPIType("BINARY", "binary")
NUMBER = DBAPIType("NUMBER", "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64",
                   "hugeint", "uhugeint", "bignum", "float16", "float32", "float64", "decimal")
DATETIME = DBAPIType("DATETIME", "date", "time", "time_tz", "timestamp", "timestamp_tz", "duration", "interval")
ROWID = DBAPIType("ROWID")

_DAY_MICROS = 86400 * 1000000


def time_of(micros: int) -> datetime.time:
    if not 0 <= micros < _DAY_MICROS:  # SQL has 24:00:00
        raise OverflowError("the time of day is beyond datetime.time")
    seconds, fraction = divmod(micros, 1000000)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    return datetime.time(hour, minute, second, fraction)


# ---- TIMETZ: microseconds above 24 bits, the offset from the greatest below, so that it sorts. ----

_OFFSET_MAX = 16 * 3600 - 1


def time_tz_of(content: bytes) -> datetime.time:
    value = int.from_bytes(content, "little")
    zone = datetime.timezone(datetime.timedelta(seconds=_OFFSET_MAX - (value & 0xFFFFFF)))
    return time_of(value >> 24).replace(tzinfo=zone)


# ---- BIGNUM: sign and length in three bytes, then the magnitude, big-endian; all of them inverted
# where the number is negative. ----


def bignum_of(content: bytes) -> int:
    if content[0] & 0x80:
        return int.from_bytes(content[3:], "big")
    return -int.from_bytes(bytes(byte ^ 0xFF for byte in content[3:]), "big")


def bit_of(content: bytes) -> str:
    """'0101': the first byte counts the bits of the second that are not the value's."""
    return bin(int.from_bytes(b"\1" + content[1:], "big"))[3 + content[0]:]
