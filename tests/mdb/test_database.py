"""What the database answers to flight, bench and ground; packets built by the pus codecs, expectations by hand."""

import hashlib
import json
from types import ModuleType

import pytest

from fsw.mdb import codec, comms, lander, power, standard_services, system, verification
from fsw.mdb.codec import DecodeError, DecodeReason
from fsw.mdb.database import Call, CallRefused, Database, DecodedReport
from fsw.mdb.model import U8, Parameter, Structure, report
from fsw.mdb.system import LimitState
from fsw.pus import tm
from fsw.pus.ids import FailureCode, Refusal, TimeStatus

DATABASE = Database(system, power, comms, standard_services, verification, lander)
TIME = b"\x1e\x7f\x3b\x4c\x5d\x80\x00"


def packet(service: int, subtype: int, data: bytes, apid: int = 0x020) -> bytes:
    return tm.encode_tm(apid, 1, 2, service, subtype, 0, 0, TIME, data)


def read(octets: bytes) -> DecodedReport:
    decoded = DATABASE.decode_tm(octets)
    assert isinstance(decoded, DecodedReport), decoded
    return decoded


def test_commands_by_name() -> None:
    switch = DATABASE.by_name("power.switch")
    assert switch is not None
    assert (switch.apid, switch.service, switch.subtype, switch.function) == (0x021, 8, 1, 2)
    assert DATABASE.command_by(0x021, 8, 1, 2) is switch
    pings = [DATABASE.by_name(name) for name in ("ping", "system.ping", "power.ping", "comms.ping")]
    assert [entry.apid for entry in pings if entry] == [0x020, 0x020, 0x021, 0x022]
    for unknown in ("", "pong", "system.switch", "system.power.ping", "nobody.ping", "system.system.mode"):
        assert DATABASE.by_name(unknown) is None
    assert {"housekeeping.enable", "parameter.set", "system.mode", "noop", "power.noop"} <= set(
        DATABASE.command_names()
    )


def test_without_a_system_process_nothing_goes_by_its_name() -> None:
    assert Database(power).by_name("system.mode") is None


def test_commands_encode_and_decode() -> None:
    encoded = DATABASE.encode_command(power.SwitchLoad(load=3, on=True))
    assert encoded == (0x021, 8, 1, bytes.fromhex("0002 03 01"))
    call = DATABASE.decode_command(*encoded)
    assert isinstance(call, Call)
    assert (call.entry.name, call.body) == ("power.switch", power.SwitchLoad(3, True))
    assert DATABASE.encode_command(standard_services.Ping()) == (0x020, 17, 1, b"")
    assert DATABASE.encode_command(standard_services.Noop(), 0x022) == (0x022, 8, 1, b"\0\0")
    with pytest.raises(AssertionError, match="is no telecommand of APID 0x033"):
        DATABASE.encode_command(standard_services.Ping(), 0x033)
    with pytest.raises(AssertionError, match="is not what APID 0x021 declares"):
        DATABASE.encode_command(system.SetMode(system.CommandedMode.SAFE), 0x021)


@pytest.mark.parametrize(
    ("apid", "service", "subtype", "data", "code"),
    [
        (0x020, 99, 1, "", FailureCode.SERVICE),
        (0x021, 3, 5, "00010001", FailureCode.SERVICE),  # housekeeping is the system process's
        (0x020, 17, 77, "", FailureCode.SUBTYPE),
        (0x020, 3, 25, "0001", FailureCode.SUBTYPE),  # a report is no telecommand
        (0x020, 17, 1, "00", FailureCode.DATA),
        (0x020, 8, 1, "00", FailureCode.DATA),
        (0x020, 8, 1, "0002", FailureCode.DATA),
        (0x020, 8, 1, "000200", FailureCode.DATA),
        (0x020, 8, 1, "0042", FailureCode.UNKNOWN_ID),
        (0x020, 20, 3, "01 000a 0000", FailureCode.DATA),
        (0x020, 20, 3, "00", FailureCode.DATA),
    ],
)
def test_telecommands_are_refused_with_the_contracts_codes(
    apid: int, service: int, subtype: int, data: str, code: FailureCode
) -> None:
    refused = DATABASE.decode_command(apid, service, subtype, bytes.fromhex(data))
    assert isinstance(refused, CallRefused)
    assert refused.code is code
    assert refused.detail


