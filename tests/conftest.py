"""Hypothesis profiles, the long tests' option, and the mark by which a test names what it proves."""

import os

import pytest
from hypothesis import settings

settings.register_profile("dev", max_examples=50, deadline=None)
settings.register_profile("ci", max_examples=100, deadline=None, derandomize=True, print_blob=True)
settings.register_profile("soak", max_examples=5_000, stateful_step_count=200, deadline=None)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--soak", action="store_true", help="run the long tests too, with many more examples")


def pytest_configure(config: pytest.Config) -> None:
    soak = config.getoption("--soak")
    settings.load_profile("soak" if soak else os.environ.get("KRATAI_EXAMPLES", "ci"))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--soak"):
        return
    long = [item for item in items if item.get_closest_marker("soak")]
    config.hook.pytest_deselected(items=long)
    items[:] = [item for item in items if item not in long]
