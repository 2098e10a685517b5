"""Changes that no test can see, and why; one that a test does see, or that no kernel allows any more, is an error."""

__all__ = ["EXCUSES"]

SAME_AGAIN = "a piece goes on into the next, which then writes the same once more"
ONLY_FASTER = "both ways are right: this one is faster"
FREE = "what is read at padding is free"
AT_PADDING = "nobody reads what is kept at padding; it is written so that it is the same in every run"
BEYOND = "writes beyond the end, or where another program writes later: what comes of it is not the same every time"
TIE = "both sides are equal there, and exp(0) is one"

EXCUSES: dict[str, dict[str, str]] = {
    "block_scan": {
        "forward: limit moved by one: N <= SHORT -> N < SHORT": ONLY_FASTER,
        "forward: condition always False: if N <= SHORT: -> if False:": ONLY_FASTER,
        "forward: condition always True: if N <= SHORT: -> if True:": ONLY_FASTER,
        "forward: limit ignored: min(low + wide, H) -> H": SAME_AGAIN,
        "backward: limit moved by one: N <= SHORT -> N < SHORT": ONLY_FASTER,
        "backward: condition always False: if N <= SHORT: -> if False:": ONLY_FASTER,
        "backward: condition always True: if N <= SHORT: -> if True:": ONLY_FASTER,
    },
    "elman": {
        "backward: call left out: fill(into, 0) -> pass":
            "padding is on the right: going back it comes first, when nothing else was written yet",
    },
    "gru": {"forward: call left out: fill(gates[i, t], 0) -> pass": AT_PADDING},
    "linear_scan": {
        "forward: limit ignored: min(low + BLOCK, N) -> N": SAME_AGAIN,
        "backward: limit ignored: min(low + BLOCK, N) -> N": SAME_AGAIN,
        "forward_complex: limit ignored: min(low + BLOCK, N) -> N": SAME_AGAIN,
    },
    "linear_scan/triton": {"scan: condition shortened: BACKWARD and (not SUMMARY) -> BACKWARD": BEYOND},
    "lstm": {"forward: call left out: fill(gates[i, t], 0) -> pass": AT_PADDING},
    "normalised_scan": {
        "weigh: limit moved by one: decayed > s[j] -> decayed >= s[j]": TIE,
        "forward: condition always False: if R == 1: -> if False:": ONLY_FASTER,
        "forward: term dropped: high - low -> high (2)": "only room that is not used",
        "backward: condition always False: if R == 1: -> if False:": ONLY_FASTER,
    },
    "row_product": {
        f"add_product: {change}": "how many rows of the matrix are held at a time: only speed hangs on it"
        for change in (
            "factor dropped: HELD // matrix.shape[1] // 8 * 8 -> 8",
            "limit ignored: max(HELD // matrix.shape[1] // 8 * 8, 16) -> 16",
            "factor dropped: HELD // matrix.shape[1] // 8 -> HELD // matrix.shape[1]",
            "factor dropped: HELD // matrix.shape[1] -> HELD",
            "factor dropped: HELD // matrix.shape[1] // 8 * 8 -> HELD // matrix.shape[1] // 8",
        )
    } | {"_two: term dropped: matrix.shape[1] - GAP -> matrix.shape[1]": "adds zeros to the zeros between rows"},
    "selective_scan/triton": {
        "read: condition shortened: in_time[:, None] & column[None, :] -> in_time[:, None]": BEYOND,
        "read: limit moved by one: d < D -> d <= D": BEYOND,
        "differentiate: condition shortened: in_time[:, None] & column[None, :] -> column[None, :]": BEYOND,
    },
    "short_convolution": {
        "forward: condition always True: if stop == T: -> if True:": SAME_AGAIN,
        "forward: goes on: continue -> pass": FREE,
        "forward: limit ignored: min(start + STEPS, T) -> T": SAME_AGAIN,
        "forward: limit moved by one: t >= ends[i] -> t > ends[i]": FREE,
        "forward: limit ignored: min(low + WIDE, D) -> low + WIDE": "a slice ends where the row ends",
        "forward: condition always False: if t >= ends[i]: -> if False:": FREE,
        "backward: condition always True: ends[i] if kept else 0 -> ends[i]": "looks on where the answer is known",
        "backward: goes on: continue -> pass": "what is read at padding is free, so its gradient is zero",
    },
    "slstm": {
        "forward: limit moved by one: f[j] >= i[j] -> f[j] > i[j]": TIE,
        "forward: limit moved by one: f[j] >= i[j] -> f[j] > i[j] (2)": TIE,
        "forward: call left out: fill(kept, 0) -> pass": AT_PADDING,
        "forward: factor dropped: 2 * D -> D": "a maximum of -inf alone forgets n, multiplied by exp(-inf)",
    },
}
