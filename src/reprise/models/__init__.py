"""The one residual block with a layer slot, and a file a task model."""
