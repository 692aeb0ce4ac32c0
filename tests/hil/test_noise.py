"""Bit errors both ways on a protected line: every packet stored on board reaches the ground as it was made."""

from pathlib import Path

import pytest

from tests.hil.noise import LOOK, MINUTE, SECOND, Noise, noise

STRUCTURES = ("1", "2", "8", "12", "13")
PROCESSES = ("ping", "power.ping", "comms.ping", "dosimeter.ping", "environment.ping")
EVERY_US = 10 * SECOND
ROUNDS_MAX = 30


def busy(run: Noise, minutes: float, *, recovering: bool) -> None:
    """Housekeeping ten times a second, both instruments, commands that succeed and one that fails every ten seconds."""
    run.turn(20 * SECOND)
    run.done("housekeeping.interval", changes=",".join(f"{sid}:1" for sid in STRUCTURES))
    run.done("housekeeping.enable", sids=",".join(STRUCTURES))
    run.done("dosimeter.measure", period_ms="100")
    run.done("environment.measure", period_ms="100")
    end, due = run.now + minutes * MINUTE, int(run.now)
    while run.now < end:
        if run.now >= due:
            due += EVERY_US
            run.send("ping")
            run.send("power.switch", load="31", on="true")
        if recovering:
            run.recover()
        else:
            run.turn(LOOK)
    run.done("dosimeter.stop")
    run.done("environment.stop")
    run.done("housekeeping.disable", sids=",".join(STRUCTURES))


def fetch(run: Noise, wanted: set[bytes]) -> int:
    """Have every process say something more, and ask for what is missing, until nothing is; how many rounds it took."""
    for turn in range(1, ROUNDS_MAX + 1):
        for name in PROCESSES:
            run.send(name)
        run.turn(10 * SECOND)
        for _ in range(10 * 600):
            if not run.recovery.missing:
                break
            run.recover()
        if wanted <= run.archived():
            return turn
    return ROUNDS_MAX + 1


def judge(run: Noise, frames_died: int) -> None:
    """What lies on the board's disk lies in the archive, and nothing lies there that the board did not make."""
    stored = run.stored()
    fetch(run, stored)
    archived = run.archived()
    assert len(stored) > 0
    assert stored - archived == set(), "every packet stored is there, octet for octet"
    assert archived - run.queued - run.stored() == set(), "and none that was never made"
    counters = run.run.result().counters
    assert counters["lander.tm_frames_bad"] > frames_died, "frames did die"
    assert counters["board.lives"] == 1
    assert [one.text for one in run.run.result().findings if one.breach] == []


@pytest.mark.proves("K-SEC-030", "K-SEC-031")
@pytest.mark.parametrize("seed", [1, 2])
def test_what_died_is_sent_again_while_it_goes_on(tmp_path: Path, seed: int) -> None:
    with noise(tmp_path, seed, 10_000, 10_000) as run:
        busy(run, 2, recovering=True)
        judge(run, 30)


@pytest.mark.proves("K-SEC-030", "K-SEC-031")
def test_what_died_is_sent_again_behind_it(tmp_path: Path) -> None:
    with noise(tmp_path, 3, 10_000, 10_000) as run:
        busy(run, 2, recovering=False)
        judge(run, 30)


@pytest.mark.proves("K-SEC-030", "K-SEC-031")
def test_ten_times_the_noise_takes_longer_and_loses_nothing(tmp_path: Path) -> None:
    with noise(tmp_path, 4, 100_000, 100_000) as run:
        busy(run, 0.5, recovering=True)
        judge(run, 100)


@pytest.mark.soak
@pytest.mark.proves("K-SEC-030", "K-SEC-031")
@pytest.mark.parametrize(("seed", "recovering"), [(11, True), (12, False)])
def test_an_hour_of_noise_loses_nothing(tmp_path: Path, seed: int, recovering: bool) -> None:
    with noise(tmp_path, seed, 10_000, 10_000) as run:
        busy(run, 60, recovering=recovering)
        judge(run, 1_000)
