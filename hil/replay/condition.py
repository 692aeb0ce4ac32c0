"""What a replay waits for: `power.load_mw > 2000`, `system.mode = SAFE`; the same sentences as in scenarios.

A value is in the parameter's engineering unit, or the name of an enumerated one, in any case. An absent reading fulfils
nothing. Off nominal: a sentence that cannot be read, a parameter that there is not, is a `ConditionError`.
"""

from collections.abc import Mapping

from fsw.kernel.clock import Micros
from fsw.mdb.database import Database
from fsw.mdb.model import Parameter
from fsw.mdb.values import Raw
from hil.written.expectation import ExpectationError, Kind, Word, holds, read
from hil.written.toml_table import nearest


class ConditionError(Exception):
    """A condition that cannot be waited for; the text is one sentence."""


class Condition:
    """A condition on one parameter."""

    def __init__(self, text: str, database: Database) -> None:
        self.text = text
        try:
            self._wanted = read(f"{Kind.PARAMETER.value} {text.replace('==', '=')}")
        except ExpectationError:
            raise ConditionError(f"{text!r} is no condition: it needs a parameter, an operator, a value") from None
        if not self._wanted.conditions:
            raise ConditionError(f"{text!r} is no condition: it needs a parameter, an operator, a value")
        names = [parameter.name for parameter in database.parameters.values()]
        parameter = database.parameter_named(self._wanted.name)
        if parameter is None:
            near = nearest(self._wanted.name, names)
            raise ConditionError(f"{text!r}: there is no parameter {self._wanted.name!r}; {near}")
        self._must_be_a_value(parameter)
        self._parameter = parameter
        self._before: dict[tuple[Kind, str, str], object] = {}

    def _must_be_a_value(self, parameter: Parameter) -> None:
        """A word must be one of the enumeration's."""
        labels = [] if parameter.enum is None else [member.name for member in parameter.enum]
        for _, _, value in self._wanted.conditions:
            if isinstance(value, str) and value.upper() not in labels:
                known = nearest(value, labels) if labels else "it is a number"
                raise ConditionError(f"{self.text!r}: {value!r} is no value of {parameter.name}; {known}")

    def holds(self, values: Mapping[int, Raw], now: Micros) -> bool:
        """Whether it holds of these raw values by parameter id."""
        value = shown(self._parameter, values.get(self._parameter.pid))
        key = (Kind.PARAMETER, self._parameter.name, "")
        found = holds(self._wanted, Word(Kind.PARAMETER, self._parameter.name, {"": value}, now), self._before)
        self._before[key] = value
        return value is not None and found


def shown(parameter: Parameter, raw: Raw) -> float | str | None:
    """A raw value as people read it: the name of an enumerated one, else in engineering units; None when absent."""
    value = parameter.engineering(raw)
    if value is not None and parameter.enum is not None and raw in tuple(parameter.enum):
        return parameter.enum(int(value)).name
    return value
