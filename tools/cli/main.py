"""The command line: a table of commands, each in a module of its own that is imported only when it is asked for.

A wrong command line is one sentence and exit status 2. `--help` of the whole imports no command.
"""

import os
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Final, NamedTuple, NoReturn

import typer
from typer.exceptions import TyperException
from typer.main import get_command

PROGRAM: Final = "kratai"


class Entry(NamedTuple):
    """One command: where its `command` function lives, its line in the list, and an example of its use."""

    module: str
    text: str
    example: str


COMMANDS: Final = {
    name: Entry(f"tools.cli.{name}", text, f"kratai {name} {example}".rstrip())
    for name, text, example in (
        ("demo", "Play a first contact: board, lander and ground, live.", "--json contact.json"),
        ("fly", "The flight software alone, on any serial device.", "--port /dev/serial0 --line default --clear"),
        ("lander", "The lander emulator alone, on a pty of its own or a serial port.", "--link line"),
        ("ground", "The ground session: commands, tracks, archives.", "--state contact"),
        ("send", "Send a command by name and wait for its last word.", "power.heater on=true"),
        ("link", "The link to the payload: begin COP-1 anew.", "sync"),
        ("operators", "Who may come to the ground session: names, roles, tokens.", "add alice --role operator"),
        ("keys", "Keys of a protected link: made, shown, brought in, rotated.", "new --boards 10 --into boards"),
        ("recover", "Telemetry that was lost on the way, fetched from the packet stores.", "--dry-run"),
        ("watch", "Packets and parameters as they come.", "--state contact"),
        ("export", "Parameters by time, as CSV or JSON.", "--state contact"),
        ("commands", "The commands of the mission database.", "--json"),
        ("telemetry", "The packets and parameters of the mission database.", "--json"),
        ("sim", "A scenario in virtual time: payload, line, lander, ground on one clock.", "first-contact --seed 7"),
        ("campaign", "Many seeds of scenarios on every core or a cluster; failures shrunk.", "storm --seeds 0:100"),
        ("siege", "Attacks on a protected mission in virtual time, and what each cost.", "--seed 7 --attacks 50"),
        ("hil", "A scenario in real time: the flight program, or a board on a wire.", "first-contact --port pty"),
        (
            "replay",
            "A recorded flight again, to the same octets, stopped and looked into.",
            "flight.capture --until '30 s'",
        ),
        ("decode", "Name the first rule that some octets break.", "1acffc1d02a00000"),
        ("doctor", "What is wrong with ports, permissions and set-up, and what to do.", "/dev/ttyUSB0"),
        ("test", "The test suite.", "tests/ccsds"),
        ("check", "Format, lint, types and floors.", "--json"),
        ("perf", "The numbers, each beside its peer and its bound.", "--only kernel_tick"),
    )
}


class MissingError(Exception):
    """A command whose module is not there; the text is one sentence."""


def load(name: str) -> Callable[..., None]:
    """The function behind a command."""
    module = COMMANDS[name].module
    try:
        found: Callable[..., None] = import_module(module).command
    except ModuleNotFoundError as error:
        if error.name == module:
            raise MissingError(
                f"{name} is not part of this checkout: {module.replace('.', '/')}.py is not there."
            ) from error
        raise
    return found


def build(wanted: str) -> typer.Typer:
    """The application, with the wanted command loaded and the others as lines of the list."""
    app = typer.Typer(name=PROGRAM, rich_markup_mode=None, pretty_exceptions_enable=False, help=HELP)

    @app.callback(invoke_without_command=True)
    def top(context: typer.Context) -> None:
        if context.invoked_subcommand is None:
            typer.echo(context.get_help())

    for name, entry in COMMANDS.items():
        function = load(name) if name == wanted else listed
        text = None if function.__doc__ else entry.text
        app.command(name, help=text, short_help=entry.text, epilog=f"Example: {entry.example}")(function)
    return app


HELP: Final = """Fly a payload over a serial line, command it from the ground, and test both.

Start with `demo`. Each command has --help with an example, and --json for programs.
"""


def listed() -> None:  # noqa: D103 - the table's text stands for a docstring
    raise AssertionError("a command that is only listed is never called")


def refuse(sentence: str) -> NoReturn:
    """One sentence on standard error, exit status 2."""
    sys.stderr.write(f"{PROGRAM}: {sentence}\n")
    raise SystemExit(2)


def first_word(arguments: list[str]) -> str:
    """The command named on a command line, also on one that a shell is still completing."""
    words = os.environ.get("COMP_WORDS", "").split()[1:] if "_KRATAI_COMPLETE" in os.environ else arguments
    return next((word for word in words if not word.startswith("-")), "")


def run() -> NoReturn:
    """Run the command line of this process."""
    arguments = sys.argv[1:]
    if arguments[:1] == ["fly"]:
        os.execv(sys.executable, [sys.executable, "-P", "-m", "fsw", *arguments[1:]])  # noqa: S606 - its options are its own
    wanted = first_word(arguments)
    try:
        status = get_command(build(wanted)).main(arguments, prog_name=PROGRAM, standalone_mode=False)
        sys.stdout.flush()
    except MissingError as error:
        refuse(str(error))
    except TyperException as error:
        refuse(f"{wanted}: {error.format_message()}" if wanted in COMMANDS else error.format_message())
    except (KeyboardInterrupt, typer.Abort):
        raise SystemExit(130) from None
    except BrokenPipeError:  # the reader has seen enough; nothing may be flushed into the closed pipe at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None
    raise SystemExit(status if isinstance(status, int) else 0)
