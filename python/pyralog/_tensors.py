"""Tensors of a model as views of its mapped files, handed on by DLPack."""
from __future__ import annotations


import threading
from collections.abc import Mapping
from ctypes import CFUNCTYPE, byref, c_void_p
from typing import TYPE_CHECKING, Any, Iterator, Optional, Tuple

from . import _capsule
from ._errors import Error, InterfaceError
from ._library import PYR_ERROR_NOT_FOUND, PyrError, PyrTensor, call, lib

if TYPE_CHECKING:
    from numpy import ndarray

_CPU = (1, 0)  # kDLCPU and its only device
_FIRST_VERSIONED = (1, 0)  # of DLPack

# Where the deleter stands: behind version and manager_ctx in DLManagedTensorVersioned, behind the
# DLTensor and manager_ctx in DLManagedTensor.
_DELETER_OFFSET = {_capsule.DLPACK: 16, _capsule.DLPACK_OLD: 56}
_DELETER = CFUNCTYPE(None, c_void_p)

# Types that numpy has no name for, as ml_dtypes calls them, and one of numpy's of their width.
_ML_DTYPES = {
    "BF16": ("bfloat16", "<u2"),
    "F8_E4M3": ("float8_e4m3fn", "|u1"),
    "F8_E5M2": ("float8_e5m2", "|u1"),
    "F8_E8M0": ("float8_e8m0fnu", "|u1"),
    "F8_E4M3FNUZ": ("float8_e4m3fnuz", "|u1"),
    "F8_E5M2FNUZ": ("float8_e5m2fnuz", "|u1"),
}


def _delete(managed: int, name: bytes) -> None:
    deleter = c_void_p.from_address(managed + _DELETER_OFFSET[name]).value
    if deleter:
        _DELETER(deleter)(managed)


class Tensors(Mapping):
    """The tensors of a model: a mapping of names to `Tensor`, in the files' order.

    It outlives its connection; what was handed on by DLPack, and numpy's arrays, outlive it."""

    def __init__(self, connection: c_void_p, name_or_path: bytes) -> None:
        self._pointer = c_void_p()
        self._lock = threading.RLock()  # what is asked against close
        call(lib.pyr_tensors_open, connection, name_or_path, byref(self._pointer))
        self._count: int = lib.pyr_tensors_count(self._pointer)

    def _open(self) -> c_void_p:
        if not self._pointer:
            raise InterfaceError("the tensors are closed")
        return self._pointer

    def _at(self, index: int) -> "Tensor":
        found = PyrTensor()
        with self._lock:
            lib.pyr_tensors_get(self._open(), index, byref(found))
            return Tensor(self, found)

    def __getitem__(self, name: str) -> "Tensor":
        found, error = PyrTensor(), PyrError()
        if not isinstance(name, str) or "\0" in name:
            raise KeyError(name)
        with self._lock:
            if lib.pyr_tensors_find(self._open(), name.encode(), byref(found), byref(error)) == 0:
                return Tensor(self, found)
        if error.code == PYR_ERROR_NOT_FOUND:
            raise KeyError(str(error.exception()))
        raise error.exception()

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[str]:
        for index in range(self._count):
            found = PyrTensor()
            with self._lock:
                lib.pyr_tensors_get(self._open(), index, byref(found))
                name = found.name.decode()
            yield name

    def _find(self, name: object) -> Optional["Tensor"]:
        """Without an error, whose message looks for names that are like it."""
        if not isinstance(name, str) or "\0" in name:
            return None
        found = PyrTensor()
        with self._lock:
            status = lib.pyr_tensors_find(self._open(), name.encode(), byref(found), None)
            return Tensor(self, found) if status == 0 else None

    def __contains__(self, name: object) -> bool:
        return self._find(name) is not None

    def get(self, name: str, default: Any = None) -> Any:
        tensor = self._find(name)
        return default if tensor is None else tensor

    @property
    def nbytes(self) -> int:
        """Bytes of all tensors together."""
        return sum(tensor.nbytes for tensor in self.values())

    def check(self) -> None:
        """Raises an OperationalError where a page that was read until now could not be brought from
        its file (which was cut, or whose disk is gone) and read as zeros."""
        with self._lock:
            call(lib.pyr_tensors_check, self._open())

    def close(self) -> None:
        """Ends the views. What was handed on stays. Twice is once."""
        with self._lock:
            pointer, self._pointer = self._pointer, c_void_p()
            if pointer:
                lib.pyr_tensors_close(pointer)

    def __del__(self) -> None:
        if getattr(self, "_pointer", None):
            self.close()

    def __enter__(self) -> "Tensors":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<pyralog.Tensors: {self._count} tensors>"


