"""Pickles of arrays, Python's own containers and known estimators, read without running what a stranger brings.

The unpickler is Python's own in Python, whose steps can be narrowed: a function is called only if it stands in a
table here, a class only makes empty instances, and attributes are set only on those. numpy and scikit-learn believe
what a state says about memory; where they do, the state is looked at.
"""

from __future__ import annotations

import importlib
import pickle
import re
import warnings
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import Any, BinaryIO, ClassVar

import numpy as np

from netml.errors import DamagedFileError, NetmlError, UntrustedFileError
from netml.trusted import TRUSTED_TYPES, check_arrays, name_of


def unpickle(stream: BinaryIO, name: str, trust: bool) -> Any:
    """Unpickle a file.

    Parameters
    ----------
    stream : binary file
        The pickle.
    name : str
        Its path, for the errors.
    trust : bool
        Run what it brings. Otherwise only numpy arrays, Python's own containers and known estimators are admitted.

    Returns
    -------
    object
        What was pickled.

    Raises
    ------
    UntrustedFileError
        If it holds anything else, and `trust` is False.
    DamagedFileError
        If it is no pickle, cut, or of a library's version that the one here cannot read.
    """
    with warnings.catch_warnings():
        # Of an estimator of another version of scikit-learn: whether it works shows at once.
        warnings.filterwarnings("ignore", "Trying to unpickle estimator")
        try:
            return pickle.load(stream) if trust else _SafeUnpickler(stream, name).load_checked()
        except (NetmlError, OSError):
            raise
        except Exception as error:
            # A damaged pickle fails in many ways, with texts that tell a user nothing.
            raise DamagedFileError(name, _reason(stream, error)) from error


def _reason(stream: BinaryIO, error: Exception) -> str:
    """Say what is wrong: another version of scikit-learn, if the file tells one, or damage."""
    if isinstance(error, ImportError):
        return f"needs a package that is not there: {error}"
    from importlib import metadata  # slow to load

    content = stream.read() if stream.seekable() and stream.seek(0) == 0 else b""
    found = re.search(rb"_sklearn_version.{1,24}?(\d+\.\d+[\w.]*)", content, re.DOTALL)
    there, here = found[1].decode() if found else "", metadata.version("scikit-learn")
    if there in ("", here):
        return "not a pickle, or a damaged one"
    text = " ".join(str(error).split())[:120] or type(error).__name__
    return f"written with scikit-learn {there}, which {here} cannot read: {text}; use that version, or train it again"


def _encode_latin1(text: str, encoding: str) -> bytes:
    """Stand in for `_codecs.encode`, which old pickles of arrays call, always with latin1."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"unexpected encoding {encoding!r}")
    return text.encode("latin1")


def _make_dtype(text: str, align: bool = False, copy: bool = False) -> np.dtype[Any]:
    """Stand in for `numpy.dtype`: always a new one, as its state is set next."""
    if not isinstance(text, str):
        raise pickle.UnpicklingError("a dtype must be made of a text")
    return np.dtype(text, align=bool(align), copy=True)


def _make_instance(kind: type[Any], base: type = object, state: None = None) -> Any:
    """Stand in for `copyreg._reconstructor` and scikit-learn's `newObj`: an empty instance of a known class."""
    if name_of(kind) not in TRUSTED_TYPES or base is not object or state is not None:
        raise pickle.UnpicklingError("only known classes make instances")
    return kind.__new__(kind)  # type: ignore[call-overload]


def _make_tree(n_features: int, n_classes: Any, n_outputs: int) -> Any:
    """Stand in for scikit-learn's `Tree`, which reads `n_outputs` numbers of classes, however many are there."""
    from sklearn.tree._tree import Tree

    if not isinstance(n_classes, np.ndarray) or n_classes.shape != (n_outputs,) or n_outputs < 1:
        raise pickle.UnpicklingError("a tree must have as many numbers of classes as outputs")
    return Tree(n_features, n_classes, n_outputs)


def _make_bit_generator(kind: str | type) -> Any:
    """Stand in for numpy's `__bit_generator_ctor`."""
    name = kind if isinstance(kind, str) else kind.__name__
    if name not in ("MT19937", "PCG64"):
        raise pickle.UnpicklingError(f"unexpected bit generator {name!r}")
    return getattr(np.random, name)()


def _with_bits(maker: Callable[[Any], Any], bits: Any, bit_maker: object = None) -> Any:
    """Stand in for numpy's `__generator_ctor` and its like; who makes the bits is not left to the file."""
    return maker(bits if isinstance(bits, np.random.BitGenerator) else _make_bit_generator(bits))


