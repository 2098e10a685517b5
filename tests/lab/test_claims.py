"""Verdicts follow from numbers: clear, unclear, and never on too little."""
import math

import pytest

from reprise.lab.claims import all_hold, at_least, at_most, exceeds, interval, weigh
from reprise.lab.table import Seeds, Table


def seeds(*numbers):
    return dict(enumerate(numbers))


@pytest.mark.parametrize(("claim", "numbers", "margin", "verdict"), [
    (at_least, (0.9, 0.95, 0.99), 0.9, "holds"),
    (at_least, (0.1, 0.2, 0.3), 0.9, "fails"),
    (at_least, (0.1, 0.95, 0.99), 0.9, "unclear"),
    (at_most, (0.1, 0.2, 0.3), 0.3, "holds"),
    (at_most, (0.4, 0.5, 0.6), 0.3, "fails"),
    (at_most, (0.1, 0.2, 0.6), 0.3, "unclear"),
    (at_least, (1.0, 1.0), 0.5, "unclear"),
    (at_least, (), 0.5, "unclear"),
    (at_least, (1.0, 1.0, math.nan), 0.5, "unclear"),
    (at_least, (1.0, 1.0, math.inf), 0.5, "unclear"),
])
def test_one_number(claim, numbers, margin, verdict):
    assert weigh(claim("said", seeds(*numbers), margin)).verdict == verdict


@pytest.mark.parametrize("by", [0.1, 1e-6])
def test_no_effect_never_holds(by):
    same = seeds(0.3, 0.5, 0.4, 0.6, 0.2)
    assert weigh(exceeds("a method equal to its baseline", same, same, by)).verdict == "fails"
    shuffled = seeds(0.5, 0.4, 0.6, 0.2, 0.3)
    assert weigh(exceeds("as good, on other seeds", shuffled, same, by)).verdict in ("fails", "unclear")


def test_gaps_are_of_the_same_seed():
    one, other = seeds(10.0, 20.0, 30.0), seeds(9.0, 19.0, 29.0)
    assert weigh(exceeds("by one", one, other, 0.99)).verdict == "holds"
    assert weigh(exceeds("by one", one, {1: 19.0, 2: 29.0}, 0.99)).why == "1 of 3 cells missing"


def test_cells_that_failed_may_be_those_that_matter():
    cells = [{"arm": "a", "seed": seed} for seed in range(10)]
    table = Table([{"arm": "a", "seed": seed, "score": 1.0} for seed in range(3)], cells)
    verdict = weigh(at_least("survivors are good", table.over_seeds("score", arm="a"), 0.5))
    assert (verdict.verdict, verdict.why) == ("unclear", "7 of 10 cells missing")
    assert weigh(at_least("all", Table(table.rows, cells[:3]).over_seeds("score", arm="a"), 0.5)).verdict == "holds"


def test_parts_hold_together_or_say_which_does_not():
    good, bad, few = (at_least("good", seeds(1, 1, 1), 0.5), at_least("bad", seeds(0, 0, 0), 0.5),
                      at_least("few", seeds(1), 0.5))
    assert weigh(all_hold("all", [good, good])).verdict == "holds"
    assert (weigh(all_hold("all", [good, few])).verdict, weigh(all_hold("all", [good, few])).why) == (
        "unclear", "few: 1 of 3 seeds")
    both = weigh(all_hold("all", [bad, few, good]))
    assert (both.verdict, both.why, both.seeds) == ("fails", "bad: 0", 1)


def test_interval_is_of_the_median_and_always_the_same():
    numbers = [1.0, 2.0, 3.0, 4.0, 100.0]
    low, high = interval(numbers)
    assert 1 <= low < 3 < high <= 100 and interval(numbers) == (low, high)
    assert interval([0.5] * 4) == (0.5, 0.5)


def test_a_table_answers_by_seed():
    table = Table([{"arm": arm, "seed": seed, "score": seed} for arm in "ab" for seed in range(3)])
    assert table.over_seeds("score", arm="a") == {0: 0, 1: 1, 2: 2}
    assert table.over_seeds("score", arm="c") == {}
    assert table.median("score", arm="b") == 1 and math.isnan(table.median("score", arm="c"))
    assert table.values("arm") == ["a", "b"] and len(table.where(seed=2)) == 2
    with pytest.raises(ValueError, match="several rows of seed 0"):
        table.over_seeds("score")


def test_a_table_knows_what_is_planned():
    table = Table([{"arm": "a", "seed": 0, "score": 1.0}], [{"arm": arm, "seed": 0} for arm in "ab"])
    assert table.planned(arm="b") and not table.planned(arm="c") and not Table([]).planned()


def given(missing=0, **numbers):
    found = Seeds({int(seed[1:]): number for seed, number in numbers.items()})
    found.missing = missing
    return found


def test_arithmetic_is_seed_by_seed():
    one, other = given(s0=6.0, s1=8.0), given(s0=2.0, s1=0.0)
    assert one - other == {0: 4.0, 1: 8.0} and one + 1 == {0: 7.0, 1: 9.0}
    assert 0.5 * one == one * 0.5 == {0: 3.0, 1: 4.0}
    assert (one / other)[0] == 3.0 and math.isnan((one / other)[1])


def test_what_is_missing_stays_missing():
    assert (3 * given(missing=2, s0=1.0)).missing == 2
    assert (given(s0=1.0, s1=1.0) - given(missing=1, s0=1.0)).missing == 1
    gap = given(s0=1.0, s1=1.0) / given(s1=1.0, s2=1.0)
    assert gap == {1: 1.0} and gap.missing == 2
    assert weigh(at_least("all", gap, 0.5)).verdict == "unclear"


def test_rows_that_have_a_column():
    """Parts of a study need not measure the same; what a row has not is not missing."""
    table = Table([{"part": "a", "seed": 0, "score": 1.0}, {"part": "b", "seed": 0, "seconds": 2.0}])
    assert table.having("score").values("part") == ["a"] and len(table.having("nothing")) == 0
    assert table.having("seconds").median("seconds", part="b") == 2.0