class Tensor:
    """A tensor as it lies in its file: read-only, dense, in C order."""

    def __init__(self, tensors: Tensors, found: PyrTensor) -> None:
        self._tensors = tensors
        self._found = found
        self.name: str = found.name.decode()
        #: As Safetensors writes it: "F32", "BF16", "I64".
        self.dtype: str = found.dtype.decode()
        self.shape: Tuple[int, ...] = tuple(found.shape[:found.rank]) if found.rank else ()
        self.nbytes: int = found.size_bytes
        #: From the start of `file`.
        self.offset_bytes: int = found.offset_bytes
        self.file: str = found.file.decode(errors="surrogateescape")

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def data_ptr(self) -> int:
        """The address in the file's mapping; it holds as long as the tensors are open."""
        with self._tensors._lock:
            self._tensors._open()
            return self._found.data or 0

    # ---- DLPack. ----

    def _managed(self, function: Any = lib.pyr_tensor_dlpack) -> int:
        managed = c_void_p()
        with self._tensors._lock:
            self._tensors._open()
            try:
                call(function, byref(self._found), byref(managed))
            except Error as error:
                raise BufferError(str(error)) from None
        assert managed.value
        return managed.value

    def __dlpack__(self, *, stream: Any = None, max_version: Optional[Tuple[int, int]] = None,
                   dl_device: Optional[Tuple[int, int]] = None, copy: Optional[bool] = None) -> object:
        """The tensor as a DLPack capsule, by reference: "dltensor_versioned", which says that it is
        read-only, or for a consumer that gives no max_version the old "dltensor", which cannot say it:
        such a consumer must not write."""
        if stream is not None:
            raise BufferError("a tensor in the CPU's memory has no stream")
        if dl_device is not None and tuple(dl_device) != _CPU:
            raise BufferError(f"device {dl_device}: the tensor is in the CPU's memory, {_CPU}")
        if copy:
            raise BufferError("tensors are handed on by reference: copy it where it arrives")
        if max_version is not None and tuple(max_version) >= _FIRST_VERSIONED:
            managed, name = self._managed(), _capsule.DLPACK
        else:
            managed, name = self._managed(lib.pyr_tensor_dlpack_unversioned), _capsule.DLPACK_OLD

        def free(capsule: object) -> None:
            if _capsule.holds(capsule, name):  # nobody took it: takers give it another name
                _delete(managed, name)

        return _capsule.new(managed, name, free)

    def __dlpack_device__(self) -> Tuple[int, int]:
        return _CPU

    # ---- numpy. ----

    def numpy(self) -> "ndarray":
        """A numpy array, by reference and read-only. BF16 and the F8 types need ml_dtypes."""
        import numpy

        if self.dtype not in _ML_DTYPES:
            return numpy.from_dlpack(self)
        try:
            import ml_dtypes
        except ImportError:
            raise TypeError(f"numpy has no {self.dtype}: install ml_dtypes, or give the tensor to torch or jax "
                            "by from_dlpack") from None
        name, plain = _ML_DTYPES[self.dtype]
        return numpy.asarray(_Bytes(self, plain)).view(getattr(ml_dtypes, name))

    def __array__(self, dtype: Any = None, copy: Optional[bool] = None) -> "ndarray":
        array = self.numpy()
        if dtype is not None and array.dtype != dtype:
            if copy is False:
                raise ValueError(f"{array.dtype} as {dtype} needs a copy")
            return array.astype(dtype)
        return array.copy() if copy else array

    def __repr__(self) -> str:
        return f"<pyralog.Tensor {self.name!r}: {self.dtype} {list(self.shape)}>"


class _Bytes:
    """A tensor's bytes as numpy's array interface has it; numpy keeps this, and this the mapping."""

    def __init__(self, tensor: Tensor, typestr: str) -> None:
        self._managed = tensor._managed()
        self.__array_interface__ = {"version": 3, "typestr": typestr, "shape": tensor.shape,
                                    "data": (tensor.data_ptr, True)}

    def __del__(self) -> None:
        if getattr(self, "_managed", 0):
            _delete(self._managed, _capsule.DLPACK)
