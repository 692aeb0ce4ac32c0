"""Line units downwards: CLTU (231.0-B), CADU (131.0-B), SLIP (RFC 1055)."""

from fsw.ccsds import cltu, slip, tc_frame, tm_sync
from fsw.mdb.database import Database
from tools.decode.frame import Channels, walk_tc_frame, walk_tm_frame
from tools.decode.walk import Walk


def walk_cltu(walk: Walk, database: Database, octets: bytes, scid: int) -> None:
    """One CLTU: start sequence, codeblocks up to what its frame needs, tail."""
    if not octets.startswith(cltu.START):
        walk.broken("CLTU", "start sequence", f"{octets[:2].hex().upper()}, not EB90")
        return
    walk.found("CLTU", "start sequence", "EB90")
    information, corrected, blocks, needed = b"", 0, 0, 1
    while blocks < needed:
        begin = len(cltu.START) + cltu.BLOCK_OCTETS * blocks
        block = bytearray(octets[begin : begin + cltu.BLOCK_OCTETS])
        if len(block) < cltu.BLOCK_OCTETS:
            walk.broken("CLTU", "codeblock", f"the octets end in block {blocks + 1} of {needed}")
            return
        fixed = cltu.decode_blocks(block)
        if fixed < 0:
            text = f"block {blocks + 1}, octets {begin} to {begin + 7}, has more than one wrong bit"
            walk.broken("CLTU", "codeblock", text, block=blocks + 1, octet=begin)
            return
        corrected += fixed
        information += bytes(block)
        blocks += 1
        needed = -(-tc_frame.frame_octets(information) // cltu.INFO_OCTETS)
    walk.found("CLTU", "codeblock", f"{blocks} blocks, {corrected} corrected", blocks=blocks, corrected=corrected)
    frame = information[: tc_frame.frame_octets(information)]
    walk_tc_frame(walk, database, frame, scid)
    end = len(cltu.START) + cltu.BLOCK_OCTETS * blocks
    tail = octets[end : end + len(cltu.TAIL)]
    if tail != cltu.TAIL:
        text = f"{tail.hex().upper() or 'nothing'} behind the blocks, not {cltu.TAIL.hex().upper()}"
        walk.broken("CLTU", "tail sequence", text)


def walk_cadu(walk: Walk, database: Database, octets: bytes, scid: int, channels: Channels | None = None) -> None:
    """One CADU: sync marker and a frame."""
    if not octets.startswith(tm_sync.ASM):
        walk.broken("CADU", "sync marker", f"{octets[:4].hex().upper()}, not {tm_sync.ASM.hex().upper()}")
        return
    walk.found("CADU", "sync marker", tm_sync.ASM.hex().upper())
    walk_tm_frame(walk, database, octets[len(tm_sync.ASM) :], scid, channels)


def walk_slip(walk: Walk, database: Database, octets: bytes, scid: int, channels: Channels | None = None) -> None:
    """One SLIP unit with a TC or TM frame inside."""
    if len(octets) < 2 or octets[:1] != slip.END or octets[-1:] != slip.END:
        walk.broken("SLIP", "END", "a unit begins and ends with C0")
        return
    content, escaped = bytearray(), False
    for index, octet in enumerate(octets[1:-1], 1):
        if escaped and octet not in (0xDC, 0xDD):
            walk.broken("SLIP", "escape", f"DB is followed by {octet:02X} at octet {index}, not by DC or DD")
            return
        if escaped:
            content.append(0xC0 if octet == 0xDC else 0xDB)
        elif octet != 0xDB:
            content.append(octet)
        escaped = not escaped and octet == 0xDB
    if escaped:
        walk.broken("SLIP", "escape", "the unit ends within an escape")
        return
    walk.found("SLIP", "END", f"{len(content)} octets between two C0")
    frame = bytes(content)
    if len(frame) >= 4 and tc_frame.frame_octets(frame) == len(frame):
        walk_tc_frame(walk, database, frame, scid)
    else:
        walk_tm_frame(walk, database, frame, scid, channels)
