"""The workers of a campaign: processes of this machine, or a Dask cluster's (edge: processes, signals, the clock).

Both are executors of `concurrent.futures`; what differs is how they start, how many runs they hold and how they are
stopped. A run that ends in an exception has a result that says so; a worker that dies, or a run that outlasts its
limit, costs that run only: the others that the pool lost with it are run again.

Off nominal: SIGINT reaches the parent alone, which then kills its workers; workers whose parent is gone leave by
themselves. A cluster that cannot be reached, or flies other code, is one sentence.
"""

import multiprocessing
import os
import signal
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from importlib import import_module
from multiprocessing.connection import wait as wait_for_any
from types import TracebackType
from typing import Any, Final, Protocol

from hil.campaign.campaign import Ask, Campaign, Result, broken
from hil.campaign.code_digest import code_digest
from hil.campaign.shrink import Schedule

LOOK_S: Final = 1.0
"""How often progress is told while no run ends."""
LIMIT_S: Final = 3600.0
"""Wall time of one run unless told."""
CONNECT_S: Final = 10
KILL_S: Final = 5.0
LANES_MAX: Final = 4096
DEATHS_MAX: Final = 5
"""Deaths of workers in a row, without a run between them that ended."""
EXTRA: Final = "a cluster needs the package distributed: pip install --require-hashes -r tools/locks/cluster.txt"

Work = Callable[[str, int, Schedule | None], Result]


class PoolError(Exception):
    """No workers; the text is one sentence."""


class Crew(Protocol):
    """Where runs are done."""

    lanes: int
    """Runs that it holds at once."""

    def submit(self, work: Work, ask: Ask) -> "Future[Result]":
        """Start a run."""
        ...

    def kill(self) -> None:
        """End all runs now; the next `submit` starts afresh."""
        ...


def attempt(work: Work, ask: Ask) -> Result:
    """In the worker: one run, whatever becomes of it."""
    began = time.monotonic()
    try:
        return work(ask.job.scenario, ask.job.seed, ask.faults)
    except Exception as error:  # noqa: BLE001 - what the bench or the flight software raises is what a campaign looks for
        where = traceback.extract_tb(error.__traceback__)[-1]
        text = f"{error} ({os.path.basename(where.filename)}:{where.lineno})"
        return broken(ask, type(error).__name__, text, time.monotonic() - began)


@contextmanager
def interruptible() -> Iterator[None]:
    """Inside, SIGTERM ends as SIGINT does: in KeyboardInterrupt, so that workers are ended and results closed."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


# Processes of this machine


def _begin_worker() -> None:
    """The parent decides when a worker ends; one whose parent was killed must not stay."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None, "a worker has a parent"

    def leave() -> None:
        wait_for_any([parent.sentinel])
        os._exit(1)

    threading.Thread(target=leave, daemon=True).start()


class Processes:
    """`lanes` processes, started when they are first needed. A context: at its end none is left."""

    def __init__(self, lanes: int) -> None:
        self.lanes = lanes
        # a server that has the modules already forks a worker at once; fork itself would share the parent's threads
        ways = multiprocessing.get_all_start_methods()
        self._context = multiprocessing.get_context("forkserver" if "forkserver" in ways else "spawn")
        if "forkserver" in ways:
            self._context.set_forkserver_preload(["hil.campaign.campaign_pool", "hil.rungs.virtual"])
        self._executor: ProcessPoolExecutor | None = None
        self._others = multiprocessing.active_children()

    def __enter__(self) -> "Processes":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.kill()

    def submit(self, work: Work, ask: Ask) -> "Future[Result]":
        """Start a run."""
        if self._executor is None:
            self._executor = ProcessPoolExecutor(self.lanes, self._context, _begin_worker)
        return self._executor.submit(attempt, work, ask)

    def kill(self) -> None:
        """End all workers now."""
        if self._executor is None:
            return
        workers = [child for child in multiprocessing.active_children() if child not in self._others]
        for worker in workers:
            worker.kill()
        for worker in workers:
            worker.join(KILL_S)
        self._executor.shutdown(wait=True, cancel_futures=True)
        self._executor = None


# A cluster


