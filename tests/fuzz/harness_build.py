"""Build the fuzzing harness with clang: one program, and a link to it for each target.

As a program it only says whether that is possible here.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
HARNESS = HERE / "harness"
SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer"]
# As in setup.py: the same C of the rooms.
DIRECTIVES = ["language_level=3", "boundscheck=False", "wraparound=False", "cdivision=True", "initializedcheck=False"]

LINK_TYPES = (0, 1, 9, 12, 14, 50, 101, 104, 105, 108, 113, 127, 192, 228, 229, 276)
TARGETS = ("pcap", "pcapng", *(f"link_{number}" for number in LINK_TYPES), "outer_1", "ipv4", "ipv6")
TARGETS += ("fragments", "pipeline", "stream", "biflows", "biflow_stream", "rows", "tcp_options", "details", "bits")


class CannotBuild(Exception):
    """There is no clang with libFuzzer."""


def find_clang():
    """A clang that links a libFuzzer program."""
    names = [os.environ.get("CLANG", "clang"), *(f"clang-{version}" for version in range(21, 10, -1))]
    probe = "#include <stddef.h>\nint LLVMFuzzerTestOneInput(const unsigned char *d, size_t n) { return 0; }\n"
    for name in names:
        if not shutil.which(name):
            continue
        command = [name, "-fsanitize=fuzzer,address,undefined", "-x", "c", "-", "-o", os.devnull]
        if subprocess.run(command, input=probe, text=True, capture_output=True, check=False).returncode == 0:
            return name
    raise CannotBuild("no clang with libFuzzer (apt-get install clang libclang-rt-14-dev)")


def python_flags():
    """(for compiling, for linking): Cython's module names the interpreter, which is never started."""
    names = ("LIBDIR", "MULTIARCH", "LIBPL", "LDLIBRARY")
    folder, machine, static_folder, library = (sysconfig.get_config_var(name) or "" for name in names)
    include = ["-I", sysconfig.get_path("include")]
    for path in (Path(folder) / library, Path(folder) / machine / library, Path(static_folder) / library):
        if path.is_file():
            return include, [str(path), f"-Wl,-rpath,{path.parent}", "-ldl", "-lm", "-lutil"]
    raise CannotBuild(f"no {library}: install the development package of this Python")


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")


def build(folder, source=None):
    """Build into a folder; gives the paths of the targets by name."""
    clang = find_clang()
    folder.mkdir(parents=True, exist_ok=True)
    source = Path(source or ROOT / "src")
    core = source / "netml" / "_core"
    generated = folder / "fuzz_core.c"
    options = [part for one in DIRECTIVES for part in ("-X", one)]
    includes = ["-I", source, "-I", HARNESS]
    run(sys.executable, "-m", "cython", "-3", *options, *includes, HARNESS / "fuzz_core.pyx", "-o", generated)
    compile_flags, link_flags = python_flags()
    flags = ["-O2", "-g1", "-w", *SANITIZERS, "-fsanitize=fuzzer-no-link", "-I", core, "-I", HARNESS, *compile_flags]
    run(clang, *flags, "-c", generated, "-o", folder / "fuzz_core.o")
    # The driver is not what is fuzzed: no coverage of it.
    run(clang, "-O2", "-g1", *SANITIZERS, "-c", HARNESS / "driver.cc", "-o", folder / "driver.o")
    program = folder / "netml_fuzz"
    objects = [folder / "fuzz_core.o", folder / "driver.o"]
    run(clang, "-fsanitize=fuzzer,address,undefined", *objects, "-o", program, *link_flags)
    for name in TARGETS:
        link = folder / name
        link.unlink(missing_ok=True)
        link.symlink_to(program.name)
    return {name: folder / name for name in TARGETS}


if __name__ == "__main__":
    try:
        find_clang()
        python_flags()
    except CannotBuild as error:
        sys.exit(str(error))
