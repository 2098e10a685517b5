"""Planted results: equal models are not told apart, clear winners are, and the sentence says which."""
import numpy as np
import pytest

from reprise.app.findings import chance, verdict as words
from reprise.app.findings.chance import spread
from reprise.app.findings.measure import Measure

NOISE = 0.01  # bits per byte, what seeds usually do
BITS = Measure("bits_per_byte", "bits/byte", "bits per byte")


def judge(values):
    return chance.judge(values, BITS.least)


def pairs(models):
    return chance.pairs(models, BITS)


def verdict(models, baselines, measure=BITS):
    return words.verdict(models, baselines, measure)


def planted(means, seeds=3, shift=0.0, seed=0) -> list[list[float]]:
    """Results of models with these true means; `shift` is what a seed does to all models alike."""
    generator = np.random.default_rng(seed)
    alike = generator.normal(0, shift, seeds)
    return (np.array(means)[:, None] + generator.normal(0, NOISE, (len(means), seeds)) + alike).tolist()


def models(**values):
    return [{"name": name, "status": "done", "score": spread(list(found))} for name, found in values.items()]


def baseline(bits, name="6-gram"):
    return {"name": name, "group": name, "score": bits, "seconds": 0.1, "why": ""}


@pytest.mark.parametrize("shift", [0, 0.03])
@pytest.mark.parametrize(("count", "seeds"), [(2, 3), (6, 3), (12, 3), (12, 2), (4, 5)])
def test_equal_models_are_not_told_apart(count, seeds, shift):
    trials = [judge(planted([2.0] * count, seeds, shift, seed)).apart.any() for seed in range(60)]
    assert np.mean(trials) <= 0.1  # 0.03 is meant; sixty trials are few


@pytest.mark.parametrize("shift", [0, 0.03])
@pytest.mark.parametrize("count", [2, 6, 12])
def test_a_clear_winner_is_told_apart(count, shift):
    for seed in range(20):
        judged = judge(planted([1.8] + [2.0] * (count - 1), 3, shift, seed))
        assert judged.apart[0, 1:].all()
        assert judged.best[0] > 0.95


def test_pairing_sees_through_what_a_seed_does_to_all():
    trials = [judge(planted([2.0, 2.08, 2.2], 3, shift=0.3, seed=seed)).apart[0, 1] for seed in range(20)]
    assert np.mean(trials) > 0.5


def test_one_unstable_model_does_not_hide_the_others():
    values = planted([1.8, 2.0, 2.0, 2.0, 2.0])
    values[4] = [2.0, 2.9, 2.4]
    assert judge(values).apart[0, 1:4].all()


def test_seeds_may_be_missing():
    judged = judge([[1.80, 1.81, 1.79], [2.0, 2.01], [2.1]])
    assert judged.apart[0].tolist() == [False, True, True]


def test_chances_are_chances():
    judged = judge(planted([1.9, 1.905, 1.95, 2.1]))
    np.testing.assert_allclose(judged.better + judged.better.T, 1, atol=1e-12)
    assert judged.best.sum() == pytest.approx(1)
    assert judge(planted([1.9, 1.905, 1.95, 2.1])).better.tolist() == judged.better.tolist()


def test_one_seed_says_nothing():
    judged = judge([[1.8], [2.0]])
    assert np.isnan(judged.better).all()
    assert not judged.apart.any()
    found = models(gru=[1.8], lstm=[2.0])
    assert pairs(found) == {"names": ["gru", "lstm"], "better": [[None, None]] * 2, "best": [None, None]}
    assert found[0]["score"]["low"] is None


def test_no_model_at_all():
    assert pairs([{"name": "gru", "status": "failed", "why": "no memory"}]) == {"names": [], "better": [], "best": []}
    assert verdict([{"name": "gru", "status": "failed"}], []).startswith("No model finished")


