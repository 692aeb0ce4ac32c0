"""Who may do what with a ground process, as processes: set up by nothing on loopback, by TLS and tokens when wider."""

import json
import os
import socket
import sqlite3
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tools import tls_files
from tests.tools.test_ground_process import ANY, DEADLINE_S, ROOT, Rig, run
from tools.ground.archive import FILE as ARCHIVE
from tools.ground.operators import FILE as OPERATORS

pytestmark = pytest.mark.process


class Wide:
    """A ground process on every address of the machine, with three operators and a payload written by hand."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "ground"
        self.certificate, key = tls_files.made(folder)
        self.tokens: dict[str, Path] = {}
        self.secrets: list[str] = []
        for role in ("observer", "operator", "engineer"):
            done = run("operators", "add", f"{role}.one", "--role", role, "--state", str(self.folder))
            assert (done.returncode, done.stderr) == (0, "")
            self.secrets.append(done.stdout.strip())
            self.tokens[role] = folder / f"{role}.token"
            self.tokens[role].touch(mode=0o600)
            self.tokens[role].write_text(done.stdout)
        self.rig = Rig(
            self.folder, "--listen", "0.0.0.0:0", "--tls-cert", str(self.certificate), "--tls-key", str(key)
        )  # fmt: skip

    def files(self) -> bytes:
        """Everything that the session has written."""
        return b"".join(path.read_bytes() for path in self.folder.iterdir() if path.is_file())


@pytest.fixture
def wide(tmp_path: Path) -> Iterator[Wide]:
    made = Wide(tmp_path)
    yield made
    made.rig.close()


def rows(folder: Path) -> list[tuple[str, str, int]]:
    db = sqlite3.connect(folder / ARCHIVE)
    found = db.execute("select operator, origin, source_id from commands where name = 'ping' order by id").fetchall()
    db.close()
    return found


@pytest.mark.proves("K-GND-008", "K-GND-009", "K-GND-010", "K-GND-011")
def test_wider_than_loopback_by_tls_and_token(wide: Wide, monkeypatch: pytest.MonkeyPatch) -> None:
    """One process, for its start takes a while: an observer, an operator, an engineer, and nobody."""
    rig, said = wide.rig, []
    status, out, err = rig.serve("send", "ping")
    assert (status, out) == (2, "")
    assert "KRATAI_TOKEN_FILE" in err
    said += [out, err]
    monkeypatch.setenv("KRATAI_TOKEN_FILE", str(wide.tokens["observer"]))
    status, out, _ = rig.serve("send", "ping", "--json")
    assert (status, json.loads(out)["text"]) == (1, "observer.one is an observer: send needs an operator")
    assert rig.serve("watch", "--for", "0.3", "--json")[0] == 0
    for words in (["link", "sync"], ["ground", "--stop"]):
        status, out, err = rig.serve(*words)
        assert status == 2
        assert "observer.one is an observer" in err
        said += [out, err]
    monkeypatch.setenv("KRATAI_TOKEN_FILE", str(wide.tokens["operator"]))
    status, out, _ = rig.serve("send", "ping", "--json")
    request = json.loads(out)["request"]
    assert (status, request["operator"], request["source_id"]) == (0, "operator.one", 2)
    assert request["from"].startswith("127.0.0.1:")
    assert rig.serve("link", "sync")[:2] == (0, "link: ready\n")
    monkeypatch.setenv("KRATAI_GROUND", f"localhost:{rig.ready['port']}")
    monkeypatch.setenv("KRATAI_CA", str(wide.certificate))
    status, out, _ = rig.serve("send", "ping", "--json")
    assert (status, json.loads(out)["request"]["operator"]) == (0, "operator.one")
    monkeypatch.delenv("KRATAI_CA")
    status, _, err = rig.serve("send", "ping")
    assert status == 2
    assert "is not to be trusted" in err
    monkeypatch.delenv("KRATAI_GROUND")
    monkeypatch.setenv("KRATAI_TOKEN_FILE", str(wide.tokens["engineer"]))
    assert rig.serve("ground", "--stop")[0] == 0
    assert rig.ground.wait(DEADLINE_S) == 0
    assert [(row[0], row[2]) for row in rows(wide.folder)] == [("operator.one", 2), ("operator.one", 2)]
    assert all(row[1].startswith("127.0.0.1:") for row in rows(wide.folder))
    kept = wide.files() + "".join(said).encode()
    assert not any(secret.encode() in kept for secret in wide.secrets)


@pytest.mark.proves("K-GND-011")
def test_without_tls_nothing_is_heard_there(wide: Wide) -> None:
    port = int(wide.rig.ready["port"])
    with socket.create_connection(("127.0.0.1", port), DEADLINE_S) as line:
        line.sendall(json.dumps({"op": "hello", "token": wide.secrets[2]}).encode() + b"\n")
        heard = b""
        try:
            while octets := line.recv(4096):
                heard += octets
        except ConnectionResetError:
            pass
    assert b"hello" not in heard
    context = ssl.create_default_context(cafile=str(wide.certificate))
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with socket.create_connection(("127.0.0.1", port), DEADLINE_S) as line, pytest.raises(ssl.SSLError):
        context.wrap_socket(line, server_hostname="localhost")
    assert wide.rig.ground.poll() is None


@pytest.mark.proves("K-GND-009", "K-GND-010")
def test_on_loopback_nothing_is_set_up_and_the_local_user_is_on_record(tmp_path: Path) -> None:
    rig = Rig(tmp_path / "ground")
    try:
        status, out, _ = rig.serve("send", "ping", "--json", "--source", "7")
        assert (status, json.loads(out)["request"]["source_id"]) == (0, 7)
        assert str(rig.ready["port"]).isdecimal()
    finally:
        rig.close()
    (row,) = rows(tmp_path / "ground")
    assert (row[0], row[2]) == ((tmp_path / "ground").owner(), 7)
    assert not (tmp_path / "ground" / OPERATORS).exists()


@pytest.mark.proves("K-GND-010")
def test_operators_that_are_added_shut_the_local_user_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig(tmp_path / "ground")
    try:
        session = json.loads((rig.folder / "session.json").read_text())
        with socket.create_connection(("127.0.0.1", session["port"]), DEADLINE_S) as line:
            reader = line.makefile("rb")
            line.sendall(json.dumps({"op": "hello", "token": session["token"]}).encode() + b"\n")
            assert json.loads(reader.readline())["hello"]["role"] == "engineer"
            token = run("operators", "add", "ann", "--role", "observer", "--state", str(rig.folder)).stdout.strip()
            assert json.loads(reader.readline()) == {"error": "your access was withdrawn or has changed"}
            assert reader.readline() == b""
            reader.close()
        again = json.loads((rig.folder / "session.json").read_text())
        assert again == {**session, "token": ""}
        monkeypatch.setenv("KRATAI_TOKEN", token)
        assert rig.serve("watch", "--for", "0.2", "--json")[0] == 0
        assert rig.serve("send", "ping", "--json")[0] == 1
        assert rig.craft.executed == []
    finally:
        rig.close()


@pytest.mark.proves("K-GND-011")
@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["--listen", "0.0.0.0:0"], "wider than loopback"),
        (["--listen", "0.0.0.0:0", "--tls-cert", "{cert}", "--tls-key", "{key}"], "operators with tokens"),
        (["--tls-cert", "{cert}"], "go together"),
        (["--tls-cert", "{key}", "--tls-key", "{key}"], "no certificate with its key"),
        (["--listen", "nonsense"], "HOST:PORT"),
    ],
)
def test_what_is_lacking_is_one_sentence(tmp_path: Path, words: list[str], part: str) -> None:
    cert, key = tls_files.made(tmp_path)
    words = [word.format(cert=cert, key=key) for word in words]
    done = run("ground", "--state", str(tmp_path / "g"), "--tm", ANY, "--report", ANY, "--tc", ANY, *words)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert part in done.stderr
    assert not (tmp_path / "g" / "session.json").exists()


def operators(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tools.cli", "operators", *words, "--state", str(folder)], cwd=ROOT, capture_output=True,
        text=True, timeout=DEADLINE_S, check=False, env={**os.environ, "COLUMNS": "200"},
    )  # fmt: skip


@pytest.mark.proves("K-GND-010")
def test_operators_are_added_listed_and_removed(tmp_path: Path) -> None:
    added = json.loads(operators(tmp_path, "add", "ann", "--role", "engineer", "--json").stdout)
    assert (added["name"], added["role"], added["source_id"]) == ("ann", "engineer", 1)
    operators(tmp_path, "add", "bob", "--role", "observer", "--source", "40")
    assert (tmp_path / OPERATORS).stat().st_mode & 0o777 == 0o600
    listed = operators(tmp_path, "list", "--json").stdout
    assert json.loads(listed) == [
        {"name": "ann", "role": "engineer", "source_id": 1}, {"name": "bob", "role": "observer", "source_id": 40},
    ]  # fmt: skip
    assert added["token"] not in listed + operators(tmp_path, "list").stdout
    for words in (
        ["add", "bob", "--role", "observer"],
        ["add", "carl"],
        ["remove", "carl"],
        ["add", "--role", "observer"],
    ):
        wrong = operators(tmp_path, *words)
        assert (wrong.returncode, wrong.stdout, wrong.stderr.count("\n")) == (2, "", 1)
    assert operators(tmp_path, "remove", "ann").stdout == "ann is gone\n"
    assert "nobody may come in now" in operators(tmp_path, "remove", "bob").stdout
