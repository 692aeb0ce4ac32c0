"""What a stranger reaches on the ground: the lander's two ports, the clients' port, and files that somebody sends."""

import json
import weakref
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from fsw.capture.format import CHUNK_CHECK
from fsw.capture.reader import Reader
from fsw.ccsds import sdls
from fsw.kernel.clock import Micros
from fsw.kernel.key import Key
from fsw.mdb.fields import fields_of
from tests.fuzz.line_targets import KEYS
from tests.fuzz.pieces import Kind, mended, pieces, tm_frame, tm_with
from tests.hil.by_hand import SCID
from tests.services.desk import MISSION
from tools.decode.detect import Form, detect, walk_all
from tools.ground.archive import Archive
from tools.ground.desk import CLIENTS_MAX, REQUESTS_MAX, Desk
from tools.ground.door import Door
from tools.ground.operators import Operator
from tools.ground.profile import Profile
from tools.ground.protocol import HELLO_OCTETS_MAX, LINE_OCTETS_MAX, Lines, Message, decode, encode
from tools.ground.records import Record, as_json
from tools.ground.roles import Role
from tools.ground.session import Session
from tools.ground.uplink import DATAGRAMS_MAX, QUEUE_MAX

TOKEN: Final = "fuzz"
RECORDS_MAX: Final = 20_000
ZERO_US: Final = 1_795_000_000_000_000
DATABASE: Final = MISSION.database
COMMANDS: Final = tuple(DATABASE.command_names())


def sealed_tm(body: bytes) -> bytes:
    """A TM frame of a protected channel, sealed with its key: vcid, counter, packets mended from the first octet on."""
    vcid = (0, 1, 3)[(body[0] if body else 0) % 3]
    iv = bytes(11) + (body[1:2] or b"\0")
    data = mended(body[2:])[:404].ljust(404, b"\xe0")
    spi = 0x20 + vcid
    masked = bytes((0, vcid << 1, 0, 0, 0, 0, 0, spi)) + bytes(12)
    field = spi.to_bytes(2, "big") + iv + AESGCM(KEYS[spi]).encrypt(iv, data, masked)
    return tm_frame(bytes((0, vcid << 1, iv[11], iv[11], 0, 0)) + field + b"\x01\0\0\0")


def typed(body: bytes) -> tuple[str, dict[str, str]]:
    """A telecommand in an operator's words: which in the first two octets, its arguments in order, `;` between them."""
    name = COMMANDS[int.from_bytes(body[:2], "big") % len(COMMANDS)]
    entry = DATABASE.by_name(name)
    assert entry is not None
    words = body[2:].decode("latin-1").split(";") if body[2:] else []
    return name, dict(zip(fields_of(entry.body), words, strict=False))


def play(session: Session, octets: bytes, now: Micros) -> Iterator[tuple[Micros, list[Record]]]:
    """Give a session what an input says, from `now` on; what it says to each piece, and when."""
    for count, (kind, body) in enumerate(pieces(octets), 1):
        match kind:
            case Kind.SENT:
                name, words = typed(body)
                session.send(name, words, 1, now)
            case Kind.SILENCE:
                now = Micros(now + 1_000 * int.from_bytes(body[:3], "big"))
            case Kind.TM_FRAME:
                session.tm_datagram(tm_frame(body), now)
            case Kind.PACKETS_IN_TM:
                vcid = body[0] & 7 if body else 0
                session.tm_datagram(tm_with(vcid, count & 0xFF, mended(body[1:])), now)
            case Kind.SEALED:
                session.tm_datagram(sealed_tm(body), now)
            case Kind.OTHER:
                session.report_datagram(body, now)
            case Kind.PACKET_IN_FRAME:
                session.report_datagram(mended(body), now)
            case _:
                session.tm_datagram(body, now)
        session.tick(now)
        assert len(session.take_datagrams()) <= DATAGRAMS_MAX
        assert session.uplink.queued <= QUEUE_MAX
        yield now, session.take_records()


