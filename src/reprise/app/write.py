"""`reprise generate`: text on the screen, token by token, whole characters only."""
import codecs
import os
import sys

from reprise.app.process import cores, prepare
from reprise.models.checkpoints.load import from_pretrained
from reprise.models.sampling import Sampler

__all__ = ["write_text"]


def write_text(checkpoint: str, prompt: str, length: int, sampler: Sampler, seed: int) -> None:
    """The prompt and what the model goes on with, to standard output. Raises InputError for what is no model."""
    prepare(cores())
    model = from_pretrained(checkpoint)
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    given = os.fsencode(prompt)  # the bytes that were typed, UTF-8 or not
    sys.stdout.write(given.decode(errors="replace"))
    for drawn in model.stream(given, length, sampler, seed):
        sys.stdout.write(decoder.decode(drawn))
        sys.stdout.flush()
    sys.stdout.write(decoder.decode(b"", final=True) + "\n")
