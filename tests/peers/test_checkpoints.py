"""Checkpoints of others, read by us: the same logits, whole, in chunks and step by step, and back again."""
import json
from pathlib import Path

import pytest
import torch
import transformers
from safetensors.torch import save_file
from torch.testing import assert_close

from reprise import from_pretrained, to_transformers
from reprise.core.errors import InputError
from reprise.models.checkpoints.format import Config
from reprise.models.checkpoints.mamba import from_original
from reprise.models.checkpoints.mamba2 import MAMBA2

VOCABULARY, T = 19, 23
SMALL = {
    "Mamba": dict(hidden_size=8, state_size=4, num_hidden_layers=2, time_step_rank=3, expand=2),
    "FalconMamba": dict(hidden_size=8, state_size=4, num_hidden_layers=2, time_step_rank=3),
    "Mamba2": dict(hidden_size=8, num_heads=4, head_dim=4, state_size=4, n_groups=2, num_hidden_layers=2),
    "Rwkv": dict(hidden_size=8, num_hidden_layers=3, intermediate_size=12, rescale_every=0),
    "RecurrentGemma": dict(hidden_size=8, num_attention_heads=2, num_key_value_heads=1, intermediate_size=12,
                           num_hidden_layers=4, attention_window_size=5, lru_width=12),
}
RECORDED = json.loads((Path(__file__).parent / "recorded" / "rwkv.json").read_text())  # by the authors' own package
CARRY_ON = ("Mamba2",)  # where transformers itself goes on right from a cache with more than one token
every = pytest.mark.parametrize("name", SMALL)


def random_model(name, **more):
    """Weights far enough from their start for memory to matter, in a model of another kind in each place."""
    config = getattr(transformers, f"{name}Config")(**{"vocab_size": VOCABULARY} | SMALL[name] | more)
    model = getattr(transformers, f"{name}ForCausalLM")(config).eval()
    with torch.no_grad():
        for parameter_name, p in model.named_parameters():
            if "recurrent_param" not in parameter_name:
                p.add_(torch.randn_like(p) * (0.3 if p.ndim > 1 else 0.2))
    return model


def tokens():
    return torch.randint(VOCABULARY, (2, T), generator=torch.Generator().manual_seed(1))


@torch.no_grad()
def theirs_on(model, x, **more):
    return model(x, use_cache=False, **more).logits


def stepped(model, x):
    state, logits = model.initial_state(len(x)), []
    for token in x.unbind(1):
        y, state = model.step(token, state)
        logits.append(y)
    return torch.stack(logits, 1)


@every
@torch.no_grad()
def test_logits(name, tmp_path):
    theirs, x = random_model(name), tokens()
    theirs.save_pretrained(tmp_path)
    before = torch.random.get_rng_state()
    want, ours = theirs_on(theirs, x), from_pretrained(tmp_path)
    assert torch.equal(torch.random.get_rng_state(), before), "no number is drawn for a weight that is read"
    whole, _ = ours(x)
    scale = want.abs().max()
    assert_close(whole / scale, want / scale, rtol=0, atol=1e-5)
    assert_close(stepped(ours, x) / scale, want / scale, rtol=0, atol=1e-5)
    first, state = ours(x[:, :9])
    rest, _ = ours(x[:, 9:], state)
    assert_close(torch.cat([first, rest], 1) / scale, want / scale, rtol=0, atol=1e-5)
    assert want.std() > 0.05 and (want[0] - want[1]).abs().max() > 0.1, "a test of something"


