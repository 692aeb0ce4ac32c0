"""Where a report goes when it is emitted: down live or not, and into which packet stores.

Every emission passes here, so a decision is made once for each kind of report and remembered until a choice changes.
Off nominal: a kind of report that no declaration knows goes down live and into no store; verification is always live.
"""

from collections.abc import Callable, Mapping
from typing import Final

from fsw.kernel.clock import Micros
from fsw.pus.ids import Service
from fsw.services.archive.selection import EVENT_SUBTYPE_MAX, HOUSEKEEPING_SUBTYPE, Selection, Universe

ROUTES_MAX: Final = 2_048
"""Kinds of report whose route is remembered; structures made in flight may bring ever new ones."""
_NUMBERED: Final = frozenset(
    {(int(Service.HOUSEKEEPING), HOUSEKEEPING_SUBTYPE)}
    | {(int(Service.EVENTS), subtype) for subtype in range(1, EVENT_SUBTYPE_MAX + 1)}
)
Store = Callable[[tuple[int, ...], bytes, Micros], bool]


class Route:
    """Where one kind of report goes: every how many down live, every how many into each store."""

    __slots__ = ("count", "live", "plain", "stores")

    def __init__(self, live: int, stores: tuple[tuple[int, int], ...]) -> None:
        self.live = live
        self.stores = stores
        self.plain = tuple(store for store, _ in stores) if all(rate == 1 for _, rate in stores) else None
        self.count = 0


class Switch:
    """`hand_over` is called with every report; choices come from forwarding and storage control."""

    def __init__(self, known: Universe, store: Store) -> None:
        self.known = known
        self._store = store
        self._live = Selection(types=known.types)
        self._stores: Mapping[int, Selection] = {}
        self._routes: dict[tuple[int, int, int, int], Route] = {}
        self.withheld = 0
        """Reports that did not go down live."""

    def choose(self, *, live: Selection | None = None, stores: Mapping[int, Selection] | None = None) -> None:
        """Put a new choice in force: of what is live, or of what each store that is enabled takes."""
        self._live = self._live if live is None else live
        self._stores = self._stores if stores is None else stores
        self._routes.clear()

    def hand_over(self, apid: int, service: int, subtype: int, body: bytes, packet: bytes, now: Micros) -> bool:
        """Give a report to its stores; whether it also goes down live."""
        number = body[0] << 8 | body[1] if (service, subtype) in _NUMBERED and len(body) > 1 else 0
        key = (apid, service, subtype, number)
        route = self._routes.get(key) or self._route(key)
        stores = route.plain
        if stores is None:
            stores = tuple(store for store, rate in route.stores if route.count % rate == 0)
        live = route.live == 1 or (route.live > 0 and route.count % route.live == 0)
        route.count += 1
        if stores:
            self._store(stores, packet, now)
        if not live:
            self.withheld += 1
        return live

    def _route(self, key: tuple[int, int, int, int]) -> Route:
        if len(self._routes) >= ROUTES_MAX:
            self._routes.clear()
        apid, service, subtype, _ = key
        always = service == Service.VERIFICATION or (apid, service, subtype) not in self.known.types
        rates = ((store, selection.rate_of(*key)) for store, selection in sorted(self._stores.items()))
        route = Route(1 if always else self._live.rate_of(*key), tuple((s, rate) for s, rate in rates if rate))
        self._routes[key] = route
        return route
