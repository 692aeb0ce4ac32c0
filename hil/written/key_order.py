"""What a plan does to the keys of the ground: `keys = { do = "rotate", spis = ["0010"], keep_old = true }`.

`rotate` changes keys as `kratai keys rotate` does, `recovery = true` to the recovery keys. `lose`: from now on the
ground's working keys of these SPIs (all unless named) are other octets, as after a wrong backup. `recover`: the
recovery keys come from the safe.
"""

from typing import Final, NamedTuple

from fsw.ccsds.sdls import SPIS
from hil.written.toml_table import Table, nearest
from tools.ground.key_steps import Wish

VERBS: Final = ("rotate", "lose", "recover")
_KEYS: Final = ["do", "spis", "recovery", "keep_old"]


class KeyOrder(NamedTuple):
    """What is done, and to which keys."""

    do: str
    wish: Wish


def read(step: Table) -> KeyOrder:
    """The order of a step that has one; TomlError where it is none."""
    table = step.table("keys", _KEYS)
    do = table.choice("do", "rotate", VERBS)
    known = [f"{spi:04x}" for spi in SPIS]
    named = [word.lower() for word in table.texts("spis")]
    for word in named:
        if word not in known:
            raise table.wrong("spis", f"has {word!r}; {nearest(word, known)}")
    for key in ("recovery", "keep_old"):
        if key in table and do != "rotate":
            raise table.wrong(key, "goes with `rotate` only")
    spis = tuple(spi for spi in SPIS if not named or f"{spi:04x}" in named)
    return KeyOrder(do, Wish(spis, table.flag("recovery", False), table.flag("keep_old", False)))
