"""Steps down the layers, and the first rule that is broken on the way."""

from typing import NamedTuple

Value = None | bool | int | float | str | list["Value"] | dict[str, "Value"]


class Step(NamedTuple):
    """What one layer found. `rule` names what was checked; `ok` whether it holds."""

    layer: str
    rule: str
    ok: bool
    text: str
    fields: dict[str, Value]


class Walk:
    """One unit of octets on its way down; `offset` is where it begins in the input."""

    def __init__(self, offset: int = 0) -> None:
        self.offset = offset
        self.steps: list[Step] = []

    def found(self, layer: str, rule: str, text: str, **fields: Value) -> None:
        """A rule that holds."""
        self.steps.append(Step(layer, rule, True, text, fields))

    def broken(self, layer: str, rule: str, text: str, **fields: Value) -> None:
        """A rule that does not; the walk's user stops here, or goes on with the next unit inside."""
        self.steps.append(Step(layer, rule, False, text, fields))

    @property
    def first_broken(self) -> Step | None:
        """The first rule that does not hold; None when all do."""
        return next((step for step in self.steps if not step.ok), None)

    def as_json(self) -> dict[str, Value]:
        """The walk as data that JSON can hold."""
        broken = self.first_broken
        return {
            "offset": self.offset,
            "ok": broken is None,
            "broken": None if broken is None else _json(broken),
            "steps": [_json(step) for step in self.steps],
        }


def _json(step: Step) -> Value:
    return {"layer": step.layer, "rule": step.rule, "ok": step.ok, "text": step.text, "fields": step.fields}
