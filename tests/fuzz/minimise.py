"""The corpus of a target made small: `python -m tests.fuzz.minimise NAME FOLDER` FOLDER/found into NAME.hex.

Small inputs first, one is kept when it takes the product along a step from line to line that none before it took; and
while there is room, one that takes it about as often as none before.
What the corpus had is in FOLDER/found too, for `explore` began with it.
"""

import sys
from collections import Counter
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, Final

from tests.fuzz.targets import CORPUS, TARGETS, Judge

ROOT: Final = Path(__file__).parents[2]
HOUSES: Final = tuple(f"{ROOT / house}/" for house in ("fsw", "tools"))
OCTETS_MAX: Final = 8_192
Step = tuple[CodeType, int, int]
Feature = tuple[Step, int]


def features_of(judge: Judge, octets: bytes) -> set[Feature]:
    """Every step from line to line of the product that an input causes, and how often, to a power of 2."""
    steps: Counter[Step] = Counter()
    ours: dict[CodeType, bool] = {}
    before: dict[FrameType, int] = {}

    def line(frame: FrameType, event: str, _: object) -> Any:  # noqa: ANN401 - what settrace takes
        if event == "line":
            steps[frame.f_code, before.get(frame, 0), frame.f_lineno] += 1
            before[frame] = frame.f_lineno
        elif event == "return":
            before.pop(frame, None)
        return line

    def call(frame: FrameType, _: str, __: object) -> Any:  # noqa: ANN401 - what settrace takes
        code = frame.f_code
        if code not in ours:
            ours[code] = code.co_filename.startswith(HOUSES)
        return line if ours[code] else None

    sys.settrace(call)
    try:
        judge(octets)
    finally:
        sys.settrace(None)
    return {(step, count.bit_length()) for step, count in steps.items()}


def main() -> None:
    """Read, choose, write."""
    name, folder = sys.argv[1], Path(sys.argv[2])
    state = folder / "minimised"
    state.mkdir(exist_ok=True)
    judge = TARGETS[name](state)
    inputs = sorted({path.read_bytes() for path in (folder / "found").iterdir()}, key=lambda one: (len(one), one))
    found = [(octets, features_of(judge, octets)) for octets in inputs]
    steps: set[Step] = set()
    counts: set[Feature] = set()
    kept = []
    for octets, features in found:
        if {step for step, _ in features} - steps:
            steps |= {step for step, _ in features}
            counts |= features
            kept.append(octets)
    for octets, features in found:
        if features - counts and sum(map(len, kept)) + len(octets) <= OCTETS_MAX:
            counts |= features
            kept.append(octets)
    (CORPUS / f"{name}.hex").write_text("".join(f"{octets.hex()}\n" for octets in kept))
    sys.stdout.write(f"{name}: {len(kept)} of {len(inputs)} inputs, {sum(map(len, kept))} octets, {len(steps)} steps\n")


if __name__ == "__main__":
    main()
