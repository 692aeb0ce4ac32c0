"""FAULTS.md, which people read, says what the table of kinds says."""

from pathlib import Path

from hil.faults import fault_desk
from hil.written.durations import text_of
from hil.written.fault_kinds import KINDS, FaultKind, Lasts, Parameter

REFERENCE = (Path(fault_desk.__file__).parent / "FAULTS.md").read_text()


def span(lasts: Lasts | None, default: bool) -> str:
    if lasts is None:
        return "no"
    if not lasts.high_us:
        return "at once"
    tail = f" ({text_of(lasts.default_us)})" if default else ""
    return f"{text_of(lasts.low_us)} to {text_of(lasts.high_us)}{tail}"


def written(key: str, one: Parameter) -> str:
    if one.names:
        return f"`{key}`: {', '.join(one.names)} ({one.names[one.default]})"
    return f"`{key}`: {one.low} to {one.high} {one.unit} ({one.default})"


def row(kind: FaultKind) -> str:
    parameters = "; ".join(written(key, one) for key, one in kind.parameters.items()) or "none"
    cells = (kind.row, f"`{kind.kind}`", kind.text, span(kind.lasts, True), parameters, kind.ability.value)
    return f"| {' | '.join((*cells, span(kind.storm, False), kind.expectation))} |"


def test_the_reference_has_a_row_for_every_kind_and_no_other() -> None:
    rows = [line for line in REFERENCE.splitlines() if line.startswith("| F")]
    assert rows == [row(kind) for kind in KINDS.values()]
