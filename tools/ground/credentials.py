"""What a client shows and where it goes, from its environment: never from a command line, which others can read.

`KRATAI_TOKEN_FILE` names a file with an operator's token, `KRATAI_TOKEN` is one. `KRATAI_GROUND` is HOST:PORT of a
session elsewhere, `KRATAI_CA` the file of the certificate, or of its authority, that it must show.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

TOKEN: Final = "KRATAI_TOKEN"  # noqa: S105 - a name
TOKEN_FILE: Final = "KRATAI_TOKEN_FILE"  # noqa: S105 - a name
GROUND: Final = "KRATAI_GROUND"
AUTHORITY: Final = "KRATAI_CA"
TOKEN_OCTETS_MAX: Final = 256


class CredentialsError(Exception):
    """The environment makes no sense; the text is one sentence, without the token."""


class Credentials(NamedTuple):
    """A token, empty for none; where the session is, None for this machine's; whom to trust there."""

    token: str = ""
    ground: tuple[str, int] | None = None
    authority: Path | None = None


def credentials(environment: Mapping[str, str]) -> Credentials:
    """What the environment says."""
    named, token = environment.get(TOKEN_FILE), environment.get(TOKEN, "")
    if named and token:
        raise CredentialsError(f"{TOKEN} and {TOKEN_FILE} are both set")
    if named:
        token = _read(Path(named))
    ground = None
    if where := environment.get(GROUND):
        host, _, port = where.rpartition(":")
        if not host or not port.isdecimal() or not 0 < int(port) < 65_536:
            raise CredentialsError(f"{GROUND}: '{where}' is not HOST:PORT")
        if not token:
            raise CredentialsError(f"a session elsewhere wants a token: {TOKEN_FILE} or {TOKEN}")
        ground = host.strip("[]"), int(port)
    authority = environment.get(AUTHORITY)
    return Credentials(token.strip(), ground, Path(authority) if authority else None)


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            if os.name != "nt" and os.fstat(file.fileno()).st_mode & 0o077:
                raise CredentialsError(f"{TOKEN_FILE}: {path} is open to others: chmod 600 it")
            return file.read(TOKEN_OCTETS_MAX).decode("ascii").strip()
    except OSError as error:
        raise CredentialsError(f"{TOKEN_FILE}: {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise CredentialsError(f"{TOKEN_FILE}: {path} holds no token") from error
