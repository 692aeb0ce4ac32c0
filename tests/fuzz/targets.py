"""The table: name of a target -> what makes one, given an empty folder. A target takes any octets, and raises when
something does not hold.

Each input meets fresh objects, so that it does the same again; what lives on from input to input is there to grow if
anything can (the lasting carrier, the board, the archive).
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from tests.fuzz import board_targets, ground_targets, line_targets

Judge = Callable[[bytes], None]
TARGETS: Final[dict[str, Callable[[Path], Judge]]] = {
    **line_targets.TARGETS,
    **board_targets.TARGETS,
    **ground_targets.TARGETS,
}
CORPUS: Final = Path(__file__).parent / "corpus"
INPUT_OCTETS_MAX: Final = 4_096


def corpus(name: str) -> list[bytes]:
    """The inputs of a target, one in hex a line of its file; none where nobody has found any yet."""
    path = CORPUS / f"{name}.hex"
    return [bytes.fromhex(line) for line in path.read_text().splitlines()] if path.exists() else []
