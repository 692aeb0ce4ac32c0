"""`python -m hil.siege SEED [ATTACKS]` flies a siege again: a line an attack, then what was wrong (status 1)."""

import sys
from collections.abc import Sequence

from hil.siege.siege import besiege

ATTACKS: int = 50


def line_of(words: Sequence[str]) -> tuple[int, list[str]]:
    """Exit status and what is said."""
    seed, attacks = int(words[0]), int(words[1]) if len(words) > 1 else ATTACKS
    found = besiege(seed, attacks)
    said = [
        f"{one.number:4} {one.at_us / 1e6:9.3f} s  {' and '.join(one.kinds)} {one.moment.value}:"
        f" a command {one.took_us / 1e6:.2f} s behind it; {', '.join(f'{k} {n}' for k, n in sorted(one.costs.items()))}"
        for one in found.attacks
    ]
    said += [*found.breaches, f"{attacks} attacks, {len(found.breaches)} breaches"]
    return int(bool(found.breaches)), said


if __name__ == "__main__":
    status, lines = line_of(sys.argv[1:])
    sys.stdout.write("\n".join(lines) + "\n")
    raise SystemExit(status)
