"""What must be seen of each fault, row by row of the fault list: judged from outside, by what a run's observer heard.

Each fault that was exercised is watched from its beginning to `WITHIN_US` behind its end, then judged by the table of
its kind; what is missing is a breach, named by row and kind. A run that ended too soon to judge a fault breaks nothing
and says so. The names of events that are yet to be declared stand where the work that a row waits for will say them.

The judgement is meant for one fault at a time: where several overlap, one may silence what another must say.
"""

from collections.abc import Callable, Mapping
from typing import Final

from fsw.kernel.clock import Micros
from hil.faults.fault_seen import SECOND, Sampled, Seen, Served, Stamp
from hil.faults.forgery import FORGED_COUNT
from hil.lander.lander import TAI_AT_ZERO_US, Happening
from hil.observer import Finding
from hil.written.expectation import Kind, Word, word_of
from hil.written.fault import Fault, compact
from hil.written.fault_kinds import KINDS
from tools.ground.records import EventRecord, PacketRecord, ParameterRecord, Record
from tools.ground.tracking import StageChange, State

WITHIN_US: Final = 90 * SECOND
"""How long after its end a fault's consequences may take: the ground's own timers are the longest part."""
WORDS_MAX: Final = 20_000
EXECUTED_MAX: Final = 100_000
_KEPT: Final = frozenset((Kind.EVENT, Kind.LANDER, Kind.LINK, Kind.REPORT))
_DULL: Final = tuple((Kind.REPORT, f"report.{name}") for name in ("lander", "power", "payload"))
"""Said every second, and asked for by no judge."""

LONG_US: Final = 11 * SECOND
"""A silence that both ends must have noticed on the default line (ten heartbeats)."""
BEACON_US: Final = 45 * SECOND
RESET_US: Final = 20 * SECOND
STEP_MS: Final = 50
LIMIT_CDEGC: Final = 8_000
HARD_CDEGC: Final = 8_500
PACKAGE: Final = 5
"""Parameter id of the package's temperature."""
TOLD_MAX: Final = 5
LOST_TO_RUBBISH_MAX: Final = 3
SEEN_BER_E9: Final = 10_000
SEEN_E6: Final = 100
"""From here on noise cannot miss every frame of so long a time."""


def _noisy(seen: Seen) -> list[str]:
    """F1, F2: damage is rejected and counted, no life ends, all flows again."""
    values = seen.fault.values
    often = values.get("ber_e9", SEEN_BER_E9) >= SEEN_BER_E9 and values.get("per_octets_e6", SEEN_E6) >= SEEN_E6
    hit = often and seen.lasted(LONG_US) and seen.fault.name("direction") != "up"
    return (seen.counts("lander.tm_frames_bad") if hit else []) + seen.same_life() + seen.answers()


def _drifting(seen: Seen) -> list[str]:
    """F11: some drift a UART bears, more is noise."""
    return seen.same_life() + seen.answers()


def _skipped(seen: Seen) -> list[str]:
    """F3, F4: rubbish costs what it fell into."""
    lost = seen.counted("lander.tm_frames_bad")
    wrong = [] if lost <= LOST_TO_RUBBISH_MAX else [f"{lost} frames were lost to one piece of rubbish"]
    return wrong + seen.same_life() + seen.answers()


def _interrupted(seen: Seen) -> list[str]:
    """F10, F11: the link comes back by itself; each end says of a long silence that the other one was lost."""
    wrong = seen.same_life() + seen.answers()
    direction = seen.fault.name("direction")
    if seen.lasted(LONG_US) and direction != "down":
        wrong += seen.hears_after("event comms.lander_back") + seen.on_time()
    if seen.lasted(LONG_US) and direction != "up":
        wrong += seen.hears("lander heartbeat_lost") + seen.hears_after("lander heartbeat_heard")
    return wrong


def _time_late(seen: Seen) -> list[str]:
    """F5: a time that is not the lander's is told as a step, and it is right again afterwards."""
    return seen.same_life() + seen.answers() + seen.on_time()


