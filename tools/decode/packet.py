"""Space packets downwards: lengths, headers, checksum, PUS, database (133.0-B; contract, sections 2 to 5)."""

from typing import Final, cast

from fsw.ccsds.crc import crc16
from fsw.ccsds.space_packet import HEADER_OCTETS, IDLE_APID, PACKET_OCTETS_MIN, decode_header
from fsw.kernel.clock import Micros
from fsw.mdb.codec import DecodeError
from fsw.mdb.database import CallRefused, Database
from fsw.mdb.fields import fields_of
from fsw.pus import expiry, tc, tm
from fsw.pus.ids import APID_CFDP, APID_TIME, LANDER_SERVICES, FailureCode, LanderApid, Refusal, Service
from fsw.pus.tc import Telecommand
from tools.decode.walk import Value, Walk
from tools.ground.decoding import decode_packet

_PLAIN: Final = frozenset(LanderApid)
_UPWARD: Final = 1
_CALLED: Final = {
    FailureCode.SERVICE: "service",
    FailureCode.SUBTYPE: "subtype",
    FailureCode.DATA: "data",
    FailureCode.UNKNOWN_ID: "function",
}


def walk_packet(walk: Walk, database: Database, octets: bytes) -> None:
    """One whole packet, by itself."""
    header = decode_header(octets)
    if header is None or len(octets) < PACKET_OCTETS_MIN:
        walk.broken("packet", "length", f"{len(octets)} octets: a packet has {PACKET_OCTETS_MIN} at least")
        return
    whole = HEADER_OCTETS + header.data_octets
    if whole != len(octets):
        said = f"the length field says {whole} octets for the whole packet, {len(octets)} are here"
        walk.broken("packet", "length", said, said=whole, present=len(octets))
        return
    walk.found("packet", "length", f"{whole} octets, as the length field says", octets=whole)
    if header.version:
        walk.broken("packet", "version", f"packet version {header.version:03b}, not 000")
        return
    if header.apid == IDLE_APID and not header.packet_type:
        walk.found("packet", "header", "idle packet", apid=header.apid)
        return
    if header.sequence_flags != 3:
        walk.broken("packet", "sequence flags", f"sequence flags {header.sequence_flags:02b}, not 11 (unsegmented)")
        return
    kind = "TC" if header.packet_type else "TM"
    text = f"{kind}, APID {header.apid:#05x}{_process(database, header.apid)}, count {header.sequence_count}"
    fields: dict[str, Value] = {
        "type": kind, "apid": header.apid, "sequence_count": header.sequence_count,
        "secondary_header": header.secondary_header,
    }  # fmt: skip
    walk.found("packet", "header", text, **fields)
    if header.apid == APID_CFDP:
        _file_data(walk, header.secondary_header, octets)
    elif header.apid in _PLAIN or header.apid == APID_TIME:
        _plain(walk, database, octets, header.secondary_header)
    elif header.packet_type == _UPWARD:
        _telecommand(walk, database, octets, header.secondary_header)
    else:
        _telemetry(walk, database, octets, header.secondary_header)


def _process(database: Database, apid: int) -> str:
    if apid in database.processes:
        return f" ({database.processes[apid].name})"
    entry = database.plain_by(apid)
    return f" ({entry.name})" if entry is not None else ""


def _file_data(walk: Walk, secondary_header: bool, octets: bytes) -> None:
    if secondary_header:
        walk.broken("packet", "header flag", "files have no secondary header, the flag says one")
    else:
        walk.found("packet", "files", f"CFDP PDU of {len(octets) - HEADER_OCTETS} octets, not looked into")


def _checksum(walk: Walk, octets: bytes) -> bool:
    """The packet error control: CRC-16 over all but the last two octets."""
    there, due = int.from_bytes(octets[-2:], "big"), crc16(octets[:-2])
    if there != due:
        walk.broken("checksum", "packet error control", f"CRC-16 is {due:04X}, the packet ends with {there:04X}")
        return False
    walk.found("checksum", "packet error control", f"CRC-16 {there:04X}")
    return True


