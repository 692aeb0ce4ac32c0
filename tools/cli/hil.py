"""`kratai hil`: a scenario in real time, against the flight program on a pty or a real board on a serial port."""

import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.console import Console

from fsw.mdb.mission import Mission
from hil.bench import keyed
from hil.plan.player import Outcome
from hil.plan.scenario import Scenario
from tools.cli.joining import MissionFolder, mission_of
from tools.cli.main import refuse
from tools.cli.outcome import show, step_line, write_json
from tools.cli.sim import Faults, LanderName, Plan, planned

if TYPE_CHECKING:
    from hil.rungs.real_clock import RealClock
    from hil.rungs.real_time import LiveEnd

PTY: Final = "pty"


def command(
    scenario: Plan,
    *,
    port: Annotated[
        str, typer.Option(metavar="pty|DEVICE|URL", help="pty, a device, socket://HOST:PORT, rfc2217://HOST:PORT.")
    ] = PTY,
    seed: Annotated[int, typer.Option(help="Everything that chance decides follows from it.", min=0)] = 0,
    until: Annotated[str | None, typer.Option(help="End here at the latest: 30 s, 2 h.")] = None,
    lander: LanderName = "",
    faults: Faults = None,
    mission: MissionFolder = None,
    protected: Annotated[bool, typer.Option("--protected", help="Protect the link, with SIMULATED keys.")] = False,
    power_command: Annotated[
        str | None, typer.Option(metavar="CMD", help="Switches the board's supply when `on` or `off` stands behind it.")
    ] = None,
    record: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Record the flight program's input there, for replay.")
    ] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the outcome as data.")] = None,
) -> None:
    """Play a scenario in real time and judge it.

    With --port pty the payload is the flight program as a process, switched as its supply is. A board on a wire is
    switched by --power-command; without it, steps that need its power are not exercised, which is said and is no pass.
    Wiring, latency timer and udev rule: hil/rungs/WIRING.md. Exit status 0 when every step exercised held and no
    rule was broken, 1 when not, 2 for what cannot be played: a device that is missing or busy, a wrong scenario.
    """
    from hil.rungs.real_clock import RealClock  # noqa: PLC0415 - POSIX, the command line is not
    from hil.rungs.real_time import RealTime  # noqa: PLC0415

    flown = mission_of(mission)
    plan, until_us, given = planned(scenario, flown, lander, until, faults)
    plan = keyed(plan._replace(protected=plan.protected or protected), flown, seed)
    if plan.protected and port != PTY:
        refuse("a protected link is played on --port pty: a board on a wire has keys of its own")
    console = Console()
    if port != PTY and record is not None:
        refuse("--record goes with --port pty: on a real board give `kratai fly` its own --record")
    if port == PTY and power_command is not None:
        refuse("--port pty switches the flight program itself: --power-command is for a real board")
    capture = None if record is None else _capture(record, f"{plan.name}-{seed}.capture")
    folder = Path(tempfile.mkdtemp(prefix="kratai-hil-"))
    clock = RealClock()
    end = _end(port, plan, flown, clock, folder, power_command, capture)
    interrupted = False
    try:
        run = RealTime(plan, flown, seed, end, clock, faults=given)
        console.print(f"[bold]{plan.title}[/] on {port}, lander {plan.profile.name}", highlight=False)
        try:
            run.run(
                plan.until_us if until_us is None else min(until_us, plan.until_us),
                lambda step: console.print(step_line(step), highlight=False, soft_wrap=True),
            )
        except KeyboardInterrupt:
            interrupted = True
        result = run.result()
    finally:
        end.close()
    show(result, console, steps=False)
    if json_file is not None:
        write_json(result, json_file)
    held = result.ok and any(step.outcome is Outcome.HELD for step in result.steps)
    if result.ok and not held:
        console.print("Nothing was exercised: that is no pass.")
    if held or port != PTY:
        shutil.rmtree(folder)
    else:
        console.print(f"What the payload kept and said lies in {folder}", highlight=False)
    raise typer.Exit(130 if interrupted else 0 if held else 1)


def _capture(folder: Path, name: str) -> Path:
    """The file of a run's recording, which must not be there: the program appends life to life."""
    capture = folder.absolute() / name
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        refuse(f"--record {folder}: {error.strerror}")
    if capture.exists():
        refuse(f"--record {folder}: {name} is there already; give another folder")
    return capture


def _end(
    port: str,
    plan: Scenario,
    mission: Mission,
    clock: "RealClock",
    folder: Path,
    power_command: str | None,
    capture: Path | None,
) -> "LiveEnd":
    """The payload's end; one sentence and exit status 2 where there is none to be had."""
    from hil.rungs.board_process import BoardError  # noqa: PLC0415
    from hil.rungs.device_end import DeviceEnd  # noqa: PLC0415
    from hil.rungs.power_command import PowerCommand, PowerError  # noqa: PLC0415
    from hil.rungs.pty_end import PtyEnd  # noqa: PLC0415
    from hil.rungs.pty_line import LineError  # noqa: PLC0415

    try:
        if port == PTY:
            return PtyEnd(plan.profile, mission, clock, folder, capture, plan.keys)
        return DeviceEnd(port, plan.profile, None if power_command is None else PowerCommand(power_command))
    except (LineError, PowerError, BoardError) as error:
        shutil.rmtree(folder)
        refuse(str(error))
