"""How long it takes until the ground has everything, and what is lost before that.

The allocation is what the lander says of its link (0x015): its rate, for the part of the time that a pass takes; the
time between passes is learnt from two of them. Until the lander has said anything it is the rate of our own line.
Off nominal: a link of no rate never empties anything; numbers that a field cannot hold stand at its end.
"""

from collections.abc import Iterable
from typing import NamedTuple

from fsw.ccsds.time_code import cuc_decode
from fsw.mdb import storage as mdb
from fsw.mdb.lander import LanderLink
from fsw.mdb.storage import NEVER_S, Basis
from fsw.services.archive.packet_store import PacketStore
from fsw.store.packets import Summary

DAY_S = 86_400
_U32 = 0xFFFF_FFFF


class Framing(NamedTuple):
    """The line's rate, and which part of a frame is packets."""

    baud: int
    data_octets: int
    frame_octets: int


class Allocation:
    """What of the link is ours."""

    def __init__(self, framing: Framing) -> None:
        self._framing = framing
        self._link: LanderLink | None = None
        self._aos_us = 0
        self._pass_us = 0
        self._period_us = 0

    def hear(self, link: LanderLink) -> None:
        """Take what the lander says of its link."""
        aos_us, los_us = cuc_decode(link.aos), cuc_decode(link.los)
        assert aos_us is not None, "the database checked the time code"
        assert los_us is not None, "the database checked the time code"
        if self._link is not None and aos_us > self._aos_us + self._pass_us:
            self._period_us = aos_us - self._aos_us
        self._link, self._aos_us, self._pass_us = link, aos_us, max(0, los_us - aos_us)

    def per_day(self) -> tuple[Basis, int]:
        """Octets of packets a day, and what that was worked out from."""
        framing = self._framing
        if self._link is None:
            octets = framing.baud // 10 * DAY_S
            return Basis.LINE_RATE, octets * framing.data_octets // framing.frame_octets
        octets = self._link.bps * DAY_S // 8 * framing.data_octets // framing.frame_octets
        if not self._period_us:
            return Basis.LINK, octets
        return Basis.PASSES, octets * min(self._pass_us, self._period_us) // self._period_us


def summary(
    found: Iterable[tuple[PacketStore, Summary]], octets_of: dict[int, int], life_s: int, allocation: Allocation
) -> mdb.Summary:
    """The report: what is missed store by store, how long it takes to send it, what goes first."""
    basis, per_day = allocation.per_day()
    pairs = list(found)
    missed = sum(held.octets_behind for _, held in pairs)
    lost = {store.store: _lost_in_s(store, held, octets_of.get(store.store, 0), life_s) for store, held in pairs}
    first = min(pairs, key=lambda pair: (lost[pair[0].store], pair[0].value, pair[0].store), default=None)
    return mdb.Summary(
        basis=basis,
        octets_per_day=min(per_day, _U32),
        to_empty_s=0 if not missed else NEVER_S if not per_day else min(missed * DAY_S // per_day, NEVER_S),
        drops_first=0 if first is None or lost[first[0].store] == NEVER_S else first[0].store,
        stores=tuple(
            mdb.StoreSummary(
                store=store.store,
                priority=store.value,
                packets=min(held.packets_behind, _U32),
                octets=min(held.octets_behind, _U32),
                dropped=min(held.overwritten + held.refused, _U32),
                lost_in_s=lost[store.store],
            )
            for store, held in pairs
        ),
    )


def _lost_in_s(store: PacketStore, held: Summary, octets: int, life_s: int) -> int:
    """Until a circular store overwrites what is missed, or a bounded one is full, at the rate of this life."""
    if not store.storage or not octets or not life_s:
        return NEVER_S
    if store.kind is mdb.StoreKind.CIRCULAR and not held.octets_behind:
        return NEVER_S
    room = store.quota - (held.octets_behind if store.kind is mdb.StoreKind.CIRCULAR else held.octets)
    return min(max(0, room) * life_s // octets, NEVER_S - 1)
