"""Identifiers that cross a wire: APIDs, service numbers, failure codes (interface contract, sections 1 to 4)."""

from enum import IntEnum, unique
from typing import Final

APID_TIME: Final = 0x000  # ST[09] time reports, no secondary header
APID_SYSTEM: Final = 0x020
APID_POWER: Final = 0x021
APID_COMMS: Final = 0x022
APID_IMAGER: Final = 0x030
APID_DOSIMETER: Final = 0x031
APID_ENVIRONMENT: Final = 0x032
APID_RELAY: Final = 0x033
APID_DEPLOYER: Final = 0x034
APID_MISSION_LOW: Final = 0x040  # a mission's own instruments, first and last
APID_MISSION_HIGH: Final = 0x0EF
APID_CFDP: Final = 0x0FD
APID_IDLE: Final = 0x7FF

LANDER_SERVICES: Final = range(0x010, 0x020)  # what VC 2 takes upwards
CONTRACT_PROCESSES: Final[dict[int, str]] = {
    APID_SYSTEM: "system",
    APID_POWER: "power",
    APID_COMMS: "comms",
    APID_IMAGER: "imager",
    APID_DOSIMETER: "dosimeter",
    APID_ENVIRONMENT: "environment",
    APID_RELAY: "relay",
    APID_DEPLOYER: "deployer",
}


@unique
class LanderApid(IntEnum):
    """Packets of the lander's services: 0x01x to the payload, 0x11x from it, 0x21x lander to ground (sections 4, 5)."""

    HEARTBEAT = 0x010
    TIME = 0x011
    MODE = 0x012
    POWER_NOTICE = 0x013
    POWER_STATUS = 0x014
    LINK = 0x015
    ANCILLARY = 0x017
    DEPLOYMENT_AUTHORISATION = 0x018
    CREDIT = 0x019
    SAFE_NOW = 0x01A
    PAYLOAD_HEARTBEAT = 0x110
    BEACON = 0x111
    REQUEST = 0x117
    DEPLOYMENT_STATUS = 0x118
    READY_FOR_POWER_OFF = 0x119
    REPORT_LANDER = 0x210
    REPORT_POWER = 0x211
    REPORT_PAYLOAD = 0x212
    REPORT_BEACON = 0x213


@unique
class Service(IntEnum):
    """Service types this project speaks (ECSS-E-ST-70-41C; 130 is the contract's expiry wrapper)."""

    VERIFICATION = 1
    HOUSEKEEPING = 3
    EVENTS = 5
    MEMORY = 6
    FUNCTIONS = 8
    TIME = 9
    SCHEDULING = 11
    MONITORING = 12
    LARGE_PACKETS = 13
    FORWARDING = 14
    STORAGE = 15
    TEST = 17
    EVENT_ACTION = 19
    PARAMETERS = 20
    SEQUENCING = 21
    FILES = 23
    EXPIRY = 130


@unique
class FailureCode(IntEnum):
    """Failure codes of ST[01], u16 on the wire (contract, section 3)."""

    UNKNOWN_APID = 0x00
    LENGTH = 0x01
    CHECKSUM = 0x02
    SERVICE = 0x03
    SUBTYPE = 0x04
    DATA = 0x05
    PUS_VERSION = 0x06
    SOURCE = 0x07
    BUSY = 0x08
    UNKNOWN_ID = 0x10
    ALREADY_EXISTS = 0x11
    CAPACITY = 0x12
    OUT_OF_RANGE = 0x13
    WRONG_STATE = 0x14
    PAYLOAD_CHECKSUM = 0x15
    ADDRESS = 0x16
    TIME_PAST = 0x17
    NOT_EMPTY = 0x18
    PROTECTED = 0x19
    TIMEOUT = 0x1A
    INTERNAL = 0x1B
    EXPIRED = 0x1C


@unique
class TimeStatus(IntEnum):
    """Time reference status of a TM header: what stands behind its CUC (contract, section 3)."""

    NEVER_SET = 0
    FLYWHEEL = 1
    LOCKED = 2


@unique
class Refusal(IntEnum):
    """Why a packet is not what its reader wants; the first rule broken, in the contract's order of checks."""

    LENGTH = 1
    PACKET_VERSION = 2
    PACKET_TYPE = 3
    HEADER_FLAG = 4
    SEQUENCE_FLAGS = 5
    CHECKSUM = 6
    PUS_VERSION = 7
    APID = 8
