"""A registry whose keys are file names: drop a file in a family, or on a shelf within it, and it is found."""
import importlib
import pkgutil
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from itertools import chain

from reprise.core.errors import InputError, suggest

__all__ = ["Registry"]


class Registry:
    """Classes of one kind, each alone in a file named after it, in some packages and the packages inside them.

    Listing imports packages only. Names that begin with an underscore are passed over.
    """

    def __init__(self, kind: str, packages: Sequence[str]):
        self.kind, self.packages = kind, tuple(packages)

    def modules(self) -> dict[str, str]:
        """Every name and the module that holds it. Raises where two files share a name."""
        found: dict[str, str] = {}
        for module in chain.from_iterable(map(_modules, self.packages)):
            name = module.rpartition(".")[2]
            if name in found:
                raise ValueError(f"two {self.kind} files are named {name!r}: {found[name]}, {module}; rename one")
            found[name] = module
        return found

    def names(self, pattern: str = "*") -> list[str]:
        return sorted(name for name in self.modules() if fnmatchcase(name, pattern))

    def module(self, name: str) -> str:
        """The module of that name, not imported. Raises InputError with the nearest name."""
        modules = self.modules()
        if name not in modules:
            raise InputError(f"no {self.kind} is named {name!r}{suggest(name, modules)}")
        return modules[name]

    def get(self, name: str) -> type:
        """The class of that name, importing its file alone. Raises InputError with the nearest name."""
        module = importlib.import_module(self.module(name))
        (public,) = module.__all__
        return getattr(module, public)


def _modules(package: str) -> Iterator[str]:
    for m in pkgutil.iter_modules(importlib.import_module(package).__path__, f"{package}."):
        if m.name.rpartition(".")[2].startswith("_"):
            continue
        if m.ispkg:
            yield from _modules(m.name)
        else:
            yield m.name