class Cluster:
    """The workers of a Dask scheduler at `address`; they must fly this code."""

    def __init__(self, address: str) -> None:
        try:
            distributed: Any = import_module("distributed")
        except ModuleNotFoundError as error:
            raise PoolError(EXTRA) from error
        try:
            self._client = distributed.Client(address, timeout=CONNECT_S, set_as_default=False)
        except (OSError, ValueError, TypeError) as error:
            raise PoolError(f"there is no cluster at {address}: {str(error)[:200]}") from error
        threads: dict[str, int] = self._client.nthreads()
        others = [worker for worker, digest in self._client.run(code_digest).items() if digest != code_digest()]
        if not threads or others:
            self._client.close()
            text = f"{len(others)} of {len(threads)} workers have other code than this checkout, say {others[:1]}"
            raise PoolError(f"{text} (cluster {address})" if others else f"the cluster at {address} has no workers")
        self.lanes = min(sum(threads.values()), LANES_MAX)
        self._executor: Executor | None = None

    def __enter__(self) -> "Cluster":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.kill()
        self._client.close()

    def submit(self, work: Work, ask: Ask) -> "Future[Result]":
        """Start a run; a run is nobody's to leave out because it was done before."""
        if self._executor is None:
            self._executor = self._client.get_executor(pure=False, retries=0)
        return self._executor.submit(attempt, work, ask)

    def kill(self) -> None:
        """Take back what has not begun; start anew the workers that have a run of ours in hand, leave others alone."""
        if self._executor is None:
            return
        ours = set(self._client.futures)
        busy = [worker for worker, keys in self._client.processing().items() if ours & set(keys)]
        self._executor.shutdown(wait=False)
        self._executor = None
        if busy:
            self._client.restart_workers(busy, timeout=CONNECT_S, raise_for_error=False)


# The campaign's loop


class Driver:
    """A campaign's asks to a crew, the results back. `keep` takes each line to keep, `look` is called each second."""

    def __init__(
        self,
        campaign: Campaign,
        crew: Crew,
        work: Work,
        *,
        keep: Callable[[str], None],
        look: Callable[[], None],
        limit_s: float = LIMIT_S,
    ) -> None:
        self._campaign, self._crew, self._work = campaign, crew, work
        self._keep, self._look, self._limit_s = keep, look, limit_s
        self._running: dict[Future[Result], tuple[Ask, float]] = {}
        self._again: deque[Ask] = deque()
        self._suspects: deque[Ask] = deque()
        """Runs that were under way when a worker died: one of them is to blame, so each is run alone."""
        self._deaths = 0

    def run(self) -> None:
        """Until the campaign is finished; raises PoolError when there is nobody left to work."""
        while not self._campaign.finished:
            self._start()
            done, _ = wait(self._running, LOOK_S, FIRST_COMPLETED)
            lost = False
            for future in [future for future in self._running if future in done]:
                lost |= self._end(future)
            if lost:
                self._bury()
            self._end_overdue()
            self._look()

    def _start(self) -> None:
        while len(self._running) < (1 if self._suspects else self._crew.lanes):
            if self._suspects:
                ask: Ask | None = self._suspects.popleft()
            else:
                ask = self._again.popleft() if self._again else self._campaign.next_ask()
            if ask is None:
                return
            self._running[self._crew.submit(self._work, ask)] = ask, time.monotonic()

    def _end(self, future: "Future[Result]") -> bool:
        """Take what a run has given; True when it was lost with its workers, and still counts as running."""
        if future.cancelled():
            raise PoolError("the cluster has gone")
        error = future.exception()
        if isinstance(error, BrokenProcessPool):
            return True
        ask, since = self._running.pop(future)
        if error is None:
            self._deaths = 0
            line = self._campaign.answer(ask, future.result())
            if line is not None:
                self._keep(line)
        else:
            self._lose(ask, type(error).__name__, str(error), since)
        return False

    def _bury(self) -> None:
        """A worker has died, and the pool with it: whoever ran alone is to blame, of several each must show it."""
        self._crew.kill()
        lost, self._running = list(self._running.values()), {}
        self._deaths += 1
        if self._deaths > DEATHS_MAX:
            raise PoolError("the workers die as they begin: is there memory enough for so many?")
        if len(lost) == 1:
            self._lose(lost[0][0], "WorkerDied", "the worker process died", lost[0][1])
        else:
            self._suspects.extend(ask for ask, _ in lost)

    def _end_overdue(self) -> None:
        """A run cannot be stopped but with its pool; the others of that pool are run again."""
        now = time.monotonic()
        late = [(ask, since) for ask, since in self._running.values() if now - since > self._limit_s]
        if late:
            self._crew.kill()
            self._again.extend(ask for ask, since in self._running.values() if now - since <= self._limit_s)
            self._running = {}
        for ask, since in late:
            self._lose(ask, "NoEnd", f"no end within {self._limit_s:g} s", since)

    def _lose(self, ask: Ask, error: str, text: str, since: float) -> None:
        """A run without a result of its own: told, not kept: the machine may be to blame, it runs again next time."""
        self._campaign.answer(ask, broken(ask, error, text, time.monotonic() - since))
