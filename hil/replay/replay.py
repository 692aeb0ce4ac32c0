"""Re-executes flight software on a recording of its input, to the same octets; stops where asked, to be looked into.

The `App` is the one that flies; only its world is the recorded one (`tape.py`). A replay that asks what was not asked
then, or sends other octets, has diverged, and says where. Off nominal: a recording that is cut off or spoiled is
replayed up to there; one that this mission cannot have made is refused by `ReplayError`.
"""

import hashlib
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from fsw.capture.encoding import Value
from fsw.capture.header import Header
from fsw.capture.reader import Boot, Checkpoint, Damage, End, Gap, Injected, Life, Record, Stop, Tick
from fsw.ccsds.sdls import of_mask
from fsw.config import Config
from fsw.kernel.clock import Micros
from fsw.kernel.key import NO_KEYRING, NO_KEYS, KeyRing, Keys
from fsw.mdb.mission import Mission
from fsw.mdb.system import StopReason
from hil.board.board import Flown
from hil.faults.injection import again
from hil.replay.condition import Condition
from hil.replay.tape import Divergence, Tape, TapeClock, TapeLine, TapeOpener, TapeSensors, TapeWire

PROGRESS_TICKS: Final = 10_000
CRASHED: Final = "crashed"
CUT: Final = "cut"
"""How lives end that do not end in order (`fsw.__main__`, `hil.board.board`)."""
DIGEST_SHOWN: Final = 16
"""Hex digits of a SHA-256 in a sentence."""


class ReplayError(Exception):
    """A recording that cannot be replayed here; the text is one sentence."""


class Wanted(NamedTuple):
    """Where to stop: at `until_us` of a life's time, or behind the first tick in which `when` holds; only in `life`."""

    until_us: int | None = None
    when: Condition | None = None
    life: int | None = None


ALL: Final = Wanted()
KILLED: Final = "its recording just ends, as that of a process which is killed"
Progress = Callable[[int, int], None]
"""Hears of the life's number and its time, now and then."""


class LifeResult(NamedTuple):
    """What became of one life. `checked`: how many times its octets were compared with the recorded digest."""

    number: int
    header: Header
    ticks: int
    at_us: int
    octets: int
    digest: str
    checked: int
    ended: str
    divergence: Divergence | None

    @property
    def same(self) -> bool:
        """Whether the replay kept to the recording."""
        return self.divergence is None


class Outcome(NamedTuple):
    """All lives replayed, what could not be read, why the replay stopped: empty at the end of the recording.

    `digest`: SHA-256 of every octet of all these lives, as that of a simulated run.
    """

    lives: tuple[LifeResult, ...]
    damages: tuple[Damage, ...]
    stopped: str
    digest: str


class Replayed:
    """One life, re-executed record by record; `app` as it stands, None until it has booted."""

    def __init__(
        self, number: int, header: Header, mission: Mission, all_lives: "hashlib._Hash", keys: Keys = NO_KEYS
    ) -> None:
        _must_fit(number, header, mission)
        self._keyring = _keyring(number, header, keys)
        self.number = number
        self.header = header
        self.mission = mission
        self.flown: Flown | None = None
        self.tape = Tape(header.wires)
        self.clock = TapeClock(self.tape)
        self.line = TapeLine(self.tape, all_lives)
        self.ticks = 0
        self.at_us = Micros(0)
        self.checked = 0
        self.crash = ""
        """Why flight's own kernel has ended the flight; then the recording should end there too."""
        self.ended = ""

    def take(self, record: Record) -> None:
        """Do what the record says was done."""
        if self.crash and not isinstance(record, Checkpoint | End | Gap | Damage):
            self.tape.diverge(self.crash, "it flew on")
            return
        match record:
            case Boot():
                self._boot(record)
            case Tick():
                self._tick(record)
            case Stop(reason):
                self._stop(reason)
            case Injected(name, values):
                self._inject(name, values)
            case Checkpoint(octets, digest):
                self._check(octets, digest)
            case End(how, octets, digest):
                self._check(octets, digest)
                self._end(how)
            case Gap(why):
                self.ended = f"the recording ends here: {why}"
            case Damage(offset, why):
                self.ended = f"the recording ends at octet {offset}: {why}"
            case Life():
                raise AssertionError("a life is one life")

    @property
    def over(self) -> bool:
        """Whether nothing more of this life can be replayed."""
        return bool(self.ended) or self.tape.divergence is not None

    def result(self, otherwise: str) -> LifeResult:
        """What became of it; `otherwise` where nobody said how it ended."""
        ended = "diverged" if self.tape.divergence is not None else self.ended or otherwise
        digest, divergence = self.line.digest().hex(), self.tape.divergence
        return LifeResult(
            self.number, self.header, self.ticks, self.at_us, self.line.octets, digest, self.checked, ended, divergence
        )

    # --- records ----------------------------------------------------------------------------------------------------

    def _boot(self, boot: Boot) -> None:
        tape, header = self.tape, self.header
        wires = {name: TapeWire(tape, name, number) for number, name in enumerate(header.wires)}
        config = Config(header.line, header.carrier)
        tape.begin(boot.calls, Micros(0))
        try:
            ports = self.clock, self.line, wires, TapeSensors(tape), TapeOpener(tape)
            self.flown = Flown(self.mission, config, *ports, self._keyring)
        except (AssertionError, LookupError) as error:
            raise ReplayError(f"life {self.number}: its header composes no flight software: {error}") from None
        tape.end()

    def _tick(self, tick: Tick) -> None:
        if self.flown is None or self.flown.app is None:
            self.tape.diverge("the boot of the flight software", "a tick before it")
            return
        self.clock.begin(tick.planned)
        self.tape.begin(tick.calls, tick.planned)
        try:
            self.flown.app.tick(tick.planned)
        except AssertionError as error:
            self.crash = f"flight's kernel refuses this tick: {error}"
        self.tape.end()
        self.at_us = tick.planned
        self.ticks += 1

    def _end(self, how: str) -> None:
        """A crash ends a process, and a bench cuts its board's power; a replay must crash where the flight did."""
        if bool(self.crash) != (how == CRASHED) and not (self.crash and how == CUT):
            self.tape.diverge(self.crash or "it flew on", f"the end: {how}")
        self.ended = f"{how}: {self.crash}" if self.crash else how

    def _stop(self, reason: int) -> None:
        if self.flown is None or self.flown.app is None or reason not in tuple(StopReason):
            self.tape.diverge("nothing of the kind", f"a stop for reason {reason}")
            return
        self.flown.app.stop(StopReason(reason))

    def _inject(self, name: str, values: tuple[Value, ...]) -> None:
        why = "it has not booted" if self.flown is None else again(self.flown, name, values)
        if why:
            self.tape.diverge(f"nothing injected: {why}", f"{name} {' '.join(map(str, values))}")

    def _check(self, octets: int, digest: bytes) -> None:
        """Compare the downlink so far."""
        self.checked += 1
        ours = self.line.digest()[: len(digest)]
        if (self.line.octets, ours) != (octets, digest):
            said = f"{self.line.octets} octets down so far, SHA-256 {ours.hex()[:DIGEST_SHOWN]}…"
            self.tape.diverge(said, f"{octets} octets, SHA-256 {digest.hex()[:DIGEST_SHOWN]}…")


