"""HGRN's ladder of forget gates, on which deeper layers may forget less."""
import math

__all__ = ["first_bound"]

LOWEST = 0.01  # a bound of zero would be one that cannot learn


def first_bound(index: int, depth: int) -> float:
    """l, where gamma = sigmoid(l) starts at k / H in layer k = 0 .. H - 1 of H, and at no less than LOWEST."""
    gamma = max(index / depth, LOWEST)
    return math.log(gamma / (1 - gamma))
