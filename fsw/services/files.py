"""ST[23] file management: the files of the payload's store, which its server holds at the other end of a port.

A name is checked before anything is asked; what the server says of it is the request's last word. Requests are served
in their order, without waiting: each ends when its answer has come.
Off nominal: a name that leads elsewhere (`..`, `/`, a dot in front) is refused with 0x13, what is not there fails with
0x10, what is there already with 0x11, a full store with 0x12, a directory in a file's place or a lock that is set
already with 0x14, a directory in use with 0x18, a locked file with 0x19; nothing is changed. A disk that fails is 0x1B,
one that does not answer 0x1A: read it back. Copying, moving and renaming (11, 14 to 24) are not served.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, TypeVar

from fsw.kernel.clock import Micros
from fsw.mdb import codec, files
from fsw.pus.ids import APID_SYSTEM, FailureCode, Service
from fsw.services.instrument import Services
from fsw.services.process import Execution
from fsw.services.telemetry import TelemetryService
from fsw.services.verification import Request
from fsw.store.client import Failed, FilesAnswered, Store, StoreAnswer
from fsw.store.file_words import DEPTH_MAX, NAME_OCTETS_MAX, FileAnswer, FileOperation, FileRequest, is_sound

ASKED_MAX: Final = 8
"""Requests that wait for the server; the next one is answered "busy"."""
_LIST_OCTETS: Final = files.LIST_OCTETS - files.NAME_OCTETS - 1  # what any report of a list has room for
assert (files.NAME_OCTETS, files.DEPTH_MAX) == (NAME_OCTETS_MAX, DEPTH_MAX), "names fit their fields at both ends"
T = TypeVar("T")
Ask = Callable[[object], FileRequest]


class Files:
    """The files of the payload's store, as the ground commands them."""

    def __init__(self, telemetry: TelemetryService, services: Services, store: Store) -> None:
        self._telemetry = telemetry
        self._verification = services.verification
        self._parameters = services.parameters
        self._store = store
        self._asked: dict[int, tuple[Request, FileRequest]] = {}
        self.executions: Mapping[type[object], Execution] = dict.fromkeys(_ASKS, self._ask)

    def _ask(self, request: Request, now: Micros) -> None:
        asked = _ASKS[type(request.body)](request.body)
        if not is_sound(asked):
            self._verification.refused(request, FailureCode.OUT_OF_RANGE, now)
            return
        request_id = self._store.ask_files(asked, now) if len(self._asked) < ASKED_MAX else None
        if request_id is None:
            self._verification.refused(request, FailureCode.BUSY, now)
            return
        self._verification.started(request, now)
        self._asked[request_id] = (request, asked)

    def answered(self, answer: StoreAnswer, now: Micros) -> bool:
        """Take an answer of the store; False when it is not about files."""
        if not isinstance(answer, Failed | FilesAnswered) or answer.request_id not in self._asked:
            return False
        request, asked = self._asked.pop(answer.request_id)
        if isinstance(answer, Failed):
            unknown = answer.store_status is None
            self._verification.failed(request, FailureCode.TIMEOUT if unknown else FailureCode.INTERNAL, now)
            return True
        said = answer.answer
        self._parameters.set(files.OCTETS, said.octets, now)
        self._parameters.set(files.FILES, said.files, now)
        if said.verdict:
            self._verification.failed(request, FailureCode(said.verdict), now)
            return True
        for subtype, report in _reports(asked, said):
            octets = codec.encode(report)
            self._telemetry.emit(APID_SYSTEM, Service.FILES, subtype, octets, now, destination=request.source_id)
        self._verification.completed(request, now)
        return True


def _reports(asked: FileRequest, said: FileAnswer) -> Iterator[tuple[int, object]]:
    """What is reported of an answer: subtype and body of each report."""
    match asked.operation:
        case FileOperation.ATTRIBUTES:
            yield 4, files.AttributesReport(asked.repository, asked.name, said.size, said.locked)
        case FileOperation.FIND:
            names = [(1 + len(name), name) for _, name in said.objects]
            for paths in _parts(names):
                yield 8, files.FoundFiles(asked.repository, asked.name, paths)
        case FileOperation.SUMMARY:
            objects = [(2 + len(n), files.DirectoryObject(files.ObjectType(kind), n)) for kind, n in said.objects]
            for part in _parts(objects):
                yield 13, files.DirectorySummary(asked.repository, part)
        case _:
            pass


def _parts(items: Iterable[tuple[int, T]]) -> Iterator[tuple[T, ...]]:
    """Items with their octets, in as many lists as reports need to hold them; one empty list when there are none."""
    part: list[T] = []
    room = _LIST_OCTETS
    for octets, item in items:
        if octets > room:
            yield tuple(part)
            part, room = [], _LIST_OCTETS
        part.append(item)
        room -= octets
    yield tuple(part)


def _creation(body: object) -> FileRequest:
    assert isinstance(body, files.CreateFile)
    return FileRequest(FileOperation.CREATE, body.repository, body.file, body.size_max, body.locked)


def _of_file(operation: FileOperation) -> Ask:
    def ask(body: object) -> FileRequest:
        assert isinstance(body, files.DeleteFile | files.ReportAttributes | files.LockFile | files.UnlockFile)
        return FileRequest(operation, body.repository, body.file)

    return ask


def _of_directory(operation: FileOperation) -> Ask:
    def ask(body: object) -> FileRequest:
        assert isinstance(body, files.CreateDirectory | files.DeleteDirectory)
        return FileRequest(operation, body.repository, body.directory)

    return ask


def _search(body: object) -> FileRequest:
    assert isinstance(body, files.FindFiles)
    return FileRequest(FileOperation.FIND, body.repository, body.pattern)


def _listing(body: object) -> FileRequest:
    assert isinstance(body, files.ListDirectory)
    return FileRequest(FileOperation.SUMMARY, body.repository)


_ASKS: Final[Mapping[type[object], Ask]] = {
    files.CreateFile: _creation,
    files.DeleteFile: _of_file(FileOperation.DELETE),
    files.ReportAttributes: _of_file(FileOperation.ATTRIBUTES),
    files.LockFile: _of_file(FileOperation.LOCK),
    files.UnlockFile: _of_file(FileOperation.UNLOCK),
    files.FindFiles: _search,
    files.CreateDirectory: _of_directory(FileOperation.CREATE_DIRECTORY),
    files.DeleteDirectory: _of_directory(FileOperation.DELETE_DIRECTORY),
    files.ListDirectory: _listing,
}
