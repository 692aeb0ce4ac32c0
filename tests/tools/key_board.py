"""A payload's key slots as their design has them, written beside the program: plain tables, HMAC by hand, and a link
that loses what a test wants lost. No octet of it comes from the flight software."""

import hmac
from collections.abc import Callable, Iterable, Mapping
from hashlib import sha256

from fsw.ccsds.sdls import IV_END
from fsw.kernel.clock import Micros
from fsw.kernel.key import Key
from fsw.mdb.hazards import Armed
from fsw.mdb.keys import KeyState, KeyVerified
from tools.ground.key_rotation import Ending, News, Rotation
from tools.ground.key_steps import Wish
from tools.ground.keyring import Keyring
from tools.ground.request import Refusal
from tools.ground.saying import Saying
from tools.ground.ticket import Sender, Ticket
from tools.ground.tracking import StageChange, State, Word

SPIS = (0x10, 0x11, 0x20, 0x21, 0x23)
ALL = tuple(spi + 0x100 * slot for spi in SPIS for slot in range(4))
EMPTY, STANDBY, TRIAL, ACTIVE, SPENT = range(5)
STEP_US = 100_000
ANN = Sender("ann", "10.0.0.3:4000")

# Codes by state EMPTY STANDBY TRIAL ACTIVE SPENT; None: it is served.
ACTIVATE_CODES = (0x10, None, 0x11, 0x11, 0x14)
RETIRE_CODES = (0x10, None, None, None, 0x14)
ERASE_CODES = (0x10, 0x14, 0x14, 0x14, None)


def key_of(number: int, seed: int = 0) -> bytes:
    return sha256(b"test key %d %d" % (number, seed)).digest()


def said(key: bytes, label: bytes, subject: int, more: bytes = b"") -> bytes:
    return hmac.new(key, b"kratai key " + label + bytes((subject >> 8, subject & 255)) + more, sha256).digest()[:16]


class KeyBoard:
    """What flies: octets and states by key id."""

    def __init__(self) -> None:
        self.keys = {number: key_of(number) for number in ALL}
        self.states = {number: ACTIVE if number < 0x100 else STANDBY for number in ALL}
        self.log: list[tuple[str, int]] = []
        self.armed: dict[int, int] = {}
        self.operators = 1
        self.refusing: dict[str, int] = {}
        self.erasing = True
        self.mute_retire = False

    def reboot(self) -> None:
        """A power cut: states are kept, arms are not."""
        self.armed.clear()

    def takes(self, number: int, octets: bytes) -> bool:
        """A frame under this key; a frame that is taken proves it."""
        if self.keys.get(number) != octets:
            return False
        state = self.states[number]
        if state in (TRIAL, ACTIVE) or (state == STANDBY and number >= 0x300):
            self.states[number] = ACTIVE
            return True
        return False

    def working(self, spi: int) -> list[int]:
        return [n for n in ALL if n & 0xFF == spi and self.states[n] in (TRIAL, ACTIVE)]

    def tm_key(self) -> int:
        return self.working(0x20)[-1]

    def obey(self, name: str, words: Mapping[str, str]) -> tuple[int | None, object]:
        """Failure code and report of one command."""
        if name in self.refusing:
            return self.refusing[name], None
        if name == "system.arm":
            inner = words["packet"]
            number = int(inner.removeprefix("system.erase_key(key=").removesuffix(")"))
            nonce = 1000 + len(self.log) + len(self.armed)
            self.armed[nonce] = number
            return None, Armed(nonce, b"\0\0\0\0", 8, 1, 66, 0, 3, self.operators, 0, 60)
        if name == "system.execute":
            number = self.armed.pop(int(words["nonce"]), 0)
            if not number:
                return 0x10, None
            if ERASE_CODES[self.states[number]] is None and self.erasing:
                self.log.append(("erase", number))
                self.states[number] = EMPTY
                del self.keys[number]
            return None, None
        number = int(words["key"])
        return getattr(self, name.removeprefix("system."))(number, words)  # type: ignore[no-any-return]

    def verify_key(self, number: int, words: Mapping[str, str]) -> tuple[int | None, object]:
        if self.states[number] == EMPTY:
            return 0x10, None
        reply = said(self.keys[number], b"verify", number, bytes.fromhex(words["challenge"]))
        return None, KeyVerified(number, KeyState(self.states[number]), reply)

    def activate_key(self, number: int, words: Mapping[str, str]) -> tuple[int | None, object]:
        state = self.states[number]
        if state != EMPTY and bytes.fromhex(words["proof"]) != said(self.keys[number], b"activate", number):
            return 0x19, None
        if ACTIVATE_CODES[state] is None:
            self.states[number] = TRIAL
            self.log.append(("activate", number))
        return ACTIVATE_CODES[state], None

    def deactivate_key(self, number: int, words: Mapping[str, str]) -> tuple[int | None, object]:
        by = int(words["by"])
        if by & 0xFF != number & 0xFF or by <= number:
            return 0x13, None
        if self.states[by] == EMPTY:
            return 0x10, None
        if bytes.fromhex(words["proof"]) != said(self.keys[by], b"deactivate", number):
            return 0x19, None
        if self.states[by] not in ((TRIAL, ACTIVE) if by & 0x20 else (ACTIVE,)):
            return 0x14, None
        code = RETIRE_CODES[self.states[number]]
        if code is None:
            assert self.states[by] == ACTIVE or by & 0x20, "only what has proved itself retires another"
            self.states[by] = ACTIVE
            self.states[number] = SPENT
            self.log.append(("retire", number))
        return code, None


