"""`reprise generate`: text on the screen, byte by byte, whole characters only."""
import codecs
import sys
from pathlib import Path

from reprise.app.process import cores, prepare
from reprise.models.language_model import LanguageModel
from reprise.models.sampling import Sampler

__all__ = ["write_text"]


def write_text(checkpoint: Path, prompt: str, length: int, sampler: Sampler, seed: int) -> None:
    """The prompt and what the model goes on with, to standard output. Raises InputError for what is no model."""
    prepare(cores())
    model = LanguageModel.from_pretrained(checkpoint)
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    sys.stdout.write(prompt)
    for byte in model.stream(prompt, length, sampler, seed):
        sys.stdout.write(decoder.decode(byte))
        sys.stdout.flush()
    sys.stdout.write(decoder.decode(b"", final=True) + "\n")
