"""What a ground session says, for archive, watchers and tests: one NamedTuple a kind, and their one JSON form."""

from typing import Final, NamedTuple

from fsw.kernel.clock import Micros
from fsw.pus.ids import TimeStatus
from tools.ground.times import since_boot_text, tai_to_utc_text, tai_to_utc_us, utc_text
from tools.ground.tracking import StageChange

Data = None | bool | int | float | str | list["Data"] | dict[str, "Data"]

_CLOCKS: Final = {TimeStatus.NEVER_SET: "never set", TimeStatus.FLYWHEEL: "flywheel", TimeStatus.LOCKED: "locked"}


class OnboardTime(NamedTuple):
    """A time field of telemetry. With status 0 `us` counts from boot, else from 1958-01-01 TAI."""

    us: int
    status: int

    @property
    def is_set(self) -> bool:
        """Whether the lander ever told the payload the time."""
        return self.status != TimeStatus.NEVER_SET

    @property
    def utc_us(self) -> int | None:
        """Unix microseconds; None for a clock that was never set."""
        return tai_to_utc_us(self.us) if self.is_set else None

    @property
    def text(self) -> str:
        """UTC, or plainly that the clock is unset."""
        return tai_to_utc_text(self.us) if self.is_set else since_boot_text(self.us)

    @property
    def clock(self) -> str:
        """What stands behind the time."""
        return _CLOCKS.get(TimeStatus(self.status), "") if self.status in tuple(TimeStatus) else f"status {self.status}"


class PacketRecord(NamedTuple):
    """One packet of telemetry. `fault` says why it could not be read; `values` is then empty."""

    at: Micros
    vcid: int
    apid: int
    service: int | None
    subtype: int | None
    sequence_count: int
    time: OnboardTime | None
    name: str
    values: dict[str, Data]
    fault: str
    raw: bytes


class ParameterRecord(NamedTuple):
    """One sample of one parameter. `raw` None: the reading is absent. `label` is an enumerated value's name."""

    at: Micros
    time: OnboardTime | None
    name: str
    raw: float | None
    value: float | None
    label: str
    unit: str
    limit: str  # WITHIN, LOW, HIGH, UNCHECKED
    replayed: bool


class EventRecord(NamedTuple):
    """One event of the payload."""

    at: Micros
    time: OnboardTime | None
    apid: int
    name: str
    severity: str
    values: dict[str, Data]
    replayed: bool


class LanderRecord(NamedTuple):
    """One packet of the lander's own report on the payload."""

    at: Micros
    apid: int
    name: str
    values: dict[str, Data]
    fault: str
    raw: bytes


class CommandRecord(NamedTuple):
    """One telecommand as it was built; its stages follow under the same ticket."""

    at: Micros
    ticket: int
    name: str
    arguments: dict[str, str]
    apid: int
    sequence_count: int
    request_id: bytes
    source_id: int
    packet: bytes
    operator: str = ""
    origin: str = ""
    """From where, as the session's host saw it; empty where the session itself has sent it."""


class LinkRecord(NamedTuple):
    """State of the link both ways. `v_r` and the flags are the payload's last word, None before the first."""

    at: Micros
    state: str
    v_s: int
    v_r: int | None
    lockout: bool
    wait: bool
    retransmit: bool
    queued: int
    outstanding: int
    frames_good: int
    frames_bad: int
    frames_lost: int
    alerts: int
    retransmissions: int
    database: str
    boot_count: int | None


class Note(NamedTuple):
    """A remark of the ground itself: a frame rejected, a gap, a reboot seen."""

    at: Micros
    text: str


Record = PacketRecord | ParameterRecord | EventRecord | LanderRecord | CommandRecord | LinkRecord | StageChange | Note


def as_json(record: Record, received_utc_us: int) -> dict[str, Data]:
    """The record as data that JSON can hold; `received` is UTC, `time` the payload's own."""
    head: dict[str, Data] = {"kind": _KINDS[type(record)], "received": utc_text(received_utc_us)}
    match record:
        case PacketRecord():
            return head | _time(record.time) | {
                "vc": record.vcid, "apid": record.apid, "service": record.service, "subtype": record.subtype,
                "count": record.sequence_count, "name": record.name, "values": record.values, "fault": record.fault,
                "raw": record.raw.hex(),
            }  # fmt: skip
        case ParameterRecord():
            return head | _time(record.time) | {
                "name": record.name, "raw": record.raw, "value": record.value, "label": record.label,
                "unit": record.unit, "limit": record.limit, "replayed": record.replayed,
            }  # fmt: skip
        case EventRecord():
            return head | _time(record.time) | {
                "apid": record.apid, "name": record.name, "severity": record.severity, "values": record.values,
                "replayed": record.replayed,
            }  # fmt: skip
        case LanderRecord():
            return head | {
                "apid": record.apid, "name": record.name, "values": record.values, "fault": record.fault,
                "raw": record.raw.hex(),
            }  # fmt: skip
        case CommandRecord():
            arguments: dict[str, Data] = dict(record.arguments)
            return head | {
                "ticket": record.ticket, "name": record.name, "arguments": arguments, "apid": record.apid,
                "count": record.sequence_count, "request_id": record.request_id.hex(), "source_id": record.source_id,
                "packet": record.packet.hex(), "operator": record.operator, "from": record.origin,
            }  # fmt: skip
        case StageChange():
            return head | stage_json(record)
        case LinkRecord():
            fields: dict[str, Data] = record._asdict()
            del fields["at"]
            return head | fields
        case Note():
            return head | {"text": record.text}


def stage_json(change: StageChange) -> dict[str, Data]:
    """One stage of one request."""
    return {
        "ticket": change.ticket,
        "name": change.name,
        "request_id": change.request_id.hex(),
        "stage": change.word.value,
        "state": change.state.value,
        "final": change.verdict,
        "step": change.step,
        "code": change.code,
        "failed_at": change.failed_at,
        "text": change.text,
        "late": change.late,
    }


def _time(time: OnboardTime | None) -> dict[str, Data]:
    if time is None:
        return {"time": None, "clock": None}
    if time.is_set:
        return {"time": time.text, "clock": time.clock}
    return {"time": None, "clock": time.clock, "since_boot_us": time.us}


_KINDS: Final[dict[type[Record], str]] = {
    PacketRecord: "packet",
    ParameterRecord: "parameter",
    EventRecord: "event",
    LanderRecord: "lander",
    CommandRecord: "command",
    LinkRecord: "link",
    StageChange: "stage",
    Note: "note",
}
