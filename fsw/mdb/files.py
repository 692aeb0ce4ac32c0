"""ST[23] file management: the files of the payload's store, in directories ("repositories").

Layouts of subtype 2 as in tests/vectors/pus_tc.json (names behind a u8 count); the Book's order elsewhere. A repository
is `/` or `/name/name`; a file's name holds no `/`. A list too long for one report comes in several.
"""

from enum import IntEnum, unique
from typing import Final

from fsw.mdb.model import (
    U16,
    U32,
    Hazard,
    Parameter,
    array,
    boolean,
    enumerated,
    label,
    report,
    structure,
    telecommand,
    u8,
    u32,
)

NAME_OCTETS: Final = 32
DEPTH_MAX: Final = 3
REPOSITORY_OCTETS: Final = DEPTH_MAX * (1 + NAME_OCTETS)
PATH_OCTETS: Final = REPOSITORY_OCTETS + NAME_OCTETS
LIST_OCTETS: Final = 900  # of one report's list
LIST_MAX: Final = 255


@unique
class ObjectType(IntEnum):
    """What a name in a repository stands for."""

    FILE = 0
    DIRECTORY = 1


@telecommand(23, 1, name="file.create", hazard=Hazard.DEPENDENT)
class CreateFile:
    """Make an empty file that may grow to `size_max`."""

    repository: str = label(REPOSITORY_OCTETS)
    file: str = label(NAME_OCTETS)
    size_max: int = u32(low=1, unit="octets")
    locked: bool = boolean()


@telecommand(23, 2, name="file.delete", hazard=Hazard.DEPENDENT)
class DeleteFile:
    """Delete a file that is not locked."""

    repository: str = label(REPOSITORY_OCTETS)
    file: str = label(NAME_OCTETS)


@telecommand(23, 3, name="file.attributes")
class ReportAttributes:
    """How large is this file, and is it locked?"""

    repository: str = label(REPOSITORY_OCTETS)
    file: str = label(NAME_OCTETS)


@report(23, 4, name="file.attributes_report")
class AttributesReport:
    """Size and lock of a file."""

    repository: str = label(REPOSITORY_OCTETS)
    file: str = label(NAME_OCTETS)
    size: int = u32(unit="octets")
    locked: bool = boolean()


@telecommand(23, 5, name="file.lock")
class LockFile:
    """Let nobody delete this file."""

    repository: str = label(REPOSITORY_OCTETS)
    file: str = label(NAME_OCTETS)


@telecommand(23, 6, name="file.unlock", hazard=Hazard.DEPENDENT)
class UnlockFile:
    """Let this file be deleted again."""

    repository: str = label(REPOSITORY_OCTETS)
    file: str = label(NAME_OCTETS)


@telecommand(23, 7, name="file.find")
class FindFiles:
    """Which files below this repository have such a name? `*` is any characters, `?` any one."""

    repository: str = label(REPOSITORY_OCTETS)
    pattern: str = label(NAME_OCTETS)


@report(23, 8, name="file.found")
class FoundFiles:
    """Files of that pattern, as paths from the repository on."""

    repository: str = label(REPOSITORY_OCTETS)
    pattern: str = label(NAME_OCTETS)
    paths: tuple[str, ...] = array(label(PATH_OCTETS), u8, high=LIST_MAX, octets=LIST_OCTETS - NAME_OCTETS)


@telecommand(23, 9, name="file.create_directory")
class CreateDirectory:
    """Make a directory in this repository."""

    repository: str = label(REPOSITORY_OCTETS)
    directory: str = label(NAME_OCTETS)


@telecommand(23, 10, name="file.delete_directory", hazard=Hazard.DEPENDENT)
class DeleteDirectory:
    """Delete an empty directory of this repository."""

    repository: str = label(REPOSITORY_OCTETS)
    directory: str = label(NAME_OCTETS)


@telecommand(23, 12, name="file.list")
class ListDirectory:
    """What is in this repository?"""

    repository: str = label(REPOSITORY_OCTETS)


@structure
class DirectoryObject:
    """A file or directory."""

    type: ObjectType = enumerated(ObjectType)
    name: str = label(NAME_OCTETS)


@report(23, 13, name="file.listed")
class DirectorySummary:
    """What is in a repository, by name."""

    repository: str = label(REPOSITORY_OCTETS)
    objects: tuple[DirectoryObject, ...] = array(DirectoryObject, u8, high=LIST_MAX, octets=LIST_OCTETS)


OCTETS: Final = Parameter(130, "file.octets", U32, "octets", absent=0xFFFF_FFFF, doc="absent until it is asked for")
FILES: Final = Parameter(131, "file.files", U16, absent=0xFFFF, doc="files in the store; absent until it is asked for")
