"""`import reprise` is quick and light: heavy packages wait until something needs them."""
import json
import statistics
import subprocess
import sys

import pytest

SECONDS = 1.0  # beyond `import torch`
HEAVY = {"fla", "huggingface_hub", "lightning", "lightning_fabric", "llvmlite", "matplotlib", "numba", "pandas",
         "pooch", "rich", "transformers", "triton", "typer"}
PROBE = """
import json, sys, time
import torch
before, began = set(sys.modules), time.perf_counter()
import reprise
seconds = time.perf_counter() - began
print(json.dumps([seconds, sorted({m.partition(".")[0] for m in set(sys.modules) - before})]))
"""


@pytest.fixture(scope="module")
def imports() -> list[tuple[float, list[str]]]:
    """Three fresh interpreters: seconds, and the packages that came."""
    runs = [subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, check=True) for _ in range(3)]
    return [json.loads(run.stdout) for run in runs]


@pytest.mark.timeout(90)
def test_import_is_quick(imports):
    took = [seconds for seconds, _ in imports]
    assert statistics.median(took) < SECONDS, f"import reprise took {took} seconds beyond torch"


@pytest.mark.timeout(90)
def test_import_is_light(imports):
    came = set(imports[0][1])
    assert "reprise" in came
    assert not came & HEAVY, f"import reprise brings {sorted(came & HEAVY)}; import them where they are used"
