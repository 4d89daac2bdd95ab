"""The calls that a pickle may ask for, each replaced by a function that takes only what picklers write.

The results are no larger than the pickle's own octets, and hold nothing that leads compiled code out of its bounds.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from netml.files.pickle_states import MAX_EMPTY, check_keys, check_seed, check_shape, refuse
from netml.files.trusted_types import TRUSTED_TYPES, name_of

_DTYPE_TEXT = re.compile(r"[<>|=]?[?bBhHiIlLqQefdgFDGSUVOMm]\d{0,10}|[<>|=]?[biufc]\d{1,2}")


def _make_set(kind: Callable[..., Any], items: Any = ()) -> Any:
    """Stand in for `set` and `frozenset`, which would go through a range of any length."""
    if type(items) not in (list, tuple):
        refuse("a set that is not made of a list")
    check_keys(items)
    return kind(items)


def _make_bytes() -> bytes:
    """Stand in for `bytes`, which only the empty ones are written with."""
    return b""


def _make_bytearray(content: Any = b"", encoding: Any = "latin-1") -> bytearray:
    """Stand in for `bytearray`, which would take a length."""
    if isinstance(content, str) and encoding == "latin-1":
        content = content.encode("latin-1")
    if type(content) is not bytes:
        refuse("a bytearray that is not made of bytes")
    return bytearray(content)


def _make_range(*limits: Any) -> range:
    """Stand in for `range`: what goes through one later goes through all of it."""
    made = range(*limits)
    # Not len(), which has its own limit; a difference is exact.
    if abs(made.stop - made.start) // abs(made.step) > MAX_EMPTY:
        refuse("a range that is too long")
    return made


def _make_slice(*limits: Any) -> slice:
    """Stand in for `slice`: one within another, and so on, would end the process when they are freed."""
    if not all(limit is None or type(limit) is int for limit in limits):
        refuse("a slice that is not made of numbers")
    return slice(*limits)


def _make_complex(*parts: Any) -> complex:
    """Stand in for `complex`."""
    if not all(type(part) in (int, float) for part in parts):
        refuse("a complex number that is not made of numbers")
    return complex(*parts)


def _make_ordered_dict() -> OrderedDict[Any, Any]:
    """Stand in for `OrderedDict`: the items come in later steps, where the keys are checked."""
    return OrderedDict()


def _encode_latin1(text: str, encoding: str) -> bytes:
    """Stand in for `_codecs.encode`, which old pickles of arrays call, always with latin1."""
    if type(text) is not str or encoding != "latin1":
        refuse("an unexpected encoding")
    return text.encode("latin1")


def _make_dtype(text: str, align: bool = False, copy: bool = False) -> np.dtype[Any]:
    """Stand in for `numpy.dtype`: always a new one, as its state is set next."""
    if not isinstance(text, str) or not _DTYPE_TEXT.fullmatch(text):
        refuse("a dtype must be made of a text")
    return np.dtype(text, align=bool(align), copy=True)


def _make_blank(kind: Any, shape: Any, code: Any) -> np.ndarray[Any, Any]:
    """Stand in for numpy's `_reconstruct`: an empty array, whose state is set next."""
    if kind is not np.ndarray or shape != (0,) or code not in (b"b", "b"):
        refuse("an array that does not begin empty")
    return np.empty((0,), np.int8)


def _make_array(content: Any, dtype: Any, shape: Any, order: Any) -> np.ndarray[Any, Any]:
    """Stand in for numpy's `_frombuffer`; another array's memory may be freed under the one made of it."""
    if type(content) not in (bytes, bytearray) or not isinstance(dtype, np.dtype) or dtype.hasobject:
        refuse("an array that is not made of bytes")
    if order not in ("C", "F"):
        refuse("an array in an unknown order")
    check_shape(shape, dtype, content)
    return np.frombuffer(content, dtype=dtype).reshape(shape, order=order)


def _make_scalar(dtype: Any, content: Any = None) -> Any:
    """Stand in for numpy's `scalar`, which does not check that its objects exist."""
    if isinstance(content, str):
        content = content.encode("latin1")
    if not isinstance(dtype, np.dtype) or dtype.hasobject or type(content) is not bytes:
        refuse("a scalar that is not made of bytes")
    check_shape((), dtype, content)
    return np.frombuffer(content, dtype=dtype).reshape(())[()]


