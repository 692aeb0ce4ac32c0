"""The instruments' devices on a sysfs written by hand, read through the port they are given."""

from collections.abc import Mapping
from pathlib import Path
from typing import cast

import pytest

from fsw.hal.opener import SysfsOpener
from fsw.mdb.mission import load

DOSIMETER, ENVIRONMENT = (entry.module for entry in load().instruments)
COUNT = "sys/bus/counter/devices/counter0/count0/count"
IIO = "sys/bus/iio/devices/iio:device0/"
ZONE = "sys/class/thermal/thermal_zone0/temp"


class Paper:
    """A sysfs on paper."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self.files = files

    def sysfs(self, path: str) -> str | None:
        return self.files.get(path)


@pytest.mark.parametrize(
    ("text", "pulses"),
    [
        ("0\n", 0),
        ("4294967295\n", 4_294_967_295),
        ("4294967296\n", 0),
        ("  12 ", 12),
        ("", None),
        ("-1\n", None),
        ("0x10\n", None),
        ("12 13\n", None),
        (None, None),
    ],
)
def test_a_counter_is_read_modulo_its_span_and_anything_else_is_absent(text: str | None, pulses: int | None) -> None:
    files = {} if text is None else {COUNT: text}
    assert DOSIMETER.Device(Paper(files)).pulses() == pulses


@pytest.mark.proves("K-FLY-005")
@pytest.mark.parametrize(
    ("files", "reading"),
    [
        ({}, (None, None, None)),
        # A BME280: milli-degrees, kilopascals, milli-percent.
        (
            {
                IIO + "in_temp_input": "23450\n",
                IIO + "in_pressure_input": "101.325000\n",
                IIO + "in_humidityrelative_input": "45678\n",
            },
            (2_345, 101_325, 456),
        ),
        ({IIO + "in_temp_input": "-5120\n"}, (-512, None, None)),
        ({ZONE: "48312\n"}, (4_831, None, None)),
        ({ZONE: "48312\n", IIO + "in_temp_input": "20000\n"}, (2_000, None, None)),
        ({ZONE: "warm\n"}, (None, None, None)),
        ({ZONE: "nan\n"}, (None, None, None)),
        ({ZONE: "inf\n", IIO + "in_pressure_input": "-inf"}, (None, None, None)),
        ({ZONE: "99999999999\n", IIO + "in_pressure_input": "1e30"}, (None, None, None)),
        ({IIO + "in_temp_input": "9e99", ZONE: "30000"}, (None, None, None)),
    ],
)
def test_a_sensor_is_read_in_our_units_and_what_it_does_not_show_is_absent(
    files: Mapping[str, str], reading: tuple[int | None, int | None, int | None]
) -> None:
    assert tuple(ENVIRONMENT.Device(Paper(files)).read()) == reading


def test_devices_read_a_real_folder_through_the_real_port(tmp_path: Path) -> None:
    for path, text in {COUNT: "77\n", ZONE: "12340\n"}.items():
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).write_text(text)
    opener = SysfsOpener(str(tmp_path))
    assert cast("int", DOSIMETER.Device(opener).pulses()) == 77
    assert tuple(ENVIRONMENT.Device(opener).read()) == (1_234, None, None)
