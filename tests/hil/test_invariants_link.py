"""Gaps, lives and recovery on histories made by hand: octets, frames and records as a bench would show them."""

import struct

import pytest

from fsw.kernel.clock import Micros
from hil.lander.lander import Happening
from hil.observer import Observers, Probe
from hil.rules.invariants_gaps import BOOT_EVENT_US, EMITTED_MAX, HOLES_MAX, GapsAnnounced
from hil.rules.invariants_nominal import NominalAgain
from hil.rules.oracle import Acceptance
from hil.rules.overhearing import Line, Overhearing, Said
from hil.written import fault
from tests.hil.by_hand import ASM, SCID, cltu, crc, packet, tc_frame
from tests.hil.test_oracle import ping
from tools.ground.records import LinkRecord, PacketRecord

S = 1_000_000
CUT = fault.make("power_cut", 0)
BOOTED = b"\x00\x01" + bytes(8)


def at(seconds: float) -> Micros:
    return Micros(round(seconds * S))


def pus(apid: int, count: int, service: int = 3, subtype: int = 25, data: bytes = b"\x00\x01") -> bytes:
    head = struct.pack(">HHHBBBHH", 0x0800 | apid, 0xC000 | count, len(data) + 15, 0x20, service, subtype, 0, 0)
    octets = head + bytes(7) + data
    return octets + struct.pack(">H", crc(octets))


class Payload:
    """Says what the test wants, frame after frame, to the rules and, unless it is lost, to the ground."""

    def __init__(self, carrier: str = "cltu-cadu") -> None:
        self.gaps = GapsAnnounced()
        self.watch = Observers((Overhearing(Line(carrier, SCID, 446), (self.gaps,), Acceptance(20)), self.gaps))
        self.carrier = carrier
        self.now = 0.0
        self.lost = 0
        self.watch.tell("power", True, at(0))
        self.begin()

    def begin(self) -> None:
        self.mcfc = 0
        self.vcfc = {0: 0, 2: 0, 7: 0}

    def frame(self, vcid: int, data: bytes, fhp: int = 0) -> bytes:
        gap = 434 - len(data)
        data += struct.pack(">HHH", 0x07FF, 0xC000, gap - 7) + b"\x55" * (gap - 6) if gap else b""
        head = struct.pack(">HBBH", SCID << 4 | vcid << 1 | 1, self.mcfc % 256, self.vcfc[vcid] % 256, 0x1800 | fhp)
        octets = head + data + bytes(4)
        self.mcfc += 1
        self.vcfc[vcid] += 1
        return octets + struct.pack(">H", crc(octets))

    def say(self, *packets: bytes, vcid: int = 0, fhp: int = 0) -> bytes:
        """Emit one frame."""
        self.now += 1
        frame = self.frame(vcid, b"".join(packets), fhp)
        if self.carrier == "slip":
            coded = frame.replace(b"\xdb", b"\xdb\xdd").replace(b"\xc0", b"\xdb\xdc")
            self.watch.tell("emitted", b"\xc0" + coded + b"\xc0", at(self.now))
        else:
            self.watch.tell("emitted", ASM + frame, at(self.now))
        return frame

    def arrive(self, frame: bytes, *packets: bytes, lost: int = 0) -> None:
        """A frame reaches the ground, which reads these packets and counts this many frames more as missing."""
        self.lost += lost
        now = at(self.now)
        self.watch.tell("delivered", frame, now)
        for octets in packets:
            self.watch.tell("record", received(octets), now)
        self.watch.tell("record", link(now, self.lost), now)

    def found(self) -> list[str]:
        return [one.text for one in self.watch.finish(at(self.now)) if one.breach]


def received(octets: bytes, problem: str = "") -> PacketRecord:
    apid, count = int.from_bytes(octets[:2], "big") & 0x7FF, int.from_bytes(octets[2:4], "big") & 0x3FFF
    return PacketRecord(at(0), 0, apid, None, None, count, None, "", {}, problem, octets)


def link(now: Micros, lost: int = 0, state: str = "ready") -> LinkRecord:
    return LinkRecord(now, state, 1, 1, False, False, False, 0, 0, 0, 0, lost, 0, 0, "match", 1)


def test_frames_lost_and_counted_are_announced() -> None:
    for carrier in ("cltu-cadu", "slip"):
        payload = Payload(carrier)
        for count in range(20):
            octets = pus(0x020, count)
            frame = payload.say(octets)
            if count % 5:
                payload.arrive(frame, octets, lost=int(count % 5 == 1 and count > 5))
        assert payload.found() == []


