"""`kratai ground`: the one session that owns the lander's UDP ports, FOP-1, verification and the archive."""

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from fsw.config import LINES
from tools.cli.joining import Json, MissionFolder, State, folder_of, mission_of, present
from tools.cli.main import refuse
from tools.ground.client import ClientError
from tools.ground.profile import of_line
from tools.ground.server import Options, ServerError, address, run, say_line
from tools.ground.state import StateError

Line = Enum("Line", {name: name for name in LINES}, type=str)  # type: ignore[misc]


def command(
    *,
    state: State = None,
    mission: MissionFolder = None,
    line: Annotated[Line | None, typer.Option(help="Line profile; default is the mission's.")] = None,
    tm: Annotated[str, typer.Option(help="HOST:PORT to take telemetry frames on; port 0 for any.")] = "127.0.0.1:10017",
    tc: Annotated[
        str, typer.Option(help="HOST:PORT to send telecommands to; port 0: told later by a client.")
    ] = "127.0.0.1:10018",
    report: Annotated[str, typer.Option(help="HOST:PORT for the lander's report; port 0 for any.")] = "127.0.0.1:10019",
    one_way_ms: Annotated[int, typer.Option(min=0, max=3_600_000, help="Light time to allow for.")] = 0,
    raw_frames: Annotated[bool, typer.Option("--raw-frames", help="Send bare TC frames, not CLTUs.")] = False,
    stop: Annotated[bool, typer.Option("--stop", help="End the session of this state directory.")] = False,
    json_out: Json = False,
) -> None:
    """Run the ground session: it prints one JSON line once it listens, and ends on SIGTERM or Ctrl-C.

    `send`, `watch` and `export` are its clients; they start it in the background when it is absent.
    """
    del json_out  # the ready line is JSON anyway
    folder = folder_of(state)
    if stop:
        _stop(folder)
        return
    flown = mission_of(mission)
    name = str(line.value) if line is not None else flown.line
    profile = of_line(name, one_way_us=one_way_ms * 1000, raw=raw_frames)
    try:
        options = Options(
            folder,
            flown.database,
            flown.name,
            profile,
            address(tm, "--tm"),
            address(tc, "--tc"),
            address(report, "--report"),
        )
        run(options, say_line)
    except (ServerError, StateError) as error:
        refuse(str(error))


def _stop(folder: Path) -> None:
    client = present(folder)
    if client is None:
        refuse(f"no ground session runs in {folder}")
    with client:
        client.wait(client.ask("stop"))
        try:
            for _ in client.messages(5.0):
                pass
        except ClientError:
            return
