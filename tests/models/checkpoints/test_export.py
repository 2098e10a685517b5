"""What goes to transformers, and what is refused because nothing there computes the same."""
import pytest
import torch

import reprise
from reprise.core.errors import InputError

TOKENS = torch.tensor([[3, 1, 4, 1, 5]])
RMS = ("rms", {"eps": 1e-5})


def test_models_that_transformers_has_not():
    for model in (reprise.LanguageModel("gru", 8, 1), reprise.LanguageModel("mamba", 8, 2),
                  reprise.LanguageModel(["mamba", "gru"], 8)):
        with pytest.raises(InputError, match="to_transformers: expected a model as one of mamba, falcon_mamba"):
            reprise.to_transformers(model)


def test_a_model_built_here_goes_there():
    model = reprise.LanguageModel("mamba", 8, 2, None, vocabulary=11, norm=RMS, ends={"tied": True}).eval()
    with torch.no_grad():
        theirs = reprise.to_transformers(model)(TOKENS, use_cache=False).logits
        torch.testing.assert_close(theirs, model(TOKENS)[0], rtol=1e-5, atol=1e-5)


def test_dropout_changes_nothing_there():
    model = reprise.LanguageModel("mamba", 8, 2, None, 0.1, 11, RMS, {"tied": True})
    assert reprise.to_transformers(model) is not None


def mamba2(*options):
    layers = [("mamba2", {"states": 4, "heads": 2} | more) for more in options]
    return reprise.LanguageModel(layers, 16, channel=None, vocabulary=11, norm=RMS)


def griffin(*options):
    attention = [("local_attention", {"heads": 2, "window": 8, "rotary": 0.5} | more) for more in options]
    return reprise.LanguageModel([("rg_lru", {"heads": 2}), *attention], 16, channel="geglu", vocabulary=11,
                                 ends={"tied": True, "embedding_scale": 4.0, "soft_cap": 30.0})


@pytest.mark.parametrize(("build", "other"), [
    (mamba2, {"dt_limit": (0.1, 0.2)}), (mamba2, {"eps": 1e-3}), (griffin, {"window": 16}), (griffin, {"rotary": 0.0}),
    (griffin, {"window": 2048, "rotary": 0.0})], ids=lambda given: getattr(given, "__name__", str(given)))
def test_layers_that_differ_in_what_has_no_weight(build, other):
    """transformers knows one value for the whole model: that of the first would be a lie about the second."""
    assert reprise.to_transformers(build({}, {})) is not None
    for options in (({}, other), (other, {})):
        with pytest.raises(InputError, match="down to norms, ends and each layer's options"):
            reprise.to_transformers(build(*options))


def test_options_that_are_said_and_those_that_are_left_out_are_one():
    said = reprise.LanguageModel([("mamba", {"hidden": 16, "rank": 1}), "mamba"], 8, channel=None, vocabulary=11,
                                 norm=RMS, ends={"tied": True})
    assert reprise.to_transformers(said) is not None
