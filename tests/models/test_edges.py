"""Bytes out of range, prompts that are none, dropout in the midst of training, weights of several precisions."""
import pytest
import torch

from reprise.core.errors import InputError
from reprise.models.language_model import LanguageModel


@pytest.fixture
def model():
    return LanguageModel("mingru", 8, 2).eval()


def test_bytes_out_of_range(model):
    for token in (-1, 256):
        with pytest.raises(InputError, match=f"expected tokens from 0 to 255, got 65 to {token}|got {token} to 65"):
            model(torch.tensor([[65, token]]))
    with pytest.raises(InputError, match="expected a tensor of tokens"):
        model([[1, 2]])


def test_bytes_as_bytes(model):
    tokens = torch.tensor([list(b"bytes")])
    assert torch.equal(model(tokens.to(torch.uint8))[0], model(tokens)[0])


@pytest.mark.parametrize("prompts", [None, 5, [1, 2], ["text", 3], {"a": 1}], ids=str)
def test_prompts_that_are_none(model, prompts):
    with pytest.raises(InputError, match="expected a text or a list of texts"):
        model.generate(prompts, 3)


def test_prompts_that_are_no_utf8(model):
    with pytest.raises(InputError, match="no text in UTF-8"):
        model.generate("\ud800", 3)


@pytest.mark.parametrize("length", [-1, 2.5, "3", True])
def test_lengths_that_are_none(model, length):
    with pytest.raises(InputError, match="expected a length of 0 or more bytes"):
        model.generate("a", length)


@pytest.mark.parametrize("seed", ["x", 1.5, 2**70, [1.5]], ids=str)
def test_seeds_that_are_none(model, seed):
    with pytest.raises(InputError, match="expected whole seeds below"):
        model.generate("a", 3, seed=seed)


def test_generation_has_no_dropout_and_leaves_training_on():
    model = LanguageModel("gru", 8, 1, dropout=0.5).train()
    assert model.generate("a", 20) == model.generate("a", 20) == model.eval().generate("a", 20)
    assert LanguageModel("gru", 8, 1, dropout=0.5).train().generate("a", 2) and not model.training
    drawn = model.train().stream("a", 3)
    next(drawn)
    assert model.training, "between two bytes a model trains on"


@pytest.mark.parametrize("dropout", [-0.1, 1.0, 2.0, float("nan")])
def test_dropout_that_is_none(dropout):
    with pytest.raises(InputError, match="expected dropout from 0 to below 1"):
        LanguageModel("gru", 8, 1, dropout=dropout)


def test_weights_keep_their_own_precision(tmp_path):
    model = LanguageModel("mamba", 8, 1).bfloat16()
    model.head.float()
    model.save_pretrained(tmp_path)
    again = LanguageModel.from_pretrained(tmp_path)
    assert {n: p.dtype for n, p in again.named_parameters()} == {n: p.dtype for n, p in model.named_parameters()}
    assert all(torch.equal(p, q) for p, q in zip(again.parameters(), model.parameters(), strict=True))
    assert all(p.requires_grad for p in again.parameters())


def test_models_of_another_version_are_refused_in_a_line(tmp_path):
    model = LanguageModel("gru", 8, 1)
    model.options = model.options | {"rotary": True}
    model.save_pretrained(tmp_path)
    with pytest.raises(InputError, match="does not fit this version of LanguageModel"):
        LanguageModel.from_pretrained(tmp_path)


@pytest.mark.parametrize("root", [False, True])
def test_generation_leaves_every_module_as_it_was(root):
    model = LanguageModel("gru", 8, 2, dropout=0.5).train(root)
    model.stack.blocks[0].train(not root)
    before = [module.training for module in model.modules()]
    texts = model.generate("a", 20), [b"".join(model.stream("a", 20))]
    assert [module.training for module in model.modules()] == before and {*before} == {False, True}
    assert texts[0] == texts[1] == model.eval().generate("a", 20)


@pytest.mark.parametrize("name", ["kind", "model", "options", "start", "ends"])
def test_what_is_said_about_a_model_replaces_nothing(name, tmp_path):
    with pytest.raises(InputError, match=f"save_pretrained: '{name}' is said by the model itself, got 'today'; use"):
        LanguageModel("gru", 8, 1).save_pretrained(tmp_path / "model", **{name: "today"})
    assert not (tmp_path / "model").exists()
