"""A registry whose keys are file names: drop a file in a family and it is found."""
import importlib
import pkgutil
from collections.abc import Sequence
from fnmatch import fnmatchcase

from reprise.core.errors import InputError, suggest

__all__ = ["Registry"]


class Registry:
    """Classes of one kind, each alone in a file named after it, in some packages. Listing imports packages only."""

    def __init__(self, kind: str, packages: Sequence[str]):
        self.kind, self.packages = kind, tuple(packages)

    def modules(self) -> dict[str, str]:
        """Every name and the module that holds it. Raises where two files share a name."""
        found: dict[str, str] = {}
        for package in self.packages:
            for m in pkgutil.iter_modules(importlib.import_module(package).__path__, f"{package}."):
                name = m.name.rpartition(".")[2]
                if m.ispkg or name.startswith("_"):
                    continue
                if name in found:
                    raise ValueError(f"two {self.kind} files are named {name!r}: {found[name]}, {m.name}; rename one")
                found[name] = m.name
        return found

    def names(self, pattern: str = "*") -> list[str]:
        return sorted(name for name in self.modules() if fnmatchcase(name, pattern))

    def get(self, name: str) -> type:
        """The class of that name, importing its file alone. Raises InputError with the nearest name."""
        modules = self.modules()
        if name not in modules:
            raise InputError(f"no {self.kind} is named {name!r}{suggest(name, modules)}")
        module = importlib.import_module(modules[name])
        (public,) = module.__all__
        return getattr(module, public)
