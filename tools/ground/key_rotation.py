"""One change of keys, driven over the link: it asks where the keys stand, then takes the step that is due; sans-IO.

Every step is a command of its own on record, under the name of who asked for the change. Of a command whose fate is not
known nothing is assumed: the payload is asked again. Random challenges are handed in.

Off nominal: while no command would leave it waits. A payload that does not answer, or refuses, stops it with a sentence
that says where it stands; where a new key has not proved itself by then, commands leave under the old one again. A key
that cannot be erased now stays spent, which is said, and the others go on.
"""

from collections.abc import Callable
from enum import Enum, unique
from typing import Final, NamedTuple

from fsw.ccsds.key_proof import ACTIVATE, DEACTIVATE, answer, proof, same
from fsw.ccsds.sdls import SPI_TC, SPI_TM
from fsw.ccsds.space_packet import idle_packet
from fsw.kernel.clock import NEVER, Micros
from fsw.kernel.key import RECOVERY_SLOT, key_id, spi_of
from fsw.mdb.hazards import Armed
from fsw.mdb.keys import KeyState, KeyVerified
from fsw.pus.ids import FailureCode
from tools.ground.attendant import Commanding
from tools.ground.key_steps import Place, Step, Wish, due, is_recovery, slots, targets
from tools.ground.keyring import KeyHands
from tools.ground.ticket import Sender, Ticket
from tools.ground.tracking import FINAL, StageChange, State, code_name, code_text

VERIFY, TAKE_IN_USE, PUT_AWAY, ERASE_KEY = (
    f"system.{verb}_key" for verb in ("verify", "activate", "deactivate", "erase")
)
ARM, EXECUTE = "system.arm", "system.execute"
LOSSES_MAX: Final = 4
"""So often a step may come to nothing, after which the payload counts as not answering."""
COMMANDS_MAX: Final = 60
"""Of one association."""
ERASURES_MAX: Final = 3
GRACE_US: Final = 6_000_000
"""How long a report may come behind the last word of what asked for it."""
PAUSE_US: Final = 1_000_000
LOOK_US: Final = 500_000
IDLE_OCTETS: Final = 7

_AGAIN: Final = frozenset((FailureCode.BUSY, FailureCode.TIMEOUT, FailureCode.INTERNAL))
_STANDS_OTHERWISE: Final = frozenset((FailureCode.UNKNOWN_ID, FailureCode.ALREADY_EXISTS, FailureCode.WRONG_STATE))


@unique
class Ending(Enum):
    """How a change of keys ended; the values are what is said."""

    DONE = "done"
    PARTLY = "done, but for what could not be erased"
    STOPPED = "stopped"


class News(NamedTuple):
    """One thing to tell who waits: a step about a key that is under way, or the end."""

    key: int | None
    text: str
    ending: Ending | None = None


class _Asked(NamedTuple):
    """A command that has not had its last word."""

    ticket: int
    step: Step
    key: int
    challenge: bytes = b""
    executes: bool = False


