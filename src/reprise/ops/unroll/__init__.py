"""Any step function, one step at a time: what a cell without a kernel runs, and the definition of those with one."""
from reprise.ops.unroll.reference import unroll

__all__ = ["unroll"]
