"""The expiry wrapper, by the rules of the contract's section 3."""

from hypothesis import given
from hypothesis import strategies as st

from fsw.pus import expiry, tc

NOT_AFTER = bytes.fromhex("1e7f3b4c5d8000")
INNER = tc.encode(0x020, 5, 17, 1)


def wrapped(data: bytes, apid: int = 0x020) -> tc.Telecommand:
    decoded = tc.decode(tc.encode(apid, 9, 130, expiry.SUBTYPE_WRAP, data))
    assert isinstance(decoded, tc.Telecommand)
    return decoded


def test_a_wrapper_holds_a_time_and_the_whole_inner_packet() -> None:
    data = expiry.encode(NOT_AFTER, INNER)
    assert data == NOT_AFTER + INNER
    assert expiry.decode(wrapped(data)) == expiry.Expiring(NOT_AFTER, INNER)


def test_a_broken_checksum_inside_is_the_inner_packets_own_matter() -> None:
    broken = INNER[:-1] + bytes((INNER[-1] ^ 1,))
    assert expiry.decode(wrapped(NOT_AFTER + broken)) == expiry.Expiring(NOT_AFTER, broken)


def test_what_names_the_wrapper() -> None:
    assert expiry.decode(wrapped(b"")) is None
    assert expiry.decode(wrapped(NOT_AFTER + INNER[:6])) is None
    assert expiry.decode(wrapped(NOT_AFTER + INNER[:-1])) is None  # cannot be delimited
    assert expiry.decode(wrapped(NOT_AFTER + INNER + b"\0")) is None
    assert expiry.decode(wrapped(NOT_AFTER + INNER, apid=0x021)) is None
    assert expiry.decode(wrapped(NOT_AFTER + tc.encode(0x020, 5, 130, 1, NOT_AFTER + INNER))) is None


@given(st.binary(max_size=40))
def test_any_octets_unwrap_or_do_not(data: bytes) -> None:
    unwrapped = expiry.decode(wrapped(data))
    assert unwrapped is None or unwrapped.not_after + unwrapped.inner == data
