"""Made series: what each part of a family does, taken alone."""
import numpy as np
import pytest

from reprise.core.errors import InputError
from reprise.data.series.generated.families import Family, coloured

PLAIN = dict(level=(10.0, 10.0), trend=(0.0, 0.0), season=(0.0, 0.0), noise=(0.0, 0.0))


def one(length=120, seed=0, **options):
    return Family(**(PLAIN | options)).draw(1, (length, length), seed)[0].values


def test_each_part_alone():
    np.testing.assert_allclose(one(), 10.0)
    np.testing.assert_allclose(one(trend=(0.5, 0.5)), 10 + 0.05 * np.arange(120))
    season = one(season=(0.2, 0.2))
    np.testing.assert_allclose(season[12:], season[:-12])
    np.testing.assert_allclose(one(season=(0.2, 0.2), periods=(2.5,))[5:], one(season=(0.2, 0.2), periods=(2.5,))[:-5])
    np.testing.assert_allclose([season.mean(), season.std()], [10, 2], rtol=0.03)
    assert (np.abs(np.diff(one(shifts=5.0))) > 0).sum() in range(1, 15)
    np.testing.assert_allclose(one(3000, noise=(0.1, 0.1)).std(), 1, rtol=0.2)
    np.testing.assert_allclose(np.diff(one(3000, drift=0.001)).std(), 0.01, rtol=0.1)


def test_a_multiplicative_season_grows_with_the_level():
    wide = np.diff(one(240, trend=(1.0, 1.0), season=(0.3, 0.3), multiplicative=True))
    assert wide[-24:].std() > 2 * wide[:24].std()
    even = np.diff(one(240, trend=(1.0, 1.0), season=(0.3, 0.3)))
    assert even[-24:].std() < 1.1 * even[:24].std()


@pytest.mark.parametrize("memory", [-0.7, 0.0, 0.9])
def test_noise_has_its_colour_and_deviation_one(memory):
    noise = coloured(60_000, memory, np.random.default_rng(0))
    assert np.corrcoef(noise[1:], noise[:-1])[0, 1] == pytest.approx(memory, abs=0.02)
    assert noise.std() == pytest.approx(1, abs=0.05)


def test_the_seed_decides_and_ranges_hold():
    family = Family(periods=(4, 7), noise=(0.3, 0.9), drift=0.05, shifts=3.0)
    first, again, other = (family.draw(40, (20, 60), seed) for seed in (3, 3, 4))
    assert all(np.array_equal(a.values, b.values) for a, b in zip(first, again))
    assert not np.array_equal(first[0].values[:20], other[0].values[:20])
    assert {s.period for s in first} == {4, 7} and {len(s.values) for s in first} <= set(range(20, 61))
    assert min(s.values.min() for s in first) >= 0.05 * 10


@pytest.mark.parametrize(("options", "message"), [
    ({"periods": ()}, "periods of 1 or more"), ({"level": (0.0, 1.0)}, "periods of 1 or more, and a level and shape"),
    ({"periods": (0.5,)}, "periods of 1 or more, and"),
    ({"memory": (0.0, 1.0)}, r"between -1 and 1, rising, got \(0.0, 1.0\)"), ({"drift": -1.0}, "drift and shifts of 0"),
])
def test_what_no_family_is(options, message):
    with pytest.raises(InputError, match=message):
        Family(**options)


def test_lengths_that_fall():
    with pytest.raises(InputError, match=r"expected length to rise, got \(9, 3\)"):
        Family().draw(1, (9, 3), 0)
