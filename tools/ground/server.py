"""The ground process: one session, its UDP ports, its archive and its clients, on the real clock (edge).

One thread waits on all sockets. Datagrams and messages go to the session and the desk; what they say goes to the
archive, the clients and the lander. The archive commits twice a second; of what clients read of it, a page a turn.
"""

import json
import os
import secrets
import select
import signal
import socket
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple

from fsw.ccsds.key_proof import CHALLENGE_OCTETS
from fsw.kernel.clock import Micros
from fsw.mdb.database import Database
from fsw.mdb.dictionary import canonical
from tools.ground import state
from tools.ground.archive import Archive, ArchiveError
from tools.ground.datagrams import Address, DatagramsError, bound, datagrams, drain
from tools.ground.desk import Asked, Desk
from tools.ground.door import Door
from tools.ground.history import History
from tools.ground.key_work import KeyWork
from tools.ground.link_guard import GuardError, LinkGuard
from tools.ground.operators import Operator, OperatorsError
from tools.ground.peers import Peers, PeersError, listening
from tools.ground.profile import Profile
from tools.ground.records import Data, Note, Record
from tools.ground.recovery_work import RecoveryWork, recovery_of
from tools.ground.roles import Role
from tools.ground.samples import Reader
from tools.ground.session import Session
from tools.ground.tls import TlsError, server_context

COMMIT_PERIOD_US: Final = 500_000
WAIT_US_MAX: Final = 500_000


class Options(NamedTuple):
    """What a ground process is started with. Port 0: any; a `tc` port of 0 is told later (`route`). `listen` is for
    clients: wider than loopback only with `tls` (certificate and key) and operators."""

    folder: Path
    database: Database
    mission: str
    profile: Profile
    tm: Address = ("127.0.0.1", 10017)
    tc: Address = ("127.0.0.1", 10018)
    report: Address = ("127.0.0.1", 10019)
    listen: Address = ("127.0.0.1", 0)
    tls: tuple[Path, Path] | None = None
    hazards: Mapping[str, Data] = MappingProxyType({})
    """Of each hazardous command: in which phases, by how many operators."""
    clear: bool = False
    """An unprotected link, though there are keys."""
    signing: frozenset[int] = frozenset()
    stores: tuple[int, ...] = ()
    """The payload's packet stores, by number."""


class ServerError(Exception):
    """The process cannot start; the text is one sentence."""


def address(text: str, what: str) -> Address:
    """`HOST:PORT` or a bare port, loopback then; ServerError with a sentence otherwise."""
    host, _, port = text.rpartition(":")
    if not port.isdecimal() or int(port) > 65_535:
        raise ServerError(f"{what}: '{text}' is not HOST:PORT with a port of 0 to 65535")
    return host or "127.0.0.1", int(port)


def run(options: Options, say: Callable[[dict[str, Data]], None]) -> int:
    """Serve until told to stop; `say` gets the one message that says the session is ready. Raises before that only."""
    state.prepare(options.folder)
    lock = state.Lock(options.folder)
    try:
        server = Server(options)
        try:
            server.open()
            say(server.about())
            server.serve()
        finally:
            server.close()
    finally:
        lock.release()
    return 0


