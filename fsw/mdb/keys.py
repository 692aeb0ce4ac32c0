"""Key slots by telecommand: verify, activate, deactivate, erase. Ours: functions 63 to 66 of 0x020, report (8,191).

A key id is the SPI plus 0x100 a slot (fsw/kernel/key.py). Proofs and answers: fsw/ccsds/key_proof.py.
"""

from enum import IntEnum, unique
from typing import Final

from fsw.mdb.model import U16, Hazard, Parameter, Severity, command, enumerated, event, octets, report, u16
from fsw.pus.ids import APID_COMMS, APID_SYSTEM, Service

VERIFIED_SUBTYPE: Final = 191
"""Our own report of service 8: the answer to a challenge."""


@unique
class KeyState(IntEnum):
    """Where the key of a slot stands."""

    EMPTY = 0  # there is none
    STANDBY = 1  # provisioned, not at work
    TRIAL = 2  # activated, and has not proved itself
    ACTIVE = 3
    SPENT = 4  # retired for good


@command(APID_SYSTEM, function=63, name="verify_key")
class VerifyKey:
    """Have a key on board prove itself: the report answers the challenge."""

    key: int = u16(doc="key id")
    challenge: bytes = octets(16, doc="never the same twice")


@report(Service.FUNCTIONS, VERIFIED_SUBTYPE, name="system.key_verified")
class KeyVerified:
    """Where a key stands, and its answer to the challenge."""

    key: int = u16(doc="key id")
    state: KeyState = enumerated(KeyState)
    answer: bytes = octets(16, doc="by the key on board")


@command(APID_SYSTEM, function=64, hazard=Hazard.DEPENDENT, name="activate_key")
class ActivateKey:
    """Take a key in use beside the one at work, which stays until the new one has proved itself."""

    key: int = u16(doc="key id")
    proof: bytes = octets(16, doc="made with that key")


@command(APID_SYSTEM, function=65, hazard=Hazard.DEPENDENT, name="deactivate_key")
class DeactivateKey:
    """Retire a key for good, by proof of one in a higher slot that is at work."""

    key: int = u16(doc="key id")
    by: int = u16(doc="key id of the one that takes over")
    proof: bytes = octets(16, doc="made with that one")


@command(APID_SYSTEM, function=66, hazard=Hazard.HAZARDOUS, name="erase_key")
class EraseKey:
    """Destroy a retired key: its file is overwritten and removed."""

    key: int = u16(doc="key id")


@event(APID_COMMS, 94, Severity.MEDIUM)
class KeyChanged:
    """A key has come to another state."""

    key: int = u16(doc="key id")
    state: KeyState = enumerated(KeyState)


@event(APID_COMMS, 98, Severity.HIGH)
class KeyUnusable:
    """A key file of this board cannot be used: its slot counts as empty."""

    key: int = u16(doc="key id")


@event(APID_COMMS, 99, Severity.HIGH)
class KeyProofWrong:
    """Somebody commands about a key without holding it; nothing was changed."""

    key: int = u16(doc="key id")


SLOTS_TC_VC0: Final = Parameter(209, "security.slots_tc_vc0", U16, doc="states of slots 3, 2, 1, 0; 4 bits each")
SLOTS_TC_VC1: Final = Parameter(210, "security.slots_tc_vc1", U16, doc="likewise")
SLOTS_TM_VC0: Final = Parameter(211, "security.slots_tm_vc0", U16, doc="likewise")
SLOTS_TM_VC1: Final = Parameter(212, "security.slots_tm_vc1", U16, doc="likewise")
SLOTS_TM_VC3: Final = Parameter(213, "security.slots_tm_vc3", U16, doc="likewise")
PROOFS_WRONG: Final = Parameter(214, "security.proofs_wrong", U16, doc="requests about keys whose proof was none")
