"""Hundreds of attacks on a protected mission: nothing of a stranger's runs, commanding goes on, all is counted.

The line that names a failure begins with its seed and number: `kratai siege --seed SEED` flies that siege again.
"""

import pytest

from fsw.mdb.mission import load as load_mission
from hil.attacker.attack_kinds import KINDS
from hil.attacker.blow import Place
from hil.siege.siege import WITHIN_US, Besieged, Moment, Siege, besiege

MISSION = load_mission()
SEEDS = range(6)
ATTACKS = 50
BLOCKS = range(50)
SOAKED = 100
_FLOWN: dict[int, Besieged] = {}


def flown(seed: int) -> Besieged:
    if seed not in _FLOWN:
        _FLOWN[seed] = besiege(seed, ATTACKS, MISSION)
    return _FLOWN[seed]


@pytest.mark.proves("K-SEC-020", "K-SEC-021", "K-SEC-022")
@pytest.mark.parametrize("seed", SEEDS, ids="seed-{}".format)
def test_a_siege_holds(seed: int) -> None:
    result = flown(seed)
    assert result.breaches == ()
    assert len(result.attacks) == ATTACKS
    assert max(attack.took_us for attack in result.attacks) <= WITHIN_US


@pytest.mark.proves("K-SEC-020")
def test_each_kind_each_moment_and_each_place_occurs() -> None:
    attacks = [attack for seed in SEEDS for attack in flown(seed).attacks]
    assert {kind for attack in attacks for kind in attack.kinds} == set(KINDS)
    assert {attack.moment for attack in attacks} == set(Moment)
    assert any(len(attack.kinds) > 1 for attack in attacks)
    assert all(sum(flown(seed).injected[place.name] for seed in SEEDS) for place in Place)


@pytest.mark.soak
@pytest.mark.proves("K-SEC-020", "K-SEC-021", "K-SEC-022")
@pytest.mark.parametrize("block", BLOCKS, ids="block-{}".format)
def test_ten_thousand_attacks(block: int) -> None:
    seeds = (1000 + 2 * block, 1001 + 2 * block)
    assert [breach for seed in seeds for breach in besiege(seed, SOAKED, MISSION).breaches] == []


@pytest.mark.proves("K-SEC-022")
@pytest.mark.parametrize("name", KINDS)
def test_each_kind_costs_what_it_should_and_nothing_else(name: str) -> None:
    siege, costs = Siege(77, MISSION), set()
    try:
        for number in range(6):
            attacked = siege.strike(number, (name,), Moment.CALM)
            assert attacked.breaches == ()
            costs |= set(attacked.costs)
    finally:
        siege.run.close()
    assert costs <= KINDS[name].costs
    assert bool(costs) is bool(KINDS[name].costs)


def test_a_siege_is_its_seed() -> None:
    first, again = (besiege(3, 8, MISSION) for _ in range(2))
    assert first == again
    assert first.attacks != besiege(2, 8, MISSION).attacks
