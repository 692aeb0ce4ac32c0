"""Packets of the lander's services, both ways, and the lander's report to the ground (contract, sections 4 and 5)."""

from enum import IntEnum, unique

from fsw.mdb.model import (
    array,
    boolean,
    cuc,
    enumerated,
    i16,
    lander_packet,
    payload_packet,
    rest,
    structure,
    u8,
    u16,
    u32,
)
from fsw.mdb.power import Circuit, NoticeAction, NoticeReason
from fsw.mdb.system import Mode
from fsw.pus.ids import LanderApid


@unique
class Phase(IntEnum):
    """Phases of the lander's mission."""

    OFF = 0
    PRELAUNCH = 1
    LAUNCH = 2
    SEPARATION = 3
    COMMISSION = 4
    CRUISE = 5
    MANOEUVRE = 6
    LUNAR_ORBIT = 7
    DEPLOY_WINDOW = 8
    DESCENT = 9
    TOUCHDOWN = 10
    SURFACE_DAY = 11
    NOON_SIESTA = 12
    DUSK = 13
    NIGHT = 14
    SAFE = 15
    END_OF_MISSION = 16


@unique
class TimeQuality(IntEnum):
    """What the lander thinks of its own time."""

    INVALID = 0
    FLYWHEEL = 1
    LOCKED = 2


@unique
class AuthorisationStep(IntEnum):
    """Steps of a deployment's authorisation."""

    SAFE = 0
    ARM = 1
    ENABLE = 2
    FIRE_WINDOW = 3


@unique
class RequestKind(IntEnum):
    """What the payload may ask of the lander."""

    POWER = 0
    HEATER = 1
    TIME = 2
    CYCLE_ME = 3
    LONGER_NOTICE = 4


@lander_packet(LanderApid.HEARTBEAT, name="lander.heartbeat")
class LanderHeartbeat:
    """The lander is there; the first octet of its CLTU is the tone."""

    uptime_s: int = u32(unit="s")
    boot_count: int = u16()
    tm_frames_good: int = u32()
    tm_frames_bad: int = u32()


@lander_packet(LanderApid.TIME, name="lander.time")
class LanderTime:
    """What TAI will be at the next tone."""

    tai_at_tone: bytes = cuc()
    tai_minus_utc_s: int = u8(unit="s")
    quality: TimeQuality = enumerated(TimeQuality)
    leap: int = u8()


@lander_packet(LanderApid.MODE, name="lander.mode")
class LanderMode:
    """The phase of the mission and what we must keep quiet in."""

    phase: Phase = enumerated(Phase)
    seconds_to_next: int = u32(unit="s")
    quiet: int = u8(doc="bit 0 RF, 1 vibration, 2 dust, 3 manoeuvre")


@lander_packet(LanderApid.POWER_NOTICE, name="lander.power_notice")
class PowerNotice:
    """What the lander is about to do to a circuit."""

    circuit: Circuit = enumerated(Circuit)
    action: NoticeAction = enumerated(NoticeAction)
    seconds_until: int = u16(unit="s")
    reason: int = u8(enum=NoticeReason)
    limit_mw: int = u32(unit="mW")


@structure
class CircuitStatus:
    """How one circuit stands."""

    circuit: int = u8(enum=Circuit)
    on: int = u8()
    bus_mv: int = u16(unit="mV")
    average_ma: int = u16(unit="mA")
    max_ma: int = u16(unit="mA")
    limit_ma: int = u16(unit="mA")
    trip: int = u8()


@lander_packet(LanderApid.POWER_STATUS, name="lander.power_status")
class PowerStatus:
    """How our circuits stand."""

    circuits: tuple[CircuitStatus, ...] = array(CircuitStatus, u8, high=16)


@lander_packet(LanderApid.LINK, name="lander.link")
class LanderLink:
    """The lander's link to the ground."""

    aos: bytes = cuc()
    los: bytes = cuc()
    bps: int = u32(unit="bit/s")
    queue_free: int = u32()
    one_way_ms: int = u32(unit="ms")


