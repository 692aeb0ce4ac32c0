"""Key files: what is taken, and the sentence for what is not."""

from pathlib import Path

import pytest

from fsw.hal.keys import KeyFileError, read_keys


def _write(state: Path, **keys: bytes) -> Path:
    folder = state / "keys"
    folder.mkdir(exist_ok=True)
    for name, octets in keys.items():
        (folder / f"{name[1:]}.key").write_bytes(octets)
        (folder / f"{name[1:]}.key").chmod(0o600)
    return folder


WHOLE = {f"_{name}": bytes([n]) * 32 for n, name in enumerate(("0010", "0011", "0020", "0021", "0023"))}


@pytest.mark.proves("K-SEC-001")
def test_keys_are_those_of_the_link_by_their_spi(tmp_path: Path) -> None:
    assert read_keys(str(tmp_path)) == {}
    _write(tmp_path, **WHOLE, _0099=bytes(32), _0012=bytes(7))
    found = read_keys(str(tmp_path))
    assert {spi: key.octets for spi, key in found.items()} == {
        spi: bytes([n]) * 32 for n, spi in enumerate((0x10, 0x11, 0x20, 0x21, 0x23))
    }


@pytest.mark.parametrize("octets", [b"", bytes(31), bytes(33), b"5e" * 32])
def test_a_file_of_another_size_is_no_key(tmp_path: Path, octets: bytes) -> None:
    _write(tmp_path, **WHOLE | {"_0011": octets})
    with pytest.raises(KeyFileError, match=r"0011\.key is no key: a key has 32 octets"):
        read_keys(str(tmp_path))


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o610])
def test_a_file_that_others_may_touch_is_refused(tmp_path: Path, mode: int) -> None:
    (_write(tmp_path, **WHOLE) / "0010.key").chmod(mode)
    with pytest.raises(KeyFileError, match="chmod 600"):
        read_keys(str(tmp_path))


def test_no_key_serves_two_spis(tmp_path: Path) -> None:
    _write(tmp_path, **WHOLE | {"_0023": WHOLE["_0010"]})
    with pytest.raises(KeyFileError, match=r"0023\.key holds the key of another SPI"):
        read_keys(str(tmp_path))


def test_the_keys_of_commands_and_live_telemetry_are_needed_the_others_shut_their_channel(tmp_path: Path) -> None:
    _write(tmp_path, _0010=bytes(32), _0020=bytes(range(32)))
    assert set(read_keys(str(tmp_path))) == {0x10, 0x20}
    (tmp_path / "keys" / "0010.key").unlink()
    with pytest.raises(KeyFileError, match=r"no 0010\.key"):
        read_keys(str(tmp_path))


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
