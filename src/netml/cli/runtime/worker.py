"""Work beside a main thread that can be stopped: a fit may be one call of compiled code that takes many minutes."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, NoReturn, TypeVar

if TYPE_CHECKING:
    from threading import Event

Result = TypeVar("Result")

LOOK_EVERY_S = 0.1  # a signal may have been handed to the worker's thread, which does not wake the main one

# Of work that goes on; set where it is over. `Thread.is_alive` does not tell: an exception that a handler raises in
# `join` makes it False.
_endings: list[Event] = []


def run_in_worker(work: Callable[[], Result]) -> Result:
    """Run a function in a thread, so that signals are handled meanwhile: Python runs handlers in the main thread only.

    Parameters
    ----------
    work : callable
        Holds no file open: nobody cleans up behind it once a signal has ended the command.

    Returns
    -------
    object
        The result of `work`.

    Raises
    ------
    BaseException
        The exception of `work`; or that of a handler: then `work` goes on, and the process must end by `leave_worker`.
    """
    from contextvars import copy_context
    from threading import Event, Thread

    result: Result
    failure: BaseException | None = None

    def run(run_in_context: Callable[[Callable[[], Result]], Result]) -> None:
        nonlocal result, failure
        try:
            result = run_in_context(work)
        except BaseException as error:
            failure = error
        finally:
            is_over.set()

    streams = sys.stdout, sys.stderr
    is_over = Event()
    thread = Thread(target=run, args=(copy_context().run,), name="netml-worker", daemon=True)
    _endings.append(is_over)
    try:
        thread.start()
        while not is_over.wait(LOOK_EVERY_S):
            pass
    except RuntimeError:  # there is no memory for a thread: signals wait, then
        _endings.remove(is_over)
        return work()
    except BaseException:
        sys.stdout, sys.stderr = streams  # detectors that talk are hushed while they learn
        raise
    _endings.remove(is_over)
    if failure is not None:
        raise failure
    return result


def is_worker_left() -> bool:
    """True if a signal has ended the command while its work goes on."""
    return not all(is_over.is_set() for is_over in _endings)


def leave_worker(status: int) -> NoReturn:
    """End the process at once: the interpreter's own end would free what the running work uses."""
    multiprocessing = sys.modules.get("multiprocessing")
    for child in multiprocessing.active_children() if multiprocessing is not None else ():
        child.terminate()
    os._exit(status)
