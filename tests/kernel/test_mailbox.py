"""The mailbox against a plain list."""

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from fsw.kernel.mailbox import Mailbox


class MailboxModel(RuleBasedStateMachine):
    """Every sequence of put and take, beside a list that knows no bound but the one it is checked for."""

    def __init__(self) -> None:
        super().__init__()
        self.items: list[int] = []
        self.refused = 0
        self.deepest = 0

    @initialize(capacity=st.integers(1, 5))
    def make(self, capacity: int) -> None:
        self.mailbox: Mailbox[int] = Mailbox("inbox", capacity)

    @rule(item=st.integers())
    def put(self, item: int) -> None:
        room = len(self.items) < self.mailbox.capacity
        assert self.mailbox.put(item) is room
        if room:
            self.items.append(item)
            self.deepest = max(self.deepest, len(self.items))
        else:
            self.refused += 1

    @rule()
    def take(self) -> None:
        assert self.mailbox.take() == (self.items.pop(0) if self.items else None)

    @invariant()
    def agrees(self) -> None:
        if hasattr(self, "mailbox"):
            assert len(self.mailbox) == len(self.items)
            assert self.mailbox.dropped == self.refused
            assert self.mailbox.depth_max == self.deepest


TestMailboxModel = pytest.mark.proves("K-KERN-005")(MailboxModel.TestCase)


def test_a_falsy_item_is_an_item() -> None:
    mailbox: Mailbox[int] = Mailbox("inbox", 2)
    mailbox.put(0)
    assert len(mailbox) == 1
    assert mailbox.take() == 0


def test_capacity_is_at_least_one() -> None:
    with pytest.raises(AssertionError):
        Mailbox("inbox", 0)
