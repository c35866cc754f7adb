"""Finds libpyralog, loads it once, and says what its functions take.

Only the C API is used (`pyralog.h`). `CDLL` lets go of Python's lock for the length of each call, so
that other threads run while a statement does."""
from __future__ import annotations

import ctypes
import mmap
import os
import pathlib
from ctypes import (POINTER, Structure, c_char, c_char_p, c_double, c_int, c_int32, c_int64, c_size_t,
                    c_void_p)
from typing import Any, Dict, List, Optional, Tuple

from ._errors import Error, InterfaceError, error_of

# ---- The Arrow C Data Interface, as pyralog.h prints it. ----


class ArrowSchema(Structure):
    pass


class ArrowArray(Structure):
    pass


class ArrowArrayStream(Structure):
    pass


RELEASE_SCHEMA = ctypes.CFUNCTYPE(None, POINTER(ArrowSchema))
RELEASE_ARRAY = ctypes.CFUNCTYPE(None, POINTER(ArrowArray))
GET_SCHEMA = ctypes.CFUNCTYPE(c_int, POINTER(ArrowArrayStream), POINTER(ArrowSchema))
GET_NEXT = ctypes.CFUNCTYPE(c_int, POINTER(ArrowArrayStream), POINTER(ArrowArray))
# The text belongs to the stream, so it must not become a Python object by itself: c_void_p.
GET_LAST_ERROR = ctypes.CFUNCTYPE(c_void_p, POINTER(ArrowArrayStream))
RELEASE_STREAM = ctypes.CFUNCTYPE(None, POINTER(ArrowArrayStream))

ArrowSchema._fields_ = [
    ("format", c_char_p),
    ("name", c_char_p),
    ("metadata", c_void_p),  # binary: it holds zero bytes
    ("flags", c_int64),
    ("n_children", c_int64),
    ("children", POINTER(POINTER(ArrowSchema))),
    ("dictionary", POINTER(ArrowSchema)),
    ("release", RELEASE_SCHEMA),
    ("private_data", c_void_p),
]
ArrowArray._fields_ = [
    ("length", c_int64),
    ("null_count", c_int64),
    ("offset", c_int64),
    ("n_buffers", c_int64),
    ("n_children", c_int64),
    ("buffers", POINTER(c_void_p)),
    ("children", POINTER(POINTER(ArrowArray))),
    ("dictionary", POINTER(ArrowArray)),
    ("release", RELEASE_ARRAY),
    ("private_data", c_void_p),
]
ArrowArrayStream._fields_ = [
    ("get_schema", GET_SCHEMA),
    ("get_next", GET_NEXT),
    ("get_last_error", GET_LAST_ERROR),
    ("release", RELEASE_STREAM),
    ("private_data", c_void_p),
]

ARROW_FLAG_NULLABLE = 2

# ---- Structs of pyralog.h. ----

PYR_OK = 0
PYR_ERROR_NOT_FOUND = 3
LEDGER_REASONS_MAX = 16


class PyrError(Structure):
    _fields_ = [
        ("code", c_int),
        ("sqlstate", c_char * 6),
        ("position", c_int32),
        ("message", c_char * 1024),
    ]

    def exception(self) -> Error:
        return error_of(self.sqlstate.decode(), self.message.decode(errors="replace"),
                        self.position if self.position >= 0 else None)


class PyrParams(Structure):
    _fields_ = [("schema", POINTER(ArrowSchema)), ("array", POINTER(ArrowArray))]


class PyrLedgerCopy(Structure):
    _fields_ = [("reason", c_char_p), ("bytes", c_int64)]


class PyrLedger(Structure):
    _fields_ = [
        ("engine", c_char * 16),
        ("rows", c_int64),
        ("elapsed_ms", c_double),
        ("bytes_mapped", c_int64),
        ("bytes_scanned", c_int64),
        ("bytes_referenced", c_int64),
        ("bytes_copied", c_int64),
        ("bytes_decoded", c_int64),
        ("bytes_encoded", c_int64),
        ("bytes_sent", c_int64),
        ("batches_skipped", c_int64),
        ("peak_memory_bytes", c_int64),
        ("copies_count", c_int32),
        ("copies", PyrLedgerCopy * LEDGER_REASONS_MAX),
    ]


class PyrTensor(Structure):
    _fields_ = [
        ("name", c_char_p),
        ("dtype", c_char_p),
        ("rank", c_int32),
        ("shape", POINTER(c_int64)),
        ("size_bytes", c_int64),
        ("offset_bytes", c_int64),
        ("data", c_void_p),
        ("file", c_char_p),
        ("index", c_int64),
        ("tensors", c_void_p),
    ]