@pytest.mark.parametrize("data", ["01 000a 00000007", "01 7777 00"])
def test_setting_parameters_is_accepted_by_its_layout(data: str) -> None:
    # A pid that nobody has is for the start of execution to refuse.
    assert isinstance(DATABASE.decode_command(0x020, 20, 3, bytes.fromhex(data)), Call)


def test_reports() -> None:
    accepted = read(packet(1, 1, bytes.fromhex("1820c005"), apid=0x021))
    assert accepted.name == "verification.accepted"
    assert accepted.values == {"request_id": bytes.fromhex("1820c005")}
    assert isinstance(accepted.header, tm.Telemetry)
    assert accepted.header.time == TIME


def test_events() -> None:
    booted = system.Booted(7, system.ResetCause.CUT, bytes(range(8)), "0.1.0")
    decoded = read(packet(5, 1, codec.encode_numbered(booted)))
    assert (decoded.name, decoded.body) == ("system.booted", booted)
    assert decoded.values["boot_count"] == 7
    for subtype, data in ((1, b"\0"), (1, b"\xff\xff"), (2, codec.encode_numbered(booted)), (1, b"\0\1\0")):
        assert isinstance(DATABASE.decode_tm(packet(5, subtype, data)), DecodeError)


def test_housekeeping() -> None:
    values = {parameter.pid: 1 for parameter in system.HOUSEKEEPING.parameters} | {5: None}
    decoded = read(packet(3, 25, DATABASE.encode_hk(system.HOUSEKEEPING, values)))
    assert decoded.name == "system.housekeeping"
    assert decoded.values["system.package_temperature"] is None
    assert decoded.values["system.boot_count"] == 1
    assert DATABASE.layout(system.HOUSEKEEPING) is DATABASE.layout(system.HOUSEKEEPING)


def test_housekeeping_made_in_flight_is_an_argument() -> None:
    made = Structure(900, "made", (system.MODE,))
    data = bytes.fromhex("0384 02")
    unknown = DATABASE.decode_tm(packet(3, 25, data))
    assert isinstance(unknown, DecodeError)
    assert unknown.reason is DecodeReason.UNKNOWN_ID
    decoded = DATABASE.decode_tm(packet(3, 25, data), {900: made})
    assert isinstance(decoded, DecodedReport)
    assert (decoded.name, decoded.values) == ("made", {"system.mode": 2})
    remade = Structure(900, "remade", (system.MODE, system.RESET_CAUSE))
    assert isinstance(DATABASE.decode_tm(packet(3, 25, data), {900: remade}), DecodeError)
    assert DATABASE.encode_hk(remade, {3: 1, 11: 2}) == bytes.fromhex("0384 01 02")


def test_parameter_values_are_named() -> None:
    body = DATABASE.encode_values([(system.SCRATCH, 7), (system.SUPPLY, None)])
    assert body == bytes.fromhex("02 000a 00000007 0009 ffff")
    decoded = read(packet(20, 2, body))
    assert decoded.values == {"system.scratch": 7, "system.supply_mv": None}
    assert isinstance(DATABASE.decode_tm(packet(20, 2, body + b"\0")), DecodeError)
    assert DATABASE.parameter_named("system.scratch") is system.SCRATCH
    assert DATABASE.parameter_named("scratch") is None


def test_time_reports() -> None:
    decoded = read(tm.encode_time_report(3, 4, TIME, 2))
    assert decoded.name == "time.report"
    assert decoded.values == {"rate_exponent": 4, "time": TIME, "status": TimeStatus.LOCKED}
    assert read(tm.encode_time_report(3, 4, TIME, 9)).values["status"] == 9
    assert DATABASE.decode_tm(tm.encode_time_report(3, 4, TIME, 2)[:-1]) is Refusal.LENGTH


def test_plain_packets() -> None:
    body = lander.SafeNow(10, 1)
    octets = tm.encode_plain(0x01A, 1, 0, codec.encode(body))
    assert read(octets).body == body
    assert DATABASE.decode_tm(octets[:-1]) is Refusal.LENGTH
    assert DATABASE.decode_tm(tm.encode_plain(0x01A, 0, 0, codec.encode(body))) is Refusal.PACKET_TYPE
    assert isinstance(DATABASE.decode_tm(tm.encode_plain(0x01A, 1, 0, b"")), DecodeError)