def _time_missing(seen: Seen) -> list[str]:
    """F5: the flywheel's flag, and a lock afterwards."""
    wrong = seen.same_life() + seen.answers() + seen.on_time()
    if seen.lasted(LONG_US):
        wrong += seen.hears("event system.time_flywheel") + seen.hears_after("event system.time_locked")
    return wrong


def _time_step(seen: Seen) -> list[str]:
    """F6: told both ways; no timer of ours runs by it, so commands are served all the time."""
    wrong = seen.same_life() + seen.answers() + seen.on_time()
    if abs(seen.fault.values["step_ms"]) > STEP_MS and seen.lasted(LONG_US):
        step = "event system.time_locked step_ms != 0"
        wrong += seen.hears(step) + seen.hears_after(step) + seen.answers_meanwhile()
    return wrong


def _brown_out(seen: Seen) -> list[str]:
    """F7: bridged, or a clean boot."""
    return seen.rebooted("cut") if seen.times("event system.booted") else seen.same_life() + seen.answers()


def _power_cut(seen: Seen) -> list[str]:
    """F8, F22: it boots, knows that it was cut, and what was committed is there."""
    return seen.rebooted("cut")


def _power_off(seen: Seen) -> list[str]:
    """F8: the warning is used; without time to use it, it is a cut. A warning taken back is none."""
    if not seen.times("lander power_off"):
        return seen.answers()
    if seen.fault.values["seconds"] == 0:
        return seen.rebooted()
    return seen.rebooted("ready_for_off") + seen.hears("lander ready_for_off clean = 1")


def _over_current(seen: Seen) -> list[str]:
    """F9: what has tripped stays off until the order; then one boot."""
    if not seen.times("lander trip"):
        return seen.same_life() + seen.answers()
    early = seen.times("lander power_on", seen.began_us, seen.end_us - 1)
    return seen.rebooted("cut") + ([f"power came back {early} times before the order"] if early else [])


def _lander_silence(seen: Seen) -> list[str]:
    """F10: told, and told when it is over; commands of the ground are served all the time."""
    wrong = seen.same_life() + seen.answers() + seen.on_time()
    if seen.lasted(LONG_US):
        wrong += seen.hears("event comms.lander_lost") + seen.hears_after("event comms.lander_back")
    return wrong


def _lander_reboot(seen: Seen) -> list[str]:
    """F12: both ends find each other again without a hand."""
    return seen.same_life() + seen.answers() + seen.on_time() + seen.hears_after("lander heartbeat_heard", "link ready")


def _jitter(seen: Seen) -> list[str]:
    """F13: no false alarm, of neither end."""
    alarms = ("event comms.lander_lost", "lander heartbeat_lost", "event system.time_flywheel")
    return seen.never(*alarms) + seen.same_life() + seen.answers() + seen.answers_meanwhile()


def _replay(seen: Seen) -> list[str]:
    """F14: what has run does not run again."""
    return [f"request {one.hex()} was executed again" for one in seen.executed_again] + seen.answers()


def _spoof(seen: Seen) -> list[str]:
    """F15: nothing of a stranger's runs, and that it tried is told."""
    ran = any(int.from_bytes(one[2:], "big") & 0x3FFF == FORGED_COUNT for one in seen.executed)
    wrong = (["a stranger's command was executed"] if ran else []) + seen.answers()
    if seen.fault.name("forgery") == "service":
        return wrong + seen.counts("lander.tc_vc2_dropped") + seen.never("event system.mode_changed")
    return wrong + seen.hears("event comms.command_not_authentic")


def _over_temperature(seen: Seen) -> list[str]:
    """F16: told when it is too hot and when that is over; loads are shed."""
    wrong = seen.same_life() + seen.answers() + seen.answers_meanwhile()
    hottest = seen.highest("system.package_temperature")
    if hottest > LIMIT_CDEGC:
        wrong += seen.hears(f"event system.limit_crossed parameter = {PACKAGE}")
        wrong += seen.hears_after(f"event system.limit_back parameter = {PACKAGE}")
    return wrong + (seen.hears("event power.load_shed") if hottest >= HARD_CDEGC else [])


def _undisturbed(seen: Seen) -> list[str]:
    """F17, F24, F25: commands are served all the time."""
    return seen.same_life() + seen.answers() + seen.answers_meanwhile()


