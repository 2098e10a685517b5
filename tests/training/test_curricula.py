"""Curricula: which levels are trained when, what heads are asked, and a model that learns by one."""
import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from reprise.core.errors import InputError
from reprise.data.batches import IGNORED
from reprise.data.labelled import Labelled
from reprise.training.curricula import Curriculum, heads_right, labels_of_heads, learn

LEVELS = (2, 3, 5, 8)


def walk(curriculum):
    """The levels trained, stage by stage, where every test is passed."""
    stages = []
    while not curriculum.finished:
        stages.append(curriculum.trained)
        curriculum = curriculum.after([1.0] * len(curriculum.trained))
    return stages


@pytest.mark.parametrize(("keeps", "stages"), [
    (1, [(2,), (3,), (5,), (8,)]),
    (2, [(2,), (2, 3), (3, 5), (5, 8)]),
    (None, [(2,), (2, 3), (2, 3, 5), (2, 3, 5, 8)]),
])
def test_stages(keeps, stages):
    assert walk(Curriculum(LEVELS, keeps)) == stages


def test_single_head_has_one_head_and_others_one_a_level():
    assert [Curriculum(LEVELS, keeps).heads for keeps in (1, 2, None)] == [1, 4, 4]
    assert [Curriculum(LEVELS, 1).head_of(level) for level in LEVELS] == [0, 0, 0, 0]
    assert [Curriculum(LEVELS, None).head_of(level) for level in LEVELS] == [0, 1, 2, 3]


@pytest.mark.parametrize(("accuracies", "goes_on"), [
    ([0.99, 0.99], True), ([1.0, 0.98], False), ([0.9, 1.0], False), ([0.97, 1.0], True)])
def test_the_newest_and_the_mean_must_exceed_the_threshold(accuracies, goes_on):
    curriculum = Curriculum(LEVELS, keeps=None, at=1)
    assert (curriculum.after(accuracies) != curriculum) == goes_on
    assert curriculum.at == 1, "a curriculum is a value"


def draw(levels, generator, rows=32):
    """Whether a number exceeds the level: every head has its own answer."""
    x = generator.uniform(0, 10, (rows, 1, 1)).astype(np.float32)
    y = np.concatenate([x[:, 0] > level for level in levels], 1).astype(np.int64)
    return Labelled(torch.from_numpy(x), torch.from_numpy(y))


def test_labels_are_at_their_heads():
    generator = np.random.default_rng(0)
    batch = Curriculum(LEVELS, keeps=2, at=2).batch(draw, generator)
    assert (batch.y[:, [0, 3]] == IGNORED).all()
    assert torch.equal(batch.y[:, [1, 2]], torch.cat([batch.x[:, 0] > 3, batch.x[:, 0] > 5], 1).long())
    assert Curriculum(LEVELS, keeps=1, at=2).batch(draw, generator).y.shape == (32, 1)
    old = Curriculum(LEVELS, keeps=1, at=2).batch(draw, generator, levels=[2])
    assert torch.equal(old.y[:, 0], (old.x[:, 0, 0] > 2).long())


class Linear(nn.Module):
    def __init__(self, heads, classes=2):
        super().__init__()
        self.inside = nn.Sequential(nn.Linear(1, 32), nn.Tanh(), nn.Linear(32, heads * classes))

    def forward(self, x, state=None, *, lengths=None):
        return self.inside(x[:, 0]), ()


def test_the_loss_is_the_sum_over_heads_of_their_mean_cross_entropies():
    torch.manual_seed(0)
    model, y = Linear(3, 4), torch.randint(0, 4, (6, 3))
    x = torch.randn(6, 1, 1)
    z = model(x)[0]
    scored = labels_of_heads(model, Labelled(x, y))
    want = sum(F.cross_entropy(z[:, 4 * h : 4 * h + 4], y[:, h]) for h in range(3))
    torch.testing.assert_close(scored.total / scored.count, want)
    y[:, 1] = IGNORED
    scored = labels_of_heads(model, Labelled(x, y))
    want = sum(F.cross_entropy(z[:, 4 * h : 4 * h + 4], y[:, h]) for h in (0, 2))
    torch.testing.assert_close(scored.total / scored.count, want)
    right = heads_right(model, [Labelled(x, y)])
    assert right[1].isnan() and float(right[0]) == pytest.approx(float((z[:, :4].argmax(1) == y[:, 0]).float().mean()))


@pytest.mark.parametrize("keeps", [1, None])
def test_a_model_learns_level_by_level(keeps):
    torch.manual_seed(0)
    curriculum = Curriculum(LEVELS, keeps, threshold=0.9)
    model = Linear(curriculum.heads)
    optimiser = torch.optim.Adam(model.parameters(), 0.01)
    lessons = list(learn(model, curriculum, draw, optimiser, every=20))
    passed = [lesson for lesson in lessons if lesson.passed]
    assert [lesson.levels for lesson in passed] == walk(curriculum) and lessons[-1].passed
    assert [lesson.step for lesson in lessons] == list(range(20, 20 * len(lessons) + 1, 20))
    assert all(lesson.accuracies[-1] > 0.9 for lesson in passed)
    assert model.training
    right = heads_right(model, [curriculum.batch(draw, np.random.default_rng(9), LEVELS[:1])])
    assert (right[0] > 0.9) == (keeps is None), "one head answers the last level alone"


def test_the_same_seed_gives_the_same_lessons():
    def lessons(seed):
        torch.manual_seed(0)
        model = Linear(1)
        made = learn(model, Curriculum((5,), threshold=0.999), draw, torch.optim.SGD(model.parameters(), 0.1), every=5,
                     seed=seed)
        return [lesson.accuracies for lesson, _ in zip(made, range(4), strict=False)]

    assert lessons(1) == lessons(1) != lessons(2)


@pytest.mark.parametrize(("options", "message"), [
    ({"levels": ()}, "one level or more, no two alike"),
    ({"levels": (2, 2)}, "no two alike, got"),
    ({"levels": LEVELS, "keeps": 0}, "expected keeps of 1 or more"),
    ({"levels": LEVELS, "threshold": 1.0}, "a threshold from 0 to below 1, which accuracy can exceed"),
    ({"levels": LEVELS, "at": 5}, "a place from 0 to 4"),
])
def test_bad_curricula(options, message):
    with pytest.raises(InputError, match=message):
        Curriculum(**options)


def test_misfits_are_refused():
    with pytest.raises(InputError, match="an accuracy for each of the levels"):
        Curriculum(LEVELS).after([1.0, 1.0])
    with pytest.raises(InputError, match=r"labels \(B, heads\) and answers \(B, heads \* classes\)"):
        labels_of_heads(Linear(1), Labelled(torch.zeros(2, 1, 1), torch.zeros(2, 3, dtype=torch.long)))
    with pytest.raises(InputError, match=r"levels \(2, 3\) have a head in common"):
        Curriculum(LEVELS, keeps=1).batch(draw, np.random.default_rng(0), levels=(2, 3))


def test_a_test_that_fails_leaves_the_model_training():
    model = Linear(1).train()
    with pytest.raises(InputError):
        heads_right(model, [Labelled(torch.zeros(2, 1, 1), torch.zeros(2, 3, dtype=torch.long))])
    assert model.training
