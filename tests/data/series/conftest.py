"""Tables written as files, opened as people would."""
import numpy as np
import pytest

from reprise.data.series.open import open_series


@pytest.fixture
def opened(tmp_path):
    """opened(text, **options): the panel of a file t.csv with that text, or of rows of columns that are given."""

    def open_text(text="", name="t.csv", columns=None, **options):
        if columns is not None:
            rows = zip(*(np.asarray(values).astype(str) for values in columns.values()))
            text = "\n".join([",".join(columns), *map(",".join, rows)])
        path = tmp_path / name
        path.write_text(text + "\n")
        return open_series(path, **options)

    return open_text
