"""The byte-level model: its rows do not know of each other, and its ways to run are one function."""
import pytest
import torch

from reprise import LanguageModel, list_layers
from reprise.core.errors import InputError
from reprise.core.state import concatenate, named_tensors, select
from reprise.models.sampling import Sampler

HYBRID = ["gru", ("retnet", {"heads": 2}), "rg_lru", "gated_deltanet"]
STACKS = [*list_layers(), HYBRID]
NAMES = [*list_layers(), "hybrid"]
PROMPTS = ["To be, or not", "x", "", b"\x00\xff\x80 bytes", "né 世界", "a longer prompt, over a chunk: " + "ab" * 30]

every_stack = pytest.mark.parametrize("layers", STACKS, ids=NAMES)


def build(layers="gru", **options):
    """Logits far enough apart that a sampled text has some shape."""
    torch.manual_seed(0)
    model = LanguageModel(layers, **{"width": 8, "depth": 2} | options).double().eval()
    with torch.no_grad():
        model.head.weight.mul_(40)
    return model


@pytest.fixture(scope="module")
def model():
    return build(HYBRID)


def close(got, want):
    for (name, a), (_, b) in zip(named_tensors(got), named_tensors(want), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-9, msg=lambda said, name=name: f"{name}: {said}")


@every_stack
def test_a_prompt_in_a_batch_gets_what_it_gets_alone(layers):
    model = build(layers)
    together = model.generate(PROMPTS, 12, seed=[3, 4, 5, 6, 7, 8])
    alone = [model.generate(prompt, 12, seed=3 + i)[0] for i, prompt in enumerate(PROMPTS)]
    assert together == alone
    assert all(len(text) == 12 for text in together) and len(set(together)) > 3


@every_stack
def test_step_is_forward(layers):
    model, tokens = build(layers), torch.randint(256, (2, 9), generator=torch.Generator().manual_seed(1))
    logits, state = model.initial_state(2), model.initial_state(2)
    stepped = []
    with torch.no_grad():
        for token in tokens.unbind(1):
            logits, state = model.step(token, state)
            stepped.append(logits)
        close((torch.stack(stepped, 1), state), model(tokens))


def test_lengths_and_resets_are_separate_texts(model):
    tokens = torch.randint(256, (2, 11), generator=torch.Generator().manual_seed(1))
    resets = torch.zeros(2, 11, dtype=torch.bool)
    resets[0, 4] = resets[1, 6] = True
    with torch.no_grad():
        logits, state = model(tokens, lengths=torch.tensor([9, 6]), resets=resets)
        _, before = model(tokens[:1, :4])
        first, last = model(tokens[:1, 4:9])
        second, other = model(tokens[1:, :6])
    close(logits[:1, 4:9], first)
    close(logits[1:, :6], second)
    close(select(state, [0]), last)
    close(select(state, [1]), other)
    close(logits[:1, :4], model(tokens[:1, :4])[0])
    assert not torch.allclose(before[0].memory, last[0].memory)


def test_a_text_goes_on_where_it_stopped(model):
    tokens = torch.tensor([list(b"one text in two halves")])
    with torch.no_grad():
        want, end = model(tokens)
        first, state = model(tokens[:, :7])
        second, final = model(tokens[:, 7:], state)
    close((torch.cat([first, second], 1), final), (want, end))
    close(model(tokens, model.initial_state(1)), (want, end))


def test_generating_is_stepping(model):
    """By hand: read the prompt, draw, step; with the definition of the sampler and nothing else."""
    sampler, generator = Sampler(0.8, 20, 0.9), torch.Generator().manual_seed(11)
    with torch.no_grad():
        logits, state = model(torch.tensor([list(b"Once")]))
        logits, drawn = logits[:, -1], []
        for _ in range(15):
            token = sampler(logits, [generator])
            drawn.append(token.item())
            logits, state = model.step(token, state)
    assert model.generate("Once", 15, temperature=0.8, top_k=20, top_p=0.9, seed=11) == [bytes(drawn)]


def test_stream_is_generate_byte_by_byte(model):
    sampler = Sampler(0.9, top_k=30)
    pieces = list(model.stream("Once", 20, sampler, seed=4))
    assert all(type(piece) is bytes and len(piece) == 1 for piece in pieces)
    assert [b"".join(pieces)] == model.generate("Once", 20, temperature=0.9, top_k=30, seed=4)
    assert [b"".join(model.stream("Once", 20, seed=4))] == model.generate("Once", 20, seed=4)


def test_stream_gives_each_byte_at_once(model):
    endless = model.stream("Once", 10**9)
    assert len([next(endless) for _ in range(5)]) == 5
    assert torch.is_grad_enabled(), "a stream that waits does not hold gradients off"
    endless.close()


def test_seeds(model):
    once, again, other = (model.generate(["a", "a"], 30, seed=s) for s in (1, 1, 2))
    assert once == again != other
    assert once[0] == once[1], "one seed for all: equal prompts, equal texts"
    first, second = model.generate(["a", "a"], 30, seed=[1, 2])
    assert (first, second) == (once[0], other[0]) and first != second


