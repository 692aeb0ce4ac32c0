"""Lines between the ground process and its clients: one JSON object a line, UTF-8, at most 256 KiB.

A client says `hello` with a token first, its own or that of `session.json`; then requests with an `id` of its choice,
as its role allows (`roles.py`); answers and streams carry the id:

    {"op": "hello", "token": "…"}                                  {"hello": {…session…}}
    {"id": 1, "op": "send", "name": …, "arguments": {…}}           {"id": 1, "ticket": {…}} {"id": 1, "stage": {…}} …
    {"id": 2, "op": "watch"}                                       {"id": 2, "record": {…}} …
    {"id": 3, "op": "status"}                                      {"id": 3, "status": {…}}
    {"id": 4, "op": "samples", "names": ["power.*"], "since_us": …, "until_us": …, "after": null, "limit": 256}
                                                                   {"id": 4, "samples": [[…], …], "after": […]}
    {"id": 5, "op": "route", "tc": "host:port"}                    {"id": 5, "ok": true}
    {"id": 6, "op": "stop"}                                        {"id": 6, "ok": true}
    {"id": 7, "op": "sync"}                                        {"id": 7, "ok": true}
    {"id": 8, "op": "rotate", "spis": […], "recovery": …, "keep_old": …}
                                                                   {"id": 8, "ok": true} {"id": 8, "rotation": {…}} …
    {"id": 9, "op": "gaps"}                                        {"id": 9, "gaps": {…}}
    {"id": 10, "op": "recover"}                                    {"id": 10, "ok": true} {"id": 10, "recovery": {…}} …

`samples` answers with a page of the archive, samples as lists in the order of `samples.Sample`; the next page is asked
for with the `after` that the answer gave, and follows the last when that is null. One page a client is under way.

`rotate` says each step, and ends with one that has an `ending`; it stops when its client leaves. So does `recover`,
which `begins` with what is missing and says what is `asked` for, why it `waits`, and how many are `missing` still.
`send` takes `not_after` beside the arguments (`los` unless told: `expiry.py`); the ticket says what came of it.
`hello` answers with name and role of the operator, `status` with how often what was refused to clients. `source_id` is
the operator's own; only a local user of a session without operators may take another.
A refused command is `{"id": 1, "refused": {"why": …, "sentence": …}}`, a message that makes no sense `{"error": …}`.
"""

import json
from typing import Final, cast

from tools.ground.records import Data

LINE_OCTETS_MAX: Final = 262_144
HELLO_OCTETS_MAX: Final = 4_096

Message = dict[str, Data]


def encode(message: Message) -> bytes:
    """One line."""
    return json.dumps(message, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def decode(line: bytes) -> Message | str:
    """The message of a line, or a sentence why it is none. No octets raise."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return "a message is one JSON object a line"
    if not isinstance(value, dict):
        return "a message is a JSON object"
    return cast("Message", value)


class Lines:
    """Octets in, whole lines out; `overlong` once a line exceeds the limit, and nothing more comes out then."""

    def __init__(self, octets_max: int = LINE_OCTETS_MAX) -> None:
        self.octets_max = octets_max
        self.overlong = False
        self._octets = bytearray()

    def feed(self, octets: bytes) -> list[bytes]:
        """Take octets, cut anywhere."""
        if self.overlong:
            return []
        self._octets += octets
        *lines, rest = bytes(self._octets).split(b"\n")
        self._octets = bytearray(rest)
        self.overlong = any(len(line) > self.octets_max for line in (*lines, rest))
        return [] if self.overlong else lines
