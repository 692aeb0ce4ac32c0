"""Which code a result comes from: one digest over flight software, bench and ground session, and a scenario's file.

The same sources give the same digest on every machine, in a checkout as in an installed package; a commit would say
nothing of what is not committed yet.
"""

import tomllib
from functools import cache
from hashlib import sha256
from importlib import metadata
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
FOLDERS: Final = ("fsw", "hil", "tools/ground")
KINDS: Final = (".py", ".toml")


@cache
def code_digest() -> str:
    """SHA-256 over names and contents of all sources, as 64 hex digits; read once a process."""
    total = sha256()
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in KINDS:
                total.update(path.relative_to(ROOT).as_posix().encode() + b"\0")
                total.update(sha256(path.read_bytes()).digest())
    return total.hexdigest()


def version() -> str:
    """The project's version, and the beginning of the code's digest."""
    try:
        named = metadata.version("kratai")
    except metadata.PackageNotFoundError:
        named = str(tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"])
    return f"{named}, code {code_digest()[:12]}"


def digest_with(scenario: str) -> str:
    """16 hex digits over the code and, where the scenario is a file of its own, that file."""
    file = Path(scenario)
    own = file.read_bytes() if file.is_file() else b""
    return sha256(code_digest().encode() + own).hexdigest()[:16]
