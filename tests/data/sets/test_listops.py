"""ListOps: values against an evaluator of another kind, trees against the brackets of the published files."""
import hashlib
import os

import numpy as np
import pytest
import torch

from reprise.core.errors import InputError
from reprise.data.sets import listops
from reprise.data.sets.listops import OPERATORS, WORDS, Shape, draw_listops, open_listops, work_out

DATA = os.environ.get("REPRISE_DATA")  # read before a fixture hides it
LINES = """6\t( ( ( [FIRST ( ( ( ( [MAX 4 ) 4 ) 6 ) ] ) ) 2 ) ] )
6\t( ( ( ( ( [MAX ( ( ( [MED 5 ) 0 ) ] ) ) ( ( ( ( [MED 5 ) ( ( ( ( ( [MAX 9 ) 9 ) 5 ) 5 ) ] ) ) 0 ) ] ) ) 0 ) 6 ) ] )
9\t9
"""


def evaluated(words):
    """As Python does it, with functions of any number of arguments."""
    functions = {
        "MIN": lambda *a: min(a), "MAX": lambda *a: max(a), "MED": lambda *a: int(np.median(a)),
        "SM": lambda *a: int(np.sum(a)) % 10, "FIRST": lambda *a: a[0], "LAST": lambda *a: a[-1],
        "PM": lambda *a: int(np.prod(a)) % 10, "FLSUM": lambda a, b, *_: (a + b) % 10,
    }
    text = "".join(f"{w[1:]}(" if w[0] == "[" else ")," if w == "]" else f"{w}," for w in words)
    return eval(text.rstrip(","), functions)


def bracketed(text):
    """The tree that round brackets say: every place's height, from the highest node below it on its right."""
    heights, done, place = [], [], 0
    for word in text.split():
        if word == ")":
            (tall, _), (low, middle) = done.pop(), done.pop()
            heights[middle] = max(tall, low) + 1
            done.append((heights[middle], len(heights) - 1))
        elif word != "(":
            heights.append(0)
            done.append((0, place))
            place += 1
    return heights


def rows(expressions):
    for x, length in zip(expressions.x.tolist(), expressions.lengths.tolist(), strict=True):
        yield [WORDS[token] for token in x[:length]]


@pytest.mark.parametrize("shape", [
    Shape(), Shape(("MIN", "MAX"), (2, 3), 4, (8, 20), 0.4), Shape(tuple(OPERATORS), depth=6, lengths=(4, 40)),
])
def test_values_are_right_and_expressions_of_the_shape(shape):
    found = draw_listops(200, shape, np.random.default_rng(0))
    texts = [" ".join(words) for words in rows(found)]
    assert [evaluated(text.split()) for text in texts] == found.y.tolist()
    assert len(set(texts)) == 200 and all(shape.lengths[0] <= n <= shape.lengths[1] for n in found.lengths.tolist())
    for text in texts:
        assert max(np.cumsum([(w[0] == "[") - (w == "]") for w in text.split()])) <= shape.depth
    assert {w for text in texts for w in text.split() if w[0] == "["} == {f"[{name}" for name in shape.operators}
    again = draw_listops(200, shape, np.random.default_rng(0))
    assert torch.equal(again.x, found.x)


def test_published_form(tmp_path, monkeypatch):
    (tmp_path / "listops").mkdir()
    (tmp_path / "listops/test_d20s.tsv").write_text(LINES)
    monkeypatch.setenv("REPRISE_DATA", str(tmp_path))
    with pytest.raises(InputError, match="is not the published file"):
        open_listops()
    monkeypatch.setitem(listops.PUBLISHED, "d20s", hashlib.sha256(LINES.encode()).hexdigest())
    found = open_listops()
    texts = [line.split("\t")[1] for line in LINES.splitlines()]
    assert found.y.tolist() == [6, 6, 9] and [evaluated(words) for words in rows(found)] == [6, 6, 9]
    for text, heights, length in zip(texts, found.heights.tolist(), found.lengths.tolist(), strict=True):
        assert heights[:length] == bracketed(text) and not any(heights[length:])
    assert open_listops(longest=8).lengths.tolist() == [8, 1]
    with pytest.raises(InputError, match="no expression of d20s has 0 words or fewer"):
        open_listops(longest=0)


@pytest.mark.skipif(not DATA or not os.path.isdir(os.path.join(DATA, "listops")), reason="the files are not here")
@pytest.mark.parametrize("name", ["d20s", "d5c", "d5p"])  # which have all operators among them
def test_published_labels_are_the_values(name, monkeypatch):
    monkeypatch.setenv("REPRISE_DATA", DATA)
    found = open_listops(name, longest=20)
    assert [evaluated(words) for words in rows(found)] == found.y.tolist()


def test_batches_are_of_like_length_and_miss_nothing():
    data = draw_listops(256, Shape(lengths=(4, 60)), np.random.default_rng(0))
    batches = data.batches(8, seed=0)
    epoch = [next(batches) for _ in range(32)]
    assert sorted(tuple(words) for batch in epoch for words in rows(batch)) == sorted(tuple(w) for w in rows(data))
    assert all(batch.x.shape == (8, int(batch.lengths.max())) for batch in epoch)
    spread = np.mean([int(batch.lengths.max() - batch.lengths.min()) for batch in epoch])
    assert spread < 0.2 * int(data.lengths.max() - data.lengths.min())
    with pytest.raises(InputError, match="a batch of 1 to 256 rows"):
        next(data.batches(257, seed=0))


@pytest.mark.parametrize("text", ["", "[MAX ]", "[MAX 1 2", "1 2", "12", "]", "[NONE 1 ]", "[MAX 1 ] 2"])
def test_what_is_no_expression(text):
    with pytest.raises(InputError, match="is no expression of ListOps"):
        work_out(text.split())


def test_shapes_and_names_that_do_not_fit():
    with pytest.raises(InputError, match="expected operators among MIN, MAX"):
        draw_listops(1, Shape(("MUN",)), np.random.default_rng(0))
    with pytest.raises(InputError, match="11 different expressions were asked"):
        draw_listops(11, Shape(("MIN",), (1, 1), 1, (3, 3)), np.random.default_rng(0))
    with pytest.raises(InputError, match="ListOps has no file 'd21s'; did you mean"):
        open_listops("d21s")
