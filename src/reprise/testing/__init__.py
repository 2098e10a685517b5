"""The laws of every protocol, public, so that outside layers can prove themselves."""
from reprise.testing.channel_laws import channel_checks
from reprise.testing.laws import checks
from reprise.testing.prove import prove
from reprise.testing.structure_laws import structure_checks

__all__ = ["channel_checks", "checks", "prove", "structure_checks"]
