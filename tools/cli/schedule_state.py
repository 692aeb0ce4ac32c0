"""Whether what is put into the payload's schedule will be released: asked before `kratai send --at`.

A schedule is disabled until somebody enables it, and forgets what falls due meanwhile (ECSS-E-ST-70-41C 6.11).
"""

from typing import Final

from tools.ground.client import Client
from tools.ground.records import Data

COMMAND: Final = "parameter.report"
PARAMETER: Final = "schedule.state"
PATIENCE_S: Final = 20.0
NOT_KNOWN: Final = "the state of the schedule is not known: kratai send parameter.report parameters=schedule.state"
_SENTENCES: Final = {
    "LOADING": "the schedule is being read back after a boot",
    "DISABLED": "the schedule is disabled: what falls due is removed; kratai send schedule.enable",
    "WAITING": "the schedule waits: the payload's time was never set",
    "RUNNING": "the schedule releases",
}


def asked(client: Client, force: bool, seconds: float = PATIENCE_S) -> str:
    """Ask the payload, and say what it means for an operator."""
    watch = client.ask("watch")
    sent = client.ask("send", name=COMMAND, arguments={"parameters": PARAMETER}, force=force)
    for message in client.messages(seconds):
        record, stage = message.get("record"), message.get("stage")
        if message.get("id") == watch and isinstance(record, dict) and (label := label_of(record)):
            return _SENTENCES.get(label, NOT_KNOWN)
        if message.get("id") != sent:
            continue
        failed = isinstance(stage, dict) and stage.get("final") and stage.get("state") != "completed"
        if failed or not message.keys().isdisjoint(("error", "refused")):
            return NOT_KNOWN
    return NOT_KNOWN  # on a busy line the report comes behind its completion


def label_of(record: dict[str, Data]) -> str:
    """The state that a record of a sample gives; empty for any other record."""
    mine = record.get("kind") == "parameter" and record.get("name") == PARAMETER
    return str(record["label"]) if mine and not record.get("replayed") else ""
