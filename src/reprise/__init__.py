"""reprise: models that carry state, behind one interface."""
from reprise.layers import create_layer, layer_info, list_layers

__all__ = ["LanguageModel", "create_layer", "layer_info", "list_layers"]
__version__ = "0.1.0"


def __getattr__(name: str):
    if name == "LanguageModel":  # brings the hub's client along, which is slow to import
        from reprise.models.language_model import LanguageModel

        return LanguageModel
    raise AttributeError(f"module 'reprise' has no attribute {name!r}")
