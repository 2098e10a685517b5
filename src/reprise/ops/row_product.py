"""The product of a few rows and a matrix inside a kernel: what a recurrence does at every step.

Each number of the matrix is loaded once for four rows, and each sum is loaded and stored once for eight products. With
four rows, arithmetic sets the pace, and it is that of BLAS with large matrices; with one or two, the cache does that
holds the matrix.
"""
import numpy as np
from jaxtyping import Float
from torch import Tensor

from reprise.ops.vector_math import part

__all__ = ["add_product", "laid_out", "zero_rows"]

HELD = 1 << 16  # numbers of the matrix that all rows meet before the next are fetched: they stay in the second cache
GAP = 16  # numbers between one row and the next: rows a power of two apart fight for the same places in the cache


def laid_out(matrix: Float[Tensor, "K N"]) -> Float[Tensor, "L M"]:
    """The matrix as `add_product` takes it: rows apart, and rows of zeros up to a multiple of eight."""
    K, N = matrix.shape
    out = matrix.new_zeros(K + -K % 8, N + GAP)
    out[:K, :N] = matrix
    return out


def zero_rows(count: int, width: int, like: Tensor) -> Float[Tensor, "B M"]:
    """Rows of zeros for `add_product`, apart, with room for a multiple of eight."""
    return like.new_zeros(count, width + -width % 8 + GAP)


@part
def add_product(first: int, last: int, rows: np.ndarray, matrix: np.ndarray, out: np.ndarray) -> None:
    """out += rows @ matrix for rows first..last; all three are as `laid_out` and `zero_rows` make them."""
    step = max(HELD // matrix.shape[1] // 8 * 8, 16)
    for k in range(0, matrix.shape[0], step):
        held, i = matrix[k : k + step], first
        while i + 4 <= last:
            _four(rows[i : i + 4, k:], held, out[i : i + 4])
            i += 4
        if i + 2 <= last:
            _two(rows[i : i + 2, k:], held, out[i : i + 2])
            i += 2
        if i < last:
            _one(rows[i, k:], held, out[i])


@part
def _four(a, matrix, out):
    o0, o1, o2, o3 = out[0], out[1], out[2], out[3]
    for k in range(0, matrix.shape[0], 8):
        m0, m1, m2, m3 = matrix[k], matrix[k + 1], matrix[k + 2], matrix[k + 3]
        m4, m5, m6, m7 = matrix[k + 4], matrix[k + 5], matrix[k + 6], matrix[k + 7]
        a00, a01, a02, a03 = a[0, k], a[0, k + 1], a[0, k + 2], a[0, k + 3]
        a04, a05, a06, a07 = a[0, k + 4], a[0, k + 5], a[0, k + 6], a[0, k + 7]
        a10, a11, a12, a13 = a[1, k], a[1, k + 1], a[1, k + 2], a[1, k + 3]
        a14, a15, a16, a17 = a[1, k + 4], a[1, k + 5], a[1, k + 6], a[1, k + 7]
        a20, a21, a22, a23 = a[2, k], a[2, k + 1], a[2, k + 2], a[2, k + 3]
        a24, a25, a26, a27 = a[2, k + 4], a[2, k + 5], a[2, k + 6], a[2, k + 7]
        a30, a31, a32, a33 = a[3, k], a[3, k + 1], a[3, k + 2], a[3, k + 3]
        a34, a35, a36, a37 = a[3, k + 4], a[3, k + 5], a[3, k + 6], a[3, k + 7]
        for j in range(matrix.shape[1] - GAP):
            x0, x1, x2, x3, x4, x5, x6, x7 = m0[j], m1[j], m2[j], m3[j], m4[j], m5[j], m6[j], m7[j]
            s0 = (((o0[j] + a00 * x0) + a01 * x1) + a02 * x2) + a03 * x3
            s1 = (((o1[j] + a10 * x0) + a11 * x1) + a12 * x2) + a13 * x3
            s2 = (((o2[j] + a20 * x0) + a21 * x1) + a22 * x2) + a23 * x3
            s3 = (((o3[j] + a30 * x0) + a31 * x1) + a32 * x2) + a33 * x3
            o0[j] = (((s0 + a04 * x4) + a05 * x5) + a06 * x6) + a07 * x7
            o1[j] = (((s1 + a14 * x4) + a15 * x5) + a16 * x6) + a17 * x7
            o2[j] = (((s2 + a24 * x4) + a25 * x5) + a26 * x6) + a27 * x7
            o3[j] = (((s3 + a34 * x4) + a35 * x5) + a36 * x6) + a37 * x7


@part
def _two(a, matrix, out):
    o0, o1 = out[0], out[1]
    for k in range(0, matrix.shape[0], 4):
        m0, m1, m2, m3 = matrix[k], matrix[k + 1], matrix[k + 2], matrix[k + 3]
        a00, a01, a02, a03 = a[0, k], a[0, k + 1], a[0, k + 2], a[0, k + 3]
        a10, a11, a12, a13 = a[1, k], a[1, k + 1], a[1, k + 2], a[1, k + 3]
        for j in range(matrix.shape[1] - GAP):
            x0, x1, x2, x3 = m0[j], m1[j], m2[j], m3[j]
            o0[j] = (((o0[j] + a00 * x0) + a01 * x1) + a02 * x2) + a03 * x3
            o1[j] = (((o1[j] + a10 * x0) + a11 * x1) + a12 * x2) + a13 * x3


@part
def _one(a, matrix, out):
    for k in range(0, matrix.shape[0], 4):
        m0, m1, m2, m3 = matrix[k], matrix[k + 1], matrix[k + 2], matrix[k + 3]
        a0, a1, a2, a3 = a[k], a[k + 1], a[k + 2], a[k + 3]
        for j in range(matrix.shape[1] - GAP):
            out[j] = (((out[j] + a0 * m0[j]) + a1 * m1[j]) + a2 * m2[j]) + a3 * m3[j]