@pytest.mark.parametrize("name", CARRY_ON)
@torch.no_grad()
def test_chunks_as_theirs(name, tmp_path):
    theirs, x = random_model(name), tokens()
    theirs.save_pretrained(tmp_path)
    ours = from_pretrained(tmp_path)
    cache = theirs(x[:, :9], use_cache=True)
    want = theirs(x[:, 9:], use_cache=True, cache_params=cache.cache_params).logits
    got, _ = ours(x[:, 9:], ours(x[:, :9])[1])
    assert_close(got, want, rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_mamba2_with_limits_to_its_steps(tmp_path):
    theirs = random_model("Mamba2", time_step_limit=(0.02, 0.3))
    theirs.save_pretrained(tmp_path / "theirs")
    ours = from_pretrained(tmp_path / "theirs")
    want = theirs_on(theirs, tokens())
    again = from_pretrained(ours.save_pretrained(tmp_path / "ours"))
    for logits in (ours(tokens())[0], again(tokens())[0], theirs_on(to_transformers(again), tokens())):
        assert_close(logits, want, rtol=1e-4, atol=1e-4)
    ours.stack.blocks[0].layer.dt_limit = (0.0, float("inf"))
    assert (ours(tokens())[0] - want).abs().max() > 0.01, "limits that are met"


@every
def test_there_and_back(name, tmp_path):
    theirs = random_model(name)
    theirs.save_pretrained(tmp_path / "theirs")
    back = to_transformers(from_pretrained(tmp_path / "theirs"))
    assert type(back) is type(theirs)
    want, got = dict(theirs.named_parameters()), dict(back.named_parameters())
    assert want.keys() == got.keys()
    for key in want:
        assert_close(got[key], want[key], rtol=0, atol=1e-6, msg=key)
    assert_close(theirs_on(back, tokens()), theirs_on(theirs, tokens()), rtol=1e-5, atol=1e-5)


@every
@pytest.mark.parametrize("tied", [False, True])
def test_either_head(name, tied, tmp_path):
    theirs = random_model(name, tie_word_embeddings=tied)
    theirs.save_pretrained(tmp_path)
    ours = from_pretrained(tmp_path)
    assert (ours.head is None) == tied
    assert_close(ours(tokens())[0], theirs_on(theirs, tokens()), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ["Mamba", "Mamba2"])
def test_mamba_as_its_authors_keep_it(name, tmp_path):
    """Their names differ in the embedding alone, and their config.json in everything."""
    shapes = {"Mamba": {}, "Mamba2": {"num_heads": 4, "head_dim": 4, "n_groups": 1}}[name]
    inside = {"Mamba": {"dt_rank": 3}, "Mamba2": {"layer": "Mamba2", "headdim": 4}}[name] | {"d_state": 4}
    theirs = random_model(name, vocab_size=24, tie_word_embeddings=True, **shapes)
    weights = {n.replace("embeddings", "embedding"): p.detach() for n, p in theirs.named_parameters()}
    torch.save(weights | {"lm_head.weight": weights["backbone.embedding.weight"]}, tmp_path / "pytorch_model.bin")
    config = {"d_model": 8, "n_layer": 2, "vocab_size": 19, "ssm_cfg": inside, "rms_norm": True, "fused_add_norm": True,
              "residual_in_fp32": True, "pad_vocab_size_multiple": 8}
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert_close(from_pretrained(tmp_path)(tokens())[0], theirs_on(theirs, tokens()), rtol=1e-4, atol=1e-4)
    (tmp_path / "config.json").write_text(json.dumps(config | {"attn_layer_idx": [1]}))
    with pytest.raises(InputError, match="Mamba with attention, channel mixers or LayerNorm"):
        from_pretrained(tmp_path)


def test_rwkv4_as_its_author_keeps_it(tmp_path):
    """The port's names turned back; its own code says what they compute."""
    theirs = random_model("Rwkv")
    turned = {}
    for name, p in theirs.named_parameters():
        for new, old in (("", "rwkv."), ("emb", "embeddings"), ("att", "attention"), ("ffn", "feed_forward"),
                         ("ln0", "pre_ln"), ("mix_r", "mix_receptance"), ("mix_k", "mix_key"), ("mix_v", "mix_value")):
            name = name.replace(old, new)
        turned[name] = p.detach().bfloat16().float()
    torch.save({name: z.bfloat16() for name, z in turned.items()}, tmp_path / "RWKV-4-Pile-0M.pth")
    ours = from_pretrained(tmp_path / "RWKV-4-Pile-0M.pth")
    with torch.no_grad():
        for p, z in zip(theirs.parameters(), turned.values(), strict=True):
            p.copy_(z)
    assert_close(ours(tokens())[0], theirs_on(theirs, tokens()), rtol=1e-4, atol=1e-4)


def rwkv_weights(generation):
    """By the recipe of the recording."""
    shapes = RECORDED["models"][generation]["shapes"]
    return {n: 0.5 * torch.sin(1.3 * torch.arange(torch.Size(shapes[n]).numel()) + i).view(shapes[n])
            for i, n in enumerate(sorted(shapes))}


def as_the_port_has_it(weights):
    """flash-linear-attention's names, as its utils/convert_from_rwkv7.py gives them."""
    whole = {"emb.weight": "model.embeddings.weight", "head.weight": "lm_head.weight",
             "ln_out.weight": "model.norm.weight", "ln_out.bias": "model.norm.bias"}
    parts = {"att": "attn", "ln0": "pre_norm", "ln1": "attn_norm", "ln2": "ffn_norm"}
    inside = {"receptance": "r_proj", "key": "k_proj", "value": "v_proj", "output": "o_proj", "ln_x": "g_norm"}
    turned = {}
    for name, z in weights.items():
        if name in whole:
            turned[whole[name]] = z
            continue
        _, i, part, *rest = name.split(".")
        if part == "att" and rest[0] in inside:
            rest[0] = inside[rest[0]]
        elif part == "att" and rest[0][0] in "wavg" and rest[0][1:] in ("0", "1", "2"):
            place = {"0": "2.bias", "1": "0.weight", "2": "2.weight"}[rest[0][1]]
            z = z.flatten() if rest[0][1] == "0" else z.T.contiguous()
            rest = [f"{rest[0][0]}_lora.lora.{place}"]
        elif rest[0] in ("k_k", "k_a") or (part == "ffn" and rest[0] == "x_k"):
            z = z.flatten()
        turned[".".join(["model.layers", i, parts.get(part, part), *rest])] = z
    return turned


def in_the_port(folder):
    weights = rwkv_weights("rwkv7")
    config = {"model_type": "rwkv7", "hidden_size": 8, "num_hidden_layers": 2, "head_dim": 4, "intermediate_size": 12,
              "vocab_size": len(weights["emb.weight"]), "norm_eps": 64e-5 / 4, "attn": None, "hidden_act": "sqrelu"}
    config |= {f"{name}_low_rank_dim": 3 for name in ("decay", "gate", "a", "v")}
    (folder / "config.json").write_text(json.dumps(config))
    save_file(as_the_port_has_it(weights), folder / "model.safetensors")
    return folder


@pytest.mark.parametrize("generation", ["rwkv5", "rwkv6", "rwkv7", "rwkv7 in the port"])
@torch.no_grad()
def test_rwkv(generation, tmp_path):
    name = generation.split()[0]
    if generation == name:
        torch.save(rwkv_weights(name), source := tmp_path / "RWKV-World.pth")
    else:
        source = in_the_port(tmp_path)
    ours, x = from_pretrained(source), torch.tensor([RECORDED["tokens"]])
    want = torch.tensor(RECORDED["models"][name]["logits"])
    for logits in (ours(x)[0], stepped(ours, x)):
        assert_close(logits[0], want, rtol=1e-4, atol=1e-4)


OURS = {"d_model": 8, "n_layer": 1, "vocab_size": 16}


@pytest.mark.parametrize(("inside", "message"), [
    ({"layer": "Mamba2", "norm_before_gate": True}, "norm_before_gate=True; ours has False there, always"),
    ({"layer": "Mamba2", "D_has_hdim": True}, "D_has_hdim=True"), ({"layer": "Mamba2", "d_ssm": 4}, "d_ssm=4; ours"),
    ({"layer": "Mamba2", "rope": 1}, "rope=1, which reprise does not know for Mamba2; it reads d_conv"),
    ({"dt_limit": [0.1, 0.2]}, "which reprise does not know for Mamba1"), ({"bias": True}, "bias=True; ours has False"),
    ({"layer": "Mamba3"}, "ssm_cfg with layer='Mamba3'; reprise reads Mamba1 and Mamba2")], ids=str)
def test_mamba_of_its_authors_with_what_we_do_not_compute(inside, message):
    with pytest.raises(InputError, match=message):
        from_original("here", OURS | {"ssm_cfg": inside})


def test_mamba_of_its_authors_with_what_we_do():
    found = from_original("here", OURS | {"ssm_cfg": {"layer": "Mamba2", "dt_limit": [0.1, 0.2], "headdim": 16,
                                                      "bias": False, "rmsnorm": True, "chunk_size": 64}})
    (_, options), = MAMBA2.options(Config("here", found))["layers"]
    assert options["dt_limit"] == (0.1, 0.2) and options["heads"] == 1
    plain = from_original("here", OURS | {"ssm_cfg": {"layer": "Mamba2"}})
    assert MAMBA2.options(Config("here", plain))["layers"][0][1]["dt_limit"] is None
    assert from_original("here", OURS | {"ssm_cfg": {"dt_min": 0.01}})["model_type"] == "mamba"
