"""The format of a capture read by hand, from its page alone: lives, chunks, records, as plain tuples."""

import zlib

MAGIC = b"\x89KRATAI\x01"
Plain = tuple[object, ...]


class Octets:
    """Takes octets from the front."""

    def __init__(self, octets: bytes) -> None:
        self.octets = octets

    def take(self, count: int) -> bytes:
        taken, self.octets = self.octets[:count], self.octets[count:]
        assert len(taken) == count
        return taken

    def uvarint(self) -> int:
        number = shift = 0
        while True:
            octet = self.take(1)[0]
            number += (octet % 128) << shift
            shift += 7
            if octet < 128:
                return number

    def sized(self) -> bytes:
        return self.take(self.uvarint())

    def value(self) -> object:
        tag = self.take(1)[0]
        if tag == 1:
            folded = self.uvarint()
            return -(folded + 1) // 2 if folded % 2 else folded // 2
        if tag == 3:
            return self.sized().decode()
        if tag == 4:
            return self.sized()
        if tag == 5:
            return tuple(self.value() for _ in range(self.uvarint()))
        assert tag == 0, tag
        return None


def lives(octets: bytes) -> list[list[Plain]]:
    """The records of each life."""
    found: list[list[Plain]] = []
    rest = Octets(octets)
    while rest.octets:
        assert rest.take(8) == MAGIC
        found.append(_life(rest))
    return found


def _life(rest: Octets) -> list[Plain]:
    records: list[Plain] = []
    shapes: list[bytes] = []
    crc = 0
    while rest.octets and not rest.octets.startswith(MAGIC):
        head = rest.take(4)
        assert head[3] == 0x5A ^ head[0] ^ head[1] ^ head[2]
        payload = rest.take(int.from_bytes(head[:3], "big"))
        crc = zlib.crc32(payload, crc)
        assert rest.take(4) == crc.to_bytes(4, "big")
        inside = Octets(payload)
        while inside.octets:
            records.append(_record(inside, shapes))
    return records


def _record(inside: Octets, shapes: list[bytes]) -> Plain:
    match inside.take(1)[0]:
        case 1:
            return "life", inside.value()
        case 2:
            return "boot", *_calls(inside, shapes)
        case 3:
            return "tick", inside.uvarint(), *_calls(inside, shapes)
        case 4:
            return "stop", inside.uvarint()
        case 5:
            return "injected", inside.sized().decode(), inside.value()
        case 6:
            return "checkpoint", inside.uvarint(), inside.take(8)
        case 7:
            return "end", inside.sized().decode(), inside.uvarint(), inside.take(32)
        case 8:
            return "gap", inside.sized().decode()
        case kind:
            raise AssertionError(kind)


def _calls(inside: Octets, shapes: list[bytes]) -> tuple[bytes, bytes]:
    number = inside.uvarint()
    if number == 0:
        shapes.append(inside.sized())
        return shapes[-1], inside.sized()
    return shapes[number - 1], inside.sized()


def chunk(payload: bytes, crc: int = 0) -> tuple[bytes, int]:
    """A chunk behind one whose CRC was `crc`; and its own."""
    head = len(payload).to_bytes(3, "big")
    crc = zlib.crc32(payload, crc)
    return head + bytes((0x5A ^ head[0] ^ head[1] ^ head[2],)) + payload + crc.to_bytes(4, "big"), crc
