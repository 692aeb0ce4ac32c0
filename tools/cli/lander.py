"""`kratai lander`: the lander emulator alone, on a pseudo-terminal of its own or on a serial port."""

from typing import Annotated

import typer

_LINE = typer.Option(help="Line profile: slow, default or fast; overrides the lander profile's.")


def command(
    *,
    port: Annotated[
        str | None,
        typer.Option(help="Serial port to the payload, or udp://HOST:PORT to listen at; without it a pty is made."),
    ] = None,
    link: Annotated[str | None, typer.Option(help="Symbolic link to publish the pty under.")] = None,
    board: Annotated[
        str | None, typer.Option(help="Command that is the payload board, power-switched; {port} is the line.")
    ] = None,
    profile: Annotated[str, typer.Option(help="Lander profile: a built-in name or a TOML file.")] = "generic",
    tm: Annotated[str, typer.Option(help="HOST:PORT that telemetry frames go to; port 0 for any.")] = "127.0.0.1:10017",
    tc: Annotated[str, typer.Option(help="HOST:PORT to take telecommands on; port 0 for any.")] = "127.0.0.1:10018",
    report: Annotated[str, typer.Option(help="HOST:PORT that the lander's reports go to.")] = "127.0.0.1:10019",
    baud: Annotated[int | None, typer.Option(min=1_200, max=3_000_000, help="Speed of the line.")] = None,
    line: Annotated[str | None, _LINE] = None,
    off: Annotated[bool, typer.Option("--off", help="Start with the payload unpowered.")] = False,
    json_lines: Annotated[bool, typer.Option("--json", help="Events as JSON lines.")] = False,
) -> None:
    """Emulate the lander: power, time, mode and the relay between ground and payload.

    Prints one JSON line when ready, then takes control lines on standard input, JSON objects all of them:
    {"do": "notice", "circuit": "ops", "action": "off", "seconds": 30}, {"do": "status"}, {"do": "quit"}, and all
    others of hil/lander/LANDER.md.
    """
    # Only here: the emulator's edge is POSIX, the command line is not.
    from fsw.config import LINES  # noqa: PLC0415
    from hil.rungs.lander_process import Options, main  # noqa: PLC0415

    if line is not None and line not in LINES:
        raise typer.BadParameter(f"{line!r} is none of {', '.join(LINES)}", param_hint="--line")
    raise typer.Exit(main(Options(profile, line, baud, port, link, board, tm, tc, report, off, json_lines)))
