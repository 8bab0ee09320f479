"""NVIDIA's graphics cards, by the library that comes with their driver (NVML), where there is one.

Called by ctypes: https://docs.nvidia.com/deploy/nvml-api/ has the functions. What a card does not tell is left out.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from typing import Any, Final

_LIBRARIES: Final = ("libnvidia-ml.so.1", "nvml.dll")
_SUCCESS: Final = 0
_CORE_TEMPERATURE: Final = 0
_MEGABYTE: Final = 1024 * 1024


class _Utilization(ctypes.Structure):
    """`nvmlUtilization_t`: percent of the last sample period."""

    _fields_ = (("gpu", ctypes.c_uint), ("memory", ctypes.c_uint))


class _Memory(ctypes.Structure):
    """`nvmlMemory_t`, in bytes."""

    _fields_ = (("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong))


class Gpus:
    """The cards of this machine; none without NVML."""

    def __init__(self) -> None:
        self._library = _opened()
        self._cards = list(self._found()) if self._library is not None else []

    def _found(self) -> Iterator[ctypes.c_void_p]:
        count = ctypes.c_uint()
        if not self._ask("nvmlDeviceGetCount_v2", ctypes.byref(count)):
            return
        for index in range(count.value):
            card = ctypes.c_void_p()
            if self._ask("nvmlDeviceGetHandleByIndex_v2", ctypes.c_uint(index), ctypes.byref(card)):
                yield card

    def sample(self) -> dict[str, float]:
        """Use, memory, power and temperature of each card, by the names of metrics."""
        return {
            f"gpu_{index}_{name}": value for index, card in enumerate(self._cards) for name, value in self._of(card)
        }

    def _of(self, card: ctypes.c_void_p) -> Iterator[tuple[str, float]]:
        use, memory = _Utilization(), _Memory()
        if self._ask("nvmlDeviceGetUtilizationRates", card, ctypes.byref(use)):
            yield "utilization_percentage", float(use.gpu)
        if self._ask("nvmlDeviceGetMemoryInfo", card, ctypes.byref(memory)):
            yield "memory_usage_megabytes", memory.used / _MEGABYTE
            if memory.total:
                yield "memory_usage_percentage", 100 * memory.used / memory.total
        yield from self._power(card)
        degrees = ctypes.c_uint()
        if self._ask("nvmlDeviceGetTemperature", card, ctypes.c_int(_CORE_TEMPERATURE), ctypes.byref(degrees)):
            yield "temperature_celsius", float(degrees.value)

    def _power(self, card: ctypes.c_void_p) -> Iterator[tuple[str, float]]:
        milliwatts, limit = ctypes.c_uint(), ctypes.c_uint()
        if self._ask("nvmlDeviceGetPowerUsage", card, ctypes.byref(milliwatts)):
            yield "power_usage_watts", milliwatts.value / 1000
            if self._ask("nvmlDeviceGetEnforcedPowerLimit", card, ctypes.byref(limit)) and limit.value:
                yield "power_usage_percentage", 100 * milliwatts.value / limit.value

    def _ask(self, name: str, *arguments: Any) -> bool:
        """Calls a function; whether it succeeded. An old driver may lack it."""
        function: Callable[..., int] | None = getattr(self._library, name, None)
        return function is not None and function(*arguments) == _SUCCESS

    def close(self) -> None:
        """Lets go of the library."""
        if self._library is not None:
            self._ask("nvmlShutdown")
            self._library, self._cards = None, []


def _opened() -> ctypes.CDLL | None:
    for name in _LIBRARIES:
        try:
            library = ctypes.CDLL(name)
        except OSError:
            continue
        if getattr(library, "nvmlInit_v2", lambda: -1)() == _SUCCESS:
            return library
    return None
