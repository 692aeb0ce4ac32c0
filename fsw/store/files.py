"""The files of the payload's store: a folder beside the store's file, served by the store's server (ST[23]).

Every step into the folder goes by a descriptor of the step before and follows no link, so that no name leads out of it.
What a file may grow to, and its lock, stand in the kept table FILES, which nobody else writes. A row is on the disk
before its file is made, and goes with it; one without a file means nothing and is cleared away.
Off nominal: what cannot be done has a failure code and changes nothing; a disk that fails is the server's to answer.
"""

import errno
import os
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from fnmatch import fnmatchcase
from itertools import islice
from typing import Final, NamedTuple

from fsw.pus.ids import FailureCode
from fsw.store.database_file import DatabaseFile
from fsw.store.file_words import (
    DEPTH_MAX,
    FileAnswer,
    FileOperation,
    FileRequest,
    decode_request,
    directories,
    encode_answer,
    is_name,
)
from fsw.store.keep import Table
from fsw.store.protocol import StoreStatus

FILES_MAX: Final = 128
DIRECTORIES_MAX: Final = 32
QUOTA_OCTETS: Final = 64 * 1024 * 1024
"""What all files may grow to together."""
LISTED_MAX: Final = 256
"""Names in one answer; only files that others have put there can be more."""
assert LISTED_MAX > FILES_MAX + DIRECTORIES_MAX
FILE, DIRECTORY = 0, 1
_ROW_OCTETS: Final = 5
_DONE: Final = FileAnswer(0)
_CODES: Final = {
    errno.ENOENT: FailureCode.UNKNOWN_ID,
    errno.ENOTDIR: FailureCode.WRONG_STATE,
    errno.EISDIR: FailureCode.WRONG_STATE,
    errno.ELOOP: FailureCode.WRONG_STATE,
    errno.EEXIST: FailureCode.ALREADY_EXISTS,
    errno.ENOTEMPTY: FailureCode.NOT_EMPTY,
}


class _Row(NamedTuple):
    """What is kept of a file beside its octets."""

    key: int
    size_max: int
    locked: bool


class _RefusedError(Exception):
    """What was asked for cannot be."""

    def __init__(self, code: FailureCode) -> None:
        self.code = code


