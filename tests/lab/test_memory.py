"""The most memory a function takes at one time."""
import torch

from reprise.lab.memory import peak_bytes


def test_peak_is_of_what_lives_together():
    def one_after_the_other():
        for _ in range(3):
            torch.ones(1000)

    assert 4000 <= peak_bytes(one_after_the_other) < 8000
    assert peak_bytes(lambda: (torch.ones(1000), torch.ones(1000))) >= 8000