def test_packets_that_say_nothing() -> None:
    assert DATABASE.decode_tm(b"") is Refusal.LENGTH
    assert DATABASE.decode_tm(packet(17, 2, b"")[:-1]) is Refusal.LENGTH
    unknown = DATABASE.decode_tm(packet(99, 1, b""))
    assert isinstance(unknown, DecodeError)
    assert unknown.detail == "APID 0x020 has no report (99,1)"
    assert isinstance(DATABASE.decode_tm(packet(17, 2, b"\0")), DecodeError)


@pytest.mark.parametrize(
    ("raw", "state"),
    [
        (None, LimitState.UNCHECKED),
        (-32768, LimitState.UNCHECKED),
        (-2001, LimitState.LOW),
        (-2000, LimitState.WITHIN),
        (8000, LimitState.WITHIN),
        (8001, LimitState.HIGH),
    ],
)
def test_limits(raw: int | None, state: LimitState) -> None:
    assert DATABASE.limits(system.PACKAGE_TEMPERATURE.pid, raw) is state


def test_limits_of_one_side_or_none() -> None:
    assert DATABASE.limits(system.DISK_USED.pid, 0) is LimitState.WITHIN
    assert DATABASE.limits(system.UPTIME.pid, 5) is LimitState.UNCHECKED
    assert DATABASE.limits(system.DISK_USED.pid, 981) is LimitState.HIGH


def test_warming_compiles_one_body_at_a_time_and_all_in_the_end() -> None:
    @report(200, 1)
    class First:
        """Nobody has used it."""

    @report(200, 2)
    class Second:
        """Nor this."""

    fresh = ModuleType("fresh")
    vars(fresh).update(First=First, Second=Second)
    database = Database(system, standard_services, fresh)
    done = []
    for _ in range(database.bodies):
        database.warm()
        done.append(codec.compiled(First) + codec.compiled(Second))
    assert done[-1] == 2
    assert 1 in done, "one at a time"


def test_the_digest_is_sha_256_of_the_dictionarys_one_text() -> None:
    # The text again by json itself, from what an operator's dictionary prints.
    printed = json.loads(json.dumps(DATABASE.dictionary()))
    text = json.dumps(printed, sort_keys=True, separators=(",", ":"))
    assert DATABASE.digest() == hashlib.sha256(text.encode()).digest()
    assert DATABASE.digest() is DATABASE.digest()


def test_the_digest_knows_a_changed_limit_and_not_the_order_of_modules() -> None:
    assert Database(verification, lander, comms, standard_services, power, system).digest() == DATABASE.digest()
    assert Database(system, power, comms, standard_services, verification).digest() != DATABASE.digest()


def test_the_dictionary_says_what_an_operator_must_know() -> None:
    said = json.loads(json.dumps(DATABASE.dictionary()))
    mode = next(entry for entry in said["commands"] if entry["name"] == "system.mode")
    assert mode["hazard"] == "DEPENDENT"
    assert mode["arguments"][0]["enum"] == {"SAFE": 1, "NOMINAL": 2, "OBSERVE": 3, "QUIET": 4}
    interval = next(entry for entry in said["commands"] if entry["name"] == "housekeeping.interval")
    assert [field["name"] for field in interval["arguments"][0]["item"]] == ["sid", "interval"]
    create = next(entry for entry in said["commands"] if entry["name"] == "housekeeping.create")
    assert create["arguments"][2]["item"]["type"] == "u16"
    assert create["arguments"][3]["default"] == "0"
    temperature = next(entry for entry in said["parameters"] if entry["pid"] == 5)
    assert (temperature["unit"], temperature["limit_high"], temperature["absent"]) == ("cdegC", 8000, -32768)
    assert said["structures"][0]["parameters"][:3] == [1, 2, 3]


def test_contract_ids() -> None:
    # Interface contract, section 3: SID 1 begins with parameters 1, 2, 3; parameter 10 is the scratch word.
    assert [parameter.pid for parameter in system.HOUSEKEEPING.parameters[:3]] == [1, 2, 3]
    assert [parameter.value_type.name for parameter in system.HOUSEKEEPING.parameters[:3]] == ["u32", "u32", "u8"]
    assert system.HOUSEKEEPING.interval == 10
    assert (system.SCRATCH.pid, system.SCRATCH.value_type.name, system.SCRATCH.writable) == (10, "u32", True)
    calibrated = Parameter(1, "x", U8, calibration=(1.0, 2.0))
    module = type(system)("one")
    vars(module)["X"] = calibrated
    assert json.loads(json.dumps(Database(module).dictionary()))["parameters"][0]["calibration"] == [1.0, 2.0]
