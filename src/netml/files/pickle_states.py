"""Checks of the keys, arrays, dtypes and seeds in a pickle, before Python and numpy act on them.

Each check raises UnpicklingError. Both trust a pickle: they read as many objects as a shape says, divide by an
alignment, go through graphs of any size.
"""

from __future__ import annotations

import math
import pickle
from collections.abc import Iterable, Iterator
from typing import Any, NoReturn

import numpy as np

MAX_EMPTY = 1 << 20  # items that take no memory: of a range, of an array whose items have no octets
_MAX_KEY_PARTS = 1000  # of a tuple that is hashed
_MAX_KEY = 1 << 60  # larger whole numbers are hashed by their remainder, so that any number of them could collide
_MAX_DTYPE_PARTS = 1000
_ALIGNMENTS = (1, 2, 4, 8, 16)
# Byte order, subarray, names, fields, size, alignment, flags; behind the version.
_DTYPE_STATE: tuple[Any, ...] = (int, str, (tuple, type(None)), (tuple, type(None)), (dict, type(None)), int, int, int)


def refuse(reason: str) -> NoReturn:
    """Raise UnpicklingError; users read that the file is damaged."""
    raise pickle.UnpicklingError(reason)


def check_keys(keys: Iterable[Any]) -> None:
    """Refuse what would be hashed or compared without end.

    The hash of a tuple goes through all that it holds, as often as it holds it: a few octets describe a tuple of
    2^60 parts.
    """
    for key in keys:
        waiting, n_parts = [key], 0
        while waiting:
            part = waiting.pop()
            n_parts += 1
            if type(part) is tuple and len(part) <= _MAX_KEY_PARTS and n_parts <= _MAX_KEY_PARTS:
                waiting.extend(part)
            elif type(part) is int:
                if not -_MAX_KEY < part < _MAX_KEY:
                    refuse("a key that is too large a number")
            elif not isinstance(part, str | bytes | float | bool | np.generic | None):
                refuse("a key that is neither a scalar nor a small tuple")


def check_seed(state: Any) -> None:
    """Refuse a seed's state that holds anything but numbers."""
    if not isinstance(state, tuple):
        refuse("a seed of no state")
    for each in state:
        is_array = type(each) is np.ndarray and not each.dtype.hasobject
        if not is_array and not all(_is_number(part) for part in (each if isinstance(each, list | tuple) else [each])):
            refuse("a seed that is not made of numbers")


def _is_number(value: Any) -> bool:
    return value is None or isinstance(value, int | np.integer)


def check_shape(shape: Any, dtype: np.dtype[Any], content: Any) -> None:
    """Refuse an array that says it is larger or smaller than its content."""
    if not isinstance(shape, tuple) or not all(type(each) is int and each >= 0 for each in shape):
        refuse("a shape that is none")
    per_item = 1 if isinstance(content, list) else dtype.itemsize
    if math.prod(shape) * per_item != len(content):
        refuse("an array that does not fit its content")
    if math.prod(each or 1 for each in shape) > max(len(content), MAX_EMPTY):
        refuse("a large array without content")


def check_array_state(state: Any) -> None:
    """Refuse the state of an array that does not fit its content.

    numpy reads as many objects as the shape says, however many the list has, and frees what arrays hold of each other
    one within the other, until the stack is full.
    """
    if not isinstance(state, tuple) or len(state) != 5:
        refuse("an array of a state that is none")
    _, shape, dtype, _, content = state
    if not isinstance(dtype, np.dtype) or type(content) not in ((list,) if dtype.hasobject else (bytes, str)):
        refuse("an array without content")
    check_shape(shape, dtype, content)
    if dtype.hasobject and any(isinstance(each, np.ndarray) and each.dtype.hasobject for each in content):
        refuse("objects in arrays in arrays")


def check_dtype_state(dtype: np.dtype[Any], state: Any) -> None:
    """Refuse a dtype's state that is not of the form that numpy writes: it takes others unseen, and follows them."""
    # A date's unit is in its metadata.
    kinds = (*_DTYPE_STATE, tuple if dtype.kind in "mM" else (dict, type(None)))
    is_form = isinstance(state, tuple) and (len(state), *state[:1]) in ((8, 3), (9, 4))
    if not is_form or not all(map(isinstance, (*state, None)[: len(kinds)], kinds)):
        refuse("a dtype of a state that is none")


def check_dtype(dtype: np.dtype[Any]) -> None:
    """Refuse a dtype whose flags and sizes are not those that its parts give.

    A state may say of Python objects that they are plain bytes: the bytes of the file would be taken for pointers.
    """
    parts = _parts_of(dtype)
    for n_parts, part in enumerate(parts):
        if n_parts > _MAX_DTYPE_PARTS or not _is_sound(part):
            refuse("a dtype that lies about its memory")


def _parts_of(dtype: np.dtype[Any]) -> Iterator[np.dtype[Any]]:
    waiting = [dtype]
    while waiting:
        part = waiting.pop()
        yield part
        if part.subdtype is not None:
            waiting.append(part.subdtype[0])
        elif part.names is not None:
            waiting.extend(each[0] for each in dict(part.fields or {}).values())


def _is_sound(dtype: np.dtype[Any]) -> bool:
    """Return True if a dtype's flags and sizes are those that its direct parts give."""
    if dtype.alignment not in _ALIGNMENTS:  # numpy divides by it
        return False
    if dtype.subdtype is not None:
        base, shape = dtype.subdtype
        return _is_like(dtype, np.dtype((base, shape)))
    if dtype.names is None:
        return not dtype.fields and _is_like(dtype, np.dtype(dtype.str))
    fields = dict(dtype.fields or {})
    # A field that is not among the names can still be asked for.
    if len(fields) != len(dtype.names):
        return False
    parts = [fields[name][:2] for name in dtype.names]
    formats, offsets = [part for part, _ in parts], [offset for _, offset in parts]
    layout = {"names": dtype.names, "formats": formats, "offsets": offsets, "itemsize": dtype.itemsize}
    return _is_like(dtype, np.dtype(layout))  # type: ignore[call-overload]


def _is_like(dtype: np.dtype[Any], honest: np.dtype[Any]) -> bool:
    is_aligned = 0x80  # of all flags the one that is about the fields' places, and none of memory's
    return (dtype.itemsize, dtype.flags | is_aligned) == (honest.itemsize, honest.flags | is_aligned)
