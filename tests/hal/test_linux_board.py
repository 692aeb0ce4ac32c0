"""Board readings from trees of files written as the kernel writes them; the expected values are worked out by hand."""

import os
from pathlib import Path

import pytest

from fsw.hal.board import LinuxBoard
from fsw.hal.opener import SYSFS_OCTETS_MAX, SysfsOpener
from fsw.hal.ports import BoardReadings, BoardSensors, Opener, Watchdog
from fsw.hal.watchdog import DeviceWatchdog, NoWatchdog

ABSENT = BoardReadings(None, None, None, None, None, None)


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="ascii")


def board(root: Path) -> BoardSensors:
    return LinuxBoard(str(root), disk=str(root / "no-disk"))


RASPBERRY_PI = {
    "proc/stat": "cpu  100 0 50 800 50 0 0 0 0 0\ncpu0 1 2 3\n",
    "proc/meminfo": "MemTotal:         948000 kB\nMemFree:          100000 kB\nMemAvailable:     711000 kB\n",
    "sys/class/thermal/thermal_zone0/type": "cpu-thermal\n",
    "sys/class/thermal/thermal_zone0/temp": "48312\n",
    "sys/devices/platform/soc/soc:firmware/get_throttled": "50005\n",
    "sys/class/hwmon/hwmon0/name": "cpu_thermal\n",
    "sys/class/hwmon/hwmon1/name": "rpi_volt\n",
    "sys/class/hwmon/hwmon1/in0_lcrit_alarm": "0\n",
    "sys/class/hwmon/hwmon2/name": "ina219\n",
    "sys/class/hwmon/hwmon2/in1_input": "5084\n",
}


def test_a_raspberry_pi_with_a_supply_monitor(tmp_path: Path) -> None:
    write(tmp_path, RASPBERRY_PI)
    readings = board(tmp_path).read()
    assert readings == BoardReadings(None, 4831, 250, None, 0x50005, 5084)


@pytest.mark.parametrize(("status", "reset"), [("32\n", 1), ("0\n", 0), ("1\n", 0), ("what\n", None), (None, None)])
def test_the_watchdog_s_driver_says_whether_it_reset_the_computer(
    tmp_path: Path, status: str | None, reset: int | None
) -> None:
    if status is not None:
        write(tmp_path, {"sys/class/watchdog/watchdog0/bootstatus": status})
    write(tmp_path, {"proc/sys/kernel/random/boot_id": "0badcafe-1f2e-4d3c-8b4a-5a69788796a5\n"})
    readings = board(tmp_path).read()
    assert (readings.watchdog_reset, readings.computer_boot) == (reset, 0x0BADCAFE)


@pytest.mark.parametrize("text", ["", "short", "no number, this\n"])
def test_a_boot_without_a_number_has_none(tmp_path: Path, text: str) -> None:
    write(tmp_path, {"proc/sys/kernel/random/boot_id": text})
    assert board(tmp_path).read().computer_boot is None


def test_the_package_is_as_warm_as_a_bench_s_folder_says_and_else_as_the_machine(tmp_path: Path) -> None:
    machine, bench = tmp_path / "machine", tmp_path / "bench"
    write(machine, RASPBERRY_PI)
    sensors = LinuxBoard(str(machine), disk=str(tmp_path / "no-disk"), sensors=str(bench))
    assert sensors.read() == BoardReadings(None, 4831, 250, None, 0x50005, 5084)
    write(bench, {"sys/class/hwmon/hwmon0/name": "cpu_thermal\n", "sys/class/hwmon/hwmon0/temp1_input": "-12340\n"})
    assert sensors.read().package_temperature_cdegc == -1234
    write(bench, {"sys/class/thermal/thermal_zone0/type": "cpu-thermal\n"})
    write(bench, {"sys/class/thermal/thermal_zone0/temp": "85000\n"})
    assert sensors.read() == BoardReadings(None, 8500, 250, None, 0x50005, 5084)


def test_cpu_load_is_the_busy_share_since_the_reading_before(tmp_path: Path) -> None:
    write(tmp_path, RASPBERRY_PI)
    sensors = board(tmp_path)
    sensors.read()
    # 40 busy (30 user, 10 system) of 200 ticks; waiting for the disk is idle.
    write(tmp_path, {"proc/stat": "cpu  130 0 60 900 110 0 0 0 0 0\n"})
    assert sensors.read().cpu_load_permille == 200
    # No time has passed: no load to tell.
    assert sensors.read().cpu_load_permille is None


