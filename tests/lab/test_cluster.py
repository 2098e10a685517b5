"""Cells on a Ray cluster: the same rows, failures and resumption as in processes of one machine."""
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from reprise.core.errors import InputError
from reprise.lab.cluster import run_on_ray
from reprise.lab.run import Run
from reprise.lab.study import Study
from reprise.lab.workers import Task

HERE = Path(__file__).parent
INSTALLED = importlib.util.find_spec("ray") is not None
needs_ray = pytest.mark.skipif(not INSTALLED, reason="ray is not installed (extra ray)")

# In a process of its own: Ray talks over sockets, which tests may not, and leaves threads behind.
SCRIPT = """
import json, sys
from pathlib import Path
import chores
from reprise.lab.cluster import run_on_ray
from reprise.lab.run import Run
from reprise.lab.study import Study
from reprise.lab.workers import Task

def told(events):
    return [[event.kind, event.task.key, event.value] for event in events]

def compute():
    return told(Run(Study("trials.grid", ("broken=kill", "seeds=2")), Path(sys.argv[1])).compute(0, run_on_ray))

if __name__ == "__main__":
    tasks = [Task("count", chores.count, (2,)), Task("fail", chores.fail), Task("leave", chores.leave, (3,))]
    print(json.dumps({"first": compute(), "again": compute(), "chores": told(run_on_ray(tasks, 1))}))
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ray")
    (folder / "script.py").write_text(SCRIPT)
    environment = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    ended = subprocess.run([sys.executable, folder / "script.py", folder], env=environment | {"PYTHONPATH": str(HERE)},
                           text=True, capture_output=True)
    assert ended.returncode == 0, ended.stderr
    return folder, json.loads(ended.stdout.splitlines()[-1])


@needs_ray
@pytest.mark.slow
class TestOnALocalCluster:
    def test_same_rows(self, found, tmp_path):
        """As from this machine's processes, but for how long it took; a worker that dies takes its cell alone."""
        folder, _ = found
        study = Study("trials.grid", ("broken=kill", "seeds=2"))
        there, here = Run(study, folder), Run(study, tmp_path)
        assert len(list(here.compute(2))) == 4

        def timeless(run):
            return [{name: value for name, value in row.items() if name != "seconds"} for row in run.rows()]

        assert timeless(there) == timeless(here) and len(there.rows()) == 3
        assert there.verdicts() == here.verdicts()

    def test_it_goes_on_where_it_was(self, found):
        _, events = found
        assert sorted(kind for kind, _, _ in events["first"]) == ["done", "done", "done", "failed"]
        (kind, cell, why), = events["again"]
        assert (kind, cell) == ("failed", {"arm": "plain", "seed": 1}) and "died" in why

    def test_same_events(self, found):
        _, events = found
        assert [event for event in events["chores"] if event[1] == "count"] == [
            ["report", "count", {"step": 0}], ["report", "count", {"step": 1}], ["done", "count", "counted"]]
        (_, _, why), = (event for event in events["chores"] if event[:2] == ["failed", "fail"])
        assert why.startswith("ValueError: the seventh seal (chores.py:")
        assert ["failed", "leave", "ended with code 3"] in events["chores"]


@pytest.mark.skipif(INSTALLED, reason="ray is installed")
def test_without_ray_it_says_what_to_install():
    with pytest.raises(InputError, match=r"Ray is not installed: pip install 'reprise\[ray\]'"):
        list(run_on_ray([Task("one", print)], 1))
