"""Which requests a packet store takes in which state (ECSS-E-ST-70-41C 6.15): one row a request, marked where refused.

A store may be recording, in open retrieval, in retrieval by time, and part of a flush by value, each for itself; a
request is refused with 0x14 when one of the activities marked in its row is going on. Recording stops nothing but
what changes the store itself: content is deleted and copied while it goes on.

Off nominal: the table itself is that: what it marks is refused and changes nothing.
"""

from collections.abc import Mapping
from enum import Flag, unique
from typing import Final

from fsw.mdb.storage import (
    AbortRetrieval,
    ChangeChannel,
    ChangeStartTag,
    CopyPackets,
    DeleteContent,
    DeleteStores,
    DisableStorage,
    EnableStorage,
    FlushByValue,
    ResizeStores,
    ResumeRetrieval,
    StartRetrieval,
    SuspendRetrieval,
    ToBounded,
    ToCircular,
)


@unique
class Activity(Flag):
    """What a packet store may be doing."""

    STORAGE = 1
    OPEN = 2
    BY_TIME = 4
    FLUSH = 8


_S, _O, _T, _F = Activity
_NONE: Final = Activity(0)
# fmt: off
REFUSED: Final[Mapping[type[object], Activity]] = {
    EnableStorage:     _NONE,
    DisableStorage:    _NONE,
    StartRetrieval:         _O | _T | _F,
    AbortRetrieval:    _NONE,
    ChangeStartTag:         _O | _F,
    ResumeRetrieval:             _T | _F,
    SuspendRetrieval:  _NONE,
    DeleteContent:          _O | _T | _F,
    DeleteStores:      _S | _O | _T | _F,
    ResizeStores:      _S | _O | _T | _F,
    ToCircular:        _S | _O | _T | _F,
    ToBounded:         _S | _O | _T | _F,
    ChangeChannel:          _O | _T | _F,
    FlushByValue:                _T | _F,  # its beginning
    CopyPackets:            _O | _T | _F,  # of the store that is copied into
}
# fmt: on
