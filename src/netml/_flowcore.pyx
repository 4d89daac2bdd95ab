"""The compiled core: where Python and C meet. Owns memory, runs blocks without the GIL, hands columns to numpy.

Everything behind it is in header-only rooms under `_core`. It knows nothing of files, options or names of families.
An extension module is one .pyx: what this one shows to Python stands in `_bindings`, by noun, and is included here.
"""
include "_bindings/framer.pxi"
include "_bindings/tables.pxi"
include "_bindings/packets.pxi"
include "_bindings/assembler.pxi"
include "_bindings/header_bits.pxi"
include "_bindings/rows.pxi"
include "_bindings/states.pxi"
include "_bindings/biflows.pxi"
include "_bindings/tcp.pxi"
