"""RWKV, generation by generation: time mixing and channel mixing, each with a token shift of its own."""
