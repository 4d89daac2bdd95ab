"""Pickles that would crash the process, never end or fill the memory: each is loaded in a process of its own."""

import pickle
import pickletools
import struct
import subprocess
import sys

import numpy as np
import pytest
from numpy.random.bit_generator import SeedSequence

from netml.ndm.ocsvm import OCSVM

PLAIN = np.dtype([("a", "f8")]).flags
N_DEEP = 100_000  # as deep as the stack of a thread is not
LARGE = 400_000_000
MAX_MB = 300
TIMEOUT_S = 60
LOAD = """
import pickle, resource, sys
from netml.errors import DamagedFileError
from netml.utils.tool import load_data
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    loaded = load_data(sys.argv[1])
    loaded.random_sample() if hasattr(loaded, 'random_sample') else pickle.dumps(loaded)
    del loaded
    print("loaded")
except DamagedFileError as error:
    assert "\\n" not in str(error)
    del error
    print("refused")
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def named(module, name):
    return b"c" + module.encode() + b"\n" + name.encode() + b"\n"


def pushed(value):
    return pickletools.optimize(pickle.dumps(value, 3))[2:-1]


def called(function, *arguments):
    """Put the call of a function on the stack, of arguments that are steps themselves."""
    return function + b"(" + b"".join(arguments) + b"tR"


def grown(start, step, n_levels=60):
    """Put something on the stack that holds the same thing twice, which holds the same thing twice, ..."""
    return start + b"".join(b"r" + struct.pack("<I", n) + b"j" + struct.pack("<I", n) + step for n in range(n_levels))


SET, RANGE, SLICE = named("builtins", "set"), named("builtins", "range"), named("builtins", "slice")
FROZENSET, BYTEARRAY = named("builtins", "frozenset"), named("builtins", "bytearray")
BYTES, ORDERED = named("builtins", "bytes"), named("collections", "OrderedDict")
NDARRAY = named("numpy", "ndarray")
RECONSTRUCT = named("numpy._core.multiarray", "_reconstruct")
SCALAR = named("numpy._core.multiarray", "scalar")
FROM_BUFFER = named("numpy._core.numeric", "_frombuffer")
ENCODE = named("_codecs", "encode")
NEW_SEED = named("numpy.random.bit_generator", "__pyx_unpickle_SeedSequence")
SEED = named("numpy.random.bit_generator", "SeedSequence")
KNN = named("pyod.models.knn", "KNN") + b")\x81"
EUCLIDEAN = named("sklearn.metrics._dist_metrics", "newObj") + named(
    "sklearn.metrics._dist_metrics", "EuclideanDistance64"
)
TWICE = b"\x86"  # a tuple of two
TWO_DEEP = grown(pushed(1.5), TWICE)
BLANK = called(RECONSTRUCT, NDARRAY, pushed((0,)), pushed(b"b"))
F8, OBJECT = called(named("numpy", "dtype"), pushed("f8")), called(named("numpy", "dtype"), pushed("O8"))
CONTENT = called(BYTEARRAY, pushed(b"A" * 64))


def array_of(*state):
    return BLANK + b"(" + b"".join(state) + b"tb"


def dtype_of(text, *state):
    return called(named("numpy", "dtype"), pushed(text)) + b"(" + b"".join(state) + b"tb"


def fields_of(kind, names=("a",), alignment=8, flags=PLAIN, **places):
    """Put the state of a dtype with fields on the stack."""
    fields = b"}(" + b"".join(pushed(name) + kind + pushed(place) + TWICE for name, place in places.items()) + b"u"
    return (
        b"("
        + pushed(3)
        + pushed("|")
        + b"N"
        + pushed(names)
        + fields
        + pushed(8)
        + pushed(alignment)
        + pushed(flags)
        + b"t"
    )


def an_array_freed_under_a_view():
    whole = called(RECONSTRUCT, NDARRAY, pushed((1 << 27,)), pushed(b"b")) + b"q\xfe"
    view = called(FROM_BUFFER, b"h\xfe", F8, pushed((1 << 24,)), pushed("C"))
    return whole + view + b"h\xfe(" + pushed(1) + pushed((1,)) + F8 + b"\x89" + pushed(b"A" * 8) + b"tb0"


def an_array_freed_under_a_buffer():
    view = called(FROM_BUFFER, CONTENT, F8, pushed((8,)), pushed("C"))
    return view + b"(" + pushed(1) + pushed((1,)) + F8 + b"\x89" + pushed(b"A" * 8) + b"tb"


def a_dtype_changed_under_an_array():
    dtype = called(named("numpy", "dtype"), pushed("V8")) + b"q\xfe"
    array = called(FROM_BUFFER, CONTENT, b"h\xfe", pushed((8,)), pushed("C"))
    return dtype + array + b"h\xfe" + fields_of(OBJECT, flags=np.dtype([("a", "O")]).flags, a=0) + b"b0"


def objects_in_arrays_in_arrays():
    step = b"0h\xf1h\xf2R(" + pushed(1) + pushed((1,)) + b"h\xf3\x89]h\xf0atbq\xf0"
    start = RECONSTRUCT + b"q\xf10(" + NDARRAY + pushed((0,)) + pushed(b"b") + b"tq\xf20" + OBJECT + b"q\xf30"
    return start + b"Nq\xf0" + step * N_DEEP


def seeds_in_seeds():
    checksum = SeedSequence(1).__reduce__()[1][1]
    start = NEW_SEED + b"q\xf10" + SEED + b"q\xf20" + pushed(checksum) + b"q\xf30"
    start += pushed(0) + b"q\xf50" + pushed(np.zeros(4, np.uint32)) + b"q\xf60"
    return start + b"Nq\xf0" + b"0h\xf1(h\xf2h\xf3(h\xf0h\xf5h\xf6K\x04)ttRq\xf0" * N_DEEP


def many_copies(function, *arguments):
    start = function + b"q\xf10(" + b"".join(arguments) + b"tq\xf20"
    return start + b"](" + b"h\xf1h\xf2R" * (LARGE // 1_000_000) + b"e"


def random_bits_at(position):
    state = np.random.RandomState(1).__reduce__()
    bits = state[2] if isinstance(state[2], dict) else state[2][0]
    bits["state"]["pos"] = position
    return pushed(Call(state[0], "MT19937", state=bits))


class Call:
    """Pickles as the call of a function, and a state."""

    def __init__(self, function, *arguments, state=None):
        self.made_of = function, arguments, state

    def __reduce__(self):
        return self.made_of


def with_state(estimator, **attributes):
    """Put an estimator on the stack whose attributes are steps."""
    kind = type(estimator)
    start = named(kind.__module__, kind.__qualname__) + b")\x81" + pushed(vars(estimator)) + b"("
    return start + b"".join(pushed(name) + steps for name, steps in attributes.items()) + b"ub"


def nested_lists():
    """Sixty lists, each of which holds the one before it twice."""
    made = pushed(1.5)
    for number in range(60):
        code = b"r" + struct.pack("<I", number) + b"0"
        again = b"j" + struct.pack("<I", number)
        made += code + b"](" + again + again + b"e"
    return made


def dtypes_in_dtypes():
    """Sixty dtypes, each of which has the one before it in two fields at the same place."""
    made = dtype_of("V8", pushed(3), pushed("|"), b"NN", b"N", pushed(8), pushed(1), pushed(0))
    for number in range(60):
        again = b"j" + struct.pack("<I", number)
        made += b"r" + struct.pack("<I", number) + b"0" + called(named("numpy", "dtype"), pushed("V8"))
        made += fields_of(again, names=("a", "b"), alignment=1, a=0, b=0) + b"b"
    return made


ABUSES = {
    "an array freed under a view": an_array_freed_under_a_view,
    "an array freed under a buffer": an_array_freed_under_a_buffer,
    "a view of an array": lambda: called(FROM_BUFFER, pushed(np.ones(9)), F8, pushed((9,)), pushed("C")),
    "a read-only view of an array": lambda: BLANK + b"\x98",
    "an array that does not begin empty": lambda: called(RECONSTRUCT, NDARRAY, pushed((1 << 40,)), pushed(b"b")),
    "an array of another class": lambda: called(RECONSTRUCT, SET, pushed((0,)), pushed(b"b")),
    "fewer objects than the shape says": lambda: array_of(pushed(1), pushed((10**6,)), OBJECT, b"\x89", pushed([None])),
    "a shape that overflows": lambda: array_of(pushed(1), pushed((1 << 32, 1 << 32)), OBJECT, b"\x89", pushed([])),
    "many items of no octets": lambda: array_of(
        pushed(1), pushed((1 << 40,)), called(named("numpy", "dtype"), pushed("V0")), b"\x89", pushed(b"")
    ),
    "many rows of no columns": lambda: array_of(pushed(1), pushed((1 << 40, 0)), F8, b"\x89", pushed(b"")),
    "a view with a negative shape": lambda: called(FROM_BUFFER, CONTENT, F8, pushed((-1,)), pushed("C")),
    "a dtype changed under an array": a_dtype_changed_under_an_array,
    "a field beside the names": lambda: (
        called(named("numpy", "dtype"), pushed("V8")) + fields_of(F8, a=0, b=10**9) + b"b"
    ),
    "an alignment of zero": lambda: (
        called(named("numpy", "dtype"), pushed("V8")) + fields_of(F8, a=0, alignment=0) + b"b"
    ),
    "a dtype of dtypes without end": dtypes_in_dtypes,
    "a scalar of objects": lambda: called(SCALAR, OBJECT, pushed(b"A" * 8)),
    "a scalar without content": lambda: called(SCALAR, called(named("numpy", "dtype"), pushed("V2000000000"))),
    "a text of dtypes": lambda: called(named("numpy", "dtype"), pushed("(1000,1000,1000)f8,f8")),
    "objects in arrays in arrays": objects_in_arrays_in_arrays,
    "slices in slices": lambda: SLICE + b"q\xf0" + b"h\xf0" * (4 * N_DEEP - 1) + b"N" + b"\x85R" * (4 * N_DEEP),
    "seeds in seeds": seeds_in_seeds,
    "random bits before their words": lambda: random_bits_at(-(10**8)),
    "random bits behind their words": lambda: random_bits_at(10**8),
    "a deep key": lambda: b"}" + TWO_DEEP + b"Ns",
    "a deep key among others": lambda: b"}(" + TWO_DEEP + b"Nu",
    "a deep key in a dict": lambda: b"(" + TWO_DEEP + b"Nd",
    "a deep member": lambda: b"\x8f(" + TWO_DEEP + b"\x90",
    "a deep member of a frozenset": lambda: b"(" + TWO_DEEP + b"\x91",
    "a deep member of a set that is called": lambda: called(SET, b"](" + TWO_DEEP + b"e"),
    "a key as deep as the stack": lambda: b"}" + b")" + b"\x85" * N_DEEP + b"Ns",
    "a deep result": nested_lists,
    "a deep tuple that is called": lambda: TWO_DEEP + b")R",
    "a deep encoding": lambda: called(ENCODE, pushed("a"), TWO_DEEP),
    "a deep name of random bits": lambda: called(named("numpy.random._pickle", "__bit_generator_ctor"), TWO_DEEP),
    "deep lists for an array": lambda: EUCLIDEAN + b"\x85R(" + pushed(2.0) + nested_lists() + pushed(1) + b"tb",
    "deep lists for a number": lambda: with_state(OCSVM(), offset_=nested_lists()),
    "keys that collide": lambda: (
        b"}(" + b"".join(pushed(number * ((1 << 61) - 1)) + b"N" for number in range(1, 100_000)) + b"u"
    ),
    "a set of a range": lambda: called(SET, called(RANGE, pushed(10**11))),
    "a frozenset of a range": lambda: called(FROZENSET, called(RANGE, pushed(10**11))),
    "a frozenset of bytes": lambda: called(FROZENSET, pushed(b"abc")),
    "a range without end": lambda: called(RANGE, pushed(10**11)),
    "a range by a range": lambda: called(BYTEARRAY, called(RANGE, pushed(100))),
    "an ordered dict of a range": lambda: called(ORDERED, called(RANGE, pushed(10**6))),
    "bytes of a length": lambda: called(BYTES, pushed(LARGE)),
    "a bytearray of a length": lambda: called(BYTEARRAY, pushed(LARGE)),
    "a bytearray longer than the file": lambda: b"\x96" + struct.pack("<Q", LARGE) + b"abc",
    "one text encoded many times": lambda: many_copies(ENCODE, pushed("a" * 1_000_000), pushed("latin1")),
    "one bytearray copied many times": lambda: many_copies(BYTEARRAY, pushed(b"a" * 1_000_000)),
    "a class that is none": lambda: (
        KNN
        + b"}("
        + pushed("__module__")
        + pushed("pyod.models.knn")
        + pushed("__qualname__")
        + pushed("KNN")
        + pushed("__new__")
        + SET
        + b"ubq\xf0)\x81"
    ),
    "a tree of no classes": lambda: called(
        named("sklearn.tree._tree", "Tree"), pushed(4), pushed(np.zeros(1, np.intp)), pushed(1)
    ),
}


def load_apart(path):
    return subprocess.run(
        [sys.executable, "-c", LOAD, path], capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )


@pytest.mark.parametrize("abuse", ABUSES.values(), ids=ABUSES)
def test_it_is_refused(tmp_path, abuse):
    path = tmp_path / "hostile.dat"
    path.write_bytes(b"\x80\x04" + abuse() + b".")
    run = load_apart(path)
    assert run.returncode == 0, run.stderr[-1000:]
    said, used_mb = run.stdout.split()
    assert said == "refused"
    assert int(used_mb) < MAX_MB
