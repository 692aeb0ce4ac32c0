"""SDLS (355.0-B): one frame's data field protected or checked, with AES-256-GCM and the standard authentication masks.

A protected data field is SPI (2), IV (12, the counter), the data, MAC (16): header behind the frame's own headers,
trailer before OCF and FECF. Of the frame's header the virtual channel alone is authenticated (standard masks), so all
that is authenticated besides the data is the same octets for every frame of an association. A key that only signs
(GMAC) leaves the data readable. A sender never uses an IV that was not reserved for it, nor one twice; a receiver takes
any IV above its mark. Every reason to refuse has a name.
An association may have several keys (slots), each with its own counter and its own mark, all with one SPI on the
wire. What leaves has the key in use; what comes may have any that is taken: the one that last worked is tried first.
A telecommand whose IV says how it was sent (`numbered_iv.py`) is taken by that service only, and once however often
COP-1 was made to repeat it.
"""

from collections.abc import Callable, Collection, Iterable
from enum import Enum, unique
from functools import partial
from typing import Final, NamedTuple

from fsw.ccsds import numbered_iv
from fsw.ccsds.numbered_iv import NumberedIv
from fsw.kernel.key import SLOTS, Key, Keys, key_id, spi_of

SPI_TC: Final = 0x0010
SPI_TM: Final = 0x0020
"""The SPI of a channel is one of these plus its VC (contract, section 6)."""
TC_PROTECTED: Final = (0, 1)
TM_PROTECTED: Final = (0, 1, 3)
SPIS: Final = (*(SPI_TC + vcid for vcid in TC_PROTECTED), *(SPI_TM + vcid for vcid in TM_PROTECTED))
KEY_IDS: Final = tuple(key_id(spi, slot) for spi in SPIS for slot in range(SLOTS))
"""Of every key that a link can have."""
_KEY_BITS: Final = {key: 1 << bit for bit, key in enumerate(KEY_IDS)}
SPI_OCTETS: Final = 2
IV_OCTETS: Final = 12
MAC_OCTETS: Final = 16
HEADER_OCTETS: Final = SPI_OCTETS + IV_OCTETS
OVERHEAD_OCTETS: Final = HEADER_OCTETS + MAC_OCTETS
IV_END: Final = 1 << 8 * IV_OCTETS
"""There is no IV from here on: a key that has come so far is used up."""
NO_MARK: Final = -1
"""The mark of a receiver that has taken nothing yet: IV 0 is above it."""
_MASKED_IV: Final = bytes(IV_OCTETS)


@unique
class SdlsReject(Enum):
    """Why a data field is not taken; the first rule that it breaks, in this order. Clear frames have no SPI of ours."""

    SPI = "sdls_spi_unknown"
    CHANNEL = "sdls_spi_of_another_channel"
    KEY = "sdls_no_key"
    SHORT = "sdls_short"
    MAC = "sdls_not_authentic"
    REPLAYED = "sdls_replayed"
    MARK = "sdls_mark_unknown"  # it is not known yet what was taken before the last reset
    ROOM = "sdls_no_room"  # taken by nobody: too many frames wait for their mark to be kept
    SERVICE = "sdls_other_service"  # sent as AD and brought as BD, or the other way round
    AGAIN = "sdls_taken_before"  # COP-1 was made to repeat what had been taken


def associated_tc(vcid: int, spi: int, segment_header: bytes = b"") -> bytes:
    """What is authenticated of a TC frame beside its data: mask 00 00 FC 00 00, segment header FF, SPI FF FF, IV 00."""
    return bytes((0, 0, vcid << 2, 0, 0)) + segment_header + spi.to_bytes(SPI_OCTETS, "big") + _MASKED_IV


def associated_tm(vcid: int, spi: int) -> bytes:
    """The same of a TM frame: mask 00 0E 00 00 00 00, SPI FF FF, IV 00."""
    return bytes((0, vcid << 1, 0, 0, 0, 0)) + spi.to_bytes(SPI_OCTETS, "big") + _MASKED_IV


