"""A panel as a DataFrame, in the long form that Nixtla's libraries read."""
from typing import TYPE_CHECKING

import numpy as np

from reprise.data.series.clock import ahead
from reprise.data.series.panel import Panel

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["to_frame"]


def to_frame(panel: Panel) -> "pd.DataFrame":
    """Columns unique_id, ds, y, then covariates; rows where covariates are known further ahead have no y
    (there are none where times are irregular).

    Values that were filled in are there like any other.
    """
    import pandas as pd

    further = [len(s.known) - len(s) if panel.known and panel.step else 0 for s in panel]
    columns: dict[str, np.ndarray] = {
        "unique_id": np.repeat([s.name for s in panel], [len(s) + F for s, F in zip(panel, further)]),
        "ds": np.concatenate([s.times if not F else np.append(s.times, ahead(s.times, panel.step, F))
                              for s, F in zip(panel, further)]),
        "y": np.concatenate([np.append(s.values, np.full(F, np.nan)) for s, F in zip(panel, further)]),
    }
    for place, name in enumerate(panel.known):
        columns[name] = np.concatenate([s.known[: len(s) + F, place] for s, F in zip(panel, further)])
    for place, name in enumerate(panel.static):
        columns[name] = np.concatenate([np.full(len(s) + F, s.static[place]) for s, F in zip(panel, further)])
    return pd.DataFrame(columns)
