"""`kratai link`: the link to the payload, by hand."""

import json
from enum import StrEnum, unique
from typing import Annotated, Final, cast

import typer

from tools.cli.joining import Json, MissionFolder, State, folder_of, joined
from tools.cli.main import refuse
from tools.ground.client import ClientError
from tools.ground.records import Data
from tools.ground.uplink_words import LinkState

NOT_READY: Final = 3
_PAUSE_S: Final = 0.2


@unique
class What(StrEnum):
    """What to do with the link."""

    SYNC = "sync"


def command(
    what: Annotated[What, typer.Argument(help="sync: initialise COP-1 anew from the payload's next control word.")],
    *,
    state: State = None,
    mission: MissionFolder = None,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds to wait until the link is ready.")] = 20.0,
    json_out: Json = False,
) -> None:
    """Initialise COP-1 anew. It happens by itself at every AOS, and after anybody has moved the payload's receiver.

    Commands that are on their way end as unknown, and are never sent again. Exit status 0: the link is ready; 2: not
    allowed; 3: not ready in time.
    """
    with joined(folder_of(state), mission) as client:
        try:
            answer = client.wait(client.ask(what.value))
            if "error" in answer:
                refuse(str(answer["error"]))
            link: dict[str, Data] = {}
            for _ in range(max(1, round(timeout / _PAUSE_S))):
                asked = client.wait(client.ask("status"))
                link = cast("dict[str, Data]", cast("dict[str, Data]", asked["status"])["link"])
                if link["state"] == LinkState.ACTIVE.value:
                    break
                for _ in client.messages(_PAUSE_S):
                    pass
        except ClientError as error:
            refuse(str(error))
    ready = link["state"] == LinkState.ACTIVE.value
    typer.echo(json.dumps({"ready": ready, "link": link}) if json_out else f"link: {link['state']}")
    raise typer.Exit(0 if ready else NOT_READY)