# Name, result, arguments without the last one, the error, which those with a result c_int have.
_FUNCTIONS: List[Tuple[str, Any, List[Any]]] = [
    ("pyr_open", c_int, [c_char_p, POINTER(c_char_p), POINTER(c_void_p)]),
    ("pyr_close", None, [c_void_p]),
    ("pyr_connect", c_int, [c_void_p, POINTER(c_void_p)]),
    ("pyr_disconnect", None, [c_void_p]),
    ("pyr_query", c_int, [c_void_p, c_char_p, POINTER(PyrParams), POINTER(ArrowArrayStream)]),
    ("pyr_prepare", c_int, [c_void_p, c_char_p, POINTER(c_void_p)]),
    ("pyr_bind", c_int, [c_void_p, POINTER(PyrParams)]),
    ("pyr_statement_execute", c_int, [c_void_p, POINTER(c_int64)]),
    ("pyr_statement_close", None, [c_void_p]),
    ("pyr_ingest", c_int, [c_void_p, c_char_p, POINTER(ArrowArrayStream), POINTER(c_char_p),
                           POINTER(c_int64)]),
    ("pyr_cancel", None, [c_void_p]),
    ("pyr_ledger", None, [c_void_p, POINTER(PyrLedger)]),
    ("pyr_notices", c_size_t, [c_void_p, c_char_p, c_size_t]),
    ("pyr_tensors_open", c_int, [c_void_p, c_char_p, POINTER(c_void_p)]),
    ("pyr_tensors_count", c_int64, [c_void_p]),
    ("pyr_tensors_get", None, [c_void_p, c_int64, POINTER(PyrTensor)]),
    ("pyr_tensors_find", c_int, [c_void_p, c_char_p, POINTER(PyrTensor)]),
    ("pyr_tensors_check", c_int, [c_void_p]),
    ("pyr_tensor_dlpack", c_int, [POINTER(PyrTensor), POINTER(c_void_p)]),
    ("pyr_tensor_dlpack_unversioned", c_int, [POINTER(PyrTensor), POINTER(c_void_p)]),
    ("pyr_tensors_close", None, [c_void_p]),
]

# ---- Where it is. ----

_NAME = "libpyralog.so"
_MAJOR = "libpyralog.so.0"
_CHECKOUT = "a build of this checkout"


def _candidates() -> List[Tuple[str, str]]:
    """(what to load, why there), in order."""
    chosen = os.environ.get("PYRALOG_LIBRARY")
    if chosen:
        return [(chosen, "PYRALOG_LIBRARY")]  # who names one means that one
    here = pathlib.Path(__file__).resolve().parent
    found = [(str(here / name), "beside the package") for name in (_MAJOR, _NAME)]
    found.append((_MAJOR, "the system's loader"))
    # ctypes.util.find_library would start compilers to find no more than that: a name of another major.
    root = here.parent.parent
    if (root / "include" / "pyralog.h").is_file():
        folders = ["release", *sorted(p.name for p in (root / "build").glob("*")
                                      if p.name != "release")]
        found += [(str(root / "build" / folder / _NAME), _CHECKOUT)
                  for folder in folders]
    return found


def _sanitizer(path: str) -> Optional[str]:
    """The sanitizer a file was built with and this process has not: loading it would end us."""
    try:
        loaded = pathlib.Path("/proc/self/maps").read_text()
        with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            for name in ("libasan.so", "libtsan.so"):
                if name not in loaded and content.find(name.encode()) >= 0:
                    return name
    except (OSError, ValueError):  # ValueError: an empty file cannot be mapped
        pass
    return None


def _load() -> Tuple[ctypes.CDLL, str]:
    tried = []
    for path, why in _candidates():
        if os.sep in path:
            if not os.path.exists(path):
                tried.append(f"{path} ({why}): it is not there")
                continue
            # Only of what nobody chose: who names a sanitized one is told by it what it needs.
            missing = _sanitizer(path) if why == _CHECKOUT else None
            if missing:
                tried.append(f"{path} ({why}): it needs {missing} in LD_PRELOAD")
                continue
        try:
            return ctypes.CDLL(path), path
        except OSError as error:
            tried.append(f"{path} ({why}): {error}")
    places = "".join(f"\n  {line}" for line in tried)
    raise ImportError(f"libpyralog was not found; set PYRALOG_LIBRARY to its path. Looked at:{places}")


def _declare(library: ctypes.CDLL, path: str) -> None:
    for name, result, arguments in _FUNCTIONS:
        try:
            function = getattr(library, name)
        except AttributeError:
            raise ImportError(f"{path} has no {name}: it is an older libpyralog than this package "
                              "is for") from None
        function.restype = result
        function.argtypes = arguments + ([POINTER(PyrError)] if result is c_int else [])
    library.pyr_version.restype = c_char_p
    library.pyr_version.argtypes = []


lib, library_path = _load()
_declare(lib, library_path)


def call(function: Any, *arguments: Any) -> None:
    """Calls a function that may fail; raises what it says."""
    error = PyrError()
    if function(*arguments, ctypes.byref(error)) != PYR_OK:
        raise error.exception()


def text_argument(text: str, what: str) -> bytes:
    """A text as the C API takes it, which ends at the first zero byte: one inside is refused, as the
    rest would be lost."""
    if not isinstance(text, str):
        raise TypeError(f"{what} must be a str, not {type(text).__name__}")
    if "\0" in text:
        raise InterfaceError(f"{what} must not contain a zero byte", "22021")
    return text.encode()


def path_argument(path: Any, what: str) -> bytes:
    """A path as the file system's bytes."""
    encoded = os.fsencode(path)
    if b"\0" in encoded:
        raise InterfaceError(f"{what} must not contain a zero byte", "22021")
    return encoded


def options_argument(options: Dict[str, Any]) -> Any:
    """NULL-terminated "name=value" texts; True and False are "true" and "false"."""
    texts = []
    for name, value in options.items():
        shown = ("false", "true")[value] if isinstance(value, bool) else str(value)
        texts.append(text_argument(f"{name}={shown}", "an option"))
    return (c_char_p * (len(texts) + 1))(*texts, None)