# What a pickle may call: None for the thing of that name itself. numpy's are under the names of versions 1 and 2.
_FUNCTIONS: dict[tuple[str, str], Callable[..., Any] | None] = {
    ("numpy", "dtype"): _make_dtype,
    **{
        (f"numpy.{core}.{module}", name): None
        for core in ("core", "_core")
        for module, name in (("multiarray", "_reconstruct"), ("multiarray", "scalar"), ("numeric", "_frombuffer"))
    },
    ("numpy.random._pickle", "__bit_generator_ctor"): _make_bit_generator,
    ("numpy.random._pickle", "__randomstate_ctor"): partial(_with_bits, np.random.RandomState),
    ("numpy.random._pickle", "__generator_ctor"): partial(_with_bits, np.random.Generator),
    ("numpy.random.bit_generator", "__pyx_unpickle_SeedSequence"): None,
    ("_codecs", "encode"): _encode_latin1,
    ("copyreg", "_reconstructor"): _make_instance,
    ("sklearn.metrics._dist_metrics", "newObj"): _make_instance,
    ("sklearn.neighbors._kd_tree", "newObj"): _make_instance,
    ("sklearn.neighbors._ball_tree", "newObj"): _make_instance,
    ("sklearn.tree._tree", "Tree"): _make_tree,
    ("sklearn.linear_model._sgd_fast", "Hinge"): None,
    ("collections", "OrderedDict"): None,
    **{("builtins", name): None for name in ("bytes", "bytearray", "complex", "frozenset", "set", "range", "slice")},
}

# What it may name besides, without calling it.
_NAMES = {
    ("numpy", "ndarray"),
    ("builtins", "object"),
    ("numpy.random._mt19937", "MT19937"),
    ("numpy.random._pcg64", "PCG64"),
    ("numpy.random.bit_generator", "SeedSequence"),
}

# Whose state it may set, besides the trusted types.
_WITH_STATE = {
    *("numpy.ndarray", "numpy.dtype", "numpy.random.mtrand.RandomState", "numpy.random._generator.Generator"),
    *("numpy.random._mt19937.MT19937", "numpy.random._pcg64.PCG64", "numpy.random.bit_generator.SeedSequence"),
}

# Byte order, subarray, names, fields, size, alignment, flags; behind the version.
_DTYPE_STATE: tuple[Any, ...] = (int, str, (tuple, type(None)), (tuple, type(None)), (dict, type(None)), int, int, int)
_STRANGE = (pickle.NEWOBJ_EX, pickle.INST, pickle.OBJ, pickle.EXT1, pickle.EXT2, pickle.EXT4)
_OLD_MODULES = {"copy_reg": "copyreg", "__builtin__": "builtins"}  # Python 2's, written by protocols 0 to 2


