"""reprise: models that carry state, behind one interface."""
from reprise.layers import create_layer, layer_info, list_layers
from reprise.models.language_model import LanguageModel

__all__ = ["LanguageModel", "create_layer", "layer_info", "list_layers"]
__version__ = "0.1.0"
