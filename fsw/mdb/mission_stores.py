"""The packet stores of a mission: `[store]` and `[[stores]]` of its mission.toml.

    [store]
    group_packets = 64        # so many packets are written to the disk together,
    group_ms = 1000           # and none waits longer than this for the others

    [[stores]]
    id = 1
    name = "events"
    kind = "circular"         # or "bounded"
    quota = 16_777_216        # octets
    priority = 3              # the higher, the earlier it leaves when time is short
    takes = ["verification", "events", "reports"]

What a store takes: `verification` (service 1), `events`, `housekeeping` (structures of the board and those made in
flight), `instruments` (structures of the instruments), `reports` (all else). A mission without stores records nothing.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from fsw.mdb.storage import QUOTA_MIN, STORE_ID_MAX, STORES_MAX, StoreKind

TAKES: Final = ("verification", "events", "housekeeping", "instruments", "reports")
_KINDS: Final = {kind.name.lower(): kind for kind in StoreKind}
_NUMBERS: Final = {"id": (1, STORE_ID_MAX), "quota": (QUOTA_MIN, 0xFFFF_FFFF), "priority": (0, 255)}
_GROUP: Final = {"group_packets": (1, 256, 64), "group_ms": (0, 60_000, 1_000)}
_NAME_MAX: Final = 16


class StoreEntry(NamedTuple):
    """A store of the mission. `takes` are words of `TAKES`."""

    store: int
    name: str
    kind: StoreKind
    quota: int
    priority: int
    takes: tuple[str, ...]


class Storage(NamedTuple):
    """How the mission records: packets of a group, how long a group may wait, the stores in order of id."""

    group_packets: int = 64
    group_us: int = 1_000_000
    stores: tuple[StoreEntry, ...] = ()


def read(group: Mapping[str, object], stores: list[object]) -> Storage | str:
    """What the two tables of a mission file say, or a sentence about what is wrong."""
    numbers = {key: group.get(key, default) for key, (_, _, default) in _GROUP.items()}
    for key in group:
        if key not in _GROUP:
            return f"unknown key store.{key}; it knows {', '.join(_GROUP)}"
    for key, (low, high, _) in _GROUP.items():
        if not _whole(numbers[key], low, high):
            return f"store.{key} must be {low} to {high}, not {numbers[key]!r}"
    if len(stores) > STORES_MAX:
        return f"{len(stores)} stores, at most {STORES_MAX} there may be"
    entries = []
    for n, table in enumerate(stores, 1):
        entry = _store(table) if isinstance(table, dict) else "must be a table"
        if isinstance(entry, str):
            return f"stores, number {n}: {entry}"
        entries.append(entry)
    for what, values in (("id", [e.store for e in entries]), ("name", [e.name for e in entries])):
        if len(set(values)) != len(values):
            return f"stores: two have the same {what}"
    packets, wait_ms = numbers["group_packets"], numbers["group_ms"]
    assert isinstance(packets, int)
    assert isinstance(wait_ms, int)
    return Storage(packets, wait_ms * 1000, tuple(sorted(entries)))


def _store(table: Mapping[str, object]) -> StoreEntry | str:
    values = {"kind": "circular", "priority": 0, **table}
    known = (*_NUMBERS, "name", "kind", "takes")
    for key in values:
        if key not in known:
            return f"unknown key {key}; it knows {', '.join(known)}"
    for key in ("id", "name", "quota", "takes"):
        if key not in values:
            return f"{key} is missing"
    for key, (low, high) in _NUMBERS.items():
        if not _whole(values[key], low, high):
            return f"{key} must be {low} to {high}, not {values[key]!r}"
    name, kind, takes = values["name"], values["kind"], values["takes"]
    if not isinstance(name, str) or not name.isidentifier() or len(name) > _NAME_MAX:
        return f"name must be an identifier of at most {_NAME_MAX} characters, not {name!r}"
    if not isinstance(kind, str) or kind not in _KINDS:
        return f"kind is one of {', '.join(_KINDS)}, not {kind!r}"
    if not isinstance(takes, list) or not takes or not all(word in TAKES for word in takes):
        return f"takes lists some of {', '.join(TAKES)}, not {takes!r}"
    store, quota, priority = (values[key] for key in ("id", "quota", "priority"))
    assert isinstance(store, int)
    assert isinstance(quota, int)
    assert isinstance(priority, int)
    return StoreEntry(store, name, _KINDS[kind], quota, priority, tuple(takes))


def _whole(value: object, low: int, high: int) -> bool:
    return type(value) is int and low <= value <= high