class Rotation:
    """A change of keys. `stage` and `hear` tell it what comes, `step` lets it act, `due` says when."""

    def __init__(self, wish: Wish, hands: KeyHands, challenge: Callable[[], bytes], by: Sender, source_id: int) -> None:
        self.wish = wish
        self.by = by
        self.ending: Ending | None = None
        self._hands = hands
        self._challenge = challenge
        self._source_id = source_id
        self._states: dict[int, KeyState] = {}
        self._verified: set[int] = set()
        self._given_up: dict[int, str] = {}
        self._marks = {key: hands.mark(key) for spi in wish.spis for key in slots(spi)}
        self._before: dict[int, int] = {}  # what commands left under before, by SPI, until the new key is proved
        self._opening = [spi for spi in (SPI_TC, SPI_TM) if wish.recovery and spi in wish.spis]
        self._targets: dict[int, int] = {}
        self._spis = list(wish.spis)
        self._asked: _Asked | None = None
        self._answered: tuple[KeyState, bool] | None = None
        self._armed: tuple[int, int] | None = None  # key id, and the number to execute its erasure by
        self._done = False
        self._losses: dict[tuple[Step, int], int] = {}
        self._commands: dict[int, int] = dict.fromkeys(wish.spis, 0)
        self._erasures: dict[int, int] = {}
        self._refusal = ""
        self._news: list[News] = []
        self._act_us = Micros(0)

    # --- in -----------------------------------------------------------------------------------------------------------

    @property
    def due(self) -> Micros:
        """When to call `step`."""
        return NEVER if self.ending is not None or (self._asked is not None and not self._done) else self._act_us

    def stage(self, change: StageChange) -> None:
        """A word on a request."""
        asked = self._asked
        if asked is None or change.ticket != asked.ticket or not change.verdict or self._done:
            return
        if change.state is State.COMPLETED:
            self._done = True
            self._act_us = Micros(change.at + GRACE_US) if self._waits(asked) else change.at
        elif change.state in FINAL and change.code not in _AGAIN:
            self._asked = None
            self._refused(asked, change)
        else:
            self._asked = None
            said = change.text or change.state.value
            self._lose(asked, change.at, said if change.code is None else f"{code_name(change.code)} {said}")

    def hear(self, body: object) -> None:
        """A live report."""
        asked = self._asked
        if asked is None:
            return
        if isinstance(body, Armed) and asked.step is Step.ERASE and not asked.executes:
            self._armed = asked.key, body.nonce
            if body.operators > 1:
                self._give_up(asked.key, f"another operator must execute it: system.execute nonce={body.nonce}")
        elif isinstance(body, KeyVerified) and asked.step is Step.ASK and body.key == asked.key:
            held = self._hands.keys.get(asked.key)
            right = held is not None and same(answer(held, asked.key, asked.challenge), body.answer)
            if right or self._answered is None:  # an answer to an earlier question proves nothing
                self._answered = (body.state, right)
        else:
            return
        if self._done and not self._waits(asked):
            self._act_us = Micros(0)

    def stop(self, why: str, now: Micros, session: Commanding) -> None:
        """End it here; what is on its way may still act, and the next change begins by asking."""
        if self.ending is None:
            self._end(Ending.STOPPED, self._standing(why), now, session)

    def take_news(self) -> list[News]:
        """What there is to tell since the last call."""
        taken, self._news = self._news, []
        return taken

    # --- acting -------------------------------------------------------------------------------------------------------

    def step(self, session: Commanding, now: Micros) -> None:
        """Take the steps that are due, until one waits for the payload."""
        while self.ending is None and now >= self.due:
            if self._asked is not None:
                self._settle(self._asked, now)
            elif self._refusal:
                self._fall_back(session, now)
            elif not session.ready(now):
                self._act_us = Micros(now + LOOK_US)
            else:
                self._take(session, now)

    def _take(self, session: Commanding, now: Micros) -> None:
        if self._opening:
            spi = self._opening.pop(0)
            key = key_id(spi, RECOVERY_SLOT)
            self._do(Step.USE if spi == SPI_TC else Step.ACTIVATE, key, session, now)
            return
        unknown = [key for spi in self.wish.spis for key in slots(spi) if key not in self._states]
        if not self._targets:
            if unknown:
                self._do(Step.ASK, unknown[0], session, now)
                return
            found = targets(self.wish, self._states, self._verified, self._place)
            if isinstance(found, str):
                self._end(Ending.STOPPED, found, now, session)
                return
            self._targets = found
        while self._spis:
            next_step = due(self._place(self._targets[self._spis[0]]))
            if next_step is not None:
                self._do(*next_step, session, now)
                return
            self._before.pop(self._spis.pop(0), None)
        self._finish(session, now)

    def _place(self, target: int) -> Place:
        spi, hands = spi_of(target), self._hands
        if self._states.get(target) is KeyState.ACTIVE:
            self._before.pop(spi, None)
        return Place(
            target, self._states, hands.in_use(spi), hands.mark(target) > self._marks[target],
            hands.keys.keys(), hands.retired | self._given_up.keys(), self._given_up.keys(), self.wish.keep_old,
        )  # fmt: skip

    def _do(self, step: Step, key: int, session: Commanding, now: Micros) -> None:
        self._commands[spi_of(key)] += 1
        if self._commands[spi_of(key)] > COMMANDS_MAX:
            self._end(Ending.STOPPED, self._standing("it comes to no end"), now, session)
        elif step in (Step.USE, Step.LEAVE, Step.DESTROY):
            self._here(step, key, session, now)
        elif step is Step.SIGN:
            self._sign(key, session, now)
        else:
            self._command(step, key, session, now)

    def _here(self, step: Step, key: int, session: Commanding, now: Micros) -> None:
        """A step on the ground's own keys."""
        hands, spi = self._hands, spi_of(key)
        before = hands.in_use(spi)
        act = {Step.USE: hands.use, Step.LEAVE: hands.retire, Step.DESTROY: hands.erase}[step]
        failed = act(key)
        if failed and step is not Step.USE:
            self._given_up[key] = failed
            return
        if failed:
            self._end(Ending.STOPPED, self._standing(failed), now, session)
            return
        if step is Step.USE and before is not None and before != key:
            self._before.setdefault(spi, before)
        self._tell(step, key)
        session.saying.note(f"key {key:04x} {step.value}, by {self.by.operator}", now)

    def _sign(self, key: int, session: Commanding, now: Micros) -> None:
        if session.uplink.bypass(spi_of(key) - SPI_TC, idle_packet(IDLE_OCTETS)):
            self._tell(Step.SIGN, key)
            session.saying.note(
                f"key {key:04x} {Step.SIGN.value}: a frame with an idle packet, by {self.by.operator}", now
            )
        del self._states[key]

    def _command(self, step: Step, key: int, session: Commanding, now: Micros) -> None:
        words, challenge, executes = {"key": str(key)}, b"", False
        spi = spi_of(key)
        if step is Step.ASK:
            name, challenge = VERIFY, self._challenge()
            words["challenge"] = challenge.hex()
        elif step is Step.ACTIVATE:
            name = TAKE_IN_USE
            words["proof"] = proof(self._hands.keys[key], ACTIVATE, key).hex()
        elif step is Step.RETIRE:
            name, by = PUT_AWAY, self._targets[spi]
            words |= {"by": str(by), "proof": proof(self._hands.keys[by], DEACTIVATE, key).hex()}
        elif self._armed is None or self._armed[0] != key:
            name, words = ARM, {"packet": f"{ERASE_KEY}(key={key})"}
        else:
            name, words, executes = EXECUTE, {"nonce": str(self._armed[1])}, True
        self._armed = None
        sent = session.send(name, words, self._source_id, now, by=self.by)
        if isinstance(sent, Ticket):
            self._asked, self._answered, self._done = _Asked(sent.number, step, key, challenge, executes), None, False
        else:
            self._end(Ending.STOPPED, self._standing(sent.sentence), now, session)

    # --- what came of it ----------------------------------------------------------------------------------------------

    def _waits(self, asked: _Asked) -> bool:
        """Whether a report has yet to come that makes the command's completion worth something."""
        if asked.step is Step.ASK:
            return self._answered is None or (asked.key in self._hands.keys and not self._answered[1])
        return asked.step is Step.ERASE and not asked.executes and self._armed is None

    def _settle(self, asked: _Asked, now: Micros) -> None:
        """A command has completed, and what it asked for has come, or has not."""
        self._asked, self._act_us = None, now
        if self._waits(asked) and self._answered is None:
            self._lose(asked, now, "its report has not come")
            return
        self._losses.pop((asked.step, asked.key), None)
        if self._answered is not None:
            state, right = self._answered
            if self._states.get(asked.key) is state:
                self._act_us = Micros(now + PAUSE_US)  # asked again, and nothing has moved: not so fast
            self._states[asked.key] = state
            (self._verified.add if right else self._verified.discard)(asked.key)
        elif asked.step is Step.ACTIVATE:
            self._states.pop(asked.key, None)
        elif asked.step is Step.RETIRE:
            self._states[asked.key] = KeyState.SPENT
        elif asked.executes:
            self._states.pop(asked.key, None)
            self._act_us = Micros(now + PAUSE_US)
            self._erasures[asked.key] = self._erasures.get(asked.key, 0) + 1
            if self._erasures[asked.key] > ERASURES_MAX:
                self._give_up(asked.key, "it was executed, and the key is still there")
        if asked.executes or asked.step in (Step.ACTIVATE, Step.RETIRE):
            self._tell(asked.step, asked.key)

    def _refused(self, asked: _Asked, change: StageChange) -> None:
        """The payload has said no; where it may stand otherwise than was thought it is asked."""
        self._act_us = change.at
        code = change.code or 0
        if asked.step is Step.ASK and code == FailureCode.UNKNOWN_ID:
            self._states[asked.key] = KeyState.EMPTY
        elif asked.step is Step.ERASE:
            over = asked.executes and code in (FailureCode.EXPIRED, FailureCode.UNKNOWN_ID)
            if not over:
                self._give_up(asked.key, code_text(code))
        elif code in _STANDS_OTHERWISE and asked.step is not Step.ASK:
            for key in (asked.key, self._targets.get(spi_of(asked.key), asked.key)):
                self._states.pop(key, None)
        else:
            self._refusal = f"the payload refuses ({code:#x}): {code_text(code)}"

    def _lose(self, asked: _Asked, now: Micros, why: str) -> None:
        """Nobody knows what became of it."""
        lost = self._losses.get((asked.step, asked.key), 0) + 1
        self._losses[asked.step, asked.key] = lost
        if lost >= LOSSES_MAX:
            self._refusal = f"the payload does not answer: {why}"
        self._states.pop(asked.key, None)
        self._act_us = Micros(now + PAUSE_US)

    def _give_up(self, key: int, why: str) -> None:
        self._given_up[key] = why

    # --- the end ------------------------------------------------------------------------------------------------------

    def _fall_back(self, session: Commanding, now: Micros) -> None:
        """What has not proved itself is not commanded under."""
        for key in self._before.values():
            if not self._hands.use(key):
                session.saying.note(f"key {key:04x} {Step.USE.value} again", now)
        self._end(Ending.STOPPED, self._standing(self._refusal), now, session)

    def _standing(self, why: str) -> str:
        """Why it stopped, and what is at work."""
        spi = self._spis[0] if self._targets and self._spis else self.wish.spis[0]
        working = [f"{key:04x}" for key in slots(spi) if self._states.get(key) in (KeyState.TRIAL, KeyState.ACTIVE)]
        still = f"; of SPI {spi:04x} these work: {', '.join(working)}" if working else ""
        return f"{why}{still}; kratai keys rotate goes on from there"

    def _finish(self, session: Commanding, now: Micros) -> None:
        at_work = ", ".join(f"{key:04x}" for key in self._targets.values())
        failed = "; ".join(f"{key:04x} is not erased: {why}" for key, why in self._given_up.items())
        if failed:
            self._end(Ending.PARTLY, f"at work: {at_work}; {failed}", now, session)
        else:
            self._end(Ending.DONE, f"at work: {at_work}", now, session)

    def _end(self, ending: Ending, text: str, now: Micros, session: Commanding) -> None:
        self.ending = ending
        self._asked = None
        self._news.append(News(None, text, ending))
        session.saying.note(f"change of keys by {self.by.operator}: {ending.value}: {text}", now)

    def _tell(self, step: Step, key: int) -> None:
        self._news.append(News(key, step.value))


def lacking(wish: Wish, hands: KeyHands) -> str:
    """Why a change cannot even begin, or empty."""
    keys = hands.keys
    if not keys:
        return "the link is clear: it has no keys to change"
    if not wish.spis:
        return "no association is named"
    missing = [key for spi in wish.spis for key in slots(spi) if wish.recovery and is_recovery(key) and key not in keys]
    if missing:
        return f"recovery key {missing[0]:04x} is not at hand: kratai keys install DIR/BOARD/recovery --state STATE"
    return ""