def make_instance(kind: Any, base: Any = object, state: Any = None) -> Any:
    """Stand in for `copyreg._reconstructor` and scikit-learn's `newObj`: make an empty one of `TRUSTED_TYPES`."""
    if not isinstance(kind, type) or name_of(kind) not in TRUSTED_TYPES or base is not object or state is not None:
        refuse("only known classes make instances")
    return kind.__new__(kind)  # type: ignore[call-overload]


def _make_tree(n_features: int, n_classes: Any, n_outputs: int) -> Any:
    """Stand in for scikit-learn's `Tree`, which reads `n_outputs` numbers of classes, however many are there."""
    from sklearn.tree._tree import Tree

    if type(n_features) is not int or type(n_outputs) is not int or not isinstance(n_classes, np.ndarray):
        refuse("a tree must be made of numbers")
    if n_classes.shape != (n_outputs,) or n_outputs < 1:
        refuse("a tree must have as many numbers of classes as outputs")
    if n_classes.dtype.kind != "i" or (n_classes < 1).any():
        refuse("a tree must have a class")
    return Tree(n_features, n_classes, n_outputs)


def _make_hinge(threshold: Any = 1.0) -> Any:
    """Stand in for scikit-learn's `Hinge`."""
    from sklearn.linear_model._sgd_fast import Hinge

    return Hinge(float(threshold) if type(threshold) in (int, float) else refuse("a threshold that is no number"))


def _make_bit_generator(kind: Any) -> Any:
    """Stand in for numpy's `__bit_generator_ctor`."""
    name = kind.__name__ if isinstance(kind, type) else kind
    if name not in ("MT19937", "PCG64"):
        refuse("an unexpected bit generator")
    return getattr(np.random, name)()


def _with_bits(maker: Callable[[Any], Any], bits: Any, bit_maker: object = None) -> Any:
    """Stand in for numpy's `__generator_ctor` and the like; the file does not choose the maker of the bits."""
    return maker(bits if isinstance(bits, np.random.BitGenerator) else _make_bit_generator(bits))


def _make_seed_sequence(kind: Any, checksum: Any, state: Any = None) -> Any:
    """Stand in for numpy's `__pyx_unpickle_SeedSequence`; seeds within seeds would end the process."""
    from numpy.random.bit_generator import SeedSequence

    made = SeedSequence.__new__(SeedSequence)
    if kind is not SeedSequence or type(checksum) is not int:
        refuse("a seed of a strange kind")
    if state is not None:
        check_seed(state)
        made.__setstate_cython__(state)
    return made


# What a pickle may call, and what is called for it. numpy's are under the names of versions 1 and 2.
FUNCTIONS: dict[tuple[str, str], Callable[..., Any]] = {
    ("numpy", "dtype"): _make_dtype,
    **{
        (f"numpy.{core}.{module}", name): function
        for core in ("core", "_core")
        for module, name, function in (
            ("multiarray", "_reconstruct", _make_blank),
            ("multiarray", "scalar", _make_scalar),
            ("numeric", "_frombuffer", _make_array),
        )
    },
    ("numpy.random._pickle", "__bit_generator_ctor"): _make_bit_generator,
    ("numpy.random._pickle", "__randomstate_ctor"): partial(_with_bits, np.random.RandomState),
    ("numpy.random._pickle", "__generator_ctor"): partial(_with_bits, np.random.Generator),
    ("numpy.random.bit_generator", "__pyx_unpickle_SeedSequence"): _make_seed_sequence,
    ("_codecs", "encode"): _encode_latin1,
    ("copyreg", "_reconstructor"): make_instance,
    ("sklearn.metrics._dist_metrics", "newObj"): make_instance,
    ("sklearn.neighbors._kd_tree", "newObj"): make_instance,
    ("sklearn.neighbors._ball_tree", "newObj"): make_instance,
    ("sklearn.tree._tree", "Tree"): _make_tree,
    ("sklearn.linear_model._sgd_fast", "Hinge"): _make_hinge,
    ("collections", "OrderedDict"): _make_ordered_dict,
    ("builtins", "bytes"): _make_bytes,
    ("builtins", "bytearray"): _make_bytearray,
    ("builtins", "complex"): _make_complex,
    ("builtins", "frozenset"): partial(_make_set, frozenset),
    ("builtins", "set"): partial(_make_set, set),
    ("builtins", "range"): _make_range,
    ("builtins", "slice"): _make_slice,
}
