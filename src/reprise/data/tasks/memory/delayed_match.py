from reprise.data.tasks.memory._last_bits import LastBits

__all__ = ["DelayedMatch"]


class DelayedMatch(LastBits):
    """Delayed match to sample: whether the last bit is that of n - 1 steps before, the first of the last `n`.

    Zeros and ones are as frequent: in a stream of mostly one kind, nearly all would match.

    Source  Khajehabdollahi et al. 2023, arXiv:2309.12927, sec. 2: N-DMS (khajehabdollahi2023emergent)
    """

    @property
    def chance(self):
        return 0.5

    def bits(self, rows, length, generator):
        return generator.integers(0, 2, (rows, length))

    def answers(self, bits):
        return (bits[:, -self.n] == bits[:, -1]).astype("int64")
