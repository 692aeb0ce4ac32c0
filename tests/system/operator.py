"""An operator who types commands at a bench, as words of the mission database, and hears what becomes of each."""

import struct
from pathlib import Path

from tests.system.bench import MISSION, Bench
from tests.system.by_hand import Report, telecommand, verifications
from tools.ground import nested
from tools.ground.request import Refusal, parse_words, sentence_words

TAI_S = 2_145_916_837


class Operator:
    """`say` gives the failure code, None without one; the payload knows the time. NONCE stands for the last number."""

    def __init__(self, folder: Path) -> None:
        self.bench = Bench(folder)
        self.count = 0
        self.nonce = 0
        self.heard: list[Report] = []
        self.bench.run(2)
        for _ in range(2):
            self.bench.lander(0x011, b"\x1e" + struct.pack(">IH", TAI_S + 3, 0) + bytes((37, 2, 0)))
            self.bench.lander(0x010, struct.pack(">IHII", 1, 1, 0, 0))
            self.bench.run(1)

    def octets(self, sentence: str) -> bytes:
        """The telecommand of these words."""
        name, *words = sentence_words(sentence.replace("NONCE", str(self.nonce)))
        arguments = parse_words(words)
        assert not isinstance(arguments, Refusal), arguments
        self.count += 1
        tai_us = TAI_S * 1_000_000 + self.bench.clock.now()
        counts = {0x020: self.count}
        found = nested.encode(MISSION.database, name, arguments, counts=counts, source_id=1, tai_us=tai_us)
        assert not isinstance(found, Refusal), found
        command = found.command
        return telecommand(command.apid, command.service, command.subtype, command.data, count=self.count + 100)

    def say(self, sentence: str, seconds: float = 1) -> int | None:
        """Send it, and listen for so long."""
        octets = self.octets(sentence)
        self.bench.send(octets)
        self.heard = self.bench.run(seconds)
        for report in self.heard:
            if (report.service, report.subtype) == (8, 190):
                self.nonce = int.from_bytes(report.data[:4], "big")
        said = verifications(self.heard, octets)
        assert said, sentence
        assert said[-1][0] != 1, f"{sentence} has had no last word"
        return next((code for _, code in said if code is not None), None)

    def parameter(self, name: str) -> object:
        """What stands in the board's memory."""
        found = MISSION.database.parameter_named(name)
        assert found is not None
        return self.bench.app.parameters.values[found.pid]
