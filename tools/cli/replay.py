"""`kratai replay`: flight software re-executed on a recording of its input, to the same octets, and looked into."""

import json
import platform
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from fsw.capture.header import Header
from fsw.ccsds.crc import BACKEND
from fsw.kernel.key import NO_KEYS, Keys
from fsw.mdb.mission import Mission
from hil.written.durations import DurationError, parse_us
from tools.cli.joining import MissionFolder, mission_of
from tools.cli.main import refuse
from tools.cli.outcome import mission_time
from tools.ground.key_folder import KeyFolderError, read_keys


def command(
    capture: Annotated[Path, typer.Argument(help="A recording: of fly --record, sim --record, hil --record.")],
    *,
    until: Annotated[str | None, typer.Option(help="Stop at this time of a life: 30 s, 2 h.")] = None,
    when: Annotated[str | None, typer.Option(help="Stop when this holds: 'system.mode = SAFE'.")] = None,
    life: Annotated[int | None, typer.Option(help="Replay only this life; 1 is the first.", min=1)] = None,
    mission: MissionFolder = None,
    keys: Annotated[
        Path | None, typer.Option(help="State folder with the keys of a link that flew protected.", metavar="DIR")
    ] = None,
    simulated: Annotated[
        str | None,
        typer.Option(help="The same of a simulation: its SIMULATED keys follow from both.", metavar="PLAN:SEED"),
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write outcome and state as data; - is stdout.")
    ] = None,
) -> None:
    """Replay a recording, compare every octet sent, and show the state where it stops.

    Without --until and --when each life is replayed to its end. Exit status 0: the same octets, and what was asked for
    was reached; 1: it diverged, the recording is spoiled, or ends before that; 2: what cannot be replayed.
    """
    from fsw.capture.reader import Reader  # noqa: PLC0415 - the flight software is loaded only when there is work for it
    from hil.replay.condition import Condition, ConditionError  # noqa: PLC0415
    from hil.replay.replay import Replay, ReplayError, Wanted  # noqa: PLC0415
    from hil.replay.replay_state import state_of  # noqa: PLC0415

    flown = mission_of(mission)
    try:
        until_us = None if until is None else parse_us(until)
        condition = None if when is None else Condition(when, flown.database)
    except DurationError as error:
        refuse(f"--until {error}")
    except ConditionError as error:
        refuse(f"--when {error}")
    console = Console(stderr=json_file is not None and str(json_file) == "-")
    try:
        with capture.open("rb") as file, Console(stderr=True).status("replaying …") as status:
            secrets = _of_folder(keys) if simulated is None else _thrown(simulated, flown)
            replay = Replay(Reader(file.read), flown, Wanted(until_us, condition, life), secrets)
            outcome = replay.run(lambda number, us: status.update(f"replaying life {number}: {mission_time(us)}"))
    except OSError as error:
        refuse(f"{capture}: {error.strerror}")
    except ReplayError as error:
        refuse(f"{capture}: {error}")
    last = replay.life
    state = {} if last is None or last.flown is None else state_of(last.flown, last.at_us)
    reached = bool(outcome.stopped) or (until is None and when is None)
    ok = reached and all(one.same for one in outcome.lives) and all(damage.cut for damage in outcome.damages)
    data = {
        "ok": ok,
        "stopped": outcome.stopped,
        "digest": outcome.digest,
        "lives": [
            one._asdict() | {"header": _plain(one.header), "divergence": one.divergence and one.divergence._asdict()}
            for one in outcome.lives
        ],
        "damages": [damage._asdict() for damage in outcome.damages],
        "state": state,
    }
    _show(console, data, [note for one in outcome.lives for note in _notes(one.number, one.header)])
    if not reached:
        console.print("[red]the recording ends before what was asked for[/]", highlight=False)
    if state and (outcome.stopped or not all(one.same for one in outcome.lives)):
        _show_state(console, state)
    if json_file is not None:
        _write(json_file, json.dumps(data, indent=1) + "\n")
    raise typer.Exit(0 if ok else 1)


def _of_folder(folder: Path | None) -> Keys:
    """The keys in a state folder; none where none is given."""
    try:
        return NO_KEYS if folder is None else read_keys(folder)
    except KeyFolderError as error:
        refuse(f"--keys {error}")


