"""First contact as a script: what an operator does in a payload's first minutes, and what must come of it.

The script knows no process and no clock: a `Contact` sends, waits and switches for it. Each step ends in a sentence of
what was seen, or in a `StepError` that says what was missing.
"""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple, Protocol

Record = Mapping[str, object]
LIMIT_MDEGC: Final = 61_000
NOMINAL_MDEGC: Final = 21_500


class StepError(Exception):
    """What a step waited for did not come, or something else came."""


class Word(NamedTuple):
    """The last word on a command: its stage, whether it completed, and the text that explains it."""

    stage: str
    completed: bool
    text: str


class Contact(Protocol):
    """What the script needs of a bench: one ground session, one lander, simulated sensors."""

    def send(self, name: str, **arguments: str) -> Word:
        """Send a command and wait for its last word."""

    def expect(self, kind: str, name: str, within_s: float, holds: Callable[[Record], bool] = ...) -> Record:
        """Wait for a record of this kind and name, also one that came since the step began."""

    def lander(self, verb: str, **arguments: int) -> None:
        """Have the lander do something with its power switch."""

    def lander_says(self, event: str, within_s: float) -> Record:
        """Wait for an event of the lander."""

    def temperature(self, mdegc: int) -> None:
        """Move the simulated environment sensor."""


Step = Callable[[Contact, dict[str, int]], str]


def values_of(record: Record) -> Mapping[str, object]:
    """The decoded values of a packet or event."""
    values = record.get("values")
    return values if isinstance(values, dict) else {}


def _whole(values: Mapping[str, object], name: str) -> int:
    value = values.get(name)
    if not isinstance(value, int):
        raise StepError(f"{name} is missing from {dict(values)}")
    return value


def _completed(contact: Contact, name: str, **arguments: str) -> None:
    word = contact.send(name, **arguments)
    if not word.completed:
        raise StepError(f"{name} ended {word.stage}: {word.text}")


def boot(contact: Contact, memory: dict[str, int]) -> str:
    """Power on, and the boot event."""
    contact.lander("on", circuit=0)
    event = contact.expect("event", "system.booted", 20)
    memory["boots"] = _whole(values_of(event), "boot_count")
    return f"boot {memory['boots']}, the board spoke first"


def first_telemetry(contact: Contact, memory: dict[str, int]) -> str:
    """Telemetry decoded by the database that flies."""
    del memory
    record = contact.expect("link", "", 15, lambda link: link.get("state") == "ready")
    return f"{record.get('frames_good')} good frames, command link ready at V(S) {record.get('v_s')}"


def time_from_lander(contact: Contact, memory: dict[str, int]) -> str:
    """The lander's tone sets the board's clock."""
    del memory
    contact.expect("event", "system.time_locked", 15)
    return "clock locked to the lander's tone"


def ping(contact: Contact, memory: dict[str, int]) -> str:
    """Are you alive?"""
    del memory
    _completed(contact, "ping")
    contact.expect("packet", "pong", 5)
    return "pong between start and completion"


def housekeeping(contact: Contact, memory: dict[str, int]) -> str:
    """Housekeeping on, and the first report."""
    del memory
    _completed(contact, "housekeeping.enable", sids="1")
    values = values_of(contact.expect("packet", "system.housekeeping", 10))
    return f"mode {values.get('system.mode')}, CPU {values.get('system.cpu_load')} permille of this computer"


def instrument(contact: Contact, memory: dict[str, int]) -> str:
    """A reading of an instrument."""
    del memory
    _completed(contact, "environment.read")
    values = values_of(contact.expect("packet", "environment.report", 10))
    return f"temperature {_whole(values, 'environment.temperature') / 100} degC (simulated sensor)"


def refused(contact: Contact, memory: dict[str, int]) -> str:
    """A command that the board refuses, and why."""
    del memory
    word = contact.send("power.switch", load="31", on="true")
    if word.completed:
        raise StepError("the board switched a load that it does not have")
    return f"refused as it should be: {word.text}"


def limit(contact: Contact, memory: dict[str, int]) -> str:
    """A limit crossed and reported, and back."""
    del memory
    contact.temperature(LIMIT_MDEGC)
    _completed(contact, "environment.measure", period_ms="500")
    crossed = values_of(contact.expect("event", "system.limit_crossed", 10))
    contact.temperature(NOMINAL_MDEGC)
    contact.expect("event", "system.limit_back", 10)
    return f"parameter {crossed.get('parameter')} {crossed.get('state')} at {crossed.get('value')}, and back within"


def power_off(contact: Contact, memory: dict[str, int]) -> str:
    """A power-off notice obeyed."""
    del memory
    contact.lander("notice", circuit=0, action=0, seconds=8)
    contact.expect("event", "power.notice", 10)
    ready = values_of(contact.expect("event", "power.ready_for_off", 10))
    return f"loads shed, ready for power-off, clean {ready.get('clean')}"


def power_cut(contact: Contact, memory: dict[str, int]) -> str:
    """The lander takes the power."""
    del memory
    contact.lander_says("power_off", 15)
    return "power is off"


def reboot(contact: Contact, memory: dict[str, int]) -> str:
    """Power on again: the boot count is up, and the board knows how its last life ended."""
    contact.lander("on", circuit=0)
    values = values_of(contact.expect("event", "system.booted", 20))
    boots = _whole(values, "boot_count")
    if boots != memory["boots"] + 1:
        raise StepError(f"boot count {boots} after {memory['boots']}")
    return f"boot {boots}, last life ended {values.get('reset_cause')}"


def again(contact: Contact, memory: dict[str, int]) -> str:
    """And it answers again."""
    del memory
    _completed(contact, "ping")
    return "answers after the reboot"


SINCE_BOOT: Final = frozenset((first_telemetry, time_from_lander))
"""Steps that may have been fulfilled while the step before them was."""
SCRIPT: Final[tuple[tuple[str, Step], ...]] = (
    ("boot", boot),
    ("first telemetry", first_telemetry),
    ("time from the lander", time_from_lander),
    ("ping", ping),
    ("housekeeping on", housekeeping),
    ("instrument reading", instrument),
    ("refused command", refused),
    ("limit crossed", limit),
    ("power-off notice", power_off),
    ("power cut", power_cut),
    ("reboot", reboot),
    ("answers again", again),
)
