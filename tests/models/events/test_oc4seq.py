"""One class of cases: distances by hand, padding that counts for nothing, a stream that equals the whole."""
import copy

import pytest
import torch

from reprise.core.errors import InputError
from reprise.data.labelled import Labelled
from reprise.models.events.oc4seq import OC4Seq
from reprise.training.fit import fit
from reprise.training.objectives import distance


def build(**options):
    torch.manual_seed(0)
    return OC4Seq(5, 6, 2, 3, **options).double()


def tokens(B=3, T=8):
    return torch.randint(5, (B, T), generator=torch.Generator().manual_seed(1))


def by_hand(model, row):
    """The score of one case, stretch by stretch."""
    x = model.embedding(row)[None]
    places = []
    for t in range(len(row)):
        stretch = torch.zeros(1, model.window, x.shape[2], dtype=x.dtype)
        seen = x[:, max(t - model.window + 1, 0) : t + 1]
        stretch[:, model.window - seen.shape[1] :] = seen
        places.append((model.local(stretch)[0][0, -1] - model.local_centre).square().sum())
    for layer in model.layers:
        x, _ = layer(x)
    return model.whole * (x[0, -1] - model.global_centre).square().sum() + model.part * max(places)


@pytest.mark.parametrize("options", [{}, {"whole": 0.0}, {"part": 0.3, "layer": "lstm"}], ids=str)
def test_scores_are_those_by_hand(options):
    model, x, lengths = build(**options), tokens(), torch.tensor([8, 1, 5])
    found = model(x, lengths=lengths)
    wanted = torch.stack([by_hand(model, row[:length]) for row, length in zip(x, lengths, strict=True)])
    torch.testing.assert_close(found, wanted)
    torch.testing.assert_close(model(x), torch.stack([by_hand(model, row) for row in x]))


def test_padding_counts_for_nothing():
    model, x = build(), tokens()
    other = x.clone()
    other[0, 4:] = (other[0, 4:] + 1) % 5
    lengths = torch.tensor([4, 8, 0])
    assert torch.equal(model(x, lengths=lengths), model(other, lengths=lengths))
    assert model(x[:, :0]).shape == (3,)


def test_a_stream_is_every_beginning_of_the_whole():
    model, x = build(), tokens()
    state = model.initial_state(3)
    for t in range(8):
        score, state = model.step(x[:, t], state)
        torch.testing.assert_close(score, model(x[:, : t + 1]))


def test_centres_are_means_away_from_nothing():
    model, x = build(), tokens(4, 6)
    lengths = torch.tensor([6, 2, 3, 1])
    batches = [Labelled(x[:1], x[:1, 0], lengths[:1]), Labelled(x[1:], x[1:, 0], lengths[1:])]
    model.centre(batches)
    g, stretches, real = model.features(x, lengths)
    for centre, mean in ((model.global_centre, g.mean(0)), (model.local_centre, stretches[real].mean(0))):
        far = mean.abs() >= 0.1
        torch.testing.assert_close(centre[far], mean[far])
        torch.testing.assert_close(centre[~far], 0.1 * mean[~far].sign())
    assert not any(name.endswith("centre") for name, _ in model.named_parameters())


def test_normal_cases_come_nearer_than_strange_ones(tmp_path):
    model = build().float()
    cycle = torch.arange(200) % 4
    windows = cycle.unfold(0, 12, 1)
    data = Labelled(windows, windows[:, 0], torch.full((len(windows),), 12))
    model.centre([data])
    strange = windows[:20].clone()
    strange[:, 5] = 4
    list(fit(model, [data] * 80, distance, torch.optim.Adam(model.parameters(), 1e-2)))
    model.eval()
    assert model(windows).max() < model(strange).min()
    again = OC4Seq.from_pretrained(model.save_pretrained(tmp_path))
    assert torch.equal(again(strange), model(strange)) and torch.equal(copy.deepcopy(model)(strange), model(strange))


@pytest.mark.parametrize(("wrong", "message"), [
    (lambda: build(whole=0.0, part=0.0), "weights of 0 or more, one of them above it"),
    (lambda: build()(tokens() + 1), "kinds from 0 to 4, got 1 to 5"),
    (lambda: build()(tokens()[0]), r"of shape \(B, T\), got torch.int64 \(8,\)"),
    (lambda: build().step(tokens(), build().initial_state(3)), "step one event a row"),
    (lambda: build().centre([]), "a case with an event, got none"),
])
def test_what_does_not_fit(wrong, message):
    with pytest.raises(InputError, match=message):
        wrong()
