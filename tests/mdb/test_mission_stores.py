"""The stores of a mission file: what they say, and the sentence that refuses them."""

import pytest

from fsw.mdb.mission_stores import Storage, StoreEntry, read
from fsw.mdb.storage import StoreKind

GOOD = {"id": 2, "name": "dose", "quota": 5_000, "takes": ["instruments"]}


def test_what_a_mission_says() -> None:
    found = read(
        {"group_packets": 8, "group_ms": 20},
        [{**GOOD, "kind": "bounded", "priority": 9}, {**GOOD, "id": 1, "name": "b"}],
    )
    assert found == Storage(
        8,
        20_000,
        (
            StoreEntry(1, "b", StoreKind.CIRCULAR, 5_000, 0, ("instruments",)),
            StoreEntry(2, "dose", StoreKind.BOUNDED, 5_000, 9, ("instruments",)),
        ),
    )
    assert read({}, []) == Storage(64, 1_000_000, ())


@pytest.mark.parametrize(
    ("group", "stores", "word"),
    [
        ({"group_packet": 1}, [], "group_packet"),
        ({"group_ms": -1}, [], "group_ms"),
        ({"group_ms": True}, [], "group_ms"),
        ({}, [GOOD] * 17, "17 stores"),
        ({}, [GOOD, GOOD], "same id"),
        ({}, [GOOD, {**GOOD, "id": 3}], "same name"),
        ({}, [3], "must be a table"),
        ({}, [{**GOOD, "size": 3}], "size"),
        ({}, [{"id": 1}], "name is missing"),
        ({}, [{**GOOD, "id": 0}], "id must be"),
        ({}, [{**GOOD, "quota": 10}], "quota must be"),
        ({}, [{**GOOD, "name": "a b"}], "identifier"),
        ({}, [{**GOOD, "kind": "round"}], "kind is one of"),
        ({}, [{**GOOD, "takes": ["all"]}], "takes lists"),
        ({}, [{**GOOD, "takes": []}], "takes lists"),
    ],
)
def test_what_is_refused_says_why(group: dict[str, object], stores: list[object], word: str) -> None:
    found = read(group, stores)
    assert isinstance(found, str)
    assert word in found
