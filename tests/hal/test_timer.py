"""The tick timer and the monotonic clock: never early, never back. How late is measured in tests/perf, not asserted."""

import os
import time

import pytest

from fsw.hal.clock import MonotonicClock
from fsw.hal.timer import TickTimer
from fsw.kernel.clock import Clock, Micros


def test_the_clock_begins_at_zero_and_does_not_go_back() -> None:
    before = time.monotonic_ns()
    clock: Clock = MonotonicClock()
    times = [clock.now() for _ in range(1000)]
    assert times == sorted(times)
    assert 0 <= times[0] <= times[-1] <= (time.monotonic_ns() - before) // 1000
    assert clock.stopwatch_ns() <= clock.stopwatch_ns()


@pytest.mark.parametrize("timerfd", [True, False])
def test_the_timer_never_returns_early(timerfd: bool) -> None:
    clock = MonotonicClock()
    timer = TickTimer(clock, timerfd=timerfd)
    t = clock.now()
    for us in (0, 1, 999, 1_000, 3_000):
        t = Micros(t + us)
        timer.sleep_until(t)
        assert clock.now() >= t
    # A time that has passed is no reason to wait.
    timer.sleep_until(Micros(0))
    timer.close()
    timer.close()


def test_linux_has_the_timer_that_does_not_drift() -> None:
    timer = TickTimer(MonotonicClock())
    assert timer.mechanism == ("timerfd" if os.uname().sysname == "Linux" else "sleep")
    timer.close()
    assert TickTimer(MonotonicClock(), timerfd=False).mechanism == "sleep"
