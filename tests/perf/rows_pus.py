"""PUS headers beside spacepackets-py, and the database's bodies by themselves."""

from collections.abc import Callable
from statistics import median
from time import perf_counter_ns
from typing import Final

from spacepackets.ecss.tc import PusTc  # type: ignore[import-untyped]
from spacepackets.ecss.tm import MiscParams, PusTm  # type: ignore[import-untyped]

from fsw.mdb import codec, comms, lander, power, standard_services, system, verification
from fsw.mdb.database import Database
from fsw.pus import tc, tm

Row = dict[str, object]

TIME: Final = b"\x1e\x7f\x3b\x4c\x5d\x80\x00"
DATA: Final = bytes(range(64))


def pus_tc_decode(quick: bool) -> list[Row]:
    """A telecommand of 64 octets of data, decoded with every structural check, beside PusTc.unpack."""
    packet = tc.encode(0x020, 100, 8, 1, DATA)
    ours, theirs = _side_by_side(lambda: tc.decode(packet), lambda: PusTc.unpack(packet), quick)
    return [_row("pus_tc_decode", ours, theirs, 6.0)]


def pus_tm_encode(quick: bool) -> list[Row]:
    """A report of 64 octets of data, from its field values to octets with checksum, beside PusTm(...).pack().

    spacepackets checks the fields when its object is made, so making it is part of its work. `pack` of an object that
    was made beforehand checks nothing and repeats one packet; it is shown beside, without a bound.
    """

    def peer() -> PusTm:
        return PusTm(
            service=3,
            message_subtype=25,
            timestamp=TIME,
            source_data=DATA,
            apid=0x020,
            seq_count=100,
            message_counter=7,
            destination_id=0,
            misc_params=MiscParams(spacecraft_time_ref=2),
        )

    def ours() -> bytes:
        return tm.encode_tm(0x020, 100, 2, 3, 25, 7, 0, TIME, DATA)

    made = peer()
    assert bytes(made.pack()) == ours()
    fields = _side_by_side(ours, lambda: peer().pack(), quick)
    bare = _side_by_side(ours, made.pack, quick)
    return [
        _row("pus_tm_encode", fields[0], fields[1], 5.0),
        _row("pus_tm_encode_beside_bare_pack", bare[0], bare[1]),
    ]


def mdb_body_encode(quick: bool) -> list[Row]:
    """A body of five fields by its compiled layout, and a report of 100 octets from live parameters; no bound."""
    beat = lander.PayloadHeartbeat(2, 0, 2150, 3, 16, 3600)
    database, values = _live()
    body, housekeeping = _side_by_side(
        lambda: codec.encode(beat), lambda: database.encode_hk(comms.HOUSEKEEPING, values), quick
    )
    return [_row("mdb_body_encode", body), _row("mdb_hk_encode", housekeeping)]


def mdb_body_decode(quick: bool) -> list[Row]:
    """The same two, decoded with lengths and ranges held; no bound."""
    octets = codec.encode(lander.PayloadHeartbeat(2, 0, 2150, 3, 16, 3600))
    database, values = _live()
    packet = tm.encode_tm(0x020, 1, 2, 3, 25, 0, 0, TIME, database.encode_hk(comms.HOUSEKEEPING, values))
    body, report = _side_by_side(
        lambda: codec.decode(lander.PayloadHeartbeat, octets), lambda: database.decode_tm(packet), quick
    )
    return [_row("mdb_body_decode", body), _row("mdb_hk_packet_decode", report)]


def _live() -> tuple[Database, dict[int, float | None]]:
    database = Database(system, power, comms, standard_services, verification, lander)
    return database, {parameter.pid: 7 for parameter in comms.HOUSEKEEPING.parameters}


def _side_by_side(ours: Callable[[], object], theirs: Callable[[], object], quick: bool) -> tuple[float, float]:
    """Microseconds a call of both: medians of repetitions that take turns in one process."""
    repetitions, calls = (7, 400) if quick else (31, 3000)
    taken: tuple[list[float], list[float]] = ([], [])
    for _ in range(repetitions):
        for call, times in zip((ours, theirs), taken, strict=True):
            begin = perf_counter_ns()
            for _ in range(calls):
                call()
            times.append((perf_counter_ns() - begin) / calls / 1000)
    return median(taken[0]), median(taken[1])


def _row(name: str, value: float, peer: float | None = None, bound: float | None = None) -> Row:
    """A row that holds when the peer takes at least `bound` times as long as we do."""
    ratio = None if peer is None else peer / value
    return {
        "name": name,
        "value": round(value, 3),
        "unit": "us",
        "peer": None if peer is None else round(peer, 3),
        "ratio": None if ratio is None else round(ratio, 2),
        "bound": bound,
        "holds": None if ratio is None or bound is None else ratio >= bound,
    }


ROWS: Final = {
    "pus_tc_decode": pus_tc_decode,
    "pus_tm_encode": pus_tm_encode,
    "mdb_body_encode": mdb_body_encode,
    "mdb_body_decode": mdb_body_decode,
}