def _telecommand(walk: Walk, database: Database, octets: bytes, secondary_header: bool) -> None:
    """The contract's order of checks: header flag, APID, checksum, PUS version, service, subtype, data."""
    if not secondary_header:
        walk.broken("packet", "header flag", "a PUS telecommand has a secondary header, the flag says none")
        return
    if len(octets) < tc.OVERHEAD_OCTETS:
        walk.broken("packet", "length", f"{len(octets)} octets: a PUS telecommand has {tc.OVERHEAD_OCTETS} at least")
        return
    apid = int.from_bytes(octets[:2], "big") & 0x7FF
    if apid not in database.processes:
        walk.broken("PUS", "APID", f"no process has APID {apid:#05x}: (1,10) code 0")
        return
    if not _checksum(walk, octets):
        return
    command = tc.decode(octets)
    if isinstance(command, Refusal):
        walk.broken("PUS", "version", f"PUS version {octets[6] >> 4}, not 2: (1,2) code 6")
        return
    text = f"TC ({command.service},{command.subtype}), ack {command.ack:04b}, source {command.source_id}"
    walk.found(
        "PUS", "header", text, service=command.service, subtype=command.subtype, ack=command.ack,
        source_id=command.source_id, request_id=command.request_id.hex(),
    )  # fmt: skip
    if command.service == Service.EXPIRY:
        _wrapper(walk, database, command)
        return
    call = database.decode_command(command.apid, command.service, command.subtype, command.data)
    if isinstance(call, CallRefused):
        walk.broken("database", _CALLED.get(call.code, "data"), f"{call.detail}: code {call.code:#04x}")
        return
    arguments: dict[str, Value] = {name: _value(vars(call.body)[name]) for name in fields_of(call.body)}
    said = "  ".join(f"{name}={value}" for name, value in arguments.items())
    walk.found(
        "database", "command", f"{call.entry.name}  {said}".rstrip(), name=call.entry.name, arguments=arguments,
        hazard=call.entry.hazard.name,
    )  # fmt: skip


def _wrapper(walk: Walk, database: Database, command: Telecommand) -> None:
    if command.subtype != expiry.SUBTYPE_WRAP:
        walk.broken("PUS", "subtype", f"service 130 has no telecommand of subtype {command.subtype}")
        return
    found = expiry.decode(command)
    if found is None:
        walk.broken("PUS", "expiry wrapper", "the inner packet cannot be delimited, has another APID, or is a wrapper")
        return
    walk.found("PUS", "expiry wrapper", f"not after {found.not_after.hex()}; the inner packet follows")
    walk_packet(walk, database, found.inner)


def _telemetry(walk: Walk, database: Database, octets: bytes, secondary_header: bool) -> None:
    if not secondary_header:
        walk.broken("packet", "header flag", "a PUS report has a secondary header, the flag says none")
        return
    if len(octets) < tm.OVERHEAD_OCTETS:
        walk.broken("packet", "length", f"{len(octets)} octets: a PUS report has {tm.OVERHEAD_OCTETS} at least")
        return
    if not _checksum(walk, octets):
        return
    report = tm.decode_tm(octets)
    if isinstance(report, Refusal):
        walk.broken("PUS", "version", f"PUS version {octets[6] >> 4}, not 2")
        return
    if report.time[0] != 0x1E:
        walk.broken("PUS", "time", f"P-field {report.time[0]:02X}, not 1E (CUC, 4 + 2 octets since 1958)")
        return
    walk.found(
        "PUS", "header", f"TM ({report.service},{report.subtype}), message {report.message_count}, to"
        f" {report.destination_id}", service=report.service, subtype=report.subtype,
        message_count=report.message_count, destination_id=report.destination_id, time_status=report.time_status,
    )  # fmt: skip
    _by_database(walk, database, octets)


def _plain(walk: Walk, database: Database, octets: bytes, secondary_header: bool) -> None:
    """Time reports, lander services and the lander's reports: no secondary header, CRC-16."""
    if secondary_header:
        walk.broken("packet", "header flag", "this APID has no secondary header, the flag says one")
        return
    if len(octets) < tm.PLAIN_OVERHEAD_OCTETS:
        walk.broken("packet", "length", f"{len(octets)} octets leave no room for the checksum")
        return
    if _checksum(walk, octets):
        _by_database(walk, database, octets)


def _by_database(walk: Walk, database: Database, octets: bytes) -> None:
    found = database.decode_tm(octets)
    if isinstance(found, Refusal):
        walk.broken("packet", found.name.lower().replace("_", " "), _refused(found, octets))
        return
    if isinstance(found, DecodeError):
        walk.broken("database", found.reason.name.lower().replace("_", " "), found.detail)
        return
    record = decode_packet(database, {}, octets, 0, Micros(0)).packet
    when = f"  at {record.time.text}" if record.time is not None else ""
    said = "  ".join(f"{name}={value}" for name, value in record.values.items())
    time = record.time.text if record.time is not None else None
    walk.found(
        "database", "report", f"{found.name}{when}  {said}".rstrip(), name=found.name, time=time, values=record.values
    )


def _refused(refusal: Refusal, octets: bytes) -> str:
    if refusal is Refusal.PACKET_TYPE:
        apid = int.from_bytes(octets[:2], "big") & 0x7FF
        direction = "up" if apid in LANDER_SERVICES else "down"
        return f"APID {apid:#05x} goes {direction}; its type bit is {octets[0] >> 4 & 1}"
    return "the octets do not have this packet's layout"


def _value(value: object) -> Value:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, tuple):
        return [_value(each) for each in value]
    if hasattr(value, "__fields__"):
        return {name: _value(each) for name, each in vars(value).items()}
    name = getattr(value, "name", None)
    return name if isinstance(name, str) else cast("Value", value)
