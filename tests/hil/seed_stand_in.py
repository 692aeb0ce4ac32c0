"""A stand-in for `hil.rungs.virtual.run_seed` without a bench: scenario's name and seed say what becomes of a run.

"sound": every run holds. "thirds": each third seed breaks a rule, which needs faults 2 and 5 of six. "raises", "dies",
"hangs": the fourth seed does, the others hold.
"""

import os
import threading
from typing import Any

SIX = tuple(f"boot_text@{place}s:octets={place}" for place in range(1, 7))


def run_seed(scenario: str, seed: int, faults: tuple[str, ...] | None = None) -> dict[str, Any]:
    """Plain data, as the real one gives it."""
    if seed == 4:
        if scenario == "raises":
            raise LookupError("nothing there")
        if scenario == "dies":
            os._exit(7)
        if scenario == "hangs":
            threading.Event().wait()
    had = SIX if faults is None else faults
    broken = scenario == "thirds" and seed % 3 == 0 and {SIX[1], SIX[4]} <= set(had)
    return {
        "ok": not broken,
        "scenario": scenario,
        "seed": seed,
        "faults": list(had),
        "findings": [f"once at {seed}.000 s: ran twice"] if broken else [],
        "failed_steps": [],
        "digest": f"{seed:064x}",
        "simulated_s": 10.0,
        "wall_s": 0.5,
    }
