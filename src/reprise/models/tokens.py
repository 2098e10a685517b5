"""Between text and the tokens that a model knows: bytes as they are, or a vocabulary that a checkpoint brings."""
import ast
import json
from functools import cached_property
from pathlib import Path
from typing import Protocol

from reprise.core.errors import InputError
from reprise.core.files import atomic_write

__all__ = ["TOKENS", "Bytes", "Tokeniser", "TokeniserFile", "WorldVocabulary", "read_tokeniser"]

TOKENS = JSON, WORLD = "tokenizer.json", "rwkv_vocab_v20230424.txt"  # what the files are called, everywhere


class Tokeniser(Protocol):
    """What a language model needs in order to read and write text.

    The bytes of a text's tokens, one after the other, are the text: so that it can be written as it is drawn. A
    character may be divided among tokens.
    """

    start: int  # what there is to go on from where a text is empty
    ends: frozenset[int]  # tokens after which a text is over

    def encode(self, text: bytes) -> list[int]: ...

    def decode(self, tokens: list[int]) -> bytes: ...

    def save(self, folder: Path) -> None: ...


class Bytes:
    """Each byte is a token, and no text ever ends."""

    start, ends = ord("\n"), frozenset()

    def encode(self, text: bytes) -> list[int]:
        return list(text)

    def decode(self, tokens: list[int]) -> bytes:
        return bytes(tokens)

    def save(self, folder: Path) -> None:
        """Nothing: there is nothing to it."""


class TokeniserFile:
    """A vocabulary in Hugging Face's format, tokenizer.json, read by the package `tokenizers` at the first text."""

    def __init__(self, content: str, start: int, ends: frozenset[int], source: str | Path = JSON):
        self.content, self.start, self.ends, self.source = content, start, ends, source

    def encode(self, text: bytes) -> list[int]:
        try:
            return self._theirs.encode(text.decode()).ids
        except UnicodeDecodeError as error:
            raise InputError(f"this vocabulary reads text, and these bytes are no UTF-8 ({error.reason})") from error

    def decode(self, tokens: list[int]) -> bytes:
        return b"".join(map(self._bytes, tokens))

    def save(self, folder: Path) -> None:
        atomic_write(folder / JSON, self.content.encode())

    @cached_property
    def _theirs(self):
        try:
            from tokenizers import Tokenizer
        except ImportError as error:
            raise InputError("text needs the vocabulary of this checkpoint, and that the package tokenizers; install "
                             "it with reprise[hf], or give tokens to the model itself") from error
        try:
            return Tokenizer.from_str(self.content)
        except Exception as error:  # its library raises nothing narrower
            raise InputError(f"{self.source}: no vocabulary that the package tokenizers reads ({error}); use another "
                             "copy") from error

    @cached_property
    def _described(self) -> dict:
        return json.loads(self.content)

    @cached_property
    def _added(self) -> dict[int, bytes]:
        """Tokens beside the vocabulary: special ones are signs for the model and no text."""
        added = self._described.get("added_tokens") or []
        return {t["id"]: b"" if t["special"] else t["content"].encode() for t in added}

    @cached_property
    def _decoders(self) -> list[dict]:
        decoder = self._described.get("decoder") or {}
        return decoder.get("decoders", [decoder])

    def _bytes(self, token: int) -> bytes:
        piece = self._theirs.id_to_token(token)  # first: it refuses a file that is damaged
        if token in self._added:
            return self._added[token]
        if piece is None:
            return b""  # a model may know more tokens than its vocabulary, to fill up a round number
        kinds = {decoder.get("type") for decoder in self._decoders}
        if "ByteLevel" in kinds:
            return bytes(BYTE_OF[sign] for sign in piece)
        if "ByteFallback" in kinds and piece.startswith("<0x") and piece.endswith(">"):
            return bytes([int(piece[1:-1], 16)])
        if kinds & {"ByteFallback", "Metaspace"}:
            return piece.replace("\u2581", " ").encode()  # the mark that SentencePiece puts for a space
        return self._theirs.decode([token]).encode()


class WorldVocabulary:
    """The vocabulary of RWKV's World models: the longest piece that fits, at every place of a text."""

    start, ends = 0, frozenset({0})

    def __init__(self, content: str, source: str | Path = WORLD):
        self.content = content
        try:
            lines = [line.split(" ", 1) for line in content.splitlines()]
            self.pieces = {int(number): _piece(rest[: rest.rindex(" ")]) for number, rest in lines}
        except (ValueError, SyntaxError) as error:
            raise InputError(f"{source}: expected lines of a number, a piece and its length ({error}); use another "
                             "copy") from error
        if not self.pieces:
            raise InputError(f"{source}: expected lines of a number, a piece and its length, got none; use another "
                             "copy")
        self.tokens = {piece: token for token, piece in self.pieces.items()}
        self.longest = max(map(len, self.tokens))

    def encode(self, text: bytes) -> list[int]:
        found, at = [], 0
        while at < len(text):
            pieces = (text[at:end] for end in range(min(at + self.longest, len(text)), at, -1))
            piece = next(filter(self.tokens.__contains__, pieces), None)
            if piece is None:
                raise InputError(f"{WORLD} has no piece for the byte {text[at]}; use another copy")
            found.append(self.tokens[piece])
            at += len(piece)
        return found

    def decode(self, tokens: list[int]) -> bytes:
        return b"".join(self.pieces.get(token, b"") for token in tokens)

    def save(self, folder: Path) -> None:
        atomic_write(folder / WORLD, self.content.encode())


def _piece(said: str) -> bytes:
    piece = ast.literal_eval(said)
    if not isinstance(piece, str | bytes):
        raise ValueError(f"{said:.40} is no text")
    return piece.encode() if isinstance(piece, str) else piece


def read_tokeniser(folder: Path, start: int | None, ends: list[int]) -> Tokeniser | None:
    """The vocabulary that lies in a folder, with the tokens that the configuration says begin and end a text."""
    if (folder / JSON).exists():
        return TokeniserFile(_text(folder / JSON), 0 if start is None else start, frozenset(ends), folder / JSON)
    if (folder / WORLD).exists():
        return WorldVocabulary(_text(folder / WORLD), folder / WORLD)
    return None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as text ({error}); use another copy") from error


def _byte_of_sign() -> dict[str, int]:
    """Byte-level vocabularies print every byte as one visible sign: itself, or one past 255 where it has no look."""
    seen = [*range(33, 127), *range(161, 173), *range(174, 256)]
    unseen = [byte for byte in range(256) if byte not in seen]
    return {chr(byte): byte for byte in seen} | {chr(256 + i): byte for i, byte in enumerate(unseen)}


BYTE_OF = _byte_of_sign()