def _keyring(number: int, header: Header, keys: Keys) -> KeyRing:
    """The keys that were on board in a life, of those at hand."""
    if not header.protected:
        return NO_KEYRING
    if not keys:
        raise ReplayError(f"life {number} flew protected: give the keys of its link (--keys, or --simulated)")
    flown = of_mask(header.keys) or keys.keys()
    missing = sorted(flown - keys.keys())
    if missing:
        raise ReplayError(f"life {number} flew with {missing[0]:04X}.key, which is not among the keys given")
    return KeyRing({key: keys[key] for key in flown}, of_mask(header.used), of_mask(header.unusable))


class Replay:
    """A whole recording: its lives one after the other. `life` is the last one that ran, to be looked into."""

    def __init__(self, records: Iterable[Record], mission: Mission, wanted: Wanted = ALL, keys: Keys = NO_KEYS) -> None:
        self._keys = keys
        self.life: Replayed | None = None
        self._records = records
        self._mission = mission
        self._wanted = wanted
        self._running: Replayed | None = None
        self._lives = 0
        self._digest = hashlib.sha256()
        self._results: list[LifeResult] = []
        self._damages: list[Damage] = []

    def run(self, progress: Progress = lambda life, us: None) -> Outcome:
        """Replay to the end, to where it shall stop, or to where it diverges."""
        stopped = ""
        for record in self._records:
            if isinstance(record, Damage):
                self._damages.append(record)
            if isinstance(record, Life):
                self._begin(record)
                continue
            life = self._running
            if life is None or life.over:
                continue
            stopped = self._reached(life, record)
            if stopped:
                break
            life.take(record)
            if isinstance(record, Tick):
                if life.ticks % PROGRESS_TICKS == 0:
                    progress(life.number, life.at_us)
                stopped = self._met(life)
            if stopped or life.tape.divergence is not None:
                break
        self._finish("stopped here" if stopped else KILLED)
        if not self._lives:
            raise ReplayError(self._damages[0].why if self._damages else "the recording is empty")
        if not self._results:
            raise ReplayError(f"there is no life {self._wanted.life}: the recording has {self._lives}")
        return Outcome(tuple(self._results), tuple(self._damages), stopped, self._digest.hexdigest())

    def _begin(self, record: Life) -> None:
        self._finish(KILLED)
        self._lives += 1
        if self._wanted.life in (None, self._lives):
            self.life = self._running = Replayed(self._lives, record.header, self._mission, self._digest, self._keys)

    def _finish(self, otherwise: str) -> None:
        """The life that runs is over."""
        running, self._running = self._running, None
        if running is not None:
            self._results.append(running.result(otherwise))

    def _reached(self, life: Replayed, record: Record) -> str:
        """Why to stop before this record, or empty."""
        until_us = self._wanted.until_us
        if until_us is not None and isinstance(record, Tick) and record.planned > until_us:
            return f"life {life.number} has reached the time asked for"
        return ""

    def _met(self, life: Replayed) -> str:
        """Why to stop behind this tick, or empty."""
        condition = self._wanted.when
        if condition is None or life.flown is None or life.flown.app is None:
            return ""
        met = condition.holds(life.flown.app.parameters.values, life.at_us)
        return f"in life {life.number} {condition.text} holds" if met else ""


def _must_fit(number: int, header: Header, mission: Mission) -> None:
    """Refuse a recording that flight software of this mission cannot have made."""
    ours = mission.database.digest()
    if header.mission != mission.name:
        raise ReplayError(f"life {number} is of mission {header.mission}, not of {mission.name}: give --mission")
    if header.database != ours:
        theirs = header.database.hex()[:DIGEST_SHOWN]
        raise ReplayError(
            f"life {number} was recorded with mission database {theirs}…, {mission.name}'s here is "
            f"{ours.hex()[:DIGEST_SHOWN]}…: replay it with the sources of then"
        )
