from itertools import pairwise

import pytest

from reprise.core.errors import InputError
from reprise.training.schedules import Infinite, WarmupCosine, WarmupDecay, constant


def test_warms_up_then_decays():
    schedule = WarmupDecay(steps=10, warmup=4, floor=0.0)
    assert [schedule(i) for i in range(5)] == [0.25, 0.5, 0.75, 1.0, 1.0]
    assert [schedule(i) for i in range(4, 11)] == pytest.approx([1, 5 / 6, 4 / 6, 3 / 6, 2 / 6, 1 / 6, 0])
    assert schedule(1000) == 0.0


def test_floor_is_reached_and_kept():
    schedule = WarmupDecay(steps=4, floor=0.1)
    assert [schedule(i) for i in (0, 2, 4, 9)] == pytest.approx([1.0, 0.55, 0.1, 0.1])


def test_is_a_value():
    assert WarmupDecay(10, 2) == WarmupDecay(10, 2)
    assert WarmupDecay(5, 5)(4) == WarmupCosine(5, 5)(4) == 1.0
    assert constant(0) == constant(99) == 1.0


@pytest.mark.parametrize("options", [{"steps": 4, "warmup": 5}, {"steps": 0}, {"steps": 4, "floor": 2.0}])
def test_refuses_nonsense(options):
    with pytest.raises(InputError, match="WarmupDecay: expected"):
        WarmupDecay(**options)


def test_cosine():
    schedule = WarmupCosine(steps=12, warmup=4, floor=0.2)
    assert [schedule(i) for i in range(4)] == [0.25, 0.5, 0.75, 1.0]
    assert WarmupCosine(4, 4)(4) == WarmupCosine(4, 4)(99) == 0.1, "after its steps it is at its floor"
    assert [schedule(i) for i in (4, 6, 8, 10, 12, 99)] == pytest.approx([1, 0.882843, 0.6, 0.317157, 0.2, 0.2])


def test_infinite_stays_and_anneals_on_the_side():
    schedule = Infinite(warmup=2, cooldown=4, level=0.2, floor=0.002)
    assert [schedule(i) for i in (0, 1, 2, 4, 6, 10**9)] == pytest.approx([0.5, 1.0, 1.0, 0.6, 0.2, 0.2])
    side = Infinite(warmup=2, cooldown=4, level=0.2, anneal_at=100, annealing=10, floor=0.002)
    assert [side(i) for i in range(101)] == [schedule(i) for i in range(101)]
    assert [side(i) for i in (105, 110, 500)] == pytest.approx([0.02, 0.002, 0.002])


def test_infinite_cools_down_by_an_inverse_square_root():
    """At a quarter with a = 3: h(1/4) / h(1) = (1 / sqrt(1.75) - 1) / (1 / 2 - 1), of the way to a level of 0.2."""
    schedule = Infinite(warmup=2, cooldown=4, level=0.2, bend=3.0)
    quarter = 1 - 0.8 * (1 / 1.75**0.5 - 1) / (1 / 2 - 1)
    assert [schedule(i) for i in (0, 1, 2, 3, 6, 10**9)] == pytest.approx([0.5, 1.0, 1.0, quarter, 0.2, 0.2])
    assert schedule(4) < Infinite(warmup=2, cooldown=4, level=0.2)(4)  # steep at first


def test_infinite_without_warmup_or_cooldown():
    assert Infinite(0, 0, level=0.5)(0) == 0.5
    assert Infinite(3, 0, level=0.5)(2) == 1.0 and Infinite(3, 0, level=0.5)(3) == 0.5


@pytest.mark.parametrize("schedule", [WarmupCosine(50, 5), Infinite(5, 20), Infinite(5, 20, 0.5, 30, 10),
                                      Infinite(5, 20, bend=10.0)])
def test_never_above_one_and_nothing_jumps_down(schedule):
    rates = [schedule(i) for i in range(60)]
    assert max(rates) == 1.0 and min(rates) > 0
    assert all(later > 0.6 * rate for rate, later in pairwise(rates))


@pytest.mark.parametrize(("kind", "options", "message"), [
    (WarmupCosine, {"steps": 4, "warmup": 5}, "WarmupCosine: expected"),
    (WarmupCosine, {"steps": 4, "floor": 1.5}, "floor=1.5"),
    (Infinite, {"warmup": 1, "cooldown": 1, "level": 0.0}, "0 < floor <= level"),
    (Infinite, {"warmup": 10, "cooldown": 10, "anneal_at": 15, "annealing": 5}, "from step 20"),
    (Infinite, {"warmup": 1, "cooldown": 1, "anneal_at": 15}, "over 1 step or more"),
    (Infinite, {"warmup": 1, "cooldown": 1, "bend": 0.0}, "bend above 0"),
])
def test_refuses_nonsense_of_others(kind, options, message):
    with pytest.raises(InputError, match=message):
        kind(**options)