class FileStore:
    """Serves the files in `folder`, made at the first request; None: there is no place for files."""

    def __init__(self, folder: str | None, file: DatabaseFile) -> None:
        self.folder = folder
        self._file = file
        self._serving: Final[Mapping[FileOperation, Callable[[int, FileRequest], FileAnswer]]] = {
            FileOperation.CREATE: self._create,
            FileOperation.DELETE: self._delete,
            FileOperation.ATTRIBUTES: self._attributes,
            FileOperation.LOCK: self._lock,
            FileOperation.UNLOCK: self._lock,
            FileOperation.FIND: self._find,
            FileOperation.CREATE_DIRECTORY: self._create_directory,
            FileOperation.DELETE_DIRECTORY: self._delete_directory,
            FileOperation.SUMMARY: self._summary,
        }
        assert set(self._serving) == set(FileOperation)

    def serve(self, body: bytes) -> bytes | StoreStatus:
        """The answer to one request."""
        request = decode_request(body)
        if request is None:
            return StoreStatus.MALFORMED
        if self.folder is None:
            return StoreStatus.DISK
        os.makedirs(self.folder, mode=0o700, exist_ok=True)
        try:
            with self._directory(request.repository) as place:
                answer = self._serving[request.operation](place, request)
        except _RefusedError as refused:
            answer = FileAnswer(refused.code)
        except OSError as error:
            if error.errno not in _CODES:
                raise
            answer = FileAnswer(_CODES[error.errno])
        sizes = [size for _, kind, size in self._walk("/") if kind == FILE]
        return encode_answer(answer._replace(files=len(sizes), octets=sum(sizes)))

    @contextmanager
    def _directory(self, repository: str) -> Iterator[int]:
        """A descriptor of a repository; raises `OSError` when it is not there or is no directory."""
        names = directories(repository)
        assert names is not None, "a request is sound"
        assert self.folder is not None
        flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
        place = os.open(self.folder, flags)
        try:
            for name in names:
                above, place = place, os.open(name, flags, dir_fd=place)
                os.close(above)
            yield place
        finally:
            os.close(place)

    def _listed(self, place: int) -> list[tuple[str, int, int]]:
        """Name, type and size of what is in a directory and has a name that may be; links and devices are nothing."""
        found = []
        for name in sorted(filter(is_name, os.listdir(place))):
            status = os.stat(name, dir_fd=place, follow_symlinks=False)
            if stat.S_ISREG(status.st_mode):
                found.append((name, FILE, status.st_size))
            elif stat.S_ISDIR(status.st_mode):
                found.append((name, DIRECTORY, 0))
        return found

    def _walk(self, repository: str) -> Iterator[tuple[str, int, int]]:
        """Path, type and size of all below a repository, as deep as repositories go."""
        with self._directory(repository) as place:
            listed = self._listed(place)
        for name, kind, size in listed:
            path = _path(repository, name)
            yield path, kind, size
            if kind == DIRECTORY and len(directories(repository) or ()) < DEPTH_MAX:
                yield from self._walk(path)

    # --- rows ------------------------------------------------------------------------------------------------------

    def _rows(self) -> dict[str, _Row]:
        """What is kept, by path; a row that damage has left unreadable is nobody's."""
        found = self._file.connection().execute("SELECT key, octets FROM keep WHERE place = ?", (int(Table.FILES),))
        rows = {}
        for key, octets in found:
            if isinstance(octets, bytes) and len(octets) > _ROW_OCTETS:
                path = octets[_ROW_OCTETS:].decode("ascii", "replace")
                rows[path] = _Row(key, int.from_bytes(octets[:4], "big"), octets[4] != 0)
        return rows

    def _keep(self, rows: Mapping[str, _Row], path: str, size_max: int, *, locked: bool) -> None:
        """Write a file's row, and clear away those without a file."""
        there = {found for found, kind, _ in self._walk("/") if kind == FILE} | {path}
        taken = {row.key for found, row in rows.items() if found in there}
        key = rows[path].key if path in rows else next(n for n in range(len(taken) + 1) if n not in taken)
        octets = size_max.to_bytes(4, "big") + bytes((locked,)) + path.encode("ascii")
        with self._file.transaction(len(octets)) as connection:
            for found, row in rows.items():
                if found not in there:
                    connection.execute("DELETE FROM keep WHERE place = ? AND key = ?", (int(Table.FILES), row.key))
            connection.execute("INSERT OR REPLACE INTO keep VALUES (?, ?, ?)", (int(Table.FILES), key, octets))

    # --- files -----------------------------------------------------------------------------------------------------

    def _size(self, place: int, name: str) -> int:
        """Octets of a file; raises when it is not there, or is none."""
        status = os.stat(name, dir_fd=place, follow_symlinks=False)
        if not stat.S_ISREG(status.st_mode):
            raise _RefusedError(FailureCode.WRONG_STATE)
        return status.st_size

    def _create(self, place: int, request: FileRequest) -> FileAnswer:
        if request.name in os.listdir(place):
            raise _RefusedError(FailureCode.ALREADY_EXISTS)
        rows = self._rows()
        sizes = {path: size for path, kind, size in self._walk("/") if kind == FILE}
        reserved = sum(max(size, rows[path].size_max if path in rows else 0) for path, size in sizes.items())
        if len(sizes) >= FILES_MAX or reserved + request.size_max > QUOTA_OCTETS:
            raise _RefusedError(FailureCode.CAPACITY)
        self._keep(rows, _path(request.repository, request.name), request.size_max, locked=request.locked)
        file = os.open(request.name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=place)
        try:
            os.fsync(file)
        finally:
            os.close(file)
        os.fsync(place)
        return _DONE

    def _delete(self, place: int, request: FileRequest) -> FileAnswer:
        self._size(place, request.name)
        row = self._rows().get(_path(request.repository, request.name))
        if row is not None and row.locked:
            raise _RefusedError(FailureCode.PROTECTED)
        with self._file.transaction() as connection:
            key = -1 if row is None else row.key
            connection.execute("DELETE FROM keep WHERE place = ? AND key = ?", (int(Table.FILES), key))
            os.unlink(request.name, dir_fd=place)
            os.fsync(place)
        return _DONE

    def _attributes(self, place: int, request: FileRequest) -> FileAnswer:
        size = self._size(place, request.name)
        row = self._rows().get(_path(request.repository, request.name))
        return FileAnswer(0, size=size, locked=row is not None and row.locked)

    def _lock(self, place: int, request: FileRequest) -> FileAnswer:
        self._size(place, request.name)
        rows, path = self._rows(), _path(request.repository, request.name)
        row = rows.get(path, _Row(0, 0, locked=False))
        locked = request.operation is FileOperation.LOCK
        if row.locked is locked:
            raise _RefusedError(FailureCode.WRONG_STATE)
        self._keep(rows, path, row.size_max, locked=locked)
        return _DONE

    def _find(self, place: int, request: FileRequest) -> FileAnswer:
        del place
        start = len(request.repository.rstrip("/")) + 1
        files = (path for path, kind, _ in self._walk(request.repository) if kind == FILE)
        matching = (path for path in files if fnmatchcase(path.rpartition("/")[2], request.name))
        return FileAnswer(0, objects=tuple((FILE, path[start:]) for path in islice(matching, LISTED_MAX)))

    # --- directories -----------------------------------------------------------------------------------------------

    def _create_directory(self, place: int, request: FileRequest) -> FileAnswer:
        if request.name in os.listdir(place):
            raise _RefusedError(FailureCode.ALREADY_EXISTS)
        number = sum(kind == DIRECTORY for _, kind, _ in self._walk("/"))
        if number >= DIRECTORIES_MAX or len(directories(request.repository) or ()) >= DEPTH_MAX:
            raise _RefusedError(FailureCode.CAPACITY)
        os.mkdir(request.name, 0o700, dir_fd=place)
        os.fsync(place)
        return _DONE

    def _delete_directory(self, place: int, request: FileRequest) -> FileAnswer:
        os.rmdir(request.name, dir_fd=place)
        os.fsync(place)
        return _DONE

    def _summary(self, place: int, request: FileRequest) -> FileAnswer:
        del request
        return FileAnswer(0, objects=tuple((kind, name) for name, kind, _ in self._listed(place)[:LISTED_MAX]))


def _path(repository: str, name: str) -> str:
    return f"{repository.rstrip('/')}/{name}"