def _cold_start(seen: Seen) -> list[str]:
    """F17: it boots without its sensors."""
    return seen.rebooted()


def _sensor_vanished(seen: Seen) -> list[str]:
    """F17: what cannot be measured is absent, not old, and comes back."""
    absent = seen.absent()
    wrong = [] if absent else ["no parameter was absent"]
    wrong += [f"{name} did not come back" for name in absent if seen.samples[name].last is None]
    return wrong + _undisturbed(seen)


def _bit_flip(seen: Seen) -> list[str]:
    """F18: seen, told, repaired."""
    return seen.hears("event system.memory_repaired") + seen.kept() + seen.answers()


def _file_bit_flip(seen: Seen) -> list[str]:
    """F18: the same in the store's file."""
    return seen.hears("event system.store_repaired") + seen.kept() + seen.answers()


def _disk(seen: Seen) -> list[str]:
    """F19: beacon and commands live on; what cannot be kept is told, and that it can be again."""
    wrong = _undisturbed(seen) + seen.kept()
    if seen.lasted(BEACON_US) and not seen.times("report report.beacon", seen.began_us, seen.end_us):
        wrong.append("no beacon was heard meanwhile")
    if seen.times("event system.store_fault"):
        wrong += seen.hears_after("event system.store_recovered")
    return wrong


def _clock_drift(seen: Seen) -> list[str]:
    """F20: time is the lander's all along."""
    wrong = _undisturbed(seen) + seen.on_time()
    return wrong + ([f"a stamp was {seen.worst_ahead_us} us ahead"] if seen.worst_ahead_us > STEP_MS * 1_000 else [])


def _starve(seen: Seen) -> list[str]:
    """F21: a reset in time, and why."""
    boot_us = seen.first(Kind.EVENT, "system.booted")
    wrong = [] if boot_us is not None and boot_us <= seen.began_us + RESET_US else ["no reset within 20 s"]
    return wrong + seen.hears("event system.booted reset_cause = watchdog") + seen.answers()


def _descent(seen: Seen) -> list[str]:
    """F23: nothing is written while it lasts."""
    written = len(seen.served_meanwhile("parameter.set"))
    return ([f"{written} parameters were written meanwhile"] if written else []) + seen.answers()


def _solar_event(seen: Seen) -> list[str]:
    """F27: told, and not again and again."""
    told = seen.times("event system.limit_crossed")
    return ([] if 0 < told <= TOLD_MAX else [f"told {told} times"]) + _undisturbed(seen)


Judge = Callable[[Seen], list[str]]
JUDGES: Final[Mapping[str, Judge]] = {
    **dict.fromkeys(("bit_errors", "drop", "duplicate", "insert"), _noisy),
    **dict.fromkeys(("boot_text", "broken_frames"), _skipped),
    **dict.fromkeys(("silence", "stuck_low", "stuck_high", "rx_frozen"), _interrupted),
    "baud_drift": _drifting,
    "time_late": _time_late,
    "time_missing": _time_missing,
    "time_step": _time_step,
    "power_cut": _power_cut,
    "power_off": _power_off,
    "over_current": _over_current,
    "lander_silence": _lander_silence,
    "lander_reboot": _lander_reboot,
    "heartbeat_jitter": _jitter,
    "replay": _replay,
    "spoof": _spoof,
    "descent": _descent,
    **dict.fromkeys(("degraded_downlink", "phase_skip", "sensor_stuck"), _undisturbed),
    "brown_out": _brown_out,
    "over_temperature": _over_temperature,
    "cold_start": _cold_start,
    "sensor_vanished": _sensor_vanished,
    "bit_flip": _bit_flip,
    "file_bit_flip": _file_bit_flip,
    **dict.fromkeys(("disk_full", "disk_read_only", "disk_error", "disk_slow"), _disk),
    "clock_drift": _clock_drift,
    "starve": _starve,
    "night": _power_cut,
    "solar_event": _solar_event,
}
assert set(JUDGES) == set(KINDS), "every kind has what must be seen of it"


def _old(record: PacketRecord | EventRecord) -> bool:
    """Whether a record tells of something kept, whose stamp is of another time."""
    return isinstance(record, EventRecord) and record.replayed


