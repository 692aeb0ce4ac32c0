"""Flight software as it stands, as plain data for people and programs: what a replay shows where it has stopped.

Parameters with units and limits, modes, loads, queues, what is counted, how slots ran. It looks and changes nothing.
"""

from typing import Final

from fsw.kernel.clock import NEVER, Micros
from fsw.mdb.model import Parameter
from fsw.mdb.values import Raw
from hil.board.board import Powered
from hil.board.probe import queues_of
from hil.replay.condition import shown

Data = dict[str, object]
SECTIONS: Final = ("modes", "loads", "queues", "tasks", "slots", "scheduler", "counters", "parameters")


def state_of(board: Powered, now: Micros) -> Data:
    """Everything, by section; `now` is the board's time."""
    sections = (_modes, _loads, _queues, _tasks, _slots, _scheduler, _counters, _parameters)
    found: Data = {"time_us": int(now)}
    return found | {name: section(board) for name, section in zip(SECTIONS, sections, strict=True)}


def _modes(board: Powered) -> Data:
    """The board's mode, the instruments' states, the ends of the link and of the clock."""
    app = board.app
    assert app is not None, "what has booted has a state"
    state = app.board
    modes: Data = {"board": state.mode.name, "health": int(state.health), "lander_alive": state.lander_alive}
    modes |= {"reset_cause": state.reset_cause.name, "boot_count": state.boot_count}
    modes |= {"line": app.world.line.state.name, "farm": app.link.farm.state.name, "v_r": app.link.farm.v_r}
    modes |= {"time": app.time.status.name}
    return modes | {name: host.state.name for name, host in app.hosts.items()}


def _loads(board: Powered) -> Data:
    """Each load's state and power; what the lander allows."""
    app = board.app
    assert app is not None, "what has booted has a state"
    power = app.power
    pairs = zip(power._loads, power._states, strict=True)
    loads: Data = {load.name: {"state": state.name, "power_mw": load.power_mw} for load, state in pairs}
    off_at_us = app.board.off_at_us
    given: Data = {"allocation_mw": power._allocation_mw, "off_at_us": None if off_at_us == NEVER else int(off_at_us)}
    return {"base_mw": power._base_mw, **given, **loads}


def _queues(board: Powered) -> Data:
    """How much waits, and how much may."""
    return {name: {"depth": len(queue), "limit": limit} for name, queue, limit in queues_of(board)}


def _tasks(board: Powered) -> Data:
    """What the supervisor knows of the tasks."""
    app = board.app
    assert app is not None, "what has booted has a state"
    return {
        name: {"state": task.state.name, "faults": task.faults, "fault": task.fault}
        for name, task in app.supervisor.tasks.items()
    }


def _slots(board: Powered) -> Data:
    """How each slot ran; times as recorded, not those of this computer."""
    app = board.app
    assert app is not None, "what has booted has a state"
    return {
        name: {
            "runs": record.runs,
            "overruns": record.overruns,
            "elapsed_us_max": record.elapsed_us_max,
            "due_us": None if record.due >= NEVER else int(record.due),
        }
        for name, record in app.scheduler.stats.items()
    }


def _scheduler(board: Powered) -> Data:
    """Ticks run and missed; how late they began: bucket n counts 2^(n-1) to 2^n - 1 us."""
    app = board.app
    assert app is not None, "what has booted has a state"
    scheduler = app.scheduler
    return {"ticks": scheduler.ticks, "slips": scheduler.slips, "lateness": list(scheduler.lateness)}


def _counters(board: Powered) -> Data:
    """What is counted and no parameter tells."""
    app = board.app
    assert app is not None, "what has booted has a state"
    store = app.store.port
    names = ("asked", "answered", "timeouts", "lost", "refused", "late", "restarts")
    found: Data = {f"store.{name}": getattr(store, name) for name in names}
    for name, _, _ in queues_of(board):
        kind, _, of = name.partition(".")
        if kind == "inbox":
            found[f"{name}.dropped"] = (app.system if of == "system" else app.power).inbox.dropped
    return found | {"outbox.dropped": app.outbox.dropped, "lander_outbox.dropped": app.lander_outbox.dropped}


def _parameters(board: Powered) -> Data:
    """Every parameter by its name."""
    app = board.app
    assert app is not None, "what has booted has a state"
    values, database = app.parameters.values, app.mission.database
    return {
        parameter.name: _parameter(parameter, values.get(pid))
        | {"limit_state": database.limits(pid, values.get(pid)).name}
        for pid, parameter in database.parameters.items()
    }


def _parameter(parameter: Parameter, raw: Raw) -> Data:
    limits = [None if bound is None else parameter.engineering(bound) for bound in _bounds(parameter)]
    return {"value": shown(parameter, raw), "unit": parameter.unit, "raw": raw, "limits": limits}


def _bounds(parameter: Parameter) -> tuple[float | None, float | None]:
    return parameter.limit_low, parameter.limit_high