def test_without_the_firmware_s_flags_the_kernel_s_alarm_stands_in(tmp_path: Path) -> None:
    write(tmp_path, {"sys/class/hwmon/hwmon0/name": "rpi_volt\n", "sys/class/hwmon/hwmon0/in0_lcrit_alarm": "1\n"})
    assert board(tmp_path).read() == ABSENT._replace(throttled_flags=1)


def test_a_server_s_package_sensor(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "sys/class/thermal/thermal_zone0/type": "acpitz\n",
            "sys/class/thermal/thermal_zone0/temp": "27800\n",
            "sys/class/hwmon/hwmon3/name": "k10temp\n",
            "sys/class/hwmon/hwmon3/temp1_input": "-1250\n",
        },
    )
    assert board(tmp_path).read() == ABSENT._replace(package_temperature_cdegc=-125)


@pytest.mark.proves("K-FLY-005")
def test_an_empty_machine_is_absent_not_zero(tmp_path: Path) -> None:
    assert board(tmp_path).read() == ABSENT


@pytest.mark.parametrize(
    "files",
    [
        {"proc/stat": "cpu\n"},
        {"proc/stat": "cpu  a b c d e f\n"},
        {"proc/stat": "intr 1 2 3 4 5 6 7\n"},
        {"proc/meminfo": "MemTotal: x kB\nMemAvailable: 5 kB\n"},
        {"proc/meminfo": "MemTotal: 0 kB\nMemAvailable: 0 kB\n"},
        {"proc/meminfo": "MemTotal: 10 kB\nMemAvailable: 11 kB\n"},
        {"proc/meminfo": "MemTotal: 10 kB\n"},
        {"sys/class/thermal/thermal_zone0/type": "cpu-thermal", "sys/class/thermal/thermal_zone0/temp": "hot"},
        {"sys/devices/platform/soc/soc:firmware/get_throttled": "zz"},
        {"sys/class/hwmon/hwmon0/name": "ina219"},
    ],
)
def test_nonsense_is_absent(tmp_path: Path, files: dict[str, str]) -> None:
    write(tmp_path, files)
    assert board(tmp_path).read() == ABSENT


def test_the_disk_in_use_is_what_df_would_say(tmp_path: Path) -> None:
    disk = os.statvfs(tmp_path)
    used = disk.f_blocks - disk.f_bfree
    expected = used * 1000 // (used + disk.f_bavail)
    reading = LinuxBoard(str(tmp_path)).read().disk_used_permille
    # Others write to this disk meanwhile.
    assert reading is not None
    assert abs(reading - expected) <= 5


def test_this_machine_can_be_read() -> None:
    memory = LinuxBoard().read().memory_used_permille
    assert memory is None or 0 <= memory <= 1000


def test_the_opener_reads_small_files_of_sysfs_and_procfs(tmp_path: Path) -> None:
    write(tmp_path, {"sys/a": " 42\n", "proc/b": "x" * 5000, "etc/passwd": "root"})
    opener: Opener = SysfsOpener(str(tmp_path))
    assert opener.sysfs("/sys/a") == "42"
    assert opener.sysfs("sys/a") == "42"
    assert opener.sysfs("/proc/b") == "x" * SYSFS_OCTETS_MAX
    for path in ("/sys/none", "/sys", "/etc/passwd", "/sys/../etc/passwd", "", "/sys/a\0"):
        assert opener.sysfs(path) is None


def test_a_file_that_is_no_text_is_no_reason_to_fail(tmp_path: Path) -> None:
    (tmp_path / "sys").mkdir()
    (tmp_path / "sys/raw").write_bytes(b"\xff\x00a")
    assert SysfsOpener(str(tmp_path)).sysfs("/sys/raw") == "\ufffd\0a"


def test_a_watchdog_device_is_stroked_and_disarmed(tmp_path: Path) -> None:
    device = tmp_path / "watchdog"
    device.write_bytes(b"")
    dog = DeviceWatchdog(str(device))
    watchdog: Watchdog = dog
    watchdog.stroke()
    watchdog.stroke()
    assert device.read_bytes() == b"\0\0"
    dog.disarm()
    assert device.read_bytes() == b"\0\0V"
    assert (dog.strokes, dog.faults) == (2, 0)


def test_a_watchdog_that_refuses_is_counted() -> None:
    dog = DeviceWatchdog("/dev/full")
    dog.stroke()
    assert (dog.strokes, dog.faults) == (0, 1)
    dog.disarm()


def test_no_watchdog_is_an_error_of_the_one_who_names_it(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="none"):
        DeviceWatchdog(str(tmp_path / "none"))


def test_no_watchdog_counts() -> None:
    dog = NoWatchdog()
    dog.stroke()
    dog.stroke()
    dog.disarm()
    assert (dog.strokes, dog.faults) == (2, 0)
