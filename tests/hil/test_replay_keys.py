"""A protected recording over rotations, an erase, a bad key file and a lost store: each life with the keys it had."""

from pathlib import Path

import pytest

from fsw.kernel.key import Key
from hil.replay.replay import Replay, ReplayError
from tests.hil.recorded import MISSION, records
from tests.system.key_bench import KEYS, KeyBench

GIVEN = {key: Key(octets) for key, octets in KEYS.items()}


def _recorded(folder: Path) -> bytes:
    capture = bytearray()

    def take(octets: bytes) -> bool:
        capture.extend(octets)
        return True

    keys = KeyBench(folder, record=take)
    assert keys.activate(0x120) == keys.deactivate(0x20, 0x120) == keys.erase(0x20) == 0
    keys.cut()
    assert keys.activate(0x220) == 0
    keys.file(0x110).write_bytes(b"no key")
    keys.lose_store()
    keys.tell_time()
    assert keys.ping()
    assert keys.verify(0x120) == 3
    keys.bench.board.close()
    return bytes(capture)


@pytest.mark.proves("K-REPLAY-001")
def test_each_life_is_replayed_with_the_keys_that_it_had(tmp_path: Path) -> None:
    recorded = _recorded(tmp_path)
    outcome = Replay(records(recorded), MISSION, keys=GIVEN).run()
    assert [life.divergence for life in outcome.lives] == [None] * 3
    assert not any(octets in recorded for octets in KEYS.values())
    few = {key: found for key, found in GIVEN.items() if key != 0x0120}
    with pytest.raises(ReplayError, match=r"life 1 flew with 0120\.key, which is not among the keys given"):
        Replay(records(recorded), MISSION, keys=few).run()
