"""TLS for a session that is bound wider than loopback: version 1.3, one certificate, tokens for the clients."""

import os
import ssl
from pathlib import Path


class TlsError(Exception):
    """Certificate or key cannot be used; the text is one sentence."""


def server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """What the session shows its clients."""
    try:
        if os.name != "nt" and key.stat().st_mode & 0o007:
            raise TlsError(f"the TLS key {key} is open to everybody: chmod 600 it")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.num_tickets = 0  # no resumption: nothing of a talk is kept
        context.load_cert_chain(certificate, key, password=lambda: "")  # never a prompt
    except ssl.SSLError as error:
        raise TlsError(f"TLS: {certificate} and {key} are no certificate with its key") from error
    except OSError as error:
        raise TlsError(f"TLS: {error.filename or certificate} cannot be read: {error.strerror}") from error
    return context


def client_context(trusted: Path | None, *, same_machine: bool) -> ssl.SSLContext:
    """What a client trusts: the certificate or authority of a file, else the system's authorities.

    On the same machine the session's own file names the very certificate, and no host name is compared.
    """
    try:
        context = ssl.create_default_context(cafile=None if trusted is None else str(trusted))
    except OSError as error:  # ssl.SSLError too
        raise TlsError(f"TLS: {trusted} holds no certificate that can be read") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    if trusted is not None:
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.check_hostname = not same_machine
    return context
