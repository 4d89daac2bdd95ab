"""Pickles of arrays, Python's own containers and known estimators, read without running code.

The unpickler is Python's own in Python, whose steps can be narrowed: a function is called only if it stands in the
table of `_pickle_calls`, a class only makes empty instances, and attributes are set only on those. numpy and
scikit-learn believe what a state says about memory; where they do, the state is looked at. What the steps go through
and copy is counted, and stays within a multiple of the octets that were read.
"""

from __future__ import annotations

import importlib
import pickle
import re
import struct
import warnings
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, BinaryIO, ClassVar

import numpy as np

from netml.errors import DamagedFileError, NetmlError
from netml.files.pickle_calls import FUNCTIONS, make_instance
from netml.files.pickle_states import check_array_state, check_dtype, check_dtype_state, check_keys, check_seed, refuse
from netml.files.sound_models import check_arrays, has_sound_bits
from netml.files.trusted_types import TREE, TRUSTED_TYPES, missing_package, name_of, untrusted_types


def unpickle(stream: BinaryIO, name: str, trust: bool) -> Any:
    """Unpickle a file; `name` is its path, for the errors.

    `trust` runs code in the file. Otherwise `UntrustedFileError` if it holds anything but numpy arrays, Python's own
    containers and known estimators. `DamagedFileError` if it is no pickle, cut, or of a library's version that the one
    here cannot read.
    """
    with warnings.catch_warnings():
        # Of an estimator of another version of scikit-learn: whether it works shows at once.
        warnings.filterwarnings("ignore", "Trying to unpickle estimator")
        try:
            return pickle.load(stream) if trust else _SafeUnpickler(stream, name).load_checked()
        except (NetmlError, OSError):
            raise
        except Exception as error:
            # A damaged pickle fails in many ways, with messages that tell a user nothing.
            raise DamagedFileError(name, _reason(stream, error)) from error


def _reason(stream: BinaryIO, error: Exception) -> str:
    """Describe what is wrong: another version of scikit-learn, if the file names one, or damage."""
    if (reason := missing_package(error)) is not None:
        return reason
    from importlib import metadata  # slow to load

    content = stream.read() if stream.seekable() and stream.seek(0) == 0 else b""
    found = re.search(rb"_sklearn_version.{1,24}?(\d+\.\d+[\w.]*)", content, re.DOTALL)
    there, here = found[1].decode() if found else "", metadata.version("scikit-learn")
    if there in ("", here):
        return "not a pickle, or a damaged one"
    text = " ".join(str(error).split())[:120] or type(error).__name__
    return f"written with scikit-learn {there}, which {here} cannot read: {text}; use that version, or train it again"


# Names that a pickle may hold without calling them, besides the trusted types.
_NAMES = {
    ("numpy", "ndarray"),
    ("builtins", "object"),
    ("numpy.random._mt19937", "MT19937"),
    ("numpy.random._pcg64", "PCG64"),
    ("numpy.random.bit_generator", "SeedSequence"),
}

# Types whose state a pickle may set, besides the trusted types.
_RANDOM = {
    *("numpy.random.mtrand.RandomState", "numpy.random._generator.Generator"),
    *("numpy.random._mt19937.MT19937", "numpy.random._pcg64.PCG64"),
}
_SEED = "numpy.random.bit_generator.SeedSequence"
_WITH_STATE = {"numpy.ndarray", "numpy.dtype", _SEED, *_RANDOM}

_STRANGE = (
    *(pickle.NEWOBJ_EX, pickle.INST, pickle.OBJ, pickle.EXT1, pickle.EXT2, pickle.EXT4),
    *(pickle.NEXT_BUFFER, pickle.READONLY_BUFFER),
)
_OLD_MODULES = {"copy_reg": "copyreg", "__builtin__": "builtins"}  # Python 2's, written by protocols 0 to 2
_CONTAINERS = (list, tuple, dict, set, frozenset, OrderedDict)
_CHUNK_BYTES, _KEYS_AT_ONCE = 1 << 20, 256
# Octets that may be gone through and copied for each octet read, and in a small file; what an item and a call count.
_WORK_PER_BYTE, _SMALL_WORK, _ITEM_BYTES, _CALL_BYTES = 32, 4 << 20, 8, 256