class FaultExpectations:
    """The observer. `counters` gives lander's, line's and ground's counters, by their names in a run's result."""

    def __init__(self, counters: Callable[[], Mapping[str, int]] | None = None) -> None:
        self.counters = counters or dict
        self._seen: list[Seen] = []
        self._open: list[Seen] = []
        self._samples: dict[str, float | None] = {}
        self._sent: dict[int, Micros] = {}
        self._executed: set[bytes] = set()
        self._link = ""
        """The link's state: it is a word when it changes."""

    # --- hooks ------------------------------------------------------------------------------------------------------

    def fault(self, fault: Fault, began: bool, now: Micros) -> None:
        """A fault began or ended."""
        if began:
            seen = Seen(fault, now, self.counters(), self._samples)
            self._seen.append(seen)
            self._open.append(seen)
            return
        for seen in self._open:
            if seen.fault == fault and seen.ended_us is None:
                seen.ended_us = now

    def record(self, record: Record, now: Micros) -> None:
        """A record of the ground."""
        if isinstance(record, StageChange):
            self._stage(record, now)
        elif isinstance(record, ParameterRecord):
            self._samples[record.name] = record.raw
        if not self._open:
            return
        self._close(now)
        if isinstance(record, ParameterRecord):
            for seen in self._open:
                seen.samples.setdefault(record.name, Sampled()).take(record.raw)
        elif isinstance(record, PacketRecord | EventRecord) and record.time is not None and not _old(record):
            ahead_us = record.time.us - (TAI_AT_ZERO_US + now)
            for seen in self._open:
                seen.stamp = Stamp(now, record.time.status, ahead_us)
                seen.worst_ahead_us = max(seen.worst_ahead_us, ahead_us)
        self._word(word_of(record))

    def happening(self, happening: Happening, now: Micros) -> None:
        """What the lander tells its user."""
        self._word(Word(Kind.LANDER, happening.what, happening.values, happening.at_us))

    def executed(self, request_id: bytes, now: Micros) -> None:
        """The payload began to execute a request."""
        for seen in self._open:
            seen.executed.append(request_id)
            if request_id in self._executed:
                seen.executed_again.append(request_id)
        if len(self._executed) < EXECUTED_MAX:
            self._executed.add(request_id)

    def finish(self, now: Micros) -> list[Finding]:
        """Judge every fault that was exercised."""
        self._close(now)
        for seen in self._open:
            seen.counters_after = dict(self.counters())
        return [finding for seen in self._seen for finding in self._judge(seen, now)]

    # --- inside -----------------------------------------------------------------------------------------------------

    def _judge(self, seen: Seen, now: Micros) -> list[Finding]:
        known = KINDS[seen.fault.kind]
        rule = f"{known.row} {known.kind}"
        if seen in self._open and now < seen.end_us + WITHIN_US:
            return [Finding(rule, now, f"{compact(seen.fault)}: the run ended too soon to judge it", False)]
        wrong = JUDGES[known.kind](seen)
        return [Finding(rule, seen.began_us, f"{compact(seen.fault)}: {text}", True) for text in wrong]

    def _close(self, now: Micros) -> None:
        """Faults whose time to be seen is over are watched no longer."""
        for seen in [one for one in self._open if one.ended_us is not None and now > one.ended_us + WITHIN_US]:
            seen.counters_after = dict(self.counters())
            self._open.remove(seen)

    def _stage(self, change: StageChange, now: Micros) -> None:
        if change.state is State.SENT:
            self._sent.setdefault(change.ticket, now)
        elif change.verdict:
            sent_us = self._sent.pop(change.ticket, None)
            if change.state is State.COMPLETED and sent_us is not None:
                for seen in self._open:
                    seen.served.append(Served(sent_us, now, change.name))

    def _word(self, word: Word | None) -> None:
        if word is None or (word.kind, word.name) in ((Kind.LINK, self._link), *_DULL) or word.kind not in _KEPT:
            return
        if word.kind is Kind.LINK:
            self._link = word.name
        for seen in self._open:
            if len(seen.words) < WORDS_MAX:
                seen.words.append(word)
