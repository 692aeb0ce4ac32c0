"""Key files: what is taken, the sentence for what is not, and the note that a key has flown."""

import hmac
from pathlib import Path

import pytest

from fsw.hal.keys import KeyFileError, note_use, read_keys
from fsw.kernel.key import KeyRing

SLOTS = ("00", "01", "02", "03")
SPIS = ("10", "11", "20", "21", "23")
WHOLE = {f"_00{spi}": bytes([n]) * 32 for n, spi in enumerate(SPIS)}
ALL = {f"_{slot}{spi}": bytes([n, m] * 16) for m, slot in enumerate(SLOTS) for n, spi in enumerate(SPIS)}


def _write(state: Path, **keys: bytes) -> Path:
    folder = state / "keys"
    folder.mkdir(exist_ok=True)
    for name, octets in keys.items():
        (folder / f"{name[1:]}.key").write_bytes(octets)
        (folder / f"{name[1:]}.key").chmod(0o600)
    return folder


def _line(name: str, octets: bytes) -> str:
    check = hmac.digest(octets, b"kratai key check value\0\0", "sha256")[:8]
    return f"{name[1:]} {check.hex()}\n"


@pytest.mark.proves("K-SEC-001")
def test_keys_are_those_of_the_link_by_their_id(tmp_path: Path) -> None:
    assert read_keys(str(tmp_path)).keys == {}
    _write(tmp_path, **ALL, _0099=bytes(32), _0012=bytes(7), _0410=bytes(32))
    found = read_keys(str(tmp_path))
    assert {f"_{key:04X}": key_.octets for key, key_ in found.keys.items()} == ALL
    assert found.wrong == {}


@pytest.mark.parametrize("octets", [b"", bytes(31), bytes(33), b"5e" * 32])
def test_a_file_of_another_size_is_no_key_and_the_others_fly(tmp_path: Path, octets: bytes) -> None:
    _write(tmp_path, **WHOLE | {"_0011": octets})
    found = read_keys(str(tmp_path))
    assert set(found.keys) == {0x10, 0x20, 0x21, 0x23}
    assert set(found.wrong) == {0x11}
    (sentence,) = found.wrong.values()
    assert sentence.endswith("0011.key is no key: a key has 32 octets")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o610])
def test_a_file_that_others_may_touch_is_no_key(tmp_path: Path, mode: int) -> None:
    (_write(tmp_path, **WHOLE) / "0010.key").chmod(mode)
    with pytest.raises(KeyFileError, match=r"0010\.key may be read by others .* chmod 600"):
        read_keys(str(tmp_path))
    _write(tmp_path, _0110=b"another" * 4 + b"one.")
    found = read_keys(str(tmp_path))
    assert set(found.wrong) == {0x10}
    assert 0x110 in found.keys


def test_no_key_serves_two_ids(tmp_path: Path) -> None:
    _write(tmp_path, **WHOLE | {"_0023": WHOLE["_0010"], "_0110": WHOLE["_0011"]})
    found = read_keys(str(tmp_path))
    assert set(found.wrong) == {0x11, 0x23}
    assert all("holds the key of another" in sentence for sentence in found.wrong.values())


def test_the_keys_of_commands_and_live_telemetry_are_needed_the_others_shut_their_channel(tmp_path: Path) -> None:
    _write(tmp_path, _0010=bytes(32), _0020=bytes(range(32)))
    assert set(read_keys(str(tmp_path)).keys) == {0x10, 0x20}
    (tmp_path / "keys" / "0010.key").unlink()
    with pytest.raises(KeyFileError, match=r"no 0010\.key"):
        read_keys(str(tmp_path))
    _write(tmp_path, _0310=bytes(range(1, 33)))
    assert set(read_keys(str(tmp_path)).keys) == {0x310, 0x20}


def test_a_link_or_a_folder_is_no_key_file(tmp_path: Path) -> None:
    folder = _write(tmp_path, **WHOLE)
    (folder / "0010.key").rename(tmp_path / "elsewhere")
    (folder / "0010.key").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(KeyFileError, match="cannot be read"):
        read_keys(str(tmp_path))
    (folder / "0010.key").unlink()
    (folder / "0010.key").mkdir(mode=0o700)
    with pytest.raises(KeyFileError, match="is no key"):
        read_keys(str(tmp_path))


# --- what has flown -------------------------------------------------------------------------------------------------


def _fly(state: Path) -> tuple[KeyRing, tuple[str, ...]]:
    return note_use(str(state), read_keys(str(state)))


@pytest.mark.proves("K-SEC-009")
def test_that_keys_fly_is_noted_before_they_do_and_found_by_the_next_flight(tmp_path: Path) -> None:
    folder = _write(tmp_path, **WHOLE)
    ring, said = _fly(tmp_path)
    assert set(ring.keys) == {0x10, 0x11, 0x20, 0x21, 0x23}
    assert ring.used == ring.unusable == frozenset()
    assert said == ()
    used = folder / "used"
    assert used.read_text() == "".join(_line(name, octets) for name, octets in WHOLE.items())
    assert used.stat().st_mode & 0o777 == 0o600
    assert not any(octets.hex() in used.read_text() for octets in WHOLE.values())
    _write(tmp_path, _0110=b"new" * 10 + b"..", _0023=b"old" * 10 + b"..", _0210=b"short")
    ring, said = _fly(tmp_path)
    assert ring.used == {0x10, 0x11, 0x20, 0x21}
    assert ring.unusable == {0x210}
    assert [sentence.partition(": ")[2] for sentence in said] == ["a key has 32 octets"]
    assert len(used.read_text().splitlines()) == 7
    assert _fly(tmp_path)[0].used == set(ring.keys)


@pytest.mark.proves("K-SEC-009")
def test_a_key_that_has_flown_under_another_id_is_none(tmp_path: Path) -> None:
    _write(tmp_path, **WHOLE)
    _fly(tmp_path)
    _write(tmp_path, **WHOLE | {"_0011": b"other one"[:8] * 4, "_0111": WHOLE["_0011"]})
    ring, said = _fly(tmp_path)
    assert ring.unusable == {0x111}
    assert said[0].endswith("0111.key holds a key that has flown as 0011")
    _write(tmp_path, _0010=WHOLE["_0011"])
    with pytest.raises(KeyFileError, match=r"0010\.key holds a key that has flown as 0011"):
        _fly(tmp_path)


@pytest.mark.proves("K-SEC-009")
@pytest.mark.parametrize("text", [b"what?", b"0010 12\n", b"xyzw 0011223344556677\n", b"\xff\xfe", b" " * 70_000])
def test_a_note_that_cannot_be_read_lets_every_key_count_as_used(tmp_path: Path, text: bytes) -> None:
    folder = _write(tmp_path, **WHOLE)
    (folder / "used").write_bytes(text)
    ring, said = _fly(tmp_path)
    assert ring.used == {0x10, 0x11, 0x20, 0x21, 0x23}
    assert said[0].endswith("used cannot be read: every key counts as used")
    assert (folder / "used").read_bytes() == text


@pytest.mark.proves("K-SEC-009")
def test_a_note_that_cannot_be_written_lets_every_key_count_as_used(tmp_path: Path) -> None:
    folder = _write(tmp_path, **WHOLE)
    (folder / "used.new").mkdir()
    ring, said = _fly(tmp_path)
    assert ring.used == set(ring.keys)
    assert "used cannot be written" in said[0]
    (folder / "used.new").rmdir()
    (folder / "used").symlink_to("elsewhere")
    assert _fly(tmp_path)[0].used == set(ring.keys)