class Way:
    """The way up of a rotation's session: BD frames."""

    def __init__(self, link: "KeyLink") -> None:
        self._link = link

    def bypass(self, vcid: int, packet: bytes) -> bool:
        assert packet[:2] == b"\x07\xff", "an idle packet"
        if self._link.fate() not in ("up", "cut"):
            self._link.board.takes(self._link.sender(0x10 + vcid), self._link.octets(0x10 + vcid))
        return True


class KeyLink:
    """An `attendant.Commanding` between a rotation and the board. `fates` says what happens to each command: "ok", lost
    "up", its words lost "down", a power "cut" when it has been carried out, "busy", or "kill" the session."""

    def __init__(self, board: KeyBoard, ring: Keyring, fates: Iterable[str] = ()) -> None:
        self.board, self.ring = board, ring
        self.fates = iter(fates)
        self.now = Micros(0)
        self.saying = Saying()
        self.uplink = Way(self)
        self.sent: list[tuple[str, dict[str, str], Sender]] = []
        self.waiting: list[tuple[int, str, dict[str, str], str]] = []
        self.killed = False
        self.dark = 0
        self.watch: Callable[[], None] = lambda: None
        for sender in ring.protection.sending.values():
            sender.begin(sender.following, IV_END)

    def fate(self) -> str:
        return next(self.fates, "ok")

    def sender(self, spi: int) -> int:
        number = self.ring.in_use(spi)
        assert number is not None
        return number

    def octets(self, spi: int) -> bytes:
        return self.ring.keys[self.sender(spi)].octets

    def ready(self, now: Micros) -> bool:
        self.dark = max(0, self.dark - 1)
        return not self.dark

    def send(
        self, name: str, arguments: Mapping[str, str], source_id: int, now: Micros, *, not_after: str = "", by: Sender
    ) -> Ticket | Refusal:
        self.sent.append((name, dict(arguments), by))
        self.waiting.append((len(self.sent), name, dict(arguments), self.fate()))
        return Ticket(len(self.sent), name, 0x20, 8, 0, b"")

    def deliver(self, rotation: Rotation) -> None:
        """What is under way arrives, or does not."""
        waiting, self.waiting = self.waiting, []
        for ticket, name, words, fate in waiting:
            word, code, report = State.NO_WORD, None, None
            if fate == "busy":
                word, code = State.REJECTED, 8
            elif fate != "up" and self.board.takes(self.sender(0x10), self.octets(0x10)):
                code, report = self.board.obey(name, words)
                word = State.COMPLETED if code is None else State.FAILED
                number = self.board.tm_key()
                receiver = self.ring.protection.taking.get(number)
                heard = receiver is not None and self.ring.keys[number].octets == self.board.keys[number]
                if fate in ("down", "cut", "kill") or not heard:
                    word, code, report = State.NO_WORD, None, None
                elif receiver is not None:
                    receiver.mark += 1
            if fate == "cut":
                self.board.reboot()
                self.dark = 5
            self.watch()
            if fate == "kill":
                self.killed = True
                return
            if report is not None:
                rotation.hear(report)
            rotation.stage(StageChange(self.now, ticket, name, b"", Word.COMPLETED, word, code=code))


def ring_of(numbers: Iterable[int], seed: int = 0) -> Keyring:
    return Keyring({number: Key(key_of(number, seed)) for number in numbers})


def run(
    link: KeyLink, wish: Wish, seconds: int = 3_000, hook: Callable[[Rotation], None] | None = None
) -> tuple[Ending | None, list[News]]:
    """One change of keys until it ends, or its session is killed (None)."""
    challenges = iter(range(1, 10_000))
    link.killed = False
    rotation = Rotation(wish, link.ring, lambda: next(challenges).to_bytes(16, "big"), ANN, 3)
    news: list[News] = []
    for _ in range(seconds * 1_000_000 // STEP_US):
        link.now = Micros(link.now + STEP_US)
        if link.now >= rotation.due:
            rotation.step(link, link.now)  # type: ignore[arg-type]
        link.deliver(rotation)
        if hook is not None:
            hook(rotation)
        news += rotation.take_news()
        if link.killed:
            return None, news
        if rotation.ending is not None:
            return rotation.ending, news
    raise AssertionError("it comes to no end")