class Cipher:
    """One key at work in one association."""

    __slots__ = ("_aead", "_associated", "_encrypts", "_not_authentic")

    def __init__(self, key: Key, associated: bytes) -> None:
        # Not at the top of the file: a clear link loads no cipher.
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

        self._aead = AESGCM(key.octets)
        self._not_authentic = InvalidTag
        self._associated = associated
        self._encrypts = not key.signs

    def protect(self, iv: bytes, data: bytes) -> bytes:
        """The data as they leave, MAC behind them."""
        if self._encrypts:
            return self._aead.encrypt(iv, data, self._associated)
        return data + self._aead.encrypt(iv, b"", self._associated + data)

    def check(self, iv: bytes, octets: bytes) -> bytes | None:
        """The data of what `protect` gave; None when a single bit differs."""
        try:
            if self._encrypts:
                return self._aead.decrypt(iv, octets, self._associated)
            data = octets[:-MAC_OCTETS]
            self._aead.decrypt(iv, octets[-MAC_OCTETS:], self._associated + data)
        except self._not_authentic:
            return None
        return data


class Sender:
    """The sending end of one key of an association. Not `ready` until `reserve` has said which IVs are its own.

    `numbered`: its IVs say how a telecommand is sent.
    """

    __slots__ = ("_numbered", "_spi", "cipher", "following", "key", "reserved")

    def __init__(self, key: int, cipher: Cipher, *, numbered: bool = False) -> None:
        self._numbered = numbered
        self.key = key
        """Its key id."""
        self._spi = spi_of(key).to_bytes(SPI_OCTETS, "big")
        self.cipher = cipher
        self.following = 0
        """The IV of the next frame, or its counter."""
        self.reserved = 0
        """Those below this one are its own."""

    @property
    def ready(self) -> bool:
        """Whether there is an IV for one more frame."""
        return self.following < self.reserved

    @property
    def left(self) -> int:
        """How many IVs are reserved and unused."""
        return self.reserved - self.following

    def begin(self, following: int, reserved: int) -> None:
        """A life begins: IVs from `following` on, below `reserved`, were never used and are kept for it."""
        assert self.following <= following <= reserved <= IV_END, "an IV is used once"
        self.following, self.reserved = following, reserved

    def extend(self, reserved: int) -> None:
        """More IVs behind those at hand are its own."""
        assert self.reserved <= reserved <= IV_END, "what is reserved stays reserved"
        self.reserved = reserved

    def protect(self, data: bytes, first: int | None = None) -> bytes:
        """The data field of a frame, 30 octets longer; it uses one IV up.

        `first`: of an AD frame, what `following` was when its data left for the first time.
        """
        assert self.following < self.reserved, "an IV is reserved before it is used"
        counter = self.following
        if self._numbered:
            back = 0 if first is None else counter - first
            iv = numbered_iv.encode(NumberedIv(counter, first is None, back))
        else:
            iv = counter.to_bytes(IV_OCTETS, "big")
        self.following += 1
        return self._spi + iv + self.cipher.protect(iv, data)


class Receiver:
    """The receiving end of one key; `mark` is the highest IV taken under it; none is while it is not `known`."""

    __slots__ = ("_first", "cipher", "key", "known", "mark")

    def __init__(self, key: int, cipher: Cipher, mark: int = NO_MARK) -> None:
        self.key = key
        """Its key id."""
        self.cipher = cipher
        self.known = True
        self.begin(mark)

    def begin(self, mark: int) -> None:
        """A life begins with the mark of the one before: what first left before it is not repeated."""
        self.mark = mark
        self._first = NO_MARK if numbered_iv.decode(max(mark, 0)) is None else self.counter
        """Of the AD frame taken last: when its data left first."""

    @property
    def counter(self) -> int:
        """The counter of the mark, 0 for none: the whole IV unless that says more."""
        numbered = numbered_iv.decode(max(self.mark, 0))
        return max(self.mark, 0) if numbered is None else numbered.counter

    def check(self, field: bytes, *, bypass: bool = True) -> bytes | SdlsReject:
        """The data of a protected data field whose SPI is this one; taking them moves the mark. `bypass`: not AD."""
        data = self.opened(field)
        if isinstance(data, SdlsReject):
            return data
        iv = int.from_bytes(field[SPI_OCTETS:HEADER_OCTETS], "big")
        if iv <= self.mark:
            return SdlsReject.REPLAYED
        if not self.known:
            return SdlsReject.MARK
        numbered = numbered_iv.decode(iv)
        if numbered is not None:
            if numbered.bypass != bypass:
                return SdlsReject.SERVICE
            if not bypass:
                if numbered.first <= self._first:
                    return SdlsReject.AGAIN
                self._first = numbered.first
        self.mark = iv
        return data

    def opened(self, field: bytes) -> bytes | SdlsReject:
        """The same for who only listens: no mark is looked at, none moves."""
        if len(field) <= OVERHEAD_OCTETS:
            return SdlsReject.SHORT
        data = self.cipher.check(field[SPI_OCTETS:HEADER_OCTETS], field[HEADER_OCTETS:])
        return SdlsReject.MAC if data is None else data


