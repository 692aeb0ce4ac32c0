"""The one sleep of flight: until an absolute time, on a timer that does not drift (architecture, rule 2)."""

import os
import time
from collections.abc import Callable
from typing import Final

from fsw.hal.clock import MonotonicClock
from fsw.kernel.clock import Micros

_PR_SET_TIMERSLACK: Final = 29
_TFD_TIMER_ABSTIME: Final = 1
_TFD_CLOEXEC: Final = os.O_CLOEXEC if hasattr(os, "O_CLOEXEC") else 0
_NS: Final = 1_000_000_000


def _timerfd() -> tuple[int, Callable[[int], None]] | None:
    """A timerfd on CLOCK_MONOTONIC and the call that arms it for an absolute time in ns; None where there is none.

    By ctypes, since `os.timerfd_create` came with Python 3.13 only; takes the timer slack off in passing.
    """
    try:
        import ctypes  # noqa: PLC0415 - 2 ms that only a real board pays

        libc = ctypes.CDLL(None, use_errno=True)
        create, settime, prctl = libc.timerfd_create, libc.timerfd_settime, libc.prctl
    except (ImportError, OSError, AttributeError, TypeError):
        return None
    prctl(_PR_SET_TIMERSLACK, 1, 0, 0, 0)
    fd = create(time.CLOCK_MONOTONIC, _TFD_CLOEXEC)
    if fd < 0:
        return None
    # struct itimerspec: interval s, interval ns, value s, value ns
    spec = (ctypes.c_long * 4)()
    where = ctypes.byref(spec)
    assert ctypes.sizeof(spec) == 4 * ctypes.sizeof(ctypes.c_void_p), "itimerspec is four longs"

    def arm(at_ns: int) -> None:
        spec[2], spec[3] = divmod(at_ns, _NS)
        failed = settime(fd, _TFD_TIMER_ABSTIME, where, None)
        assert failed == 0, "timerfd_settime refused"

    return fd, arm


class TickTimer:
    """Sleeps until times of `clock`. `mechanism` says how: "timerfd", or "sleep" where the system has none.

    A signal handler runs during the sleep; the sleep then goes on.
    """

    def __init__(self, clock: MonotonicClock, *, timerfd: bool = True) -> None:
        self._zero_ns = clock.zero_ns
        timer = _timerfd() if timerfd else None
        self._fd = -1 if timer is None else timer[0]
        self._arm = None if timer is None else timer[1]
        self.mechanism = "timerfd" if timer is not None else "sleep"

    def sleep_until(self, t: Micros) -> None:
        """Return when the clock shows `t` or later; at once when it already does."""
        at_ns = self._zero_ns + t * 1000
        if self._arm is not None:
            self._arm(at_ns)
            os.read(self._fd, 8)
            return
        while (rest_ns := at_ns - time.monotonic_ns()) > 0:
            time.sleep(rest_ns / _NS)

    def close(self) -> None:
        """Give the descriptor back; the timer then sleeps no more."""
        if self._fd >= 0:
            os.close(self._fd)
        self._fd, self._arm = -1, None
