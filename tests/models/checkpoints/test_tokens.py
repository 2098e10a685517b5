"""Text to tokens and back, byte for byte; and models that write with a vocabulary of their own."""
import json

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

import reprise
from reprise.core.errors import InputError
from reprise.models.sampling import Sampler
from reprise.models.tokens import Bytes, TokeniserFile, WorldVocabulary, read_tokeniser

TEXTS = ["To be, or not to be", "né 世界 🙂", "  two  spaces\n\tand a tab", "a"]
CORPUS = [*TEXTS, "the state of the art", "and on, and on"]


def byte_level() -> str:
    """As GPT-2, GPT-NeoX, and so Mamba and RWKV-4 have it."""
    theirs = Tokenizer(models.BPE())
    theirs.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    theirs.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    theirs.train_from_iterator(CORPUS, trainers.BpeTrainer(vocab_size=290, initial_alphabet=alphabet,
                                                           special_tokens=["<|endoftext|>"], show_progress=False))
    return theirs.to_str()


def byte_fallback() -> str:
    """As SentencePiece and Gemma have it: a mark for spaces, bytes where there is no piece, a sign before each text."""
    pieces = ["<bos>", "<eos>", *(f"<0x{i:02X}>" for i in range(256)), "\u2581", *"toben", "\u2581t", "be"]
    theirs = Tokenizer(models.BPE({p: i for i, p in enumerate(pieces)}, [("\u2581", "t"), ("b", "e")],
                                  byte_fallback=True, unk_token=None))
    theirs.normalizer = normalizers.Replace(" ", "\u2581")
    theirs.decoder = decoders.Sequence([decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse()])
    theirs.add_special_tokens(["<bos>", "<eos>"])
    theirs.post_processor = processors.TemplateProcessing(single="<bos> $A", special_tokens=[("<bos>", 0)])
    return theirs.to_str()


def world() -> str:
    """RWKV's own format, with every byte and a few longer pieces."""
    pieces = [bytes([i]) for i in range(256)] + [b"be", b"to be", b" the", "世".encode()]
    lines = []
    for i, piece in enumerate(pieces):
        try:
            said = repr(piece.decode())
        except UnicodeDecodeError:
            said = repr(piece)
        lines.append(f"{i + 1} {said} {len(piece)}")
    return "\n".join(lines) + "\n"


TOKENISERS = {"bytes": Bytes(), "byte level": TokeniserFile(byte_level(), 0, frozenset({0})),
              "byte fallback": TokeniserFile(byte_fallback(), 0, frozenset({1})), "world": WorldVocabulary(world())}
every = pytest.mark.parametrize("tokeniser", TOKENISERS.values(), ids=TOKENISERS.keys())


@every
@pytest.mark.parametrize("text", TEXTS)
def test_there_and_back_token_by_token(tokeniser, text):
    tokens = tokeniser.encode(text.encode())
    assert tokens and all(type(token) is int for token in tokens)
    assert tokeniser.decode(tokens) == text.encode()
    assert b"".join(tokeniser.decode([token]) for token in tokens) == text.encode(), "it can be written as it is drawn"


def test_as_the_library_reads():
    for name in ("byte level", "byte fallback"):
        ours = TOKENISERS[name]
        theirs = Tokenizer.from_str(ours.content)
        for text in TEXTS:
            assert ours.encode(text.encode()) == theirs.encode(text).ids
            assert ours.decode(theirs.encode(text).ids).decode() == theirs.decode(theirs.encode(text).ids)


def test_the_longest_piece_that_fits():
    tokeniser = TOKENISERS["world"]
    assert tokeniser.encode(b"to be") == [258]
    assert tokeniser.encode(b"tobe") == [117, 112, 257]
    assert tokeniser.encode("世".encode()) == [260]
    assert tokeniser.decode([0, 98, 9999]) == b"a", "signs and numbers without a piece are no text"


@pytest.mark.parametrize("content", ["1 'a'", "x 'a' 1", "1 open('f') 1"])
def test_vocabularies_that_are_none(content):
    with pytest.raises(InputError, match="expected lines of a number, a piece and its length"):
        WorldVocabulary(content)


def test_bytes_without_a_piece():
    with pytest.raises(InputError, match="has no piece for the byte 98"):
        WorldVocabulary("1 'a' 1").encode(b"ab")


def test_signs_are_no_text():
    tokeniser = TOKENISERS["byte fallback"]
    assert tokeniser.encode(b"to")[0] == 0, "what begins every text"
    assert tokeniser.decode([0, 1]) == b""


def test_what_is_no_text():
    with pytest.raises(InputError, match="these bytes are no UTF-8"):
        TOKENISERS["byte level"].encode(b"\xff")


def test_without_the_library(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "tokenizers", None)
    with pytest.raises(InputError, match=r"install it with reprise\[hf\], or give tokens to the model itself"):
        TokeniserFile("{}", 0, frozenset()).encode(b"a")


def build(tokeniser, layers="gru", vocabulary=300):
    torch.manual_seed(0)
    model = reprise.LanguageModel(layers, 8, 2, vocabulary=vocabulary).double().eval()
    model.tokeniser = tokeniser
    with torch.no_grad():
        model.head.weight.mul_(40)
    return model


