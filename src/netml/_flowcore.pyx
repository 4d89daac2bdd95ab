"""The compiled core: where Python and C meet. Owns memory, runs blocks without the GIL, hands columns to numpy.

Everything behind it is in header-only rooms under `_core`. It knows nothing of files, options or names of families.
An extension module is one .pyx: what this one shows to Python stands in `_faces`, by noun, and is included here.
"""
import numpy as np


cdef extern from "Python.h":
    int PyErr_CheckSignals() except -1


include "_faces/framer.pxi"
include "_faces/tables.pxi"
include "_faces/packets.pxi"
include "_faces/assembler.pxi"
include "_faces/header_bits.pxi"
include "_faces/rows.pxi"
include "_faces/states.pxi"
include "_faces/biflows.pxi"
include "_faces/tcp.pxi"
