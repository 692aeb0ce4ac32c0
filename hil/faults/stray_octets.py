"""Octets that nobody meant to send: what a boot loader prints, frames without an end.

The contents follow what a payload has printed in flight and what a kernel prints on its console; they are typed here,
not recorded.
"""

from typing import Final

from fsw.ccsds import cltu, slip, tm_sync
from hil.seed import Dice
from hil.written.fault_kinds import SHAPES

HELLO: Final = b"hello, world!\r\n"
_PIECE: Final = 7 * 128
_KERNEL: Final = (
    b"[    0.000000] Booting Linux on physical CPU 0x0\r\n"
    b"[    0.000000] Linux version 6.1.0 (SMP PREEMPT) #1\r\n"
    b"[    0.000000] Kernel command line: console=serial0,115200 root=/dev/mmcblk0p2 ro quiet\r\n"
    b"[    0.004812] clocksource: arch_sys_counter: mask: 0xffffffffffffff\r\n"
    b"[    1.237941] mmc0: new high speed SDHC card at address aaaa\r\n"
    b"[    1.802233] EXT4-fs (mmcblk0p2): mounted filesystem read-only\r\n"
    b"[    2.964021] systemd[1]: Set hostname to <payload>.\r\n"
)


def boot_text(octets: int) -> bytes:
    """So many octets of what a board prints while it boots."""
    text = HELLO + _KERNEL * (octets // len(_KERNEL) + 1)
    return text[:octets]


def broken_frames(shape: int, octets: int, carrier: str, up: bool, dice: Dice) -> bytes:
    """So many octets that begin as a unit of `carrier` and are none.

    Truncated: the unit stops amid itself, and what ends one comes at once. Oversize: longer than any unit may be, with
    its end. Unterminated: nothing ends it but the next unit.
    """
    begin, end = _marks(carrier, up)
    if SHAPES[shape] == "truncated":
        return begin + bytes(dice.whole(0, 255) for _ in range(octets % 32)) + end
    if SHAPES[shape] == "unterminated":
        end = b""
    wanted = max(octets - len(begin) - len(end), 1)
    inside = bytes(dice.whole(0, 255) for _ in range(wanted))
    if begin == cltu.START:
        # Octets whose parity holds, or the first block would give it away.
        blocks = (cltu.encode(inside[at : at + _PIECE]) for at in range(0, wanted, _PIECE))
        inside = b"".join(block[len(cltu.START) : -len(cltu.TAIL)] for block in blocks)
    return begin + inside[:wanted] + end


def _marks(carrier: str, up: bool) -> tuple[bytes, bytes]:
    """What begins and what ends a unit; a CADU is ended by its length alone."""
    if not carrier.startswith("cltu"):
        return slip.END, slip.END
    return (cltu.START, cltu.TAIL) if up else (tm_sync.ASM, b"")
