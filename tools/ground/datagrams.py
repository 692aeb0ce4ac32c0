"""The UDP sockets of the ground process: bound, read a turn's worth at a time, never waited for (edge)."""

import socket
from typing import Final

from fsw.ccsds.tc_frame import TC_FRAME_OCTETS_MAX

DATAGRAM_OCTETS_MAX: Final = 65_535
DATAGRAMS_A_TURN: Final = 256
RECEIVE_BUFFER_OCTETS: Final = 4_194_304

Address = tuple[str, int]
assert RECEIVE_BUFFER_OCTETS > DATAGRAMS_A_TURN * TC_FRAME_OCTETS_MAX


class DatagramsError(Exception):
    """A port cannot be had; the text is one sentence."""


def bound(at: Address, what: str) -> socket.socket:
    """A bound, non-blocking UDP socket, or a sentence."""
    try:
        family, _, _, _, where = socket.getaddrinfo(*at, type=socket.SOCK_DGRAM)[0]
        made = socket.socket(family, socket.SOCK_DGRAM)
    except OSError as error:
        raise DatagramsError(f"{what}: {at[0]} is not known ({error.strerror})") from error
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER_OCTETS)
        made.bind(where)
    except OSError as error:
        made.close()
        raise DatagramsError(f"UDP port {at[1]} on {at[0]} for {what} is not to be had: {error.strerror}") from error
    made.setblocking(False)
    return made


def datagrams(source: socket.socket) -> list[bytes]:
    """What has come, up to a turn's worth."""
    taken: list[bytes] = []
    try:
        while len(taken) < DATAGRAMS_A_TURN:
            taken.append(source.recv(DATAGRAM_OCTETS_MAX))
    except OSError:
        pass  # nothing more now; an ICMP error about an earlier datagram says nothing of this one
    return taken


def drain(source: socket.socket) -> None:
    """Throw away what wakes us."""
    try:
        while source.recv(4096):
            pass
    except OSError:
        pass
