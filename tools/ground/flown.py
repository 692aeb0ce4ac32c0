"""Which mission database flies: the one in hand, another that is at hand, or one that is not."""

from collections.abc import Iterable
from enum import Enum, unique

from fsw.mdb.database import Database


@unique
class DatabaseState(Enum):
    """Whether the database that flies is the one in hand."""

    UNKNOWN = "not told yet"
    MATCH = "match"
    MISMATCH = "mismatch"


def flown(databases: Iterable[Database], digest: bytes) -> Database | None:
    """The database of this digest, or of its first octets, as a boot event tells; None where it is not at hand."""
    return next((each for each in databases if each.digest()[: len(digest)] == digest), None)
