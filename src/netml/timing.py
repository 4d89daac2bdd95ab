"""Methods that note how long their last call took, as those of the original netml do: `pcap2flows.tot_time`."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any


class TimedCall:
    """A bound method that notes how long its last call took, in minutes: `pcap.pcap2flows.tot_time`."""

    def __init__(self, instance: Any, name: str, function: Callable[..., Any]) -> None:
        self._instance = instance
        self._name = name
        self._function = function
        self.__doc__ = function.__doc__

    @property
    def tot_time(self) -> float:
        """Duration of the last call, minutes; 0 before the first."""
        minutes: float = vars(self._instance).get("_minutes", {}).get(self._name, 0.0)
        return minutes

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the method; see its docstring on the class."""
        start_s = time.perf_counter()
        try:
            return self._function(self._instance, *args, **kwargs)
        finally:
            minutes = (time.perf_counter() - start_s) / 60
            # A new mapping each time: a copy of the instance must not write into the original's.
            self._instance._minutes = {**vars(self._instance).get("_minutes", {}), self._name: minutes}


class timed:
    """A decorator that makes a method a `TimedCall`."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.__doc__ = function.__doc__

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        """Return the bound method as a `TimedCall`; accessed on the class, the plain function."""
        return self.function if instance is None else TimedCall(instance, self.name, self.function)
