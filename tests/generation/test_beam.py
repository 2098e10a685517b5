"""Beam search: all texts tried where the beam is wide, greedy where it is one, and the textbook loop between."""
from itertools import product

import pytest
import torch

from reprise import LanguageModel
from reprise.core.errors import InputError
from reprise.generation.beam import beam_search
from reprise.generation.decoding import decode
from reprise.generation.self_terminating import SelfTerminating
from reprise.models.sampling import Sampler

END, V = 2, 4


@pytest.fixture(params=["gru", "gla"])
def model(request):
    torch.manual_seed(1)
    model = LanguageModel(request.param, width=12, depth=1, vocabulary=V).double()
    with torch.no_grad():
        model.head.weight.mul_(60)
        model.embedding.weight.mul_(50)
    return model


def score(model, prompt, text):
    tokens = torch.cat([prompt, torch.tensor(text)])
    p = model(tokens[None])[0][0].log_softmax(-1)
    return sum(p[len(prompt) - 1 + i, token].item() for i, token in enumerate(text))


def cut(text):
    return text[: text.index(END) + 1] if END in text else text


def test_a_wide_beam_finds_the_likeliest_of_all(model):
    prompts = torch.randint(0, V, (3, 4))
    found = beam_search(model, prompts, END, 4, beams=V**3)
    for row, prompt in enumerate(prompts):
        texts = {tuple(cut(list(text))) for text in product(range(V), repeat=4)}
        best = max(texts, key=lambda text: score(model, prompt, list(text)))
        assert cut(found.texts[row].tolist()) == list(best)
        assert found.scores[row].item() == pytest.approx(score(model, prompt, list(best)), abs=1e-9)


def test_one_beam_is_greedy(model):
    prompts = torch.randint(0, V, (6, 3))
    found = beam_search(model, prompts, END, 12, beams=1)
    assert torch.equal(found.texts, decode(model, prompts, END, 12, Sampler(0.0)))


def plain(model, prompt, length, k):
    """One prompt, every beginning read anew."""
    running, best = [((), 0.0)], ((), -float("inf"))
    for _ in range(length):
        options = [((*text, token), total + p) for text, total in running for token, p in enumerate(
            model(torch.cat([prompt, torch.tensor(text, dtype=torch.long)])[None])[0][0, -1].log_softmax(-1).tolist())]
        options.sort(key=lambda option: -option[1])
        best = max([best, *(option for option in options[:k] if option[0][-1] == END)], key=lambda option: option[1])
        running = [option for option in options if option[0][-1] != END][:k]
        if best[1] >= running[0][1]:
            return best
    return running[0]


@pytest.mark.parametrize("k", [2, 3])
@torch.no_grad()
def test_it_is_the_plain_loop(model, k):
    prompts = torch.randint(0, V, (8, 3))
    found = beam_search(model, prompts, END, 9, beams=k)
    for row, prompt in enumerate(prompts):
        text, total = plain(model, prompt, 9, k)
        assert found.texts[row].tolist() == list(text) + [END] * (9 - len(text))
        assert found.scores[row].item() == pytest.approx(total, abs=1e-9)


def test_models_that_count_steps(model):
    counting = SelfTerminating(model, END, 0.3)
    found = beam_search(counting, torch.randint(0, V, (4, 3)), END, 20, beams=3)
    assert (found.texts == END).any(1).all() and found.scores.isfinite().all()


def test_a_model_in_training_is_asked_without_dropout_and_left_as_it_was():
    torch.manual_seed(0)
    model = LanguageModel("gru", width=12, depth=2, vocabulary=V, dropout=0.5)
    with torch.no_grad():
        model.head.weight.mul_(60)
    model.stack.blocks[0].eval()
    prompts, modes = torch.randint(0, V, (6, 3)), [module.training for module in model.modules()]
    found = beam_search(model, prompts, END, 9, beams=2)
    assert [module.training for module in model.modules()] == modes
    model.eval()
    assert torch.equal(found.scores, beam_search(model, prompts, END, 9, beams=2).scores)


def test_misuse(model):
    with pytest.raises(InputError, match="beams of 1 or more, got 0"):
        beam_search(model, torch.zeros(1, 1, dtype=torch.long), END, 4, beams=0)
    with pytest.raises(InputError, match="got end=4 of 4"):
        beam_search(model, torch.zeros(1, 1, dtype=torch.long), 4, 4)
