"""The wheel is tested, not the tree: built, installed in an environment of its own, used."""
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = """
import sys, torch, reprise
assert reprise.__file__.startswith(sys.prefix), f"this is the tree, not the wheel: {reprise.__file__}"
names = reprise.list_layers()
assert "gru" in names, names
y, state = reprise.create_layer("gru", 8)(torch.zeros(2, 3, 8))
assert y.shape == (2, 3, 8)
"""


def run(*command: str | Path, cwd: Path) -> str:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
    done = subprocess.run([*map(str, command)], cwd=cwd, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def install(wheel: Path, env: Path) -> None:
    """Without a network: the wheel alone, then a path to the dependencies of this environment.

    A path from a .pth file comes after the environment's own packages, and .pth files in there are not read, so that
    the editable install of the tree stays out of sight.
    """
    run(sys.executable, "-m", "venv", "--without-pip", env, cwd=env.parent)
    pip = (sys.executable, "-m", "pip", "--python", env / "bin" / "python")
    run(*pip, "install", "--no-deps", "--no-index", wheel, cwd=env.parent)
    (packages,) = env.glob("lib/python*/site-packages")
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")


@pytest.mark.slow
def test_wheel_works(tmp_path):
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path, ROOT, cwd=tmp_path)
    (wheel,) = tmp_path.glob("reprise-*.whl")
    install(wheel, tmp_path / "env")
    run(tmp_path / "env" / "bin" / "python", "-c", SCRIPT, cwd=tmp_path)
    assert "compare" in run(tmp_path / "env" / "bin" / "reprise", "--help", cwd=tmp_path)
