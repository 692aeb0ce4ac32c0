"""`kratai operators`: who may come to the ground session of a state directory."""

import json
from enum import Enum, StrEnum, unique
from typing import Annotated

import typer

from tools.cli.joining import Json, State, folder_of
from tools.cli.main import refuse
from tools.ground.operators import FILE, Book, OperatorsError, load, save
from tools.ground.roles import Role
from tools.ground.state import StateError, prepare


@unique
class What(StrEnum):
    """What to do with the operators."""

    ADD = "add"
    LIST = "list"
    REMOVE = "remove"


RoleName = Enum("RoleName", {role.value: role.value for role in Role}, type=str)  # type: ignore[misc]


def command(
    what: Annotated[What, typer.Argument(help="add, list or remove.")],
    name: Annotated[str, typer.Argument(help="The operator's name, for add and remove.")] = "",
    *,
    role: Annotated[
        RoleName | None,
        typer.Option(help="observer: sees; operator: commands too; engineer: --force, keys, route and stop too."),
    ] = None,
    source: Annotated[
        int | None, typer.Option(help="PUS source id, nobody else's; default is the lowest free.")
    ] = None,
    state: State = None,
    json_out: Json = False,
) -> None:
    """Add, list or remove operators of a state directory; a session that runs takes the change up within a second.

    `add` prints the operator's token, once: it is kept nowhere, only a salted hash of it. Without operators the local
    user is an engineer, and the session listens on loopback only.
    """
    folder = folder_of(state)
    try:
        book = load(folder) or Book()
        match what:
            case What.ADD:
                if role is None:
                    refuse(f"--role is wanted: {', '.join(each.value for each in Role)}")
                prepare(folder)
                book, operator, token = book.with_operator(name, Role(role.value), source)
                save(folder, book)
                _say(json_out, {**_row(book, operator.name), "token": token}, token)
            case What.REMOVE:
                save(folder, book.without(name))
                last = f"nobody may come in now: add an operator, or remove {folder / FILE}"
                said = last if len(book.entries) == 1 else f"{name} is gone"
                _say(json_out, {"removed": name}, said)
            case What.LIST:
                rows = [_row(book, entry.operator.name) for entry in book.entries]
                lines = [f"{row['name']:<32}  {row['role']:<8}  source id {row['source_id']}" for row in rows]
                _say(json_out, rows, "\n".join(lines) or "no operators: the local user is an engineer")
    except (OperatorsError, StateError) as error:
        refuse(str(error))


def _row(book: Book, name: str) -> dict[str, object]:
    (found,) = (entry.operator for entry in book.entries if entry.operator.name == name)
    return {"name": found.name, "role": found.role.value, "source_id": found.source_id}


def _say(as_json: bool, data: object, text: str) -> None:
    typer.echo(json.dumps(data) if as_json else text)
