"""Killed at random moments, inside saves too, a run that goes on ends exactly where the uninterrupted one does."""
import json
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("killed_run.py")


@pytest.mark.slow
@pytest.mark.parametrize("kind, kills", [("tiny", 60), ("language", 20)])
def test_killed_again_and_again(tmp_path, kind, kills):
    result = subprocess.run([sys.executable, str(SCRIPT), str(tmp_path / "run"), kind, str(kills), "0"],
                            capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["kills"] == kills
