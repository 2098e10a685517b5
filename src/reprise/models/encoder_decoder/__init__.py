"""One sequence in, another out: what is read is encoded, and answered one item at a time."""
from reprise.models.encoder_decoder.dictionary import DictionaryNetwork
from reprise.models.encoder_decoder.pointer import PointerNetwork

__all__ = ["DictionaryNetwork", "PointerNetwork"]
