"""Simulated hardware: what the instruments' device code reads, what a bench may change, what it may break."""

from pathlib import Path
from shutil import copytree

import pytest

from fsw.kernel.clock import ManualClock
from fsw.mdb.mission import MissionError, load
from hil.board.twins import Twins

TEMPERATURE = "sys/bus/iio/devices/iio:device0/in_temp_input"
PULSES = "/sys/bus/counter/devices/counter0/count0/count"


def built() -> tuple[Twins, ManualClock]:
    clock = ManualClock()
    return Twins(load(), clock), clock


def test_files_read_like_the_kernels() -> None:
    twins, clock = built()
    assert twins.sysfs(TEMPERATURE) == "20000"  # 20 degC in the kernel's millidegrees
    assert twins.sysfs(PULSES) == "0"
    clock.advance(3_600_000_000)
    assert twins.sysfs(PULSES) == "528"  # 13 200 nGy in an hour at 25 nGy a pulse
    assert twins.sysfs("sys/class/thermal/thermal_zone0/temp") is None


def test_what_a_bench_sets_outlives_a_power_cut() -> None:
    twins, clock = built()
    twins.set("environment.offset_cdegc", 4_000)
    assert twins.sysfs(TEMPERATURE) == "60000"
    clock.advance(10_000_000)
    twins.power_on(clock)
    assert twins.sysfs(TEMPERATURE) == "61000"


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("environment.ofset_cdegc", 0, "did you mean 'environment.offset_cdegc'"),
        ("environment.offset_cdegc", 20_001, "from -20000 to 20000"),
    ],
)
def test_wrong_surroundings_are_a_sentence(name: str, value: int, words: str) -> None:
    assert words in built()[0].fault_of(name, value)


def test_a_sensor_may_stick_and_vanish_and_come_back() -> None:
    twins, clock = built()
    twins.stick("environment", True)
    clock.advance(20_000_000)
    assert twins.sysfs(TEMPERATURE) == "20000"
    twins.stick("environment", False)
    assert twins.sysfs(TEMPERATURE) == "22000"
    twins.vanish("environment", True)
    assert twins.sysfs(TEMPERATURE) is None
    assert twins.sysfs(PULSES) is not None
    twins.vanish("environment", False)
    assert twins.sysfs(TEMPERATURE) == "22000"


def test_a_twin_without_its_parts_is_named(tmp_path: Path) -> None:
    folder = copytree(load().folder, tmp_path / "mission")
    (folder / "simulated/dosimeter.py").write_text("class Twin:\n    files = ()\n")
    with pytest.raises(MissionError, match="no class Twin"):
        Twins(load(str(folder)), ManualClock())