class Server:
    """The process's objects; `open`, `serve`, `close` in this order."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._zero_ns = time.monotonic_ns()
        local = Operator(state.user_name(options.folder), Role.ENGINEER, None)
        try:
            self._guard = LinkGuard(
                options.folder, lambda: time.time_ns() // 1000, clear=options.clear, signing=options.signing
            )
            self._door = Door(options.folder, local, secrets.token_urlsafe(32))
            tls = None if options.tls is None else server_context(*options.tls)
            self._listening = listening(options.listen, tls, operators=self._door.book is not None)
            self._tm = bound(options.tm, "telemetry")
            self._report = bound(options.report, "the lander's report")
        except (OperatorsError, TlsError, PeersError, GuardError, DatagramsError) as error:
            raise ServerError(str(error)) from error
        self._tc_to: Address | None = None
        self._tc_family = socket.AF_INET
        self._tc: socket.socket | None = None
        self._route(options.tc)
        self._peers: Peers
        self._wake, self._woken = socket.socketpair()
        self._archive: Archive | None = None
        self._reader: Reader | None = None
        self._questions: deque[Asked] = deque()  # one a client at most: the desk sees to it
        self._session: Session
        self._recovery: RecoveryWork
        self._history: History | None = None
        self._desk: Desk
        self._stopping = False
        self._committed_at = Micros(0)
        self.unroutable = 0
        """Datagrams for the lander that could not be sent, or had nowhere to go."""

    # --- life -----------------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Open the archive, begin the session, and publish where it listens."""
        options, now = self._options, self._now()
        try:
            self._archive = Archive(options.folder, secrets.token_hex(8))
            counts, former = self._archive.counts(), self._archive.former()
            text = canonical(options.database.dictionary())
            self._archive.keep_database(options.database.digest(), text, self._utc_us(now))
            self._archive.commit()
        except ArchiveError as error:
            raise ServerError(str(error)) from error
        profile = options.profile._replace(protection=self._guard.protection)
        self._session = Session(options.database, profile, now, counts=counts, former=former)
        key_work = KeyWork(self._guard, lambda: secrets.token_bytes(CHALLENGE_OCTETS))
        self._session.attendants.join(key_work)
        self._recovery = recovery_of(options.database, options.stores)
        self._session.attendants.join(self._recovery)
        self._desk = Desk(self._session, self._door, self.about(), key_work, self._recovery)
        self._peers = Peers(self._listening, self._desk)
        if self._archive.set_aside is not None:
            self._keep(
                [Note(now, f"the archive was damaged and lies in {self._archive.set_aside}")], self._utc_us(Micros(0))
            )
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: self._ask_to_stop())
        self._woken.setblocking(False)
        self._wake.setblocking(False)
        signal.set_wakeup_fd(self._wake.fileno(), warn_on_full_buffer=False)
        self._announce()

    def about(self) -> dict[str, Data]:
        """What the process tells of itself: no secret among it."""
        return {
            "ready": True,
            "program": "ground",
            "pid": os.getpid(),
            "tm": _text(self._tm.getsockname()),
            "tc": _text(self._tc_to) if self._tc_to else None,
            "report": _text(self._report.getsockname()),
            "port": self._listening.near[1],
            "state": str(self._options.folder),
            "mission": self._options.mission,
            "protected": self._guard.protection is not None,
            "database": self._options.database.digest()[:8].hex(),
            "hazards": dict(self._options.hazards),
        }

    def _announce(self) -> None:
        """Say in `session.json` where clients of this machine come to, and by what token."""
        tls, (host, port) = self._options.tls, self._listening.near
        certificate = str(tls[0].absolute()) if tls is not None else ""
        state.publish(self._options.folder, state.Found(port, self._door.token, os.getpid(), host, certificate))

    def serve(self) -> None:
        """Run until SIGTERM, SIGINT or a client's stop."""
        while not self._stopping:
            self._turn()
        self._peers.write_all(self._now())

    def close(self) -> None:
        """Let everything go; what was archived is committed."""
        self._guard.close()
        for reader in (self._reader, self._history):
            if reader is not None:
                reader.close()
        if self._archive is not None:
            state.withdraw(self._options.folder)
            self._archive.close()
            signal.set_wakeup_fd(-1)
            self._peers.close(self._now())
        for each in (self._tm, self._report, self._tc, self._listening.socket, self._wake, self._woken):
            if each is not None:
                each.close()

    # --- the loop -------------------------------------------------------------------------------------------------

    def _turn(self) -> None:
        """Wait for the first thing that happens, and serve all that has."""
        now = self._now()
        wait_us = (
            0 if self._questions or self._recovery.wants else min(max(0, self._session.next_due() - now), WAIT_US_MAX)
        )
        readers = [self._tm, self._report, self._woken, *self._peers.readers()]
        readable, _, _ = select.select(readers, self._peers.writers(), [], wait_us / 1_000_000)
        now = self._now()
        if self._woken in readable:
            drain(self._woken)
        for source, take in ((self._tm, self._session.tm_datagram), (self._report, self._session.report_datagram)):
            if source in readable:
                for datagram in datagrams(source):
                    take(datagram, now)
        self._peers.read(readable, now)
        self._session.tick(now)
        self._settle(now)

    def _settle(self, now: Micros) -> None:
        """Carry out what session and desk have said."""
        for datagram in self._session.take_datagrams():
            self._send_tc(datagram)
        self._serve_asked(now)
        if self._recovery.wants:
            self._read_history()
        self._publish(self._session.take_records())
        self._peers.write(now)
        if now - self._committed_at >= COMMIT_PERIOD_US:
            self._committed_at = now
            self._commit()
            if failed := self._guard.keep():
                self._session.saying.note(failed, now)
            self._look_at_door(now)

    def _look_at_door(self, now: Micros) -> None:
        """Operators may have changed: who is none any more leaves."""
        said = self._door.look()
        if said is None:
            return
        self._session.saying.note(said, now)
        self._desk.operators_changed(now)
        try:
            self._announce()
        except state.StateError as error:
            self._session.saying.note(str(error), now)

    def _publish(self, records: list[Record]) -> None:
        if records:
            zero_us = self._utc_us(Micros(0))
            self._keep(records, zero_us)
            self._desk.records(records, lambda at: zero_us + at)

    # --- archive --------------------------------------------------------------------------------------------------

    def _keep(self, records: list[Record], zero_us: int) -> None:
        if self._archive is None:
            return
        try:
            for record in records:
                self._archive.add(record, zero_us + record.at)
        except ArchiveError as error:
            self._stop_archive(error)

    def _commit(self) -> None:
        if self._archive is None or not self._archive.uncommitted:
            return
        try:
            self._archive.commit()
        except ArchiveError as error:
            self._stop_archive(error)

    def _stop_archive(self, error: ArchiveError) -> None:
        """The session goes on without: operators see why."""
        assert self._archive is not None
        self._archive.close()
        self._archive = None
        self._desk.about["archive"] = str(error)
        self._recovery.without(str(error))
        self._desk.records([Note(self._now(), f"{error}; the session goes on without an archive")], self._utc_us)

    # --- lander ---------------------------------------------------------------------------------------------------

    def _route(self, to: Address) -> None:
        """Send telecommands there from now on; port 0 is nowhere yet."""
        if to[1] == 0:
            self._tc_to = None
            return
        try:
            family, _, _, _, found = socket.getaddrinfo(*to, type=socket.SOCK_DGRAM)[0]
        except OSError as error:
            raise ServerError(f"telecommands: {to[0]} is not known ({error.strerror})") from error
        if self._tc is None or family != self._tc_family:
            self._tc = socket.socket(family, socket.SOCK_DGRAM)
            self._tc.setblocking(False)
        self._tc_family, self._tc_to = family, (str(found[0]), int(found[1]))

    def _send_tc(self, datagram: bytes) -> None:
        if self._tc is None or self._tc_to is None:
            self.unroutable += 1
            return
        try:
            self._tc.sendto(datagram, self._tc_to)
        except OSError:
            self.unroutable += 1  # COP-1 repeats it, and says so when it gives up

    def _serve_asked(self, now: Micros) -> None:
        for asked in self._desk.take_asked():
            if asked.question is not None:
                self._questions.append(asked)
            elif asked.what == "stop":
                self._stopping = True
                self._desk.answer(asked)
            else:
                self._desk.answer(asked, self._reroute(asked))
        if self._questions:
            self._read_archive(self._questions.popleft())

    def _read_archive(self, asked: Asked) -> None:
        """Answer one question: a page, which is soon read."""
        assert asked.question is not None
        if asked.question.after is None:  # the first page: what has come so far belongs to it
            self._publish(self._session.take_records())
            self._commit()
        try:
            if self._reader is None:
                self._reader = Reader(self._options.folder)
            names = (parameter.name for parameter in self._options.database.parameters.values())
            page = self._reader.page(asked.question, names)
        except ArchiveError as error:
            page = str(error)
        if isinstance(page, str):
            self._desk.answer(asked, page)
        else:
            self._desk.answer(asked, page=page)

    def _read_history(self) -> None:
        """One slice of it, which is soon read; what has come so far belongs to it."""
        self._publish(self._session.take_records())
        self._commit()
        if not self._recovery.wants:
            return  # the archive has stopped
        try:
            self._history = self._history or History(self._options.folder)
            self._recovery.history(self._history.slice())
        except ArchiveError as error:
            self._recovery.without(str(error))

    def _reroute(self, asked: Asked) -> str:
        try:
            self._route(address(asked.argument, "tc"))
        except ServerError as error:
            return str(error)
        self._desk.about.update(self.about())
        return ""

    # --- clock ----------------------------------------------------------------------------------------------------

    def _ask_to_stop(self) -> None:
        self._stopping = True

    def _now(self) -> Micros:
        return Micros((time.monotonic_ns() - self._zero_ns) // 1000)

    def _utc_us(self, at: Micros) -> int:
        """Wall time of a session's time: only ever read, never a base of timers."""
        return time.time_ns() // 1000 - (self._now() - at)


def _text(at: Sequence[object]) -> str:
    return f"{at[0]}:{at[1]}"


def say_line(message: dict[str, Data]) -> None:
    """The ready message as one JSON line on standard output."""
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()
