"""Everything that a test may wait for, as it is heard: words since the test last did something, verdicts, and a log.

An observer of the bench. What came between a test's act and its question counts: whoever sends a command and then
asks for the event that it causes does not lose it because the event was quicker.
"""

from collections import deque
from collections.abc import Iterable
from typing import Final, NamedTuple

from fsw.kernel.clock import Micros
from hil.lander.lander import Happening
from hil.observer import Finding
from hil.written.expectation import Expectation, Kind, Word, holds, word_of
from hil.written.fault import Fault, compact
from tools.ground.records import CommandRecord, EventRecord, Note, Record
from tools.ground.tracking import StageChange

WORDS_MAX: Final = 20_000
"""Words kept since the last act; older ones are forgotten first."""
LOG_MAX: Final = 2_000
STAGES_MAX: Final = 20_000


class Entry(NamedTuple):
    """A word, and the one before it of the same kind and name; for conditions that say "rises"."""

    word: Word
    before: Word | None


class Watch:
    """What a test waits for: `wanted` must come, none of `unwanted` may; `came` and `wrong` are the first."""

    def __init__(self, wanted: Expectation | None, unwanted: Iterable[Expectation] = ()) -> None:
        self.wanted, self.unwanted = wanted, tuple(unwanted)
        self.came: Word | None = None
        self.wrong: tuple[Expectation, Word] | None = None

    @property
    def decided(self) -> bool:
        """Whether nothing that comes later changes the outcome."""
        return self.came is not None or self.wrong is not None

    def take(self, entry: Entry) -> None:
        """Look at one word."""
        if self.decided:
            return
        before = {} if entry.before is None else _keyed(entry.before)
        for unwanted in self.unwanted:
            if holds(unwanted, entry.word, before):
                self.wrong = unwanted, entry.word
                return
        if self.wanted is not None and holds(self.wanted, entry.word, before):
            self.came = entry.word


class Heard:
    """The observer. `act` says that the test has done something: what came before it is over."""

    def __init__(self) -> None:
        self.entries: deque[Entry] = deque(maxlen=WORDS_MAX)
        """Since the last act, oldest first."""
        self.log: deque[tuple[int, str]] = deque(maxlen=LOG_MAX)
        """What a person wants to read afterwards: time, and what happened."""
        self.stages: dict[int, list[StageChange]] = {}
        """Ticket -> what was heard of that telecommand."""
        self.watch: Watch | None = None
        self._last: dict[tuple[Kind, str], Word] = {}
        self._link: Word | None = None

    def act(self, now: Micros, text: str) -> None:
        """The test does something; of what was said before, only the state of the link still holds."""
        self.entries.clear()
        if self._link is not None:
            self.entries.append(Entry(self._link, None))
        self.log.append((now, text))

    def begin(self, watch: Watch) -> None:
        """Wait for something; what has come since the last act counts."""
        self.watch = watch
        for entry in self.entries:
            watch.take(entry)

    def last(self, kind: Kind, name: str) -> Word | None:
        """The last such word of the whole run."""
        return self._last.get((kind, name))

    # hooks of the bench

    def record(self, record: Record, now: Micros) -> None:
        """What the ground session says."""
        if isinstance(record, StageChange):
            if len(self.stages) < STAGES_MAX:
                self.stages.setdefault(record.ticket, []).append(record)
            text = f": {record.text}" if record.text else ""
            self.log.append((now, f"{record.name} {record.word.value}{text}"))
            return
        if isinstance(record, CommandRecord):
            return
        if isinstance(record, Note):
            self.log.append((now, f"ground: {record.text}"))
            return
        word = word_of(record)
        if word is not None:
            if isinstance(record, EventRecord):
                self.log.append((now, said(word)))
            self._hear(word)

    def happening(self, happening: Happening, now: Micros) -> None:
        """What the lander tells its user."""
        word = Word(Kind.LANDER, happening.what, happening.values, happening.at_us)
        self.log.append((now, said(word)))
        self._hear(word)

    def fault(self, fault: Fault, began: bool, now: Micros) -> None:
        """A fault begins or ends."""
        self.log.append((now, f"fault {compact(fault)} {'begins' if began else 'ends'}"))

    def finish(self, now: Micros) -> list[Finding]:
        """A listener finds nothing."""
        return []

    def _hear(self, word: Word) -> None:
        if word.kind is Kind.LINK:
            self._link = word
        key = (word.kind, word.name)
        entry = Entry(word, self._last.get(key))
        self._last[key] = word
        self.entries.append(entry)
        if self.watch is not None:
            self.watch.take(entry)


def said(word: Word) -> str:
    """A word as a line: kind, name, values."""
    values = " ".join(f"{key} {value}" if key else f"{value}" for key, value in word.values.items())
    return f"{word.kind.value} {word.name}{f' ({values})' if values and word.kind is not Kind.LINK else ''}"


def _keyed(word: Word) -> dict[tuple[Kind, str, str], object]:
    return {(word.kind, word.name, key): value for key, value in word.values.items()}
