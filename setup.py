"""Build of the one compiled module; everything else about the package is in pyproject.toml."""

import os

from Cython.Build import cythonize
from setuptools import Extension, setup

# NETML_DEBUG=1: bounds-checked, unoptimised C with symbols. NETML_COVERAGE=1: line coverage of the rooms with
# gcov. NETML_SANITIZE=1: AddressSanitizer and UndefinedBehaviorSanitizer (run Python with libasan preloaded).
IS_DEBUG = os.environ.get("NETML_DEBUG") == "1"
IS_COVERAGE = os.environ.get("NETML_COVERAGE") == "1"
IS_SANITIZE = os.environ.get("NETML_SANITIZE") == "1"

compile_args = ["-O0", "-g"] if IS_DEBUG or IS_COVERAGE else ["-O3"]
link_args = []
# Allocations that fail on demand: NETML_FAULTS=1, and with the two builds that look for what goes wrong then.
macros = [("NETML_FAULTS", "1")] if IS_DEBUG or IS_SANITIZE or os.environ.get("NETML_FAULTS") == "1" else []
if IS_COVERAGE:
    compile_args += ["--coverage"]
    link_args += ["--coverage"]
if IS_SANITIZE:
    compile_args = ["-O1", "-g", "-fno-omit-frame-pointer"]
    compile_args += ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"]
    link_args += ["-fsanitize=address,undefined"]

# Directives in _flowcore.pyx do not reach functions inlined from a .pxd: they stand here, once, for all of it.
DIRECTIVES = {
    "language_level": 3,
    "boundscheck": IS_DEBUG,
    "wraparound": False,
    "cdivision": True,
    "initializedcheck": False,
    "embedsignature": True,
}

extension = Extension(
    "netml._flowcore",
    ["src/netml/_flowcore.pyx"],
    include_dirs=["src/netml/_core"],
    depends=["src/netml/_core/guard.h", "src/netml/_core/native.h"],
    define_macros=macros,
    extra_compile_args=compile_args,
    extra_link_args=link_args,
)

setup(
    ext_modules=cythonize([extension], compiler_directives=DIRECTIVES, include_path=["src"], emit_linenums=IS_COVERAGE)
)