def session_of(folder: Path, *, is_protected: bool) -> Callable[[bytes], None]:
    """Telemetry and report datagrams: nothing raises, all that is said can be sent and kept; queues are bounded."""
    archive = Archive(folder, "fuzz")

    def session() -> Session:
        protection = sdls.on_ground({spi: Key(key) for spi, key in KEYS.items()}) if is_protected else None
        return Session(DATABASE, Profile(protection=protection), Micros(0))

    lasting, since = session(), [Micros(0)]

    def judge(octets: bytes) -> None:
        for _, records in play(session(), octets, Micros(0)):
            assert len(records) <= RECORDS_MAX
            for record in records:
                said = as_json(record, ZERO_US + record.at)
                assert json.loads(encode({"id": 1, "record": said})) is not None
                archive.add(record, ZERO_US + record.at)
        archive._db.rollback()
        for now, _ in play(lasting, octets, since[0]):
            since[0] = now

    weakref.finalize(judge, archive.close)
    return judge


def clients(_: Path) -> Callable[[bytes], None]:
    """Lines of clients, with a token and without: nothing raises, each reply is a line, a stranger commands nothing."""

    def judge(octets: bytes) -> None:
        session = Session(DATABASE, Profile(), Micros(0))
        door = Door(Path("/nowhere"), Operator("jane", Role.ENGINEER, None), TOKEN)
        desk = Desk(session, door, {"ready": True})
        lines = {1: Lines(HELLO_OCTETS_MAX), 2: Lines(LINE_OCTETS_MAX)}
        for client in lines:
            assert desk.connect(client, f"127.0.0.1:{50_000 + client}")
        desk.message(2, {"op": "hello", "token": TOKEN}, Micros(0))
        for number, (kind, body) in enumerate(pieces(octets), 1):
            now = Micros(number * 100_000)
            client = 2 if kind & 1 else 1
            if kind == Kind.SENT:
                name, words = typed(body)
                message: Message = {"id": number, "op": "send", "name": name, "arguments": dict(words)}
                desk.message(2, decode(encode(message)), now)
            else:
                for line in lines[client].feed(body + (b"\n" if kind & 2 else b"")):
                    desk.message(client, decode(line), now)
            assert len(lines[client]._octets) <= LINE_OCTETS_MAX + 4_096
            session.tick(now)
            records = session.take_records()
            desk.records(records, lambda at: ZERO_US + at)
            for asked in desk.take_asked():
                desk.answer(asked, "" if asked.question is None else "no archive")
            for _, reply in desk.take_replies():
                assert encode(reply).count(b"\n") == 1
            if TOKEN.encode() not in octets:
                assert not desk.greeted(1)
        assert session.uplink.queued <= min(QUEUE_MAX, REQUESTS_MAX)
        assert len(desk._clients) <= CLIENTS_MAX

    return judge


def files(_: Path) -> Callable[[bytes], None]:
    """`decode`: octets of unknown form are guessed and walked in every form; each walk is data that JSON can hold."""

    def judge(octets: bytes) -> None:
        for kind, body in pieces(octets):
            said = body if kind == Kind.RAW else tm_frame(body) if kind == Kind.TM_FRAME else mended(body)
            guess = detect(said, SCID)
            for form in {guess, list(Form)[kind % len(Form)]}:
                for walk in walk_all(said, form, DATABASE, SCID):
                    assert json.dumps(walk.as_json(), allow_nan=False)

    return judge


def part_of_capture(octets: bytes) -> Iterator[bytes]:
    """Octets as given, lives' first octets, and chunks whose head and checksum hold (fsw/capture/README.md)."""
    crc = 0
    for kind, body in pieces(octets):
        if kind == Kind.SILENCE:
            crc = 0
            yield b"\x89KRATAI\x01"
        elif kind == Kind.FRAME:
            length = len(body).to_bytes(3, "big")
            crc = zlib.crc32(body, crc)
            yield length + bytes((CHUNK_CHECK ^ length[0] ^ length[1] ^ length[2],)) + body + crc.to_bytes(4, "big")
        else:
            yield body


def captures(_: Path) -> Callable[[bytes], None]:
    """A recording's reader: records and damage, never more octets than there are, and to the end of them."""

    def judge(octets: bytes) -> None:
        file = b"".join(part_of_capture(octets))
        left = [file[at : at + 512] for at in range(0, len(file), 512)]
        reader = Reader(lambda count: left.pop(0) if left and count else b"")
        for number, _ in enumerate(reader):
            assert number <= 4 * len(file) + 4
        assert reader.offset == len(file)

    return judge


TARGETS: Final[dict[str, Callable[[Path], Callable[[bytes], None]]]] = {
    "session": partial(session_of, is_protected=False),
    "session-protected": partial(session_of, is_protected=True),
    "clients": clients,
    "files": files,
    "captures": captures,
}
