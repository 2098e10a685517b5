"""Time constants and flows: leaky units, liquid time constants, assemblies that contract."""
