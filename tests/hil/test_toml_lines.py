"""The line of a key, against lines counted by eye."""

import pytest

from hil.written.toml_lines import Path, line_of

TEXT = '''title = "x"
about = """
baud = 3
"""

[line]
baud = 9600   # slow
"odd key" = { inner = 1 }

[[leg]]
name = "a"
  [[leg.step]]
  send = "ping"
  [[leg.step]]
  send = "noop"
[[leg]]
[[leg.step]]
order = { do = "on" }
a.b = 1
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("title",), 1),
        (("line",), 6),
        (("line", "baud"), 7),
        (("line", "odd key", "inner"), 8),
        (("leg", 0, "name"), 11),
        (("leg", 0, "step", 1), 14),
        (("leg", 0, "step", 1, "send"), 15),
        (("leg", 1), 16),
        (("leg", 1, "step", 0, "order", "do"), 18),
        (("leg", 1, "step", 0, "a", "b"), 19),
        (("nowhere",), 1),
    ],
)
def test_line(path: Path, line: int) -> None:
    assert line_of(TEXT, path) == line
