"""Values of parameters on the wire: one alone, a housekeeping structure's, and (id, value) lists of ST[20].

Their widths follow from the database, so no body class can declare them. Absent raw values are None on this side.
"""

from collections.abc import Iterable, Mapping
from struct import Struct, error
from typing import Final, NamedTuple

from fsw.mdb.codec import DecodeError, DecodeReason
from fsw.mdb.model import F32, Parameter, Structure
from fsw.pus.ids import FailureCode

Raw = float | None

_PID: Final = Struct(">H")


class ParameterValue(NamedTuple):
    """One parameter and its raw value; None where the reading is absent."""

    parameter: Parameter
    raw: Raw


def encode_value(parameter: Parameter, raw: Raw) -> bytes:
    """Octets of one value; one that the type cannot hold stops at the type's end, as a counter should."""
    return Struct(">" + parameter.value_type.code).pack(_fitted(parameter, raw))


def decode_value(parameter: Parameter, octets: bytes) -> Raw | DecodeError:
    """One value from exactly its octets; None where the reading is absent."""
    if len(octets) != parameter.value_type.octets:
        detail = f"{len(octets)} octets where {parameter.name} has {parameter.value_type.octets}"
        return DecodeError(DecodeReason.LENGTH, parameter.name, detail)
    raw: float = Struct(">" + parameter.value_type.code).unpack(octets)[0]
    return None if raw == parameter.absent else raw


def write_failure(parameter: Parameter, raw: Raw) -> FailureCode | None:
    """Why (20,3) may not set a parameter to this value; None when it may."""
    if not parameter.writable:
        return FailureCode.PROTECTED
    low, high = writable_range(parameter)
    if raw is None or not low <= raw <= high:
        return FailureCode.OUT_OF_RANGE
    return None


def writable_range(parameter: Parameter) -> tuple[float, float]:
    """The raw range that (20,3) accepts."""
    low = parameter.value_type.low if parameter.low is None else parameter.low
    high = parameter.value_type.high if parameter.high is None else parameter.high
    return low, high


def encode_values(values: Iterable[ParameterValue]) -> bytes:
    """Body of (20,2) or (20,3): count u8, then id u16 and value each."""
    listed = list(values)
    parts = [bytes((len(listed),))]
    for parameter, raw in listed:
        parts += (_PID.pack(parameter.pid), encode_value(parameter, raw))
    return b"".join(parts)


def decode_values(parameters: Mapping[int, Parameter], octets: bytes) -> tuple[ParameterValue, ...] | DecodeError:
    """Read the body of (20,2) or (20,3). An unknown id makes the rest unreadable, so nothing of it is taken."""
    short = DecodeError(DecodeReason.LENGTH, "values", f"{len(octets)} octets do not hold the values they announce")
    if not octets:
        return short
    values: list[ParameterValue] = []
    at = 1
    for _ in range(octets[0]):
        if at + _PID.size > len(octets):
            return short
        (pid,) = _PID.unpack_from(octets, at)
        parameter = parameters.get(pid)
        if parameter is None:
            return DecodeError(DecodeReason.UNKNOWN_ID, "values", f"no parameter has the id {pid:#06x}")
        begin = at + _PID.size
        at = begin + parameter.value_type.octets
        raw = decode_value(parameter, octets[begin:at])
        if isinstance(raw, DecodeError):
            return short
        values.append(ParameterValue(parameter, raw))
    return tuple(values) if at == len(octets) else short


class StructureLayout:
    """A housekeeping structure ready for use: SID u16, then its parameters' values."""

    __slots__ = ("_absent", "_struct", "octets", "structure")

    def __init__(self, structure: Structure) -> None:
        self.structure: Final = structure
        codes = "".join(parameter.value_type.code for parameter in structure.parameters)
        self._struct = Struct(">H" + codes)
        self._absent = [(parameter.pid, parameter.absent) for parameter in structure.parameters]
        self.octets: Final = self._struct.size

    def encode(self, values: Mapping[int, Raw]) -> bytes:
        """Source data of (3,25) from raw values by parameter id; a missing or None one flies as absent."""
        raw = [absent if (value := values.get(pid)) is None else value for pid, absent in self._absent]
        try:
            return self._struct.pack(self.structure.sid, *raw)
        except error:
            fitted = [_fitted(p, values.get(p.pid)) for p in self.structure.parameters]
            return self._struct.pack(self.structure.sid, *fitted)

    def decode(self, octets: bytes) -> dict[str, Raw] | DecodeError:
        """Raw values by parameter name, None where absent, from the source data of (3,25)."""
        if len(octets) != self.octets:
            detail = f"{len(octets)} octets where {self.structure.name} has {self.octets}"
            return DecodeError(DecodeReason.LENGTH, "values", detail)
        _sid, *values = self._struct.unpack(octets)
        named = zip(self.structure.parameters, values, strict=True)
        return {parameter.name: None if raw == parameter.absent else raw for parameter, raw in named}


def _fitted(parameter: Parameter, raw: Raw) -> float:
    """The raw value that flies: absent for None, the type's end for what lies beyond it."""
    if raw is None:
        assert parameter.absent is not None, f"{parameter.name} has no raw value that says absent"
        return parameter.absent
    fitted = min(max(raw, parameter.value_type.low), parameter.value_type.high)
    return fitted if parameter.value_type is F32 else int(fitted)
