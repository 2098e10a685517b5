"""Loops in the compiler's language."""
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from llvmlite import ir

__all__ = ["WORD", "carried", "counted", "word"]

WORD = ir.IntType(64)


def word(n: int | ir.Value) -> ir.Value:
    return n if isinstance(n, ir.Value) else ir.Constant(WORD, n)


@contextmanager
def counted(build: ir.IRBuilder, steps: int) -> Iterator[ir.Value]:
    """A loop over 0 .. steps - 1, of which there is at least one."""
    before, body, after = build.block, build.append_basic_block("loop"), build.append_basic_block("after")
    build.branch(body)
    build.position_at_end(body)
    i = build.phi(WORD)
    i.add_incoming(word(0), before)
    yield i
    following = build.add(i, word(1), flags=("nsw", "nuw"))
    i.add_incoming(following, build.block)
    build.cbranch(build.icmp_signed("<", following, word(steps)), body, after)
    build.position_at_end(after)


def carried(
    build: ir.IRBuilder, bounds: tuple[ir.Value, ir.Value, int], values: Sequence[ir.Value],
    body: Callable[[ir.Value, list[ir.Value]], Sequence[ir.Value]],
) -> list[ir.Value]:
    """A loop over first, first + by ... below last, perhaps none, that hands `values` from step to step."""
    first, last, by = bounds
    before, head = build.block, build.append_basic_block("head")
    inside, after = build.append_basic_block("body"), build.append_basic_block("after")
    build.branch(head)
    build.position_at_end(head)
    i, now = build.phi(WORD), [build.phi(z.type) for z in values]
    build.cbranch(build.icmp_signed("<", i, last), inside, after)
    build.position_at_end(inside)
    then = body(i, now)
    following = build.add(i, word(by), flags=("nsw",))
    for phi, start, end in zip([i, *now], [first, *values], [following, *then], strict=True):
        phi.add_incoming(start, before)
        phi.add_incoming(end, build.block)
    build.branch(head)
    build.position_at_end(after)
    return now
