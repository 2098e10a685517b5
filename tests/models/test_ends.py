"""What stands around a stack: norms of either kind, and the ends that published models have."""
import pytest
import torch
from torch import nn
from torch.nn.functional import layer_norm, linear

from reprise import LanguageModel
from reprise.core.errors import InputError
from reprise.core.files import save_tensors
from reprise.models.norms import create_norm
from reprise.models.stack import Stack

TOKENS = torch.tensor([list(b"at either end")])
ALL = {"tied": True, "embedding_norm": True, "embedding_scale": 3.0, "soft_cap": 0.5}


def build(**options):
    model = LanguageModel("gru", 8, 2, **options).eval()
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.3 * torch.randn_like(p))
    return model


@torch.no_grad()
def test_ends_by_hand():
    model = build(ends=ALL, norm=("layer", {"eps": 1e-2}))

    def normed(x, norm):
        return layer_norm(x, (8,), norm.weight, norm.bias, 1e-2)

    x = normed(3 * model.embedding.weight[TOKENS], model.embedding_norm)
    y, _ = model.stack(x)
    want = 0.5 * torch.tanh(linear(normed(y, model.norm), model.embedding.weight) / 0.5)
    got, _ = model(TOKENS)
    torch.testing.assert_close(got, want)
    assert got.abs().max() <= 0.5
    again, _ = model.step(TOKENS[:, -1], model(TOKENS[:, :-1])[1])
    torch.testing.assert_close(again, want[:, -1])


def test_nothing_at_either_end_unless_asked():
    model = build()
    assert model.embedding_norm is None and model.head is not None and model.soft_cap is None
    assert isinstance(model.norm, nn.RMSNorm) and model.norm.eps == 1e-6
    assert {name.partition(".")[0] for name in model.state_dict()} == {"embedding", "stack", "norm", "head"}


def test_a_tied_matrix_learns_from_both_ends():
    model = build(ends={"tied": True})
    model(TOKENS)[0].square().sum().backward()
    unseen = [byte for byte in range(256) if byte not in TOKENS[0]]
    assert model.embedding.weight.grad[unseen].any(), "as what predicts"
    assert not any(name.startswith("head") for name in model.state_dict())


@pytest.mark.parametrize("options", [{}, {"ends": ALL, "norm": "layer"}, {"norm": ["rms", {"eps": 1e-3}]}], ids=str)
def test_saved_with_its_ends(options, tmp_path):
    model = build(**options)
    back = LanguageModel.from_pretrained(model.save_pretrained(tmp_path))
    with torch.no_grad():
        assert torch.equal(back(TOKENS)[0], model(TOKENS)[0])
    assert back.generate("a", 5) == model.generate("a", 5)


def test_models_saved_before_there_were_ends(tmp_path):
    model = build()
    older = {name: model.options[name] for name in ("layers", "width", "depth", "channel", "dropout", "vocabulary")}
    about = {"kind": "model", "model": "LanguageModel", "options": older}
    save_tensors(tmp_path / "model.safetensors", model.state_dict(), about)
    with torch.no_grad():
        assert torch.equal(LanguageModel.from_pretrained(tmp_path)(TOKENS)[0], model(TOKENS)[0])


def test_norms_reach_every_block():
    stack = Stack(["gru", "gru"], 4, norm=("layer", {"eps": 1e-3}))
    norms = [norm for block in stack.blocks for norm in (block.before_layer, block.before_channel)]
    assert [(type(norm), norm.eps) for norm in norms] == [(nn.LayerNorm, 1e-3)] * 4
    assert create_norm("layer", 4).eps == 1e-5 and create_norm("rms", 4).eps == 1e-6


@torch.no_grad()
def test_steps_with_layer_norms_in_machine_code():
    model = build(norm="layer")
    assert {block.prepare_step() for block in model.stack.blocks} == {"machine code"}
    state, logits = model.initial_state(1), []
    for token in TOKENS.unbind(1):
        y, state = model.step(token, state)
        logits.append(y)
    torch.testing.assert_close(torch.stack(logits, 1), model(TOKENS)[0], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("options", "message"), [
    ({"norm": "batch"}, "no norm is named 'batch'; known: layer, rms"), ({"norm": "laye"}, "did you mean 'layer'"),
    ({"norm": ("rms", {"eps": 0.0})}, "norm: expected 'rms' or 'layer', or with its eps"),
    ({"norm": ("rms", {"bias": True})}, "norm: expected 'rms' or 'layer'"), ({"norm": None}, "norm: expected"),
    ({"ends": {"tie": True}}, "ends know no 'tie'; did you mean 'tied'"),
    ({"ends": {"soft_cap": 0}}, r"expected ends\['soft_cap'\] to be a number above 0, got 0"),
    ({"ends": {"embedding_scale": "big"}}, "to be a number above 0, got 'big'"),
    ({"ends": {"embedding_scale": None}}, r"expected ends\['embedding_scale'\] to be a number above 0, got None")],
    ids=str)
def test_errors_say_what_can_be_built(options, message):
    with pytest.raises(InputError, match=message):
        LanguageModel("gru", 8, 1, **options)