class _SafeUnpickler(pickle._Unpickler):
    """Admits arrays, containers and known estimators, and names whatever else the file holds."""

    dispatch: ClassVar[dict[int, Any]] = dict(pickle._Unpickler.dispatch)

    # Of the class in Python, which the type stubs leave out.
    stack: list[Any]
    pop_mark: Callable[[], list[Any]]
    append: Callable[[Any], None]

    def __init__(self, stream: BinaryIO, name: str) -> None:
        super().__init__(stream)
        self._name = name
        self._functions: dict[int, Any] = {}  # that were named and may be called, by identity
        self._with_state: dict[int, Any] = {}  # kept, so that no other object gets the same id
        self._has_estimators = False

    def load_checked(self) -> Any:
        """Unpickle, and look at the arrays of compiled estimators."""
        found = self.load()
        if self._has_estimators:
            check_arrays(found)
        return found

    def find_class(self, module: str, name: str) -> Any:
        module = _OLD_MODULES.get(module, module)
        is_type = f"{module}.{name}" in TRUSTED_TYPES
        if not is_type and (module, name) not in _FUNCTIONS and (module, name) not in _NAMES:
            raise UntrustedFileError(
                f"{self._name}: holds {module}.{name}, which would run code; pass trust=True (--trust) if you trust it"
            )
        self._has_estimators |= is_type
        found = _FUNCTIONS.get((module, name))
        if found is None:
            # numpy 2 still answers to the old name, with a warning.
            found = getattr(importlib.import_module(module.replace("numpy.core.", "numpy._core.")), name)
        if (module, name) in _FUNCTIONS:
            self._functions[id(found)] = found
        return found

    def _load_reduce(self) -> None:
        arguments = self.stack.pop()
        function = self.stack[-1]
        if id(function) not in self._functions:
            raise pickle.UnpicklingError(f"calls {function!r:.80}")
        self.stack[-1] = function(*arguments)

    def _load_new(self) -> None:
        arguments = self.stack.pop()
        kind = self.stack.pop()
        if arguments:
            raise pickle.UnpicklingError("only empty instances are made")
        self.append(_make_instance(kind))

    def _load_build(self) -> None:
        state, target = self.stack[-1], self.stack[-2]
        kind = "numpy.dtype" if isinstance(target, np.dtype) else name_of(type(target))
        if kind not in _WITH_STATE and kind not in TRUSTED_TYPES:
            raise pickle.UnpicklingError(f"sets the state of a {kind}")
        # Once: a second, larger state would be written over the end of the first one's memory.
        if id(target) in self._with_state:
            raise pickle.UnpicklingError(f"sets the state of a {kind} twice")
        self._with_state[id(target)] = target
        if not hasattr(target, "__setstate__") and not isinstance(state, dict):
            raise pickle.UnpicklingError(f"sets a {kind} to no dict")
        if isinstance(target, np.dtype) and not _is_dtype_state(target, state):
            raise pickle.UnpicklingError("a dtype of a state that is none")
        pickle._Unpickler.dispatch[pickle.BUILD[0]](self)  # type: ignore[arg-type]
        if isinstance(target, np.dtype) and not _is_sound(target):
            raise pickle.UnpicklingError("a dtype that lies about its memory")

    def _load_items(self) -> None:
        self._add(self.pop_mark())

    def _add(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if type(target) is list:
            target.extend(items)
        elif type(target) is set:
            target.update(items)
        elif type(target) in (dict, OrderedDict):
            target.update(zip(items[::2], items[1::2], strict=True))
        else:
            raise pickle.UnpicklingError("adds to what is no container")

    def _load_append(self) -> None:
        item = self.stack.pop()
        self._add([item])

    def _load_setitem(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self._add([key, value])

    def _refuse(self) -> None:
        raise pickle.UnpicklingError("a step that pickles of Python 3 do not take")


_SafeUnpickler.dispatch.update(
    {
        pickle.REDUCE[0]: _SafeUnpickler._load_reduce,
        pickle.NEWOBJ[0]: _SafeUnpickler._load_new,
        pickle.BUILD[0]: _SafeUnpickler._load_build,
        pickle.APPEND[0]: _SafeUnpickler._load_append,
        pickle.SETITEM[0]: _SafeUnpickler._load_setitem,
        **{code[0]: _SafeUnpickler._load_items for code in (pickle.APPENDS, pickle.ADDITEMS, pickle.SETITEMS)},
        **{code[0]: _SafeUnpickler._refuse for code in _STRANGE},
    }
)


def _is_dtype_state(dtype: np.dtype[Any], state: Any) -> bool:
    """Tell whether a state is of the form that numpy writes: it takes others unseen, and follows them anywhere."""
    # A date's unit is in its metadata.
    kinds = (*_DTYPE_STATE, tuple if dtype.kind in "mM" else (dict, type(None)))
    if not isinstance(state, tuple) or (len(state), *state[:1]) not in ((8, 3), (9, 4)):
        return False
    return all(map(isinstance, (*state, None)[: len(kinds)], kinds))


def _is_sound(dtype: np.dtype[Any]) -> bool:
    """Tell whether a dtype's flags and sizes are those that its parts give.

    A state may say of Python objects that they are plain bytes: the bytes of the file would be taken for pointers.
    """
    if dtype.subdtype is not None:
        base, shape = dtype.subdtype
        return _is_sound(base) and _is_like(dtype, np.dtype((base, shape)))
    if dtype.names is None:
        return _is_like(dtype, np.dtype(dtype.str))
    fields = dict(dtype.fields or {})
    parts = [fields[name][:2] for name in dtype.names]
    formats, offsets = [part for part, _ in parts], [offset for _, offset in parts]
    if not all(map(_is_sound, formats)):
        return False
    layout = {"names": dtype.names, "formats": formats, "offsets": offsets, "itemsize": dtype.itemsize}
    return _is_like(dtype, np.dtype(layout))  # type: ignore[call-overload]


def _is_like(dtype: np.dtype[Any], honest: np.dtype[Any]) -> bool:
    is_aligned = 0x80  # of all flags the one that is about the fields' places, and none of memory's
    return (dtype.itemsize, dtype.flags | is_aligned) == (honest.itemsize, honest.flags | is_aligned)