class _ChunkReader:
    """A file read in chunks, so that memory is allocated for octets that are there, not for a length in the file."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.n_bytes = 0

    def read(self, size: int) -> bytes:
        chunks = []
        while size > 0 and (chunk := self._stream.read(min(size, _CHUNK_BYTES))):
            chunks.append(chunk)
            size -= len(chunk)
            self.n_bytes += len(chunk)
        if size > 0:
            raise EOFError
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)

    def readline(self) -> bytes:
        line = self._stream.readline()
        self.n_bytes += len(line)
        return line


class _SafeUnpickler(pickle._Unpickler):
    """Unpickler of arrays, containers and known estimators; it names anything else that the file holds."""

    dispatch: ClassVar[dict[int, Any]] = dict(pickle._Unpickler.dispatch)

    # Of the class in Python, which the type stubs leave out.
    stack: list[Any]
    pop_mark: Callable[[], list[Any]]
    read: Callable[[int], bytes]
    append: Callable[[Any], None]

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self._chunks = _ChunkReader(stream)
        super().__init__(self._chunks)
        self._name = name
        self._n_worked = 0
        self._functions: dict[int, Any] = {}  # that were named and may be called, by identity
        self._with_state: dict[int, Any] = {}  # kept, so that no other object gets the same id
        self._has_estimators = False

    def load_checked(self) -> Any:
        """Unpickle, and check the arrays of compiled estimators."""
        found = self.load()
        self._count([found])
        if self._has_estimators:
            check_arrays(found)
        return found

    def find_class(self, module: str, name: str) -> Any:
        module = _OLD_MODULES.get(module, module)
        is_type = f"{module}.{name}" in TRUSTED_TYPES
        if not is_type and (module, name) not in FUNCTIONS and (module, name) not in _NAMES:
            raise untrusted_types(self._name, [f"{module}.{name}"])
        self._has_estimators |= is_type
        found = FUNCTIONS.get((module, name))
        if found is None:
            found = getattr(importlib.import_module(module), name)
        else:
            self._functions[id(found)] = found
        return found

    def _count(self, items: Any, n_bytes: int = 0) -> None:
        """Count what a step goes through: containers as often as they are held, which may be 2^60 times."""
        limit = _SMALL_WORK + _WORK_PER_BYTE * self._chunks.n_bytes
        self._n_worked += n_bytes
        waiting = [items]
        while waiting and self._n_worked <= limit:
            found = waiting.pop()
            self._n_worked += _ITEM_BYTES * (len(found) + 1)
            if self._n_worked <= limit:
                parts = [*found, *found.values()] if isinstance(found, dict) else found
                waiting.extend(part for part in parts if type(part) in _CONTAINERS)
        if self._n_worked > limit:
            refuse("more than its octets can hold")

    def _settle(self, parts: Any) -> None:
        """Refuse a new state of dtypes that an array has been made of: it would change the array's memory, too."""
        self._with_state.update((id(part), part) for part in parts if isinstance(part, np.dtype))

    def _load_reduce(self) -> None:
        arguments = self.stack.pop()
        function = self.stack[-1]
        if id(function) not in self._functions or type(arguments) is not tuple:
            refuse("calls what is no known function")
        self._count(arguments, _CALL_BYTES + sum(len(each) for each in arguments if isinstance(each, bytes | str)))
        self._settle(arguments)
        made = self.stack[-1] = function(*arguments)
        # An array of octets that are there has its state.
        if isinstance(made, np.ndarray) and made.base is not None:
            self._with_state[id(made)] = made

    def _load_new(self) -> None:
        arguments = self.stack.pop()
        kind = self.stack.pop()
        if type(arguments) is not tuple or arguments:
            refuse("only empty instances are made")
        self._count((), _CALL_BYTES)
        self.append(make_instance(kind))

    def _load_build(self) -> None:
        state, target = self.stack[-1], self.stack[-2]
        kind = "numpy.dtype" if isinstance(target, np.dtype) else name_of(type(target))
        if kind not in _WITH_STATE and kind not in TRUSTED_TYPES:
            refuse(f"sets the state of a {kind}")
        # Once: a second, larger state would be written over the end of the first one's memory.
        if id(target) in self._with_state:
            refuse(f"sets the state of a {kind} twice")
        self._with_state[id(target)] = target
        if not hasattr(target, "__setstate__") and not isinstance(state, dict):
            refuse(f"sets a {kind} to no dict")
        self._check_state(kind, target, state)
        pickle._Unpickler.dispatch[pickle.BUILD[0]](self)  # type: ignore[arg-type]
        if isinstance(target, np.dtype):
            check_dtype(target)
            self._settle([target.base, *(each[0] for each in dict(target.fields or {}).values())])
        elif kind in _RANDOM and not has_sound_bits(target):
            refuse("random bits from beyond their words")

    def _check_state(self, kind: str, target: Any, state: Any) -> None:
        if kind == "numpy.ndarray":
            check_array_state(state)
            # Objects in fields are made of what is in the list; others are only held.
            in_list = state[4] if state[2].names is not None else state[4][:0]
            self._count(in_list if isinstance(in_list, list) else (), len(state[4]))
            self._settle(state)
            return
        if isinstance(target, np.dtype):
            check_dtype_state(target, state)
        elif kind == _SEED:
            check_seed(state)
        copied = state.values() if kind == TREE and isinstance(state, dict) else ()
        self._count([state], sum(each.nbytes for each in copied if isinstance(each, np.ndarray)))

    def _load_items(self) -> None:
        self._add(self.pop_mark())

    def _add(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if type(target) is list:
            target.extend(items)
        elif type(target) is set:
            # In chunks, here and below: hashes may collide, and signals wait for the end of each.
            for start in range(0, len(items), _KEYS_AT_ONCE):
                chunk = items[start : start + _KEYS_AT_ONCE]
                check_keys(chunk)
                target.update(chunk)
        elif type(target) in (dict, OrderedDict):
            for start in range(0, len(items), 2 * _KEYS_AT_ONCE):
                chunk = items[start : start + 2 * _KEYS_AT_ONCE]
                check_keys(chunk[::2])
                target.update(zip(chunk[::2], chunk[1::2], strict=True))
        else:
            refuse("adds to what is no container")

    def _load_dict(self) -> None:
        items = self.pop_mark()
        self.append({})
        self._add(items)

    def _load_frozenset(self) -> None:
        items = self.pop_mark()
        check_keys(items)
        self.append(frozenset(items))

    def _load_bytearray(self) -> None:
        (length,) = struct.unpack("<Q", self.read(8))
        self.append(bytearray(self.read(length)))

    def _load_append(self) -> None:
        item = self.stack.pop()
        self._add([item])

    def _load_setitem(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self._add([key, value])

    def _refuse(self) -> None:
        refuse("a step that pickles of Python 3 do not take")


_SafeUnpickler.dispatch.update(
    {
        pickle.REDUCE[0]: _SafeUnpickler._load_reduce,
        pickle.NEWOBJ[0]: _SafeUnpickler._load_new,
        pickle.BUILD[0]: _SafeUnpickler._load_build,
        pickle.APPEND[0]: _SafeUnpickler._load_append,
        pickle.SETITEM[0]: _SafeUnpickler._load_setitem,
        pickle.DICT[0]: _SafeUnpickler._load_dict,
        pickle.FROZENSET[0]: _SafeUnpickler._load_frozenset,
        pickle.BYTEARRAY8[0]: _SafeUnpickler._load_bytearray,
        **{code[0]: _SafeUnpickler._load_items for code in (pickle.APPENDS, pickle.ADDITEMS, pickle.SETITEMS)},
        **{code[0]: _SafeUnpickler._refuse for code in _STRANGE},
    }
)
