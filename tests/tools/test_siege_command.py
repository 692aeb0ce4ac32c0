"""`kratai siege` as a bench engineer types it."""

import json

import pytest

from tests.tools.test_main import kratai

pytestmark = pytest.mark.process


@pytest.mark.proves("K-SEC-020")
def test_a_siege_is_flown_by_its_seed() -> None:
    done = kratai("siege", "--seed", "4", "--attacks", "5")
    assert (done.returncode, len(done.stdout.splitlines())) == (0, 6)
    assert done.stdout.splitlines()[-1].endswith("simulated: 0 breaches")
    again = kratai("siege", "--seed", "4", "--attacks", "5", "--json")
    attacks = json.loads(again.stdout)["attacks"]
    assert [attack["number"] for attack in attacks] == list(range(5))
    assert all(attack["kinds"][0] in line for attack, line in zip(attacks, done.stdout.splitlines(), strict=False))
    one_kind = json.loads(kratai("siege", "--kind", "old-key", "--attacks", "2", "--json").stdout)
    assert {kind for attack in one_kind["attacks"] for kind in attack["kinds"]} == {"old-key"}
    assert one_kind["attacks"][0]["costs"]["sdls_not_authentic"] >= 1


def test_an_attack_that_is_none_is_a_sentence() -> None:
    done = kratai("siege", "--kind", "old-keys")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "kratai: there is no attack 'old-keys'; did you mean 'old-key'?\n"
