"""`kratai demo`: a first contact, played live by real processes joined by a paced pseudo-terminal."""

import json
import re
import shutil
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

if TYPE_CHECKING:
    from hil.plan.player import StepResult
    from hil.rungs.contact_process import Contact

ROOT: Final = Path(__file__).resolve().parents[2]
SCENARIO: Final = "first-contact"
_REPORTS: Final = frozenset(("system.housekeeping", "environment.report", "dosimeter.report"))
_LANDER_SHOWN: Final = frozenset(
    ("power_on", "power_off", "notice", "ready_for_off", "ready_for_power_off", "board_failed")
)


def command(
    *,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write steps and records as data.")] = None,
    svg: Annotated[Path | None, typer.Option(help="Write what was shown as a picture.")] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Leave lander, payload and ground running.")] = False,
) -> None:
    """Play a first contact: boot, time, ping, housekeeping, an instrument, a refusal, a limit, power off and on again.

    Lander emulator, payload and ground session are processes of their own; the instruments' sensors are simulated.
    The link is protected, with keys made for this run, which go with its folder.
    Exit status 0 only if every step held.
    """
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    from fsw.mdb.mission import load as load_mission  # noqa: PLC0415
    from hil.plan.player import Outcome  # noqa: PLC0415
    from hil.plan.scenario import load  # noqa: PLC0415
    from hil.rungs.contact import Line  # noqa: PLC0415
    from hil.rungs.contact_process import Contact, ContactError  # noqa: PLC0415

    console = Console(record=svg is not None, highlight=False, width=118 if svg is not None else None)
    began = time.monotonic()
    records: list[Line] = []

    def show(kind: str, record: Line) -> None:
        records.append(record)
        line = _line(kind, record)
        if line:
            console.print(f"[dim]{time.monotonic() - began:6.2f} s[/]  {line}")

    folder = Path(tempfile.mkdtemp(prefix="kratai-demo-"))
    mission = load_mission()
    plan = load(SCENARIO, mission)
    contact = None
    try:
        contact = Contact(folder, ROOT, plan, mission, show)
        console.print("protected link: AES-256-GCM, with 20 keys made for this demo, which end with it")
        contact.play(lambda step: console.print(f"[bold]{step.partition(': ')[2]}[/]"))
    except ContactError as error:
        console.print(f"[red]{error}[/]")
    finally:
        pids = _leave(contact, keep=keep)
    played = [] if contact is None else contact.results
    held = bool(played) and all(step.outcome is Outcome.HELD for step in played)
    table = Table("step", "", "s", "seen", title=plan.title)
    for row in played:
        mark = "[green]held[/]" if row.outcome is Outcome.HELD else f"[red]{row.outcome.value.upper()}[/]"
        table.add_row(row.step, mark, f"{_seconds(row):.1f}", row.text)
    console.print(table)
    if held and not keep:
        shutil.rmtree(folder)
    else:
        console.print(f"What the programs kept and said lies in {folder}")
    if keep and contact is not None:
        console.print(f"Running: {', '.join(map(str, pids))}. Next: tools/kratai watch --state {contact.ground_state}")
    if json_file is not None:
        steps = [
            {"name": row.step, "held": row.outcome is Outcome.HELD, "seconds": _seconds(row), "seen": row.text}
            for row in played
        ]
        json_file.write_text(
            json.dumps({"held": held, "protected": contact is not None, "steps": steps, "records": records}, indent=1)
            + "\n"
        )
    if svg is not None:
        drawn = console.export_svg(title="kratai demo")
        svg.write_text(re.sub(r"@font-face \{.*?\}\s*", "", drawn, flags=re.DOTALL))  # a picture fetches nothing
    raise typer.Exit(0 if held else 1)


def _seconds(step: "StepResult") -> float:
    return round((step.ended_us - step.began_us) / 1e6, 3)


def _leave(contact: "Contact | None", *, keep: bool) -> list[int]:
    if contact is None:
        return []
    if keep:
        return contact.release()
    contact.close()
    return []


def _line(kind: str, record: Mapping[str, object]) -> str:
    """One readable line for what a newcomer wants to see; empty for the rest."""
    values = record.get("values")
    pairs = list(values.items()) if isinstance(values, dict) else []
    if kind == "lander":
        if record.get("event") not in _LANDER_SHOWN:
            return ""
        rest = "  ".join(f"{key} {value}" for key, value in record.items() if key not in ("event", "utc"))
        return f"[magenta]lander[/]     {str(record['event']).replace('_', ' ')}  [dim]{rest}[/]"
    if kind == "stage":
        colour = {"completed": "green", "rejected": "red", "failed": "red"}.get(str(record.get("stage")), "cyan")
        return f"[{colour}]{record.get('stage'):<9}[/]  {record.get('name')}  [dim]{record.get('text') or ''}[/]"
    if kind == "event":
        told = "  ".join(f"{key} {value}" for key, value in pairs)
        return f"[yellow]event[/]      {record.get('name')}  [dim]{told}[/]"
    if kind == "packet" and record.get("name") in _REPORTS:
        told = "  ".join(f"{key.partition('.')[2]} {value}" for key, value in pairs[:6])
        return f"[blue]telemetry[/]  {record.get('name')}  [dim]{told}[/]"
    return ""
