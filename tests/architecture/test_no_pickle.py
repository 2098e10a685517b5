"""No pickle anywhere: loading a file must never run code from it."""
import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
MODULES = {"pickle", "cPickle", "cloudpickle", "dill", "joblib", "shelve"}
CALLS = {"torch.load", "torch.save"}
LAWS = ROOT / "src/reprise/testing"  # holds the law that a layer survives pickling, as multiprocessing does to it


def unpickles(tree: ast.AST) -> set[str]:
    found, safe = set(), set()
    for node in ast.walk(tree):
        if _loads_weights_only(node):
            safe.add(node.func)
        if node in safe or _names_an_error(node):
            continue
        if isinstance(node, ast.Import):
            found |= {a.name.partition(".")[0] for a in node.names} & MODULES
        elif isinstance(node, ast.ImportFrom):
            found |= {(node.module or "").partition(".")[0]} & MODULES
            found |= {f"{node.module}.{a.name}" for a in node.names} & CALLS
        elif isinstance(node, ast.Attribute):
            found |= {ast.unparse(node)} & CALLS
        elif isinstance(node, ast.keyword) and node.arg == "allow_pickle" and ast.unparse(node.value) != "False":
            found.add("allow_pickle")
    return found


def _loads_weights_only(node: ast.AST) -> bool:
    """torch's unpickler that refuses whatever is not tensors in plain containers."""
    return isinstance(node, ast.Call) and ast.unparse(node.func) == "torch.load" and any(
        word.arg == "weights_only" and ast.unparse(word.value) == "True" for word in node.keywords)


def _names_an_error(node: ast.AST) -> bool:
    return isinstance(node, ast.ImportFrom) and [a.name for a in node.names] == ["UnpicklingError"]


def test_no_pickle():
    files = [p for p in sorted((ROOT / "src").rglob("*.py")) if LAWS not in p.parents]
    bad = {p.name: found for p in files if (found := unpickles(ast.parse(p.read_text())))}
    assert not bad, f"use safetensors (reprise.core.files) instead: {bad}"


def test_each_way_is_seen():
    ways = ("import pickle", "from pickle import loads", "import torch\ntorch.load('f')", "from torch import save",
            "np.load('f', allow_pickle=True)", "torch.load('f', weights_only=False)", "torch.load('f', weights_only=x)",
            "from pickle import UnpicklingError, loads", "torch.load('f', weights_only=True); torch.load('g')")
    assert all(unpickles(ast.parse(way)) for way in ways)
    assert not unpickles(ast.parse("np.load('f', allow_pickle=False); layer.load('f')"))
    assert not unpickles(ast.parse("from pickle import UnpicklingError\ntorch.load('f', weights_only=True)"))
