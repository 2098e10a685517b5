"""The registry finds files by name and imports no more than it must."""
import sys

import pytest

from reprise.core.errors import InputError, suggest
from reprise.core.registry import Registry

TATTLES = "__all__ = ['{0}']\nimport sys\nsys.modules['imported_{0}'] = sys\nclass {0}: pass\nclass Other: pass\n"


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """Two families of classes in a package of their own, which is forgotten afterwards."""
    root = tmp_path / "shelf"
    files = {"": [], "odd": ["one", "three"], "even": ["two", "_helper", "two_again"]}
    for family, names in files.items():
        (root / family).mkdir(exist_ok=True, parents=True)
        (root / family / "__init__.py").write_text("")
        for name in names:
            (root / family / f"{name}.py").write_text(TATTLES.format(name.title().replace("_", "")))
    for inside in ("deeper", "_hidden"):
        (root / "even" / inside).mkdir()
        (root / "even" / inside / "__init__.py").write_text("")
        name = inside.strip("_")
        (root / "even" / inside / f"{name}_number.py").write_text(TATTLES.format(name.title()))
    monkeypatch.syspath_prepend(tmp_path)
    yield root
    for name in [n for n in sys.modules if n.split(".")[0] == "shelf" or n.startswith("imported_")]:
        del sys.modules[name]


def numbers():
    return Registry("number", ["shelf.odd", "shelf.even"])


def imported():
    return {name.removeprefix("imported_") for name in sys.modules if name.startswith("imported_")}


def test_listing_imports_nothing(shelf):
    registry = numbers()
    assert registry.names() == ["deeper_number", "one", "three", "two", "two_again"]
    assert registry.names("t*") == ["three", "two", "two_again"]
    assert registry.names("nothing*") == []
    assert registry.modules()["one"] == "shelf.odd.one"
    assert imported() == set()


def test_getting_imports_one_file(shelf):
    assert numbers().get("three").__name__ == "Three"
    assert imported() == {"Three"}


def test_a_file_dropped_in_is_found(shelf):
    registry = numbers()
    assert "five" not in registry.names()
    (shelf / "odd" / "five.py").write_text(TATTLES.format("Five"))
    assert registry.get("five").__name__ == "Five"


def test_shelves_are_looked_through(shelf):
    assert numbers().modules()["deeper_number"] == "shelf.even.deeper.deeper_number"
    assert numbers().get("deeper_number").__name__ == "Deeper"


def test_helpers_and_packages_are_no_entries(shelf):
    assert {"_helper", "deeper", "hidden_number"}.isdisjoint(numbers().modules())


def test_unknown_names(shelf):
    with pytest.raises(InputError, match=r"no number is named 'tree'; did you mean 'three'\?"):
        numbers().get("tree")
    with pytest.raises(InputError, match="no number is named 'zzz'; known: deeper_number, one, three, two, two_again"):
        numbers().get("zzz")
    with pytest.raises(InputError, match="no number is named '_helper'"):
        numbers().get("_helper")


def test_two_files_of_one_name(shelf):
    (shelf / "odd" / "two.py").write_text(TATTLES.format("Two"))
    for ask in (numbers().names, lambda: numbers().get("one")):
        with pytest.raises(ValueError, match=r"two number files are named 'two': shelf.odd.two, shelf.even.two"):
            ask()
    assert imported() == set()


def test_a_file_names_one_class(shelf):
    (shelf / "odd" / "both.py").write_text("__all__ = ['A', 'B']\nclass A: pass\nclass B: pass\n")
    with pytest.raises(ValueError, match="too many values"):
        numbers().get("both")


def test_suggestions():
    assert suggest("grru", ["gru", "lstm", "mingru"]) == "; did you mean 'gru' or 'mingru'?"
    assert suggest("x", []) == "; known: none"
    assert suggest("qqq", ["b", "a"]) == "; known: a, b"
