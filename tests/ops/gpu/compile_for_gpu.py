"""Every kernel through Triton's own compiler, down to machine code for a GPU, of which none is needed."""
import sys
from itertools import product

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from reprise.ops.linear_scan import triton as linear
from reprise.ops.selective_scan import triton as selective

GPU = GPUTarget("cuda", 80, 32)
WHOLE = {"T", "N", "D", "B", "span", "row_stride", "step_stride"}  # arguments that are numbers, not tensors
MODES = {
    linear.scan: [dict(zip(("BACKWARD", "COMPLEX", "MAXIMUM", "SUMMARY", "TILE", "BLOCK"), (*mode, summary, 32, 32)))
                  for mode in [(False, False, True), *product((False, True), (False, True), (False,))]
                  for summary in (False, True)],
    selective.summarise: [dict(BACKWARD=back, MARKED=True, STEPS=32, BLOCK=32) for back in (False, True)],
    selective.read: [dict(MARKED=marked, STEPS=32, BLOCK=32) for marked in (False, True)],
    selective.differentiate: [dict(MARKED=marked, STEPS=32, BLOCK=32) for marked in (False, True)],
}
SHORT = {linear.scan: {"TILE": 1, "BLOCK": 1}, selective.differentiate: {"STEPS": 1, "BLOCK": 1}}


def compile_all(real: str) -> None:
    for kernel, modes in MODES.items():
        short = [modes[0] | SHORT[kernel]] if kernel in SHORT else []
        for mode in [*modes, *short]:
            kinds = {"kept": "*u8"} | dict.fromkeys(WHOLE, "i32") | dict.fromkeys(mode, "constexpr")
            signature = {p.name: kinds.get(p.name, f"*{real}") for p in kernel.params}
            source = ASTSource(kernel, signature, mode)
            code = triton.compile(source, target=GPU, options={"enable_fp_fusion": True}).asm["cubin"]
            print(kernel.fn.__name__, mode, len(code), "bytes")


compile_all(sys.argv[1])