@lander_packet(LanderApid.ANCILLARY, name="lander.ancillary")
class Ancillary:
    """Temperatures around us, directions of sun and Earth, altitude."""

    deck_cdegc: int = i16(unit="cdegC")
    interface_cdegc: int = i16(unit="cdegC")
    sun_x: int = i16(unit="1/32767")
    sun_y: int = i16(unit="1/32767")
    sun_z: int = i16(unit="1/32767")
    earth_x: int = i16(unit="1/32767")
    earth_y: int = i16(unit="1/32767")
    earth_z: int = i16(unit="1/32767")
    altitude_m: int = u32(unit="m")
    flags: int = u8()


@lander_packet(LanderApid.DEPLOYMENT_AUTHORISATION, name="lander.deployment_authorisation")
class DeploymentAuthorisation:
    """How far the lander lets a deployment go, and when."""

    step: AuthorisationStep = enumerated(AuthorisationStep)
    opens: bytes = cuc()
    closes: bytes = cuc()
    nonce: int = u32()


@lander_packet(LanderApid.CREDIT, name="lander.credit")
class Credit:
    """How much a virtual channel may send."""

    vc: int = u8()
    octets: int = u32()


@lander_packet(LanderApid.SAFE_NOW, name="lander.safe_now")
class SafeNow:
    """Go safe."""

    seconds_until: int = u16(unit="s")
    reason: int = u8()


@payload_packet(LanderApid.PAYLOAD_HEARTBEAT, name="payload.heartbeat")
class PayloadHeartbeat:
    """The payload is there."""

    mode: int = u8(enum=Mode)
    health: int = u8(doc="bit 0 store fault, 1 a task struck out, 2 a limit crossed; 0 well")
    board_cdegc: int = i16(unit="cdegC", doc="-32768: not known")
    boot_count: int = u16(doc="0: not known")
    last_tc_count: int = u16(doc="sequence count of the last telecommand accepted")
    uptime_s: int = u32(unit="s")


@payload_packet(LanderApid.BEACON, name="payload.beacon")
class Beacon:
    """Eight octets, all that a cruise link of 10 bit/s carries: alive, how warm, which mode, which boot."""

    mode: int = u8(enum=Mode)
    health: int = u8(doc="as in the heartbeat")
    board_degc: int = u8(unit="degC + 128", doc="255: not known")
    boot_count: int = u16(doc="0: not known")
    uptime_min: int = u16(unit="min", doc="stops at 65535")
    reset_cause: int = u8()


@payload_packet(LanderApid.REQUEST, name="payload.request")
class Request:
    """What we ask of the lander."""

    kind: RequestKind = enumerated(RequestKind)
    value: int = u32()


@payload_packet(LanderApid.DEPLOYMENT_STATUS, name="payload.deployment_status")
class DeploymentStatus:
    """How far a deployment has come."""

    step: AuthorisationStep = enumerated(AuthorisationStep)
    nonce: int = u32(doc="of the authorisation in force; 0: none")


@payload_packet(LanderApid.READY_FOR_POWER_OFF, name="payload.ready_for_power_off")
class ReadyForPowerOff:
    """A circuit may go off now."""

    circuit: Circuit = enumerated(Circuit)
    clean: bool = boolean()


@lander_packet(LanderApid.REPORT_LANDER, name="report.lander")
class LanderReport:
    """To the ground: where the lander's mission stands."""

    phase: int = u8(enum=Phase)
    aos: bytes = cuc()
    los: bytes = cuc()
    next_power_event: bytes = cuc()
    next_power_action: int = u8(enum=NoticeAction)


@lander_packet(LanderApid.REPORT_POWER, name="report.power")
class PowerReport:
    """To the ground: how the payload's circuits stand."""

    circuits: tuple[CircuitStatus, ...] = array(CircuitStatus, u8, high=16)


@lander_packet(LanderApid.REPORT_PAYLOAD, name="report.payload")
class PayloadReport:
    """To the ground: what the lander sees of the payload."""

    payload_alive: int = u8()
    tm_queue: int = u32()
    tm_dropped: int = u32()
    tc_queue: int = u16()


@lander_packet(LanderApid.REPORT_BEACON, name="report.beacon")
class BeaconReport:
    """To the ground: the payload's last beacon."""

    received: bytes = cuc()
    beacon: bytes = rest(8)
