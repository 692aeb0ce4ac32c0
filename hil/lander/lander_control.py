"""What a person or a program may tell the emulator while it runs: one JSON object a line, one answered line each.

`{"do": "notice", "circuit": "ops", "action": "off", "seconds": 5}`, `{"do": "status"}`, `{"do": "quit"}`: verbs and
keys are those of `lander_orders.VERBS` (LANDER.md). Nothing wrong raises: the answer says what it is.
"""

import json
from typing import Final

from fsw.kernel.clock import Micros
from hil.lander import lander_orders
from hil.lander.lander import Lander

LINE_OCTETS_MAX: Final = 4096

Answer = dict[str, object]


def obey(lander: Lander, line: str, now: Micros) -> Answer:
    """Do what the line says; the answer holds "ok", and "error" with the reason where that is false."""
    try:
        given = json.loads(line)
    except ValueError:
        given = None
    if not isinstance(given, dict):
        return {"ok": False, "error": "not a JSON object"}
    try:
        order = lander_orders.parse(given)
    except lander_orders.OrderError as wrong:
        return {"do": given.get("do"), "ok": False, "error": str(wrong)}
    return {"do": order.verb, "ok": True, **lander_orders.obey(lander, order, now)}