TIED = {"gru": [1.932, 1.941, 1.925], "mingru": [1.936, 1.929, 1.943]}
CLEAR = {"gru": [1.932, 1.936, 1.929], "mingru": [2.132, 2.129, 2.137], "elman": [2.331, 2.336, 2.329]}


@pytest.mark.parametrize(("values", "reference", "said"), [
    (TIED, 2.40, "gru and mingru cannot be told apart (0.004 bits per byte between them, within the noise of seeds); "
                 "both beat the 6-gram by 0.46."),
    (CLEAR, 2.40, "gru is best with 1.932 bits per byte, 0.20 less than mingru; it beats the 6-gram by 0.47."),
    (CLEAR, 1.80, "The 6-gram beats every model in this budget (1.800 bits per byte, 0.13 less than gru, the best of "
                  "them): train longer (--budget)."),
    (CLEAR, 1.935, "gru, the best model, and the 6-gram cannot be told apart (0.003 bits per byte between them): "
                   "train longer (--budget)."),
    ({"gru": [1.932, 1.936, 1.929]}, 2.40, "gru reaches 1.932 bits per byte; it beats the 6-gram by 0.47."),
    ({"gru": [1.9], "lstm": [1.93]}, 2.40, "gru is best with 1.900 bits per byte, 0.030 less than lstm; it beats the "
     "6-gram by 0.50. One seed: no interval, so the order may be chance (--seeds 3 tells)."),
])
def test_the_sentence(values, reference, said):
    assert verdict(models(**values), [baseline(8.0, "uniform"), baseline(reference)]) == said


def test_many_ties_are_counted():
    values = dict(zip("abcdefgh", planted([2.0] * 8, seed=4)))
    assert "and 5 others cannot be told apart" in verdict(models(**values), [])


def test_likely_is_not_sure():
    others = {f"m{i}": [2.1, 2.107, 2.095] for i in range(8)}
    values = {"gru": [1.900, 1.905, 1.895], "lstm": [1.916, 1.906, 1.911], **others}
    assert judge(list(values.values())).apart[0].tolist() == [False, False, *[True] * 8]
    assert verdict(models(**values), [baseline(2.4)]) == (
        "gru is likely best, but lstm, only 0.011 bits per byte behind, cannot be ruled out with so few seeds; "
        "both beat the 6-gram by 0.49.")


def test_a_tie_around_the_baseline_claims_only_the_first():
    values = {"gru": [1.90, 1.97, 1.93], "lstm": [2.00, 1.91, 1.99]}
    assert verdict(models(**values), [baseline(2.3)]).endswith("both beat the 6-gram by 0.31.")
    assert verdict(models(**values), [baseline(1.98)]).startswith("gru, the best model, and the 6-gram")


def test_failures_are_counted():
    failed = [{"name": "hyena", "status": "failed", "why": "no memory"}]
    said = verdict(models(**CLEAR) + failed, [baseline(2.4, "lzma")])
    assert said.endswith("beats lzma by 0.47. 1 of 4 models failed.")


def test_more_is_better_where_the_measure_says_so():
    """The same results, of which the higher is now the better, tell the same story the other way round."""
    accuracy, ahead = Measure("accuracy", "accuracy", "accuracy", higher=True), models(gru=[0.93, 0.936, 0.929])
    others = models(mingru=[0.732, 0.729, 0.737], elman=[0.331, 0.336, 0.329])
    assert [m["name"] for m in chance.finished(others + ahead, accuracy)] == ["gru", "mingru", "elman"]
    said = verdict(others + ahead, [baseline(0.1, "lzma"), baseline(0.5)], accuracy)
    assert said == "gru is best with 0.930 accuracy, 0.20 more than mingru; it beats the 6-gram by 0.43."
    found = chance.pairs(others + ahead, accuracy)
    assert found["names"][0] == "gru" and found["best"][0] > 0.99
    assert verdict(others, [baseline(0.9)], accuracy).startswith("The 6-gram beats every model in this budget (0.900")
