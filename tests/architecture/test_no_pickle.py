"""No pickle anywhere: loading a file must never run code from it."""
import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
MODULES = {"pickle", "cPickle", "cloudpickle", "dill", "joblib", "shelve"}
CALLS = {"torch.load", "torch.save"}
LAWS = ROOT / "src/reprise/testing"  # holds the law that a layer survives pickling, as multiprocessing does to it


def unpickles(tree: ast.AST) -> set[str]:
    found = set()
    for node in ast.walk(tree):
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


def test_no_pickle():
    files = [p for p in sorted((ROOT / "src").rglob("*.py")) if LAWS not in p.parents]
    bad = {p.name: found for p in files if (found := unpickles(ast.parse(p.read_text())))}
    assert not bad, f"use safetensors (reprise.core.files) instead: {bad}"


def test_each_way_is_seen():
    ways = ("import pickle", "from pickle import loads", "import torch\ntorch.load('f')", "from torch import save",
            "np.load('f', allow_pickle=True)")
    assert all(unpickles(ast.parse(way)) for way in ways)
    assert not unpickles(ast.parse("np.load('f', allow_pickle=False); layer.load('f')"))
