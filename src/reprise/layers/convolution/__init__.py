"""Layers that look back over a fixed stretch: a few steps, or long filters in few numbers.

Take `short_convolution` and `token_shift` as parts of other layers; the long ones where the horizon is known before.
Their streaming state is the stretch itself, as long as the horizon.
"""
