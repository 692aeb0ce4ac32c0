"""A contact of real processes whose payload has booted and knows the time, as the demo has it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fsw.mdb.mission import load as load_mission
from hil.plan import scenario
from hil.rungs.contact_process import Contact
from tests.tools.test_main import ROOT

MISSION = load_mission()


@contextmanager
def booted(folder: Path) -> Iterator[Contact]:
    """Board, lander and ground, for as long as it is used."""
    plan = scenario.load("first-contact", MISSION)
    (leg, *_) = plan.legs
    made = Contact(folder, ROOT, plan._replace(legs=(leg._replace(steps=leg.steps[:2]),)), MISSION, lambda *_: None)
    try:
        made.play(lambda _: None)
        yield made
    finally:
        made.close()