@pytest.mark.proves("K-BENCH-014")
def test_a_gap_that_the_ground_does_not_see_and_one_that_it_invents() -> None:
    payload = Payload()
    frames = [payload.say(pus(0x020, count)) for count in range(6)]
    payload.arrive(frames[0])
    payload.now += 1
    payload.arrive(frames[1])
    payload.now += 1
    payload.arrive(frames[3])
    payload.now += 1
    payload.arrive(frames[4])
    payload.now += 1
    payload.arrive(frames[5], lost=1)
    assert payload.found() == [
        "a gap was unseen: 1 frames are missing, the ground counts 0",
        "a gap was invented: 0 frames are missing, the ground counts 1",
    ]


@pytest.mark.proves("K-BENCH-014")
def test_what_was_not_emitted_or_comes_twice() -> None:
    payload = Payload()
    octets = pus(0x020, 0)
    frame = payload.say(octets)
    payload.arrive(frame, octets)
    payload.arrive(frame)
    payload.watch.tell("record", received(octets), at(5))
    payload.watch.tell("record", received(pus(0x021, 3)), at(5))
    payload.watch.tell("record", received(pus(0x021, 4), "checksum"), at(5))
    payload.watch.tell("delivered", frame[:-1] + b"\x00", at(5))  # damaged on the way
    assert payload.found() == [
        "frame 0 of VC 0 reached the ground, and was never emitted",
        "the ground has packet 0 of APID 0x020, which was not emitted, or not once more",
        "the ground has packet 3 of APID 0x021, which was not emitted, or not once more",
    ]


@pytest.mark.proves("K-BENCH-014")
def test_counts_of_the_payload_that_would_hide_a_gap() -> None:
    payload = Payload()
    payload.say(pus(0x020, 0), pus(0x020, 2), pus(0x020, 1), pus(0x021, 0))  # 2 has overtaken 1
    payload.say(pus(0x020, 5))
    assert payload.found() == []
    payload.say(pus(0x020, 2))
    payload.vcfc[0] += 1
    payload.say(pus(0x020, 4))
    assert payload.found() == [
        "count 2 of APID 0x020 was used twice: a gap may hide there",
        "frame 4 of VC 0 was emitted where 3 was next",
    ]


def test_counts_come_round_and_far_holes_are_forgotten() -> None:
    rule = GapsAnnounced()
    rule.born(at(0))
    for count in (*range(0, 16_384, 4_000), 16_383, 0, 1):
        rule.said(Said(0, 0x020, count, 3, 25, bytes((count % 251,))), at(1))
    rule.said(Said(0, 0x020, 5, 3, 25, b"old"), at(1))
    assert rule.finish(at(2)) == []
    assert len(rule._counts[0x020]._holes) <= HOLES_MAX


def test_a_new_life_is_told_from_lost_counters() -> None:
    payload = Payload()
    payload.arrive(payload.say(pus(0x020, 0)))
    payload.watch.tell("power", False, at(payload.now))
    payload.watch.tell("power", True, at(payload.now))
    payload.begin()
    payload.arrive(payload.say(pus(0x020, 0)), lost=77)  # counters of two lives: whatever the ground makes of it
    payload.now += 1
    payload.arrive(payload.say(pus(0x020, 1)))
    payload.begin()
    payload.say(vcid=7)  # the payload has restarted by itself
    payload.say(pus(0x020, 0, 5, 1, BOOTED))
    payload.now += BOOT_EVENT_US / S + 1
    payload.say(pus(0x020, 1))
    assert payload.found() == []
    payload.begin()
    payload.say(vcid=7)
    payload.now += BOOT_EVENT_US / S + 1
    payload.say(pus(0x020, 0))
    assert payload.found() == ["all counters began again, and no boot was told"]


def test_rubbish_between_frames_is_stepped_over() -> None:
    payload = Payload()
    payload.watch.tell("emitted", b"Booting" + ASM + b"half a frame", at(0))
    for count in range(3):
        octets = pus(0x020, count)
        payload.arrive(payload.say(octets), octets)
    assert payload.found() == []


def test_what_is_under_way_is_bounded() -> None:
    payload = Payload()
    first = payload.say(pus(0x020, 0))
    for count in range(EMITTED_MAX + 1):
        payload.gaps.framed(0, (count + 1) % 256, count.to_bytes(3, "big"), at(1))
    payload.arrive(first)
    assert payload.found() == []