def test_temperature_zero_needs_no_seed(model):
    assert model.generate("ab", 20, temperature=0.0, seed=1) == model.generate("ab", 20, temperature=0.0, seed=2)


def test_texts_bytes_and_nothing(model):
    assert model.generate("né", 9) == model.generate(["né".encode()], 9)
    assert model.generate("", 9) == model.generate("\n", 9), "an empty prompt reads one line end"
    assert model.generate(["a", "b"], 0) == [b"", b""]
    assert model.generate([], 5) == []


def test_generating_leaves_no_trace(model):
    before = torch.random.get_rng_state()
    assert model.generate("a", 5)
    assert torch.equal(torch.random.get_rng_state(), before), "only its own generators were drawn from"
    assert all(p.grad is None for p in model.parameters())


def test_states_of_rows_join(model):
    a, b = torch.tensor([list(b"abc")]), torch.tensor([list(b"de")])
    with torch.no_grad():
        states = [model(a)[1], model(b)[1]]
        together = model.step(torch.tensor([1, 2]), concatenate(states))
        for i, state in enumerate(states):
            close(select(together, [i]), model.step(torch.tensor([1 + i]), state))


def test_a_name_is_repeated_and_a_list_is_taken_as_it_is():
    assert len(build("gru", depth=3).stack.blocks) == 3
    assert [type(b.layer).__name__ for b in build(["gru", "lstm"], depth=7).stack.blocks] == ["GRU", "LSTM"]
    assert build(channel=None).stack.blocks[0].channel is None
    assert build(vocabulary=10)(torch.tensor([[9]]))[0].shape == (1, 1, 10)


@pytest.mark.parametrize(("call", "message"), [
    (lambda m: m.generate("a", -1), "expected a length of 0 or more bytes, got -1"),
    (lambda m: next(m.stream("a", -1)), "expected a length of 0 or more bytes, got -1"),
    (lambda m: m.generate("a", 1, temperature=-1), "temperature: expected 0"),
    (lambda m: m.generate("a", 1, top_k=0), "top_k: expected 1"),
    (lambda m: m.generate("a", 1, top_p=2), "top_p: expected a probability"),
    (lambda m: m.generate(["a", "b"], 1, seed=[1]), "2 prompts and 1 seeds; give one seed, or one a prompt"),
    (lambda m: m(torch.zeros(2, 3)), r"expected whole tokens of shape \(B, T\), got torch.float32 \(2, 3\)"),
    (lambda m: m(torch.tensor([1, 2])), r"got torch.int64 \(2,\); give torch.tensor\(\[list\(b'text'\)\]\)"),
    (lambda m: m(torch.zeros(1, 2, dtype=torch.bool)), "got torch.bool"),
    (lambda m: m(torch.zeros(2, 3, dtype=torch.long), m.initial_state(3)), "this state does not fit"),
    (lambda m: m(torch.zeros(2, 3, dtype=torch.long), lengths=torch.tensor([4, 1])), "lengths from 0 to T=3")],
    ids=range(11))
def test_errors_say_what_it_can_use(model, call, message):
    with pytest.raises(InputError, match=message):
        call(model)


@pytest.mark.parametrize(("options", "message"), [
    ({"layers": "gruu"}, "no layer is named 'gruu'; did you mean 'gru'"), ({"depth": 0}, "expected at least one layer"),
    ({"layers": []}, "expected at least one layer"), ({"width": -1}, "gru: expected a width of 1 or more, got -1"),
    ({"channel": "none"}, "no channel mixer is named 'none'")], ids=str)
def test_errors_say_what_can_be_built(options, message):
    with pytest.raises(InputError, match=message):
        LanguageModel(**{"layers": "gru"} | options)


def test_a_model_without_a_vocabulary_says_what_to_put_there():
    model = build(vocabulary=10)
    message = "knows 10 tokens, and no vocabulary .* put tokenizer.json or rwkv_vocab_v20230424.txt there and load"
    with pytest.raises(InputError, match=message):
        model.generate("a", 1)
    with pytest.raises(InputError, match="or draw with `step` and a Sampler"):
        next(model.stream("a", 1))


@pytest.mark.parametrize(("token", "said"), [
    (torch.zeros(1, 3, dtype=torch.long), r"torch.int64 \(1, 3\)"), ([1, 2], "a list"), (torch.tensor(1), r"\(\)"),
    (torch.zeros(2), r"torch.float32 \(2,\)")], ids=str)
def test_a_step_takes_a_token_a_row(model, token, said):
    with pytest.raises(InputError, match=rf"step: expected one whole token a row, of shape \(B,\), got .*{said}; call"):
        model.step(token, model.initial_state(1))


@pytest.mark.parametrize("length", [0, 1, 4])
def test_no_step_for_a_token_that_nobody_wants(length, monkeypatch):
    model, steps = build(), []
    step = model.step
    monkeypatch.setattr(model, "step", lambda token, state: steps.append(token) or step(token, state))
    assert len(model.generate("ab", length)[0]) == length
    assert len(steps) == max(length - 1, 0)
