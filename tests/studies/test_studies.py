"""Every study has its form, and its smoke tier runs from the first cell to the verdicts."""
import dataclasses

import pytest

from reprise.app.study import STUDIES
from reprise.lab.run import Run, read_verdicts
from reprise.lab.study import Study


@pytest.mark.parametrize("module", STUDIES.modules().values(), ids=lambda m: m.rpartition(".")[2])
class TestStudy:
    def test_form(self, module):
        study = Study(module)
        assert study.summary.endswith(".") and dataclasses.is_dataclass(study.config)
        assert study.config.__dataclass_params__.frozen
        assert all(set(study.key) <= set(cell) for cell in study.cells())

    @pytest.mark.timeout(300)
    def test_smoke(self, module, tmp_path):
        study = Study(module, Study(module).tier("smoke"))
        run = Run(study, tmp_path)
        failed = [event for event in run.compute(1) if event.kind == "failed"]
        assert not failed, failed[0]
        assert len(run.table()) == len(study.cells()) and not run.missing()
        run.record()
        assert read_verdicts(tmp_path)
