"""Things with parameters and one protocol: `create_layer` builds a sequence layer by name, a file each."""
from reprise.layers.registry import (
    LayerInfo,
    create_channel,
    create_encoder,
    create_layer,
    layer_info,
    list_channels,
    list_encoders,
    list_layers,
)

__all__ = [
    "LayerInfo", "create_channel", "create_encoder", "create_layer", "layer_info", "list_channels", "list_encoders",
    "list_layers",
]
