"""Every table of the published sets, as it is published, against pandas told what the file is."""
import functools
import os
import tarfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from reprise.data.tables.read import read_table

DATA = Path(os.environ.get("REPRISE_DATA", "/nowhere"))  # before the room's fixture takes it away
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="needs the published sets: set REPRISE_DATA to their folder")

# file -> rows, columns, kind of the first column, notes
FILES = {
    "classic-series/airline-passengers.csv": (144, 2, "time", ()),
    "classic-series/daily-min-temperatures.csv": (3650, 2, "time", ()),
    "classic-series/daily-total-female-births.csv": (365, 2, "time", ()),
    "classic-series/lynx.csv": (114, 2, "time", ("is called 'column 1'", "taken as times")),
    "classic-series/monthly-car-sales.csv": (108, 2, "time", ()),
    "classic-series/monthly-mean-temp.csv": (240, 2, "time", ()),
    "classic-series/monthly-sunspots.csv": (2820, 2, "time", ()),
    "classic-series/pollution.csv.xz": (43824, 13, "number", ()),
    "classic-series/shampoo.csv": (36, 2, "text", ()),
    "cascaded-tanks/cascaded_tanks_dataBenchmark.csv": (1024, 5, "number", ("1 empty line", "'column 6': empty")),
    "ett/ETTh1.csv.xz": (17420, 8, "time", ()),
    "ett/ETTm2.csv.xz": (69680, 8, "time", ()),
    "weather/weather.csv.xz": (52696, 22, "time", ()),
    "m4/Hourly-train.csv.xz": (414, 961, "text", ()),
    "m4/Hourly-test.csv.xz": (414, 49, "text", ()),
    "m4/Weekly-train.csv.xz": (359, 2598, "text", ()),
    "m4/Weekly-test.csv.xz": (359, 14, "text", ()),
    "occupancy/datatraining.txt.xz": (8143, 7, "time", ()),
    "occupancy/datatest.txt.xz": (2665, 7, "time", ()),
    "occupancy/datatest2.txt.xz": (9752, 7, "time", ()),
    "banking77/test.csv.xz": (3080, 2, "text", ()),
}


published = functools.cache(lambda name: read_table(DATA / name))


@needs_data
@pytest.mark.parametrize("name", FILES)
def test_published_table(name):
    rows, width, kind, notes = FILES[name]
    table = published(name)
    assert (len(table), len(table.columns)) == (rows, width)
    assert len(table.notes) == len(notes) and all(said in note for said, note in zip(notes, table.notes)), table.notes
    assert next(iter(table.columns.values())).kind == kind
    frame = pd.read_csv(DATA / name, float_precision="round_trip", keep_default_na=kind != "text" or width > 2)
    for place, column in enumerate(table.columns.values()):
        if column.kind == "number":
            np.testing.assert_array_equal(column.values, frame.iloc[:, place].to_numpy(float))
        elif column.kind == "time":
            as_text = frame.iloc[:, place].astype(str)
            np.testing.assert_array_equal(column.values, pd.to_datetime(as_text).to_numpy())


@needs_data
def test_series_of_m4_are_rows_with_tails_of_their_own():
    table = published("m4/Weekly-train.csv.xz")
    values = np.stack([column.values for column in table.columns.values() if column.kind == "number"], 1)
    lengths = (~np.isnan(values)).sum(1)
    assert table.columns["V1"].values[0] == "W1" and values[0, 0] == 1089.2
    assert (lengths.min(), lengths.max()) == (80, 2597)
    assert all(np.isnan(row[length:]).all() for row, length in zip(values, lengths))  # what is missing is the tail


@needs_data
@pytest.mark.parametrize(("archive", "ending", "step"), [("loghub-2k/loghub_2k.tar.xz", "_structured.csv", 4),
                                                         ("nab/nab_data.tar.xz", ".csv", 10)])
def test_tables_of_an_archive(archive, ending, step, tmp_path):
    """Logs with quotes and commas in their messages, sensors with times: as pandas reads them, letter by letter."""
    with tarfile.open(DATA / archive) as packed:
        for member in [member for member in packed if member.name.endswith(ending)][::step]:
            path = tmp_path / Path(member.name).name
            path.write_bytes(packed.extractfile(member).read())
            table = read_table(path)
            frame = pd.read_csv(path, dtype=str, keep_default_na=False)
            assert list(table.columns) == list(frame.columns) and len(table) == len(frame)
            for name, column in table.columns.items():
                assert column.texts.tolist() == frame[name].str.lstrip().tolist()
