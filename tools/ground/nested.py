"""Words inside words: telecommands in the fields of others, times, names; and the sequence counts that they take.

A field that holds a packet takes `NAME(arg=value,arg=value)`; it is encoded with the next sequence count of its APID,
so that its reports can be told from all others. A part without `=` continues the list before it: `(sids=1,8)`. A field
that holds a time takes ISO 8601 with Z, or `+30s` (`ms`, `s`, `min`, `h`, `d`) from the payload's present time.
"""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

from fsw.ccsds.time_code import CUC_OCTETS, P_FIELD, TAI_US_MAX, cuc_encode
from fsw.mdb import words
from fsw.mdb.database import Database, EncodedCommand
from fsw.mdb.words import Unreadable
from fsw.pus import st01, tc
from tools.ground import request
from tools.ground.request import Refusal, Why
from tools.ground.times import utc_from_text, utc_to_tai_us

SEQUENCE_COUNTS: Final = 16_384
DEPTH_MAX: Final = 4
"""Telecommands inside telecommands: a schedule holds a sequence's load, whose steps hold the last of them."""
ACK_ALL: Final = tc.ACK_ACCEPTANCE | tc.ACK_START | tc.ACK_PROGRESS | tc.ACK_COMPLETION
_CALL: Final = re.compile(r"([A-Za-z][\w.\-]*)\((.*)\)", re.DOTALL)
_LATER: Final = re.compile(r"\+([0-9]{1,12})(?:\.([0-9]{1,6}))?([a-z]*)")
_UNITS_US: Final = {"ms": 1_000, "s": 1_000_000, "min": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000}


class Nested(NamedTuple):
    """A telecommand that another one carries."""

    name: str
    apid: int
    sequence_count: int
    request_id: bytes
    packet: bytes


class Encoded(NamedTuple):
    """A telecommand, those that it carries, and the next sequence counts by APID after them."""

    command: EncodedCommand
    inside: tuple[Nested, ...]
    counts: dict[int, int]


class Reader:
    """Reads words inside words for one telecommand. `tai_us` is the payload's present time, None while unknown."""

    def __init__(self, database: Database, counts: Mapping[int, int], source_id: int, tai_us: int | None) -> None:
        self._database = database
        self._source_id = source_id
        self._tai_us = tai_us
        self._depth = 0
        self.counts = dict(counts)
        self.inside: list[Nested] = []

    def packet(self, word: str) -> bytes | Unreadable:
        """A whole telecommand, of its words or of its octets in hex."""
        call = _CALL.fullmatch(word)
        if call is None:
            return self._octets(word)
        if self._depth >= DEPTH_MAX:
            return Unreadable(f"holds telecommands inside telecommands more than {DEPTH_MAX} deep")
        name = call[1]
        arguments = request.parse_words(_arguments(call[2]))
        if isinstance(arguments, Refusal):
            return Unreadable(f"{name}: {arguments.sentence}")
        self._depth += 1
        found = request.encode(self._database, name, arguments, self)
        self._depth -= 1
        if isinstance(found, Refusal):
            return Unreadable(f"of {found.sentence}" if found.sentence.startswith(name) else found.sentence)
        if len(found.data) > tc.DATA_OCTETS_MAX:
            return Unreadable(f"{name}: {len(found.data)} octets, a telecommand carries {tc.DATA_OCTETS_MAX}")
        count = self.counts.get(found.apid, 0)
        self.counts[found.apid] = (count + 1) % SEQUENCE_COUNTS
        octets = tc.encode(
            found.apid, count, found.service, found.subtype, found.data, ack=tc.ACK_GROUND, source_id=self._source_id
        )
        self.inside.append(Nested(name, found.apid, count, st01.encode_request_id(found.apid, count), octets))
        return octets

    def _octets(self, word: str) -> bytes | Unreadable:
        """A telecommand in hex: of the same source id as what carries it, for nobody speaks in another's name."""
        try:
            octets = bytes.fromhex(word)
        except ValueError:
            return Unreadable(f"must be a telecommand such as ping(), not {word!r}")
        header = tc.inspect(octets)
        if not isinstance(header, tc.TcHeader) or not header.length_ok:
            return octets  # what it is then, its field says
        if self._source_id and header.source_id != self._source_id:
            return Unreadable(f"is of source id {header.source_id}, and is sent by source id {self._source_id}")
        return octets

    def time(self, word: str) -> bytes | Unreadable:
        """A CUC of a date, of a time from now, or of its octets in hex."""
        if word.startswith("+"):
            return self._later(word)
        if "T" in word:
            try:
                tai_us = utc_to_tai_us(utc_from_text(word))
            except ValueError:
                tai_us = -1
            if not word.endswith("Z") or not 0 <= tai_us <= TAI_US_MAX:
                return Unreadable(f"must be a time such as 2026-11-23T10:15:00Z, not {word!r}")
            return cuc_encode(tai_us)
        try:
            octets = bytes.fromhex(word)
        except ValueError:
            octets = b""
        if len(octets) != CUC_OCTETS or octets[0] != P_FIELD:
            return Unreadable(f"must be a time (2026-11-23T10:15:00Z, +30s) or its CUC in hex, not {word!r}")
        return octets

    def identifier(self, field: str, word: str) -> str | Unreadable:
        """The number of a name, in fields that take names."""
        found = request.identifiers(self._database, field, word)
        return Unreadable(found.sentence) if isinstance(found, Refusal) else found

    def _later(self, word: str) -> bytes | Unreadable:
        later = _LATER.fullmatch(word)
        unit = _UNITS_US.get(later[3]) if later else None
        if later is None or unit is None:
            return Unreadable(f"must be a time from now such as +30s ({', '.join(_UNITS_US)}), not {word!r}")
        if self._tai_us is None:
            return Unreadable(f"cannot be {word!r}: no telemetry has told the payload's time; write it as a date")
        part = later[2] or ""
        us = self._tai_us + int(later[1] + part) * unit // 10 ** len(part)
        return cuc_encode(us) if us <= TAI_US_MAX else Unreadable(f"must be a time before 2094, not {word!r}")


def encode(
    database: Database,
    name: str,
    arguments: Mapping[str, str],
    *,
    counts: Mapping[int, int],
    source_id: int,
    tai_us: int | None,
) -> Encoded | Refusal:
    """The named telecommand and all that it carries; the counts are taken when the caller keeps them."""
    reader = Reader(database, counts, source_id, tai_us)
    command = request.encode(database, name, arguments, reader)
    if isinstance(command, Refusal):
        return command
    if len(command.data) > tc.DATA_OCTETS_MAX:
        return Refusal(Why.USAGE, f"{name}: {len(command.data)} octets, a telecommand carries {tc.DATA_OCTETS_MAX}")
    return Encoded(command, tuple(reader.inside), reader.counts)


def check(database: Database, name: str, arguments: Mapping[str, str]) -> Refusal | None:
    """Why this telecommand could not be sent, before there is a session: a time from now counts as readable."""
    found = encode(database, name, arguments, counts={}, source_id=0, tai_us=0)
    return found if isinstance(found, Refusal) else None


def _arguments(text: str) -> list[str]:
    """The `key=value` words between a telecommand's parentheses."""
    found: list[str] = []
    for part in words.split(text.strip(), ",") if text.strip() else ():
        if found and "=" not in part.partition("(")[0]:
            found[-1] += f",{part}"
        else:
            found.append(part.strip())
    return found
