"""A budget with a ratchet: how long a function, an argument list, a file and a folder may be."""
import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
FUNCTION, KERNEL, ARGUMENTS, CONSTRUCTOR, FILE, HARD_FILE, FOLDER = 40, 120, 6, 8, 250, 400, 12

# What may be larger, how large, and why. This may only shrink: a limit that is too generous fails as well.
EXCEPTIONS: dict[str, tuple[int, str]] = {}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def budget() -> dict[str, tuple[int, int]]:
    """Everything measured: its name -> (size, what is allowed)."""
    files = sorted(p for top in ("src", "tests") for p in (ROOT / top).rglob("*.py"))
    found = {}
    for path in files:
        name, text = path.relative_to(ROOT).as_posix(), path.read_text()
        found[f"{name}: lines"] = len(text.splitlines()), FILE
        for label, function in _functions(ast.parse(text)):
            kernel = path.name in ("numba.py", "triton.py")
            found[f"{name}: {label}: lines"] = _lines(function), KERNEL if kernel else FUNCTION
            if not kernel:
                allowed = CONSTRUCTOR if function.name in ("__init__", "__new__") else ARGUMENTS
                found[f"{name}: {label}: arguments"] = _arguments(function), allowed
    for folder in sorted({p.parent for p in files}):
        count = sum(p.parent == folder and p.name != "__init__.py" for p in files)
        found[f"{folder.relative_to(ROOT).as_posix()}: files"] = count, FOLDER
    return found


def _functions(node: ast.AST, prefix: str = "") -> Iterator[tuple[str, Function]]:
    for child in ast.iter_child_nodes(node):
        named = isinstance(child, Function | ast.ClassDef)
        label = prefix + child.name if named else prefix
        if isinstance(child, Function):
            yield label, child
        yield from _functions(child, label + "." if named else prefix)


def _lines(function: Function) -> int:
    """From `def` to the end, without decorators and docstring."""
    size = function.end_lineno - function.lineno + 1
    if ast.get_docstring(function) is not None:
        doc = function.body[0]
        size -= doc.end_lineno - doc.lineno + 1
    return size


def _arguments(function: Function) -> int:
    """How many can be given by position; self and cls do not count."""
    names = [a.arg for a in (*function.args.posonlyargs, *function.args.args)]
    return len(names) - (names[:1] in (["self"], ["cls"]))


def test_all_within_budget():
    over = [f"{name}: {size}, allowed {EXCEPTIONS.get(name, (limit,))[0]}" for name, (size, limit) in budget().items()
            if size > EXCEPTIONS.get(name, (limit,))[0]]
    assert not over, "over budget:\n" + "\n".join(over)


def test_no_file_past_the_hard_limit():
    assert not [name for name, (size, limit) in budget().items() if limit == FILE and size > HARD_FILE]


def test_exceptions_are_still_needed():
    measured = budget()
    for name, (limit, reason) in EXCEPTIONS.items():
        size, allowed = measured.get(name, (0, 0))
        assert reason, f"{name}: an exception has a reason"
        assert size > allowed, f"{name} is {size}, within {allowed}: remove its exception"
        assert size == limit, f"{name} is {size} now: lower its limit from {limit}"


def test_measures_what_it_says():
    (_, method), = _functions(ast.parse(
        'class A:\n    def f(self, a, b, *, c):\n        """Two\n        lines."""\n        return a'))
    assert (_lines(method), _arguments(method)) == (2, 2)
