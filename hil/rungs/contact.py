"""What a ground session's and a lander's JSON lines say, in the words of a player: for plans played over processes.

Off nominal: a line that is not as the other program writes it says nothing.
"""

from collections.abc import Mapping
from typing import Final

from fsw.kernel.clock import Micros
from hil.written.expectation import Kind, Word
from tools.ground import tracking
from tools.ground.tracking import StageChange, State

Line = Mapping[str, object]
_KINDS: Final = {"event": Kind.EVENT, "packet": Kind.PACKET, "lander": Kind.REPORT}
_STATES: Final = frozenset(state.value for state in State)
_WORDS: Final = frozenset(word.value for word in tracking.Word)


def word_of_record(record: Line, at: Micros) -> Word | None:
    """What a record of the ground says (the JSON of `tools.ground.records`); None where no expectation speaks of it."""
    kind, name, values = record.get("kind"), str(record.get("name", "")), record.get("values")
    if kind in _KINDS:
        if record.get("replayed") or not isinstance(values, dict):
            return None
        return Word(_KINDS[str(kind)], name, values, at)
    if kind == "parameter":
        return Word(Kind.PARAMETER, name, {"": record.get("label") or record.get("value")}, at)
    return Word(Kind.LINK, str(record.get("state")), record, at) if kind == "link" else None


def word_of_event(event: Line, at: Micros) -> Word:
    """What the lander tells its user (the JSON of `hil.rungs.lander_process`)."""
    values = {key: value for key, value in event.items() if key not in ("event", "utc")}
    return Word(Kind.LANDER, str(event.get("event")), values, at)


def stage_of(answer: Line, request: int, at: Micros) -> StageChange | None:
    """A word on the command that was asked for as `request`; also that the ground refused it. None for what is none."""
    refused = answer.get("refused") or answer.get("error")
    if refused:
        sentence = refused.get("sentence") if isinstance(refused, dict) else refused
        told = f"refused by the ground: {sentence}"
        return StageChange(at, request, "", b"", tracking.Word.TIMEOUT, State.NOT_SENT, text=told)
    stage = answer.get("stage")
    if not isinstance(stage, dict) or stage.get("state") not in _STATES or stage.get("stage") not in _WORDS:
        return None
    code = stage.get("code")
    return StageChange(
        at,
        request,
        str(stage.get("name")),
        b"",
        tracking.Word(stage["stage"]),
        State(stage["state"]),
        code=code if isinstance(code, int) else None,
        text=str(stage.get("text") or ""),
    )
