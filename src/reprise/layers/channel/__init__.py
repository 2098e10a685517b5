"""Channel mixers: one step at a time, across the width; what stands between sequence layers."""
