"""The scores of forecasts as measures, and which of them a protocol goes by."""
from math import floor, log10

from reprise.app.findings.measure import Measure

__all__ = ["PROTOCOLS", "measure_of"]

SCORES = {  # as a backtest names them -> title, words, what they are
    "MASE": ("MASE", "MASE", "mean absolute error over that of repeating the last season on the training part"),
    "MSE": ("MSE", "squared error", "mean squared error of standardised values"),
    "OWA": ("OWA", "OWA", "mean of sMAPE and MASE, each over that of Naive2"),
    "sMAPE": ("sMAPE", "sMAPE", "symmetric percentage error, from 0 to 200"),
    "MAE": ("MAE", "absolute error", "mean absolute error"),
    "RMSE": ("RMSE", "RMSE", "root of the mean squared error"),
    "WQL": ("WQL", "WQL", "weighted quantile loss, of nine quantiles"),
    "covered": ("80 %", "covered", "part of true values in the middle 80 % of what is forecast"),
}
PROTOCOLS = {  # name -> what all are ordered by, and the other columns
    "rolling": ("MASE", ("sMAPE", "MAE", "RMSE", "WQL", "covered")),
    "ett": ("MSE", ("MAE",)),
    "m4": ("OWA", ("sMAPE", "MASE", "WQL", "covered")),
}


def measure_of(name: str, size: float = 1.0) -> Measure:
    """The measure of that score, in series whose values are about so large."""
    title, words, about = SCORES[name]
    digits = 2 if name == "sMAPE" else 3
    if name in ("MAE", "RMSE") and size > 0:  # which have the units of the series
        digits = max(3 - floor(log10(size)), 0)
    return Measure(name, title, words, digits, 10.0**-digits, about=about)
