"""PyCapsules without a compiler: C structs handed to other libraries.

A capsule's destructor would have to be a Python function here, and it would run wherever the last
reference goes, often with an exception on its way, which Python code must not run under (a consumer
that refuses a tensor raises first and drops the capsule then: its message would be lost). So capsules
have no destructor. They are kept here instead, and whoever finds that nobody else holds one any more
frees what it stands for: at the next export, at each garbage collection, at the end of the process.

What a consumer has taken is out of the capsule (a stream's release is NULL, a tensor's capsule has
another name) and belongs to that consumer alone: its end needs nothing of this file."""
from __future__ import annotations

import atexit
import ctypes
import gc
import sys
import threading
from ctypes import c_char_p, c_int, c_void_p, py_object
from typing import Callable, List, Optional

# Prototypes of our own: attributes of ctypes.pythonapi are everybody's.
_new = ctypes.PYFUNCTYPE(py_object, c_void_p, c_char_p, c_void_p)(("PyCapsule_New", ctypes.pythonapi))
_is_valid = ctypes.PYFUNCTYPE(c_int, py_object, c_char_p)(("PyCapsule_IsValid", ctypes.pythonapi))
_get_pointer = ctypes.PYFUNCTYPE(c_void_p, py_object, c_char_p)(
    ("PyCapsule_GetPointer", ctypes.pythonapi))

# A capsule points to its name, which must outlive it: these live as long as the module does.
STREAM = b"arrow_array_stream"
SCHEMA = b"arrow_schema"
ARRAY = b"arrow_array"
DLPACK = b"dltensor_versioned"
DLPACK_OLD = b"dltensor"
_names = {name: ctypes.create_string_buffer(name) for name in (STREAM, SCHEMA, ARRAY, DLPACK, DLPACK_OLD)}


class _Held:
    """A capsule that was handed out, and how to free what it stands for."""

    __slots__ = ("capsule", "free")

    def __init__(self, capsule: object, free: Callable[[Optional[object]], None]) -> None:
        self.capsule = capsule
        self.free = free


def _references(held: _Held) -> int:
    return sys.getrefcount(held.capsule)


_held: List[_Held] = []
# Not waited for: the collector may come while this very thread is in here.
_lock = threading.Lock()
_ALONE = _references(_Held(object(), lambda capsule: None))  # what is counted where nobody else holds it


def new(pointer: int, name: bytes, free: Callable[[object], None]) -> object:
    """A capsule. free(capsule) is called once when nobody holds it any more, taken or not."""
    sweep()
    capsule = _new(pointer, ctypes.cast(_names[name], c_char_p), None)
    _held.append(_Held(capsule, free))
    return capsule


def holds(capsule: object, name: bytes) -> bool:
    """Whether it is a capsule of that name, so: whether nobody has taken what is in it."""
    return bool(_is_valid(capsule, name))


def pointer_of(capsule: object, name: bytes) -> int:
    """Raises ValueError where it is no capsule of that name."""
    return _get_pointer(capsule, name)


def sweep() -> None:
    """Frees what nobody can take any more."""
    if not _held or not _lock.acquire(blocking=False):
        return
    try:
        dead = [held for held in list(_held) if _references(held) == _ALONE]
        for held in dead:
            _held.remove(held)
    finally:
        _lock.release()
    for held in dead:
        held.free(held.capsule)


def _at_collection(phase: str, info: dict) -> None:
    if phase == "stop":
        sweep()


def _at_exit() -> None:
    gc.callbacks.remove(_at_collection)
    sweep()


gc.callbacks.append(_at_collection)
atexit.register(_at_exit)