def _thrown(simulated: str, mission: Mission) -> Keys:
    """SIMULATED keys of a run, from the name of its plan and its seed."""
    from hil.bench import keyed  # noqa: PLC0415 - only where it is asked for
    from hil.plan import scenario  # noqa: PLC0415
    from hil.written.toml_table import TomlError  # noqa: PLC0415

    name, _, seed = simulated.rpartition(":")
    if not name or not seed.isdecimal():
        refuse(f"--simulated {simulated}: give plan and seed as sim had them, first-contact:7")
    try:
        plan = scenario.load(name, mission)
    except TomlError as error:
        refuse(f"--simulated {error}")
    return keyed(plan._replace(protected=True), mission, int(seed)).keys


def _plain(header: Header) -> dict[str, object]:
    """The header as JSON can hold it."""
    return header._asdict() | {"line": header.line._asdict(), "database": header.database.hex()}


def _notes(number: int, header: Header) -> list[str]:
    """In what this computer differs from the recording's: what may explain a divergence."""
    pairs = (("Python", header.python, platform.python_version()), ("CRC backend", header.crc_backend, BACKEND))
    return [f"life {number}: {what} {theirs} then, {ours} here" for what, theirs, ours in pairs if theirs != ours]


def _show(console: Console, data: dict[str, object], notes: list[str]) -> None:
    """Lives, notes, damages, and why it stopped."""
    lives, damages = data["lives"], data["damages"]
    assert isinstance(lives, list)
    assert isinstance(damages, list)
    for life in lives:
        header, divergence = life["header"], life["divergence"]
        who = escape(f"{header['rung']}, {header['mission']}, {header['line']['baud']} baud, {header['carrier']}")
        verdict = "[green]same[/]" if divergence is None else "[red]diverged[/]"
        console.print(f"[bold]life {life['number']}[/] ({who}): {verdict}", highlight=False)
        figures = f"{mission_time(life['at_us'])}, {life['ticks']} ticks, {life['octets']} octets down"
        console.print(
            f"  {figures}, compared {life['checked']} times; {escape(life['ended'])}", highlight=False, soft_wrap=True
        )
        console.print(f"  SHA-256 {life['digest']}", highlight=False, soft_wrap=True)
        if divergence is not None:
            at = mission_time(divergence["at_us"])
            console.print(f"  [red]at {at}[/] asked: {escape(divergence['asked'])}", highlight=False, soft_wrap=True)
            console.print(f"  recorded: {escape(divergence['recorded'])}", highlight=False, soft_wrap=True)
    if len(lives) > 1:
        console.print(f"[bold]all lives[/]\n  SHA-256 {data['digest']}", highlight=False, soft_wrap=True)
    for damage in damages:
        colour = "yellow" if damage["cut"] else "red"
        console.print(f"[{colour}]octet {damage['offset']}[/]: {escape(damage['why'])}", highlight=False)
    for note in notes:
        console.print(f"[dim]{note}[/]", highlight=False)
    if data["stopped"]:
        console.print(f"stopped: {escape(str(data['stopped']))}", highlight=False, soft_wrap=True)


def _show_state(console: Console, state: dict[str, object]) -> None:
    """Every section as a table."""
    for section, held in state.items():
        if not isinstance(held, dict):
            continue
        table = Table("", "", title=section, title_justify="left", box=None, show_header=False, pad_edge=False)
        for name, value in held.items():
            table.add_row(name, escape(_parameter(value) if section == "parameters" else _text(value)))
        console.print(table, highlight=False)


def _parameter(held: object) -> str:
    """A parameter as people read it."""
    assert isinstance(held, dict)
    low, high = held["limits"]
    limits = "" if low is None and high is None else f"  [{_text(low)} .. {_text(high)}] {held['limit_state'].lower()}"
    return f"{_text(held['value'])} {held['unit']}{limits}".rstrip()


def _text(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_text(one)}" for name, one in value.items() if one != "")
    if isinstance(value, float):
        return f"{value:.10g}"
    return "-" if value is None else str(value)


def _write(path: Path, text: str) -> None:
    """Hand the data over; a file that cannot be written is a sentence."""
    if str(path) == "-":
        typer.echo(text, nl=False)
        return
    try:
        path.write_text(text)
    except OSError as error:
        refuse(f"--json {path}: {error.strerror}")
