"""A forecaster as a folder: the model, its series, and where it stands, each file whole or not at all."""
from pathlib import Path
from typing import Any

import numpy as np
import torch

from reprise.core.errors import InputError
from reprise.core.files import load_tensors, save_tensors
from reprise.core.state import named_tensors, refill
from reprise.core.state_file import fingerprint
from reprise.data.series.panel import Step
from reprise.forecasting.recurrent.reading import Fitted
from reprise.forecasting.recurrent.standing import Standing
from reprise.forecasting.scales import Scales
from reprise.models.forecast.forecast_model import ForecastModel

__all__ = ["load", "save", "save_standing"]

FILE = "standing.safetensors"


def save(folder: Path, fitted: Fitted, standing: Standing, about: dict[str, Any]) -> None:
    """The model, the scales and the standing, each file whole or not at all."""
    scales, numeric = fitted.scales, standing.times.dtype.kind != "M"
    series = {"names": list(standing.names), "means": scales.means.tolist(), "deviations": scales.deviations.tolist(),
              "step": list(standing.step), "together": fitted.together, "numbered": numeric,
              "static": None if fitted.static is None else fitted.static.tolist()}
    fitted.model.save_pretrained(folder, series=series, **about)
    save_standing(folder / FILE, fitted.model, standing)


def save_standing(path: Path, model: ForecastModel, standing: Standing) -> None:
    """What was read, alone: `load` with this path goes on from there."""
    times = standing.times
    times = times if times.dtype.kind != "M" else times.astype("datetime64[ns]").view("int64")
    tensors = {f"state.{name}": z for name, z in named_tensors(standing.state)}
    tensors |= {"times": torch.from_numpy(times.copy()),
                "since": torch.from_numpy(standing.since)}
    tensors |= {f"known.{i}": torch.from_numpy(z.copy()) for i, z in enumerate(standing.known)}
    save_tensors(path, tensors, {"kind": "standing", "names": list(standing.names), **fingerprint(model)})


def load(folder: Path, standing: Path | None = None) -> tuple[Fitted, Standing, dict[str, Any]]:
    """A forecaster's model, where it stands (as in the file `standing`, where that is given), and what was said of it.

    Raises InputError for a folder that holds none, and for a standing of another model.
    """
    model = ForecastModel.from_pretrained(folder)
    _, about = load_tensors(folder / "model.safetensors", "model")
    if "series" not in about:
        raise InputError(f"{folder}: holds a model without the series it was fitted to; fit and save a Forecaster")
    series = about["series"]
    step = Step(*series["step"])
    scales = Scales.restored(series["names"], np.array(series["means"]), np.array(series["deviations"]), step)
    static = None if series["static"] is None else torch.tensor(series["static"])
    fitted = Fitted(model, scales, series["together"], None, static)
    path = standing or folder / FILE
    tensors, said = load_tensors(path, "standing")
    mine = fingerprint(model)
    if wrong := [name for name in ("options", "weights") if said[name] != mine[name]] or (
            ["series"] if said["names"] != series["names"] else []):
        raise InputError(f"{path}: belongs to another forecaster, whose {wrong[0]} are not those of {folder}; "
                         "use the one it was saved with, or delete the file to begin anew")
    like = model.initial_state(len(tensors["state.told"]))
    state = refill(like, [tensors[f"state.{name}"] for name, _ in named_tensors(like)])
    times = tensors["times"].numpy()
    known = tuple(tensors[f"known.{i}"].numpy() for i in range(len(series["names"]))) if model.known else ()
    kept = Standing(tuple(series["names"]), step, times if series["numbered"] else times.view("datetime64[ns]"),
                    tensors["since"].numpy(), state, known)
    return fitted, kept, about
