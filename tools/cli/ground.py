"""`kratai ground`: the one session that owns the lander's UDP ports, FOP-1, verification and the archive."""

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from fsw.config import LINES
from fsw.mdb.mission_hazards import words as hazard_words
from tools.cli.joining import Json, MissionFolder, State, folder_of, mission_of, present
from tools.cli.main import refuse
from tools.ground.client import ClientError
from tools.ground.profile import of_line
from tools.ground.records import Data
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
    listen: Annotated[
        str, typer.Option(help="HOST:PORT for clients; wider than loopback only with TLS and operators.")
    ] = "127.0.0.1:0",
    tls_cert: Annotated[Path | None, typer.Option(help="Certificate (PEM) to show clients.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Its key (PEM), open to its owner only.")] = None,
    one_way_ms: Annotated[int, typer.Option(min=0, max=3_600_000, help="Light time to allow for.")] = 0,
    raw_frames: Annotated[bool, typer.Option("--raw-frames", help="Send bare TC frames, not CLTUs.")] = False,
    clear: Annotated[bool, typer.Option("--clear", help="An unprotected link, keys or not.")] = False,
    stop: Annotated[bool, typer.Option("--stop", help="End the session of this state directory.")] = False,
    json_out: Json = False,
) -> None:
    """Run the ground session: it prints one JSON line once it listens, and ends on SIGTERM or Ctrl-C.

    With keys in the state directory's `keys` folder the link is protected.

    `send`, `watch`, `export` and `link` are its clients; they start it in the background when it is absent. Where
    operators are known (`operators`) a client's token comes from KRATAI_TOKEN_FILE or KRATAI_TOKEN;
    KRATAI_GROUND=HOST:PORT and KRATAI_CA=FILE lead it to a session elsewhere.
    """
    del json_out  # the ready line is JSON anyway
    folder = folder_of(state)
    if stop:
        _stop(folder)
        return
    if (tls_cert is None) != (tls_key is None):
        refuse("--tls-cert and --tls-key go together")
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
            address(listen, "--listen"),
            None if tls_cert is None or tls_key is None else (tls_cert, tls_key),
            hazards={
                name: {"phases": list[Data](phases), "operators": operators}
                for name, (phases, operators) in hazard_words(flown.hazards, flown.database).items()
            },
            clear=clear,
            signing=flown.signing,
            stores=tuple(entry.store for entry in flown.storage.stores),
        )
        run(options, say_line)
    except (ServerError, StateError) as error:
        refuse(str(error))


def _stop(folder: Path) -> None:
    client = present(folder)
    if client is None:
        refuse(f"no ground session runs in {folder}")
    with client:
        answer = client.wait(client.ask("stop"))
        if "error" in answer:
            refuse(str(answer["error"]))
        try:
            for _ in client.messages(5.0):
                pass
        except ClientError:
            return
