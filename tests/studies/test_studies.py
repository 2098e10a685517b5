"""Every study has its form, and its smoke tier runs from the first cell to the verdicts."""
import dataclasses
import os

import pytest

from reprise.app.drawing.figures import draw
from reprise.app.study import STUDIES
from reprise.lab.run import Run
from reprise.lab.study import Study
from reprise.lab.table import Table


@pytest.mark.parametrize("module", STUDIES.modules().values(), ids=lambda m: m.rpartition(".")[2])
class TestStudy:
    def test_form(self, module):
        study = Study(module)
        assert study.summary.endswith(".") and dataclasses.is_dataclass(study.config)
        assert study.config.__dataclass_params__.frozen
        assert all(set(study.key) <= set(cell) for cell in study.cells())
        assert study.figures, "a study shows what came out"

    def test_nothing_measured_decides_nothing(self, module):
        """As where every cell has failed: the claims can be weighed, and none holds or fails."""
        assert {verdict.verdict for verdict in Study(module).verdicts(Table([]))} == {"unclear"}

    @pytest.mark.timeout(300)
    def test_smoke(self, module, tmp_path):
        study = Study(module, tier="smoke")
        run = Run(study, tmp_path)
        failed = [event for event in run.compute(1) if event.kind == "failed"]
        if failed and "REPRISE_DATA" not in os.environ and "set REPRISE_DATA" in str(failed[0].value):
            pytest.skip("REPRISE_DATA is not set, and the study's data cannot be downloaded here")
        assert not failed, failed[0]
        assert len(run.table()) == len(study.cells()) and not run.missing()
        rows = list(run.table())
        assert run.verdicts() and study.verdicts(Table(rows[1:])) and study.verdicts(Table(rows[:-1]))
        for figure in study.figures:
            assert draw(figure, run.table()), f"{figure.title or figure.shape} shows nothing"
