"""reprise: models that carry state, behind one interface."""
from reprise.forecasting.forecaster import Forecaster
from reprise.layers import create_layer, layer_info, list_layers
from reprise.models.checkpoints.export import to_transformers
from reprise.models.checkpoints.load import from_pretrained
from reprise.models.language_model import LanguageModel

__all__ = [
    "Forecaster", "LanguageModel", "create_layer", "from_pretrained", "layer_info", "list_layers", "to_transformers",
]
__version__ = "0.1.0"
