"""Linear state spaces: a differential equation of the memory, fixed or trained, in steps."""
