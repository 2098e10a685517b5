"""A linear map of the window's moving average and of what remains, solved."""
from reprise.forecasting.baselines._closed_form import ClosedForm
from reprise.models.forecast.dlinear import DLinear

__all__ = ["DecompositionLinear"]


class DecompositionLinear(ClosedForm):
    """DLinear's maps of trend and remainder for all series, solved in closed form; see `ClosedForm`.

    The penalty is the best of 0.01, 0.1, 1, 10 and 100 on the validation part (1 where there is none).
    Source  Zeng et al. 2023, arXiv:2205.13504   (zeng2023transformers)
    Differs solved with a penalty, where the paper stops descending early: both keep the two maps from being one
    """

    def build(self, lookback: int, horizon: int) -> DLinear:
        return DLinear(lookback, horizon)
