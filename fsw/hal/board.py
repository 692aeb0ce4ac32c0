"""What the computer knows of itself, from Linux's procfs and sysfs. What is absent is None, never invented."""

import os
from collections.abc import Callable, Mapping
from typing import Final

from fsw.hal.opener import SysfsOpener
from fsw.hal.ports import BoardReadings

THERMAL_ZONES_MAX: Final = 32
HWMON_MAX: Final = 16
PACKAGE_ZONES: Final = ("cpu-thermal", "cpu_thermal", "soc-thermal", "x86_pkg_temp")
"""Names of thermal zones that are the processor's package, best first."""
PACKAGE_SENSORS: Final = ("cpu_thermal", "coretemp", "k10temp")
SUPPLY_MONITORS: Final = ("ina219", "ina220", "ina226", "ina230", "ina231")
"""Drivers that measure a supply: in1 is the bus voltage in mV."""
_THROTTLED: Final = "/sys/devices/platform/soc/soc:firmware/get_throttled"
_BOOT_STATUS: Final = "/sys/class/watchdog/watchdog0/bootstatus"
_CARD_RESET: Final = 0x20
_BOOT_ID: Final = "/proc/sys/kernel/random/boot_id"


Sysfs = Callable[[str], str | None]


class LinuxBoard:
    """Readings of the machine below `root`; the disk is the one that holds `disk`.

    CPU load is the mean over the time since the reading before; the first reading has none. The package's temperature
    is looked for below `sensors` first: a bench that simulates sensors makes the board warm there.
    """

    def __init__(
        self, root: str = "/", disk: str | None = None, sensors: str | None = None, nonce_seed: int | None = None
    ) -> None:
        self._sysfs: Sysfs = SysfsOpener(root).sysfs
        self._sensors: Sysfs | None = None if sensors in (None, root) else SysfsOpener(str(sensors)).sysfs
        self._disk = root if disk is None else disk
        self._busy_total: tuple[int, int] | None = None
        self._monitors: dict[str, str] = {}
        self._reset = (self._watchdog_reset(), self._computer_boot())
        self._nonce_seed = nonce_seed

    def read(self) -> BoardReadings:
        """All readings, now."""
        self._monitors = _hwmon(self._sysfs)
        return BoardReadings(
            cpu_load_permille=self._cpu_load_permille(),
            package_temperature_cdegc=self._package_temperature_cdegc(),
            memory_used_permille=self._memory_used_permille(),
            disk_used_permille=self._disk_used_permille(),
            throttled_flags=self._throttled_flags(),
            supply_mv=self._supply_mv(),
            watchdog_reset=self._reset[0],
            computer_boot=self._reset[1],
            nonce_seed=self._nonce_seed,
        )

    def _watchdog_reset(self) -> int | None:
        """Whether the watchdog's driver says that it caused the last reset (WDIOF_CARDRESET)."""
        flags = _number(self._sysfs, _BOOT_STATUS)
        return None if flags is None else int(bool(flags & _CARD_RESET))

    def _computer_boot(self) -> int | None:
        """The first 32 bits of the number that the kernel gives each boot."""
        digits = (self._sysfs(_BOOT_ID) or "")[:8]
        try:
            return int(digits, 16) if len(digits) == 8 else None
        except ValueError:
            return None

    def _cpu_load_permille(self) -> int | None:
        text = self._sysfs("/proc/stat")
        fields = (text or "").partition("\n")[0].split()
        if len(fields) < 6 or fields[0] != "cpu" or not all(field.isdecimal() for field in fields[1:]):
            return None
        # user nice system idle iowait irq softirq steal; guest time lies within user already
        ticks = [int(field) for field in fields[1:9]]
        total, idle = sum(ticks), ticks[3] + ticks[4]
        before, self._busy_total = self._busy_total, (total - idle, total)
        if before is None or total <= before[1]:
            return None
        return max(0, min(1000, (total - idle - before[0]) * 1000 // (total - before[1])))

    def _package_temperature_cdegc(self) -> int | None:
        mdegc = None if self._sensors is None else _package_mdegc(self._sensors, _hwmon(self._sensors))
        if mdegc is None:
            mdegc = _package_mdegc(self._sysfs, self._monitors)
        return None if mdegc is None else mdegc // 10

    def _memory_used_permille(self) -> int | None:
        kib = {}
        for line in (self._sysfs("/proc/meminfo") or "").splitlines():
            name, _, rest = line.partition(":")
            value = rest.split()
            if name in ("MemTotal", "MemAvailable") and value and value[0].isdecimal():
                kib[name] = int(value[0])
        total, available = kib.get("MemTotal", 0), kib.get("MemAvailable")
        if total <= 0 or available is None or available > total:
            return None
        return (total - available) * 1000 // total

    def _disk_used_permille(self) -> int | None:
        try:
            disk = os.statvfs(self._disk)
        except OSError:
            return None
        used = disk.f_blocks - disk.f_bfree
        # As df counts: what only root may take is neither free nor used.
        usable = used + disk.f_bavail
        return None if usable <= 0 else used * 1000 // usable

    def _throttled_flags(self) -> int | None:
        """The firmware's flags; where only the under-voltage alarm of the kernel's driver is there, bit 0 of them."""
        flags = _number(self._sysfs, _THROTTLED, 16)
        if flags is not None:
            return flags & 0xFFFF_FFFF
        return _monitored(self._sysfs, self._monitors, ("rpi_volt",), "in0_lcrit_alarm")

    def _supply_mv(self) -> int | None:
        return _monitored(self._sysfs, self._monitors, SUPPLY_MONITORS, "in1_input")


def _number(sysfs: Sysfs, path: str, radix: int = 10) -> int | None:
    text = sysfs(path)
    if text is None:
        return None
    try:
        return int(text, radix)
    except ValueError:
        return None


def _hwmon(sysfs: Sysfs) -> dict[str, str]:
    """Folder of each hardware monitor by its driver's name; drivers may come late, so this is asked anew."""
    found: dict[str, str] = {}
    for n in range(HWMON_MAX):
        folder = f"/sys/class/hwmon/hwmon{n}"
        name = sysfs(f"{folder}/name")
        if name is not None:
            found.setdefault(name, folder)
    return found


def _monitored(sysfs: Sysfs, monitors: Mapping[str, str], names: tuple[str, ...], attribute: str) -> int | None:
    """An attribute of the first monitor there is, in order of the names."""
    folder = next((monitors[name] for name in names if name in monitors), None)
    return None if folder is None else _number(sysfs, f"{folder}/{attribute}")


def _package_mdegc(sysfs: Sysfs, monitors: Mapping[str, str]) -> int | None:
    """What the best thermal zone of the processor's package shows, or its monitor where there is no such zone."""
    zones: dict[str, int] = {}
    for n in range(THERMAL_ZONES_MAX):
        kind = sysfs(f"/sys/class/thermal/thermal_zone{n}/type")
        if kind is None:
            break
        zones.setdefault(kind, n)
    zone = next((zones[kind] for kind in PACKAGE_ZONES if kind in zones), None)
    if zone is not None:
        return _number(sysfs, f"/sys/class/thermal/thermal_zone{zone}/temp")
    return _monitored(sysfs, monitors, PACKAGE_SENSORS, "temp1_input")
