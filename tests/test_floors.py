"""Each contract of the floors is seen broken by a planted import, and holds as the house stands.

The house is copied; all violations are planted in one copy, each in a module of its own, and the checker must name
each under the contract that it breaks.
"""

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

pytestmark = pytest.mark.process
ROOT = Path(__file__).resolve().parents[1]
CONFIG = tomllib.loads((ROOT / "pyproject.toml").read_text())
CONTRACTS = {contract["id"]: contract["name"] for contract in CONFIG["tool"]["importlinter"]["contracts"]}

PLANTED = {
    # contract: (file of the copy, its text, what the checker must say)
    "houses": [
        ("fsw/kernel/planted_bench.py", "import hil.line.line\n", "fsw.kernel.planted_bench -> hil.line.line"),
        ("fsw/ccsds/planted_tools.py", "import tools.ground.times\n", "fsw.ccsds.planted_tools -> tools.ground.times"),
        ("hil/planted_cli.py", "import tools.cli.main\n", "hil.planted_cli -> tools.cli.main"),
        ("tools/ground/planted_bench.py", "import hil.line.line\n", "tools.ground.planted_bench -> hil.line.line"),
    ],
    "floors": [
        (
            "fsw/payload/planted_neighbour.py",
            "import fsw.power.task\n",
            "fsw.payload.planted_neighbour -> fsw.power.task",
        ),
        ("fsw/ccsds/planted_above.py", "import fsw.pus.ids\n", "fsw.ccsds.planted_above -> fsw.pus.ids"),
        ("fsw/mdb/planted_store.py", "import fsw.store.client\n", "fsw.mdb.planted_store -> fsw.store.client"),
        ("fsw/kernel/planted_config.py", "import fsw.config\n", "fsw.kernel.planted_config -> fsw.config"),
        ("fsw/services/planted_task.py", "import fsw.system.task\n", "fsw.services.planted_task -> fsw.system.task"),
        (
            "fsw/services/planted_capture.py",
            "import fsw.capture.format\n",
            "fsw.services.planted_capture -> fsw.capture.format",
        ),
        ("fsw/attic.py", "", "fsw.attic"),
    ],
    "rooms-of-services": [
        ("fsw/services/attic.py", "", "fsw.services.attic"),
        (
            "fsw/services/archive/planted_neighbour.py",
            "import fsw.services.schedule.timetable\n",
            "fsw.services.archive.planted_neighbour -> fsw.services.schedule.timetable",
        ),
    ],
    "rooms-of-tools": [("tools/attic.py", "", "tools.attic")],
    "rooms-of-hil": [
        ("hil/attic.py", "", "hil.attic"),
        ("hil/line/planted_plan.py", "import hil.plan.player\n", "hil.line.planted_plan -> hil.plan.player"),
    ],
    "composition": [("hil/planted_app.py", "import fsw.app\n", "hil.planted_app -> fsw.app")],
    "drivers": [
        ("fsw/system/planted_driver.py", "import fsw.hal.timer\n", "fsw.system.planted_driver -> fsw.hal.timer"),
        (
            "tools/cli/planted_driver.py",
            "import fsw.hal.serial_port\n",
            "tools.cli.planted_driver -> fsw.hal.serial_port",
        ),
        ("hil/planted_driver.py", "import fsw.hal.child\n", "hil.planted_driver -> fsw.hal.child"),
    ],
    "no-clock": [
        ("fsw/comms/planted_time.py", "import time\n", "fsw.comms.planted_time -> time"),
        ("fsw/pus/planted_random.py", "def late():\n    import random\n", "fsw.pus.planted_random -> random"),
        # through a friend: the checker gives the chain's first link
        (
            "fsw/power/planted_friend.py",
            "import fsw.hal.serial_port\n",
            "fsw.power.planted_friend -> fsw.hal.serial_port",
        ),
    ],
    "disk": [("fsw/power/planted_disk.py", "import sqlite3\n", "fsw.power.planted_disk -> sqlite3")],
    "capture": [("fsw/capture/planted_mdb.py", "import fsw.mdb.words\n", "fsw.capture.planted_mdb -> fsw.mdb.words")],
    "kernel": [("fsw/kernel/planted_os.py", "import os\n", "fsw.kernel.planted_os -> os")],
    "ends": [("fsw/comms/planted_ground.py", "import fsw.ccsds.fop1\n", "fsw.comms.planted_ground -> fsw.ccsds.fop1")],
    "shared-floors": [
        (
            "tools/ground/planted_task.py",
            "import fsw.services.outbox\n",
            "tools.ground.planted_task -> fsw.services.outbox",
        ),
        ("hil/planted_store.py", "import fsw.store.server\n", "hil.planted_store -> fsw.store.server"),
    ],
    "edges": [
        ("tools/ground/planted_wait.py", "import time\n", "tools.ground.planted_wait -> time"),
        ("hil/planted_thread.py", "import threading\n", "hil.planted_thread -> threading"),
    ],
    "portable": [("tools/ground/planted_lock.py", "import fcntl\n", "tools.ground.planted_lock -> fcntl")],
}
REACHED = {"fsw/comms/planted_ground.py": "fsw/app.py"}  # a chain that starts at __main__ must lead to the planted file


def check(folder: Path) -> str:
    code = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True, no_logo=True))"
    done = subprocess.run([sys.executable, "-P", "-c", code], cwd=folder, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the checker says of the spoiled copy, by contract, blanks made one."""
    copy = tmp_path_factory.mktemp("house")
    for house in ("fsw", "hil", "tools"):
        shutil.copytree(ROOT / house, copy / house, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", copy)
    for plants in PLANTED.values():
        for name, text, _ in plants:
            (copy / name).write_text(text)
            if reached := REACHED.get(name):
                module = name.removesuffix(".py").replace("/", ".")
                (copy / reached).write_text(f"import {module}\n" + (copy / reached).read_text())
    said = " ".join(check(copy).partition("Broken contracts")[2].split())
    ends = sorted((said.find(name), key) for key, name in CONTRACTS.items() if name in said)
    stops = [start for start, _ in ends[1:]] + [len(said)]
    return {key: said[start:stop] for (start, key), stop in zip(ends, stops, strict=True)}


@pytest.mark.proves("K-CLI-005")
def test_every_contract_has_a_planted_violation() -> None:
    assert PLANTED.keys() == CONTRACTS.keys()


@pytest.mark.proves("K-CLI-005")
@pytest.mark.parametrize("contract", CONTRACTS)
def test_a_planted_violation_is_named_under_its_contract(broken: dict[str, str], contract: str) -> None:
    for _, _, words in PLANTED[contract]:
        assert words in broken.get(contract, ""), broken.get(contract)


def test_the_house_as_it_stands_keeps_every_contract() -> None:
    said = " ".join(check(ROOT).split())
    assert f"{len(CONTRACTS)} kept, 0 broken" in said