class First(NamedTuple):
    """When the data of an AD frame left for the first time: under which key, and its counter there."""

    key: int
    counter: int


class Protection:
    """All associations of one end of a link, and what was refused. A channel without a key is shut.

    `sending` and `taking` are all ends by key id. By virtual channel, `senders` are those in use, at first the lowest
    slots; `receivers` those that took a frame last, at first the lowest slots.
    """

    __slots__ = ("_base", "_order", "_sends", "_takes", "receivers", "refused", "senders", "sending", "taking")

    def __init__(self, senders: Iterable[Sender], receivers: Iterable[Receiver], *, on_board: bool) -> None:
        self._sends: tuple[int, ...] = TM_PROTECTED if on_board else TC_PROTECTED
        self._takes: tuple[int, ...] = TC_PROTECTED if on_board else TM_PROTECTED
        self._base = SPI_TC if on_board else SPI_TM
        self.sending = {sender.key: sender for sender in sorted(senders, key=lambda sender: sender.key)}
        self.taking = {receiver.key: receiver for receiver in sorted(receivers, key=lambda receiver: receiver.key)}
        assert all(self._sender_vcid(key) in self._sends for key in self.sending), "the other channels are clear"
        assert all(spi_of(key) - self._base in self._takes for key in self.taking), "the other channels are clear"
        self.senders: dict[int, Sender] = {}
        self._order: dict[int, tuple[Receiver, ...]] = {}
        self.receivers: dict[int, Receiver] = {}
        for key in reversed(self.sending):
            self.use(key)
        for vcid in self._takes:
            self.take(vcid, self.taking)
        self.refused = dict.fromkeys(SdlsReject, 0)

    def use(self, key: int) -> None:
        """From now on what leaves on this key's channel leaves under it."""
        self.senders[self._sender_vcid(key)] = self.sending[key]

    def take(self, vcid: int, keys: Collection[int]) -> None:
        """From now on a channel takes those of `keys` that are its own and no other."""
        spi = self._base + vcid
        chosen = [receiver for key, receiver in self.taking.items() if key in keys and spi_of(key) == spi]
        last = self.receivers.get(vcid)
        chosen.sort(key=lambda receiver: receiver is not last)
        self._order[vcid] = tuple(chosen)
        if chosen:
            self.receivers[vcid] = chosen[0]
        else:
            self.receivers.pop(vcid, None)

    def drop(self, key: int) -> None:
        """A key is gone for good: nothing of it stays here."""
        if key in self.sending:
            vcid = self._sender_vcid(key)
            if self.senders.get(vcid) is self.sending.pop(key):
                del self.senders[vcid]
        if self.taking.pop(key, None) is not None:
            vcid = spi_of(key) - self._base
            self.take(vcid, [receiver.key for receiver in self._order[vcid]])

    def _sender_vcid(self, key: int) -> int:
        return spi_of(key) - (SPI_TC + SPI_TM - self._base)

    def sends(self, vcid: int) -> bool:
        """Whether what this end sends on a channel is protected."""
        return vcid in self._sends

    def takes(self, vcid: int) -> bool:
        """Whether what this end takes from a channel must be protected."""
        return vcid in self._takes

    def ready(self, vcid: int, first: First | None = None) -> bool:
        """Whether a frame may leave on a channel now: it is clear, or has a key and an IV. `first`: as `protect_ad`."""
        if vcid not in self._sends:
            return True
        sender = self.senders.get(vcid) if first is None else self.sending.get(first.key)
        return sender is not None and sender.ready

    def protect(self, vcid: int, data: bytes) -> bytes:
        """The data field of a frame of this channel, which must be `ready`; of a telecommand's by BD."""
        return self.senders[vcid].protect(data) if vcid in self._sends else data

    def protect_ad(self, vcid: int, data: bytes, first: First | None) -> tuple[bytes, First]:
        """The same of an AD frame. `first`: what this said when the data left for the first time; None: now.

        What is sent again leaves under the key of the first time: its receiver knows by that whether it was taken.
        """
        sender = self.senders[vcid] if first is None else self.sending[first.key]
        first = First(sender.key, sender.following) if first is None else first
        return sender.protect(data, first.counter), first

    def check(self, vcid: int, field: bytes, *, bypass: bool = True) -> bytes | SdlsReject:
        """The data of a data field that has come on this channel, or why they are not taken, which is counted.

        `receivers[vcid]` is then the one that took them. `bypass`: False for an AD frame.
        """
        if vcid not in self._takes:
            return field
        found = self._tried(vcid, field, partial(Receiver.check, bypass=bypass))
        if isinstance(found, SdlsReject):
            self.refused[found] += 1
        return found

    def opened(self, vcid: int, field: bytes) -> bytes | SdlsReject:
        """The same for who only listens: no mark is looked at, none moves, nothing is counted."""
        return self._tried(vcid, field, Receiver.opened) if vcid in self._takes else field

    def _tried(
        self, vcid: int, field: bytes, by: Callable[[Receiver, bytes], bytes | SdlsReject]
    ) -> bytes | SdlsReject:
        base = self._base
        spi = int.from_bytes(field[:SPI_OCTETS], "big")
        if spi - base not in self._takes:
            return SdlsReject.SPI
        if spi != base + vcid:
            return SdlsReject.CHANNEL
        order = self._order[vcid]
        for receiver in order:
            found = by(receiver, field)
            if found is SdlsReject.MAC:
                continue
            if receiver is not order[0] and isinstance(found, bytes):
                self._order[vcid] = (receiver, *(other for other in order if other is not receiver))
                self.receivers[vcid] = receiver
            return found
        return SdlsReject.MAC if order else SdlsReject.KEY


