from reprise.data.tasks.memory._last_bits import LastBits

__all__ = ["NParity"]


class NParity(LastBits):
    """Whether the ones among the last `n` bits are odd in number.

    Each stream has its own share of ones, drawn evenly from 0 to 1; so for even n a constant is right more often than
    not: two bits are alike in two streams of three.

    Source  Khajehabdollahi et al. 2023, arXiv:2309.12927, sec. 2 (khajehabdollahi2023emergent)
    """

    @property
    def chance(self):
        return 0.5 if self.n % 2 else 0.5 + 0.5 / (self.n + 1)  # the mean of (1 - 2 p)^n over all shares p

    def bits(self, rows, length, generator):
        return (generator.random((rows, length)) < generator.random((rows, 1))).astype("int64")

    def answers(self, bits):
        return bits[:, -self.n :].sum(1) % 2
