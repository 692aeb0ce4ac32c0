"""How a key's counter or mark is kept: rows of table COUNTERS, a number and its complement, twice.

Off nominal: of two sound copies the higher one holds; where none is sound there is no number.
"""

from collections.abc import Mapping
from typing import Final

from fsw.ccsds.sdls import IV_END
from fsw.services.security.key_slots import COPY
from fsw.store.keep import Change, Table, put

_OCTETS: Final = 13


def number_rows(key: int, number: int) -> list[Change]:
    """The number of a key id, twice."""
    return [put(Table.COUNTERS, row, sealed(number)) for row in (key, key | COPY)]


def there(key: int, rows: Mapping[int, bytes]) -> bool:
    """Whether anything is kept of a key id's number, sound or not."""
    return key in rows or key | COPY in rows


def number_in(key: int, rows: Mapping[int, bytes]) -> int | None:
    """The number of a key id; None where none is sound."""
    kept = (unsealed(rows[row]) for row in (key, key | COPY) if row in rows)
    return max((number for number in kept if number is not None), default=None)


def sealed(number: int) -> bytes:
    """A number of 0..2^96 as it is kept."""
    octets = number.to_bytes(_OCTETS, "big")
    return octets + bytes(octet ^ 0xFF for octet in octets)


def unsealed(row: bytes) -> int | None:
    """The number of a row; None when its halves contradict one another, or it is none."""
    number = int.from_bytes(row[:_OCTETS], "big")
    return number if len(row) == 2 * _OCTETS and number <= IV_END and sealed(number) == row else None