def mask(keys: Iterable[int]) -> int:
    """Key ids as one number: bit n is that of `KEY_IDS[n]`."""
    return sum(_KEY_BITS[key] for key in keys if key in _KEY_BITS)


def of_mask(number: int) -> frozenset[int]:
    """The key ids of such a number."""
    return frozenset(key for key, bit in _KEY_BITS.items() if number & bit)


def on_board(keys: Keys) -> Protection:
    """The payload's end: TM leaves, TC comes."""
    return Protection(_senders(_tm(keys)), _receivers(_tc(keys)), on_board=True)


def on_ground(keys: Keys, *, numbered: bool = False) -> Protection:
    """The ground's end: TC leaves, TM comes. `numbered`: its IVs say how a telecommand is sent."""
    return Protection(_senders(_tc(keys), numbered=numbered), _receivers(_tm(keys)), on_board=False)


_Ciphers = Iterable[tuple[int, Cipher]]


def _tc(keys: Keys) -> _Ciphers:
    for key, vcid in _present(keys, SPI_TC, TC_PROTECTED):
        yield key, Cipher(keys[key], associated_tc(vcid, spi_of(key)))


def _tm(keys: Keys) -> _Ciphers:
    for key, vcid in _present(keys, SPI_TM, TM_PROTECTED):
        yield key, Cipher(keys[key], associated_tm(vcid, spi_of(key)))


def _present(keys: Keys, base: int, vcids: tuple[int, ...]) -> Iterable[tuple[int, int]]:
    """The keys of a direction that are there: key id and virtual channel."""
    return [(key, spi_of(key) - base) for key in KEY_IDS if key in keys and spi_of(key) - base in vcids]


def _senders(ciphers: _Ciphers, *, numbered: bool = False) -> list[Sender]:
    return [Sender(key, cipher, numbered=numbered) for key, cipher in ciphers]


def _receivers(ciphers: _Ciphers) -> list[Receiver]:
    return [Receiver(key, cipher) for key, cipher in ciphers]