def test_what_reached_shortly_before_a_restart_is_either_lifes() -> None:
    acceptance = Acceptance(20)
    heard = Overhearing(Line("cltu-cadu", SCID, 446), (), acceptance)
    payload = Payload()
    heard.emitted(ASM + payload.frame(7, b""), at(1))
    heard.reached(cltu(tc_frame(0, ping(1))), at(2))
    payload.begin()
    heard.emitted(ASM + payload.frame(7, b""), at(3))
    assert {one.waiting for one in acceptance.possible} == {(), (ping(1)[:4],)}
    heard.power(True, at(4))
    heard.reached(cltu(tc_frame(0, ping(2))), at(4))  # before the first frame: who knows whether it listens
    assert {one.waiting for one in acceptance.possible} == {(), (ping(2)[:4],)}


# --- nominal again


WITHIN = 20
PROBE = Probe("nominal", True, True, 0, {}, 0, None, False, False)


def heartbeat(mode: int, health: int = 0) -> Said:
    return Said(2, 0x110, 0, 0, 0, packet(0x110, bytes((mode, health)) + bytes(10), from_lander=False))


def mode_changed(to: int, reason: int) -> Said:
    return Said(0, 0x020, 0, 5, 1, pus(0x020, 0, 5, 1, bytes((0, 2, 2, to, reason))))


def recovering(
    rule: NominalAgain, begin: int, end: int, *, mode: int = 2, health: int = 0, state: str = "ready"
) -> None:
    for second in range(begin, end):
        rule.said(heartbeat(mode, health), at(second))
        rule.record(link(at(second), state=state), at(second))
        rule.framed(0, 0, b"", at(second))


def shaken() -> NominalAgain:
    rule = NominalAgain(WITHIN * S)
    recovering(rule, 0, 10)
    rule.fault(CUT, True, at(10))
    recovering(rule, 10, 100, mode=1, state="telemetry has fallen silent")
    rule.fault(CUT, False, at(100))
    return rule


def outcome(rule: NominalAgain, now: float) -> list[str]:
    return [one.text for one in rule.finish(at(now))]


def test_nominal_in_time() -> None:
    rule = shaken()
    recovering(rule, 100, 119, mode=1)
    recovering(rule, 119, 130)
    recovering(rule, 130, 140, mode=1)  # later troubles are not this fault's
    assert outcome(rule, 140) == []


@pytest.mark.proves("K-BENCH-017")
def test_each_thing_that_may_be_missing() -> None:
    rule = shaken()
    recovering(rule, 100, 121, mode=1, health=3, state="initialising COP-1")
    assert outcome(rule, 121) == [
        "20 s after the last fault: its mode is 1, its store is faulty, a task does not run, "
        "the ground's link: initialising COP-1"
    ]
    rule = shaken()
    recovering(rule, 100, 115)
    rule.probe(PROBE._replace(tasks_running=False), at(120))
    assert outcome(rule, 121) == ["20 s after the last fault: a task does not run"]
    rule = shaken()
    assert outcome(rule, 200) == [
        "20 s after the last fault: no heartbeat of the payload's, the ground's link: telemetry has fallen silent"
    ]


def test_who_was_told_to_be_safe_may_be_safe() -> None:
    for reason, right in ((1, True), (3, True), (2, False)):
        rule = shaken()
        rule.said(mode_changed(1, reason), at(101))
        recovering(rule, 101, 125, mode=1)
        assert (outcome(rule, 125) == []) is right


@pytest.mark.proves("K-BENCH-017")
def test_power_that_a_fault_has_taken_must_be_back() -> None:
    for what, faults in (("trip", ()), ("notice", (CUT,))):
        rule = shaken()
        for one in faults:
            rule.fault(one, True, at(101))
        rule.happening(Happening(at(102), "power_off", {"circuit": "ops", "why": what}), at(102))
        rule.power(False, at(102))
        for one in faults:
            rule.fault(one, False, at(103))
        (text,) = outcome(rule, 200)
        assert text.startswith("20 s after the last fault: a fault has taken the power, and it is not back")


def test_nothing_is_asked_of_what_was_switched_off_and_no_link_out_of_sight() -> None:
    rule = shaken()
    rule.happening(Happening(at(101), "power_off", {"circuit": "ops", "why": "notice"}), at(101))
    rule.power(False, at(101))
    rule.framed(0, 0, b"", at(300))
    assert outcome(rule, 300) == []
    rule.power(True, at(300))
    recovering(rule, 301, 315)
    assert outcome(rule, 315) == ["the run ended before the system had to be nominal again"]
    rule.happening(Happening(at(315), "los", {}), at(315))
    recovering(rule, 315, 340, state="telemetry has fallen silent")
    assert len(outcome(rule, 340)) == 1
    rule = shaken()
    rule.happening(Happening(at(110), "aos", {}), at(110))
    recovering(rule, 110, 125, mode=1)
    recovering(rule, 125, 135)
    assert outcome(rule, 135) == []
