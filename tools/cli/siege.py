"""`kratai siege`: an attacker strikes at a protected mission in virtual time, and a judge without keys counts."""

import json
from typing import Annotated

import typer

from fsw.mdb.mission import Mission
from hil.attacker.attack_kinds import KINDS
from hil.written.toml_table import nearest
from tools.cli.joining import Json, MissionFolder, mission_of
from tools.cli.main import refuse

S = 1_000_000


def command(
    *,
    seed: Annotated[int, typer.Option(help="Everything that chance decides follows from it.", min=0)] = 0,
    attacks: Annotated[int, typer.Option(help="So many attacks.", min=1, max=100_000)] = 50,
    kinds: Annotated[
        list[str] | None, typer.Option("--kind", help="Only this kind of attack; may be given again.", metavar="KIND")
    ] = None,
    mission: MissionFolder = None,
    json_out: Json = False,
) -> None:
    """Lay siege to a protected mission: who hears everything and holds stolen keys strikes, again and again.

    A line an attack: when, what, how soon behind it a command was done, and what was refused. Exit status 0: nothing of
    a stranger's ran, nothing ran twice, nobody believed him, commands went on and every refusal was counted; 1: not so,
    and each breach names its seed and attack.
    """
    only = tuple(kinds or ())
    for kind in only:
        if kind not in KINDS:
            refuse(f"there is no attack {kind!r}; {nearest(kind, list(KINDS))}")
    raise typer.Exit(flown(seed, attacks, only, mission_of(mission), json_out))


def flown(seed: int, attacks: int, only: tuple[str, ...], mission: Mission, json_out: bool) -> int:
    """Fly it, and say what came of it; the exit status."""
    from hil.siege.siege import Attacked, besiege  # noqa: PLC0415 - the flight software is loaded when there is work

    def told(one: Attacked) -> None:
        if not json_out:
            cost = ", ".join(f"{word} {count}" for word, count in sorted(one.costs.items())) or "nothing"
            kind = " and ".join(one.kinds)
            typer.echo(f"{one.number:4} {one.at_us / S:9.3f} s  {kind} {one.moment.value}: refused {cost};"
                       f" a command {one.took_us / S:.2f} s behind it")  # fmt: skip

    found = besiege(seed, attacks, mission, only=only, told=told)
    if json_out:
        struck = [one._asdict() | {"moment": one.moment.value} for one in found.attacks]
        typer.echo(json.dumps({"seed": seed, "breaches": found.breaches, "attacks": struck}, indent=1))
    else:
        for breach in found.breaches:
            typer.echo(f"breach: {breach}")
        typer.echo(f"{attacks} attacks of seed {seed}, {found.simulated_us / S:.0f} s simulated: "
                   f"{len(found.breaches)} breaches")  # fmt: skip
    return int(bool(found.breaches))
