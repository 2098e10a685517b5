"""A linear map of the window, its mean removed: beats much of what is published on ETT."""
from reprise.forecasting.baselines._closed_form import ClosedForm
from reprise.models.forecast.linear_forecaster import LinearForecaster

__all__ = ["Ridge"]


class Ridge(ClosedForm):
    """One linear map for all series, from a window without its mean to all steps ahead, solved in closed form.

    The map has no constant: a trend of the training part is not carried into the future by itself.
    lookback: steps of the window; see `ClosedForm`. The penalty is the best of 0.01, 0.1, 1, 10 and 100 on the
    validation part (1 where there is none), and is kept in `penalty`; nothing is fitted to that part.
    Source  Toner & Darlow 2024, arXiv:2403.14587   (toner2024analysis)
    """

    bias = False

    def build(self, lookback: int, horizon: int) -> LinearForecaster:
        return LinearForecaster(lookback, horizon)