@every
def test_rows_are_as_if_alone(tokeniser):
    model = build(tokeniser, vocabulary=256 if isinstance(tokeniser, Bytes) else 300)
    together = model.generate([*TEXTS, ""], 12, seed=[1, 2, 3, 4, 5])
    assert together == [model.generate(text, 12, seed=i + 1)[0] for i, text in enumerate([*TEXTS, ""])]
    for i, text in enumerate(TEXTS):
        assert b"".join(model.stream(text, 12, seed=i + 1)) == together[i]
    assert model.generate(TEXTS[0], 5, seed=1) != model.generate(TEXTS[0], 5, seed=2)


def test_a_text_ends_at_the_sign_for_it():
    model = build(TokeniserFile(byte_level(), 0, frozenset({0})))
    with torch.no_grad():
        model.head.weight.mul_(0)
    greedy = Sampler(temperature=0)  # token 0, the first of equals
    assert model.generate(["a", "b"], 9, temperature=0) == [b"", b""]
    assert list(model.stream("a", 9, greedy)) == []
    model.tokeniser = TokeniserFile(byte_level(), 0, frozenset())
    assert list(model.stream("a", 3, greedy)) == [b"", b"", b""]


def test_a_row_that_ended_does_not_hold_up_the_others():
    model = build(TokeniserFile(byte_level(), 0, frozenset(range(40, 60))))
    rows = [model.generate("a", 200, seed=seed)[0] for seed in range(6)]
    assert model.generate(["a"] * 6, 200, seed=list(range(6))) == rows
    assert len({len(row) for row in rows}) > 2


@pytest.mark.parametrize("name", TOKENISERS)
def test_a_saved_model_has_its_vocabulary_beside_it(name, tmp_path):
    model = build(TOKENISERS[name], vocabulary=256 if name == "bytes" else 300)
    back = reprise.from_pretrained(model.save_pretrained(tmp_path))
    assert type(back.tokeniser) is type(model.tokeniser)
    assert (back.tokeniser.start, back.tokeniser.ends) == (model.tokeniser.start, model.tokeniser.ends)
    assert back.generate(TEXTS, 9) == model.generate(TEXTS, 9)


def test_a_vocabulary_of_an_older_model_is_not_taken(tmp_path):
    build(TOKENISERS["byte level"]).save_pretrained(tmp_path)
    model = build(TOKENISERS["bytes"], vocabulary=256)
    assert isinstance(reprise.from_pretrained(model.save_pretrained(tmp_path)).tokeniser, Bytes)


def test_a_folder_without_one(tmp_path):
    assert read_tokeniser(tmp_path, None, []) is None
    (tmp_path / "tokenizer.json").write_text(byte_level())
    assert read_tokeniser(tmp_path, 5, [7, 8]).ends == {7, 8}


def test_what_a_checkpoint_says_of_its_signs(tmp_path):
    transformers = pytest.importorskip("transformers")
    config = transformers.MambaConfig(vocab_size=300, hidden_size=8, state_size=4, num_hidden_layers=1)
    transformers.MambaForCausalLM(config).save_pretrained(tmp_path)
    (tmp_path / "tokenizer.json").write_text(byte_level())
    said = json.loads((tmp_path / "generation_config.json").read_text())
    (tmp_path / "generation_config.json").write_text(json.dumps(said | {"bos_token_id": 3, "eos_token_id": [4, 5]}))
    tokeniser = reprise.from_pretrained(tmp_path).tokeniser
    assert (tokeniser.start, tokeniser.ends) == (3, {4, 5})
    (tmp_path / "generation_config.json").unlink()
    assert reprise.from_pretrained(tmp_path).tokeniser.ends == {0}
    assert reprise.from_pretrained(tmp_path).generate("to be", 5)


@pytest.mark.parametrize("content", ["{", "{}", "[]", ""])
def test_a_damaged_file_is_named(tmp_path, content):
    (tmp_path / "tokenizer.json").write_text(content)
    for use in (lambda it: it.encode(b"a"), lambda it: it.decode([0])):
        with pytest.raises(InputError, match=f"{tmp_path}/tokenizer.json: no vocabulary that the package tokenizers"):
            use(read_tokeniser(tmp_path, None, []))


@pytest.mark.parametrize(("name", "content", "message"), [
    ("tokenizer.json", b"\xff\xfe", "cannot be read as text"), ("rwkv_vocab_v20230424.txt", b"\xff", "cannot be read"),
    ("rwkv_vocab_v20230424.txt", b"", "a piece and its length, got none; use another copy"),
    ("rwkv_vocab_v20230424.txt", b"1 7 1\n", r"a number, a piece and its length \(7 is no text\); use another copy")])
def test_a_vocabulary_that_cannot_be_read_is_named(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=f"{tmp_path}/{name}: .*{message}"):
        read_tokeniser(tmp_path, None, [])


def test_a_vocabulary_that_is_a_folder(tmp_path):
    (tmp_path / "tokenizer.json").mkdir()
    with pytest.raises(InputError, match=r"tokenizer.json: cannot be read as text"):
        read_tokeniser(tmp_path, None, [])
