"""The launcher in a copy of the checkout whose locks are empty, so that a set-up needs no index.

With --soak the real locks too, without a compiler.
"""

import ast
import os
import runpy
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHOW_ARGUMENTS = "import os, sys\nprint(os.getpid(), sys.argv[1:])\n"
FIRST_START = "kratai: first start"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    for folder in ("tools/locks", "tools/cli", "fsw"):
        (tmp_path / folder).mkdir(parents=True)
    shutil.copy(ROOT / "tools" / "kratai", tmp_path / "tools")
    for lock in ("build", "run", "test"):
        (tmp_path / "tools" / "locks" / f"{lock}.txt").write_text(f"# nothing for {lock}\n")
    for package in ("tools/cli", "fsw"):
        (tmp_path / package / "__main__.py").write_text(SHOW_ARGUMENTS)
    return tmp_path


def start(checkout: Path, *arguments: str, **environment: str) -> "subprocess.Popen[str]":
    command = [sys.executable, str(checkout / "tools" / "kratai"), *arguments]
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("COV_", "PYTEST"))}
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command, stdout=pipe, stderr=pipe, text=True, env=kept | environment, cwd="/", start_new_session=True
    )


def ended(process: "subprocess.Popen[str]") -> tuple[int, str, str]:
    out, err = process.communicate(timeout=100)
    return process.returncode, out, err


def pretend_ready(checkout: Path) -> None:
    """An environment whose Python is this one, with the stamps that a set-up leaves."""
    (checkout / ".venv" / "bin").mkdir(parents=True)
    (checkout / ".venv" / "bin" / "python").symlink_to(sys.executable)
    functions = (checkout / "tools" / "kratai").read_text().removesuffix("main()\n")  # without the line that starts it
    readable = checkout / "tools" / "launcher.py"
    readable.write_text(functions)
    launcher = runpy.run_path(str(readable))
    for name in ("run", "test"):
        (checkout / ".venv" / f"kratai-{name}").write_bytes(launcher["fingerprint"](name))


@pytest.mark.proves("K-CLI-001")
def test_python_3_6_can_read_it() -> None:
    ast.parse((ROOT / "tools" / "kratai").read_text(), feature_version=(3, 6))


@pytest.mark.proves("K-CLI-001")
@pytest.mark.process
def test_an_old_python_is_one_sentence(checkout: Path) -> None:
    old = "import sys, runpy; sys.version_info = (3, 6, 15, 'final', 0); runpy.run_path('tools/kratai')"
    done = subprocess.run(
        [sys.executable, "-c", old], cwd=checkout, env={"PATH": ""}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("kratai: Python 3.11 or newer is needed; this is Python ")
    assert done.stderr.count("\n") == 1


@pytest.mark.proves("K-CLI-001")
@pytest.mark.process
@pytest.mark.parametrize("module", ["venv", "ensurepip"])
def test_a_missing_package_is_one_sentence(checkout: Path, tmp_path: Path, module: str) -> None:
    stub = tmp_path / "stub"
    stub.mkdir()
    (stub / f"{module}.py").write_text("raise ImportError('as Debian without python3-venv')\n")
    status, out, err = ended(start(checkout, "demo", PYTHONPATH=str(stub)))
    assert (status, out) == (2, "")
    assert "python3-venv" in err
    assert err.count("\n") == 1


@pytest.mark.process
def test_a_ready_environment_becomes_the_program_at_once(checkout: Path) -> None:
    pretend_ready(checkout)
    # the stamps vouch for the environment; without the path file the programs are found by PYTHONPATH
    process = start(checkout, "send", "ping", "--json", PYTHONPATH=str(checkout))
    assert ended(process) == (0, f"{process.pid} ['send', 'ping', '--json']\n", "")
    process = start(checkout, "fly", "--port", "x", PYTHONPATH=str(checkout))
    assert ended(process) == (0, f"{process.pid} ['--port', 'x']\n", "")


@pytest.mark.proves("K-CLI-002")
@pytest.mark.process
def test_two_at_once_set_up_once_and_a_changed_lock_again(checkout: Path) -> None:
    both = [start(checkout, word) for word in ("one", "two")]
    outcomes = [ended(process) for process in both]
    assert [(status, out) for status, out, _ in outcomes] == [
        (0, f"{process.pid} [{word!r}]\n") for process, word in zip(both, ("one", "two"), strict=True)
    ]
    assert sum(FIRST_START in err for _, _, err in outcomes) == 1
    assert ended(start(checkout, "again"))[2] == ""
    (checkout / "tools" / "locks" / "run.txt").write_text("# another lock\n")
    status, _, err = ended(start(checkout, "again"))
    assert status == 0
    assert "installing tools/locks/run.txt" in err
    assert FIRST_START not in err
    assert "tools/locks/test.txt" in ended(start(checkout, "check"))[2]
    assert ended(start(checkout, "check"))[2] == ""


@pytest.mark.proves("K-CLI-002")
@pytest.mark.process
def test_after_an_interrupted_set_up_the_next_one_starts_afresh(checkout: Path) -> None:
    process = start(checkout, "demo")
    assert process.stderr is not None
    assert process.stderr.readline().startswith(FIRST_START)
    os.kill(process.pid, signal.SIGKILL)
    process.wait(timeout=10)
    status, out, err = ended(start(checkout, "demo"))
    assert status == 0
    assert out.endswith("['demo']\n")
    assert FIRST_START in err
    assert ended(start(checkout, "demo"))[2] == ""
    process.communicate(timeout=10)


@pytest.mark.process
def test_pip_that_fails_is_told_and_does_not_spoil_what_is_there(checkout: Path) -> None:
    assert ended(start(checkout, "demo"))[0] == 0
    lock = checkout / "tools" / "locks" / "test.txt"
    lock.write_text("no-such-package==1 --hash=sha256:" + "0" * 64 + "\n")
    status, out, err = ended(start(checkout, "check", PIP_NO_INDEX="1"))
    assert (status, out) == (2, "")
    assert "no-such-package" in err
    assert err.endswith("kratai: pip could not install tools/locks/test.txt; its last words stand above.\n")
    assert ended(start(checkout, "demo"))[2] == ""


@pytest.mark.proves("K-CLI-002")
@pytest.mark.process
@pytest.mark.soak
def test_the_real_locks_install_without_a_compiler(checkout: Path) -> None:
    for lock in ("build", "run"):
        shutil.copy(ROOT / "tools" / "locks" / f"{lock}.txt", checkout / "tools" / "locks")
    words = "from crcmod.predefined import mkCrcFun as f; print(hex(f('crc-ccitt-false')(b'123456789')))\n"
    (checkout / "tools" / "cli" / "__main__.py").write_text("import construct, cryptography, serial, typer\n" + words)
    assert ended(start(checkout, "demo", CC="/bin/false", PIP_NO_CACHE_DIR="1"))[:2] == (0, "0x29b1\n")
