"""Boards that several modules read; the long watches start with the first test and the last module looks at them."""

from collections.abc import Iterator

import pytest

from tests.client.contract_client import Board


@pytest.fixture(scope="session", autouse=True)
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Board]]:
    """`lost`: a lander heard once; `quiet`: a slow line on which nobody ever speaks."""
    boards = {"lost": Board(tmp_path_factory.mktemp("lost")), "quiet": Board(tmp_path_factory.mktemp("quiet"), "slow")}
    boards["lost"].opened()
    boards["lost"].hush()
    boards["lost"].heartbeat()
    yield boards
    for board in boards.values():
        assert board.close() == 0, board.output


@pytest.fixture(scope="module")
def board(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Board]:
    """One process a module, on the line profile that the module names."""
    one = Board(tmp_path_factory.mktemp("state"), getattr(request.module, "LINE", "default"))
    one.opened()
    one.settle()
    yield one
    assert one.close() == 0, one.output
