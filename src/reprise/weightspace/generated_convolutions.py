"""A static hypernetwork: one small network makes the convolution kernels of all layers, each from an embedding."""
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from reprise.core.errors import InputError, check_counts

__all__ = ["ConvolutionNet", "GeneratedConvolution", "KernelGenerator"]


class KernelGenerator(nn.Module):
    """Makes a kernel (C C S S) of an embedding z (Z,) by two linear maps, the second the same for all input channels.

        a_i = A_i z + b_i;   K[:, i] = O a_i + o,   for every input channel i

    Shapes  z (... Z) -> kernels (... C C S S), outputs first, as in torch
    Source  Ha et al. 2016, arXiv:1609.09106, sec. 3.1 (ha2016hypernetworks)
    Differs weights drawn so that kernels of a standard normal z have the variance 2 / (C S S) of He et al. 2015, which
            the paper leaves open; hidden=None is Z, as there
    """

    def __init__(self, channels: int, size: int = 3, embedding: int = 4, hidden: int | None = None):
        super().__init__()
        check_counts("KernelGenerator", channels=channels, size=size, embedding=embedding, hidden=hidden)
        hidden = embedding if hidden is None else hidden
        self.channels, self.size, self.embedding = channels, size, embedding
        self.of_channel = nn.Parameter(torch.randn(channels, hidden, embedding) / embedding**0.5)  # A
        self.shift = nn.Parameter(torch.zeros(channels, hidden))  # b
        spread = (2 / (hidden * channels * size * size)) ** 0.5
        self.out = nn.Parameter(spread * torch.randn(channels, size, size, hidden))  # O
        self.out_shift = nn.Parameter(torch.zeros(channels, size, size))  # o

    def forward(self, z: Float[Tensor, "... Z"]) -> Float[Tensor, "... C C S S"]:
        if z.shape[-1:] != (self.embedding,):
            raise InputError(f"KernelGenerator: expected embeddings of {self.embedding} numbers, got {tuple(z.shape)}")
        inside = torch.einsum("ihz,...z->...ih", self.of_channel, z) + self.shift
        return torch.einsum("...ih,oxyh->...oixy", inside, self.out) + self.out_shift[:, None]


class GeneratedConvolution(nn.Module):
    """A convolution, of the size of its input, whose only parameters are embeddings; the generator is shared.

    A layer of m C channels to n C is tiled of n x m kernels of the generator, each with an embedding of its own.

    >>> generator = KernelGenerator(channels=8)
    >>> GeneratedConvolution(generator, inputs=8, outputs=16)(torch.zeros(1, 8, 5, 5)).shape
    torch.Size([1, 16, 5, 5])
    """

    def __init__(self, generator: KernelGenerator, inputs: int, outputs: int):
        super().__init__()
        if inputs < 1 or outputs < 1 or inputs % generator.channels or outputs % generator.channels:
            raise InputError(f"GeneratedConvolution: expected channels in multiples of the generator's "
                             f"{generator.channels}, got {inputs} and {outputs}")
        self.generator = generator
        tiles = outputs // generator.channels, inputs // generator.channels
        self.z = nn.Parameter(torch.randn(*tiles, generator.embedding))

    def forward(self, x: Float[Tensor, "B I R C"]) -> Float[Tensor, "B O R C"]:
        kernels = self.kernel()
        if x.ndim != 4 or x.shape[1] != kernels.shape[1]:
            raise InputError(f"GeneratedConvolution: expected x of shape (B, {kernels.shape[1]}, rows, columns), "
                             f"got {tuple(x.shape)}")
        return F.conv2d(x, kernels, padding="same")

    def kernel(self) -> Float[Tensor, "O I S S"]:
        """What it convolves with."""
        kernels = self.generator(self.z) / self.z.shape[1] ** 0.5  # (n m C C S S), for m tiles are added up
        return kernels.permute(0, 2, 1, 3, 4, 5).flatten(2, 3).flatten(0, 1)


class ConvolutionNet(nn.Module):
    """Images to logits: a stem, residual convolutions, x + convolution(relu(norm(x))), a mean over places, a read-out.

    convolutions: modules (B C R C') -> (B C R C'), of any kind; norms are of a batch.
    Answers as a sequence model does, with a state, which is empty: any objective of one label takes it.
    """

    def __init__(self, convolutions: Sequence[nn.Module], channels: int, classes: int):
        super().__init__()
        check_counts("ConvolutionNet", channels=channels, classes=classes)
        self.stem = nn.Conv2d(1, channels, 3, padding=1, bias=False)
        self.convolutions = nn.ModuleList(convolutions)
        self.norms = nn.ModuleList(nn.BatchNorm2d(channels) for _ in range(len(convolutions) + 1))
        self.out = nn.Linear(channels, classes)

    def forward(
        self, images: Float[Tensor, "B R C"], state: tuple | None = None, *, lengths: None = None, resets: None = None
    ) -> tuple[Float[Tensor, "B E"], tuple]:
        if images.ndim != 3:
            raise InputError(f"ConvolutionNet: expected images (B, rows, columns), got {tuple(images.shape)}")
        x = self.stem(images[:, None])
        for norm, convolution in zip(self.norms, self.convolutions, strict=False):
            x = x + convolution(F.relu(norm(x)))
        return self.out(F.relu(self.norms[-1](x)).mean((2, 3))), ()
