"""Kernels from embeddings: against the sums written out, tiled, shared, and learned through."""
import pytest
import torch
from torch import nn

from reprise.core.errors import InputError
from reprise.weightspace.generated_convolutions import ConvolutionNet, GeneratedConvolution, KernelGenerator


@pytest.fixture
def generator():
    torch.manual_seed(0)
    made = KernelGenerator(channels=3, size=3, embedding=2, hidden=5)
    with torch.no_grad():
        for p in (made.shift, made.out_shift):
            p.normal_()
    return made


def test_the_formula(generator):
    z, got = torch.randn(2), None
    got = generator(z)
    for i in range(3):
        a = generator.of_channel[i] @ z + generator.shift[i]
        for o in range(3):
            for x in range(3):
                for y in range(3):
                    want = generator.out[o, x, y] @ a + generator.out_shift[o, x, y]
                    torch.testing.assert_close(got[o, i, x, y], want)


def test_embeddings_of_any_shape(generator):
    z = torch.randn(4, 2, 2)
    torch.testing.assert_close(generator(z)[3, 1], generator(z[3, 1]))


def test_wider_layers_are_tiles(generator):
    layer, x = GeneratedConvolution(generator, 6, 9), torch.randn(2, 6, 4, 4)
    got = layer(x)
    for n in range(3):
        want = sum(nn.functional.conv2d(x[:, 3 * m : 3 * m + 3], generator(layer.z[n, m]), padding=1) for m in range(2))
        torch.testing.assert_close(got[:, 3 * n : 3 * n + 3], want / 2**0.5, rtol=1e-4, atol=1e-5)


def test_kernels_begin_with_the_variance_of_he():
    torch.manual_seed(0)
    generator = KernelGenerator(channels=24, size=3, embedding=8)
    kernel = GeneratedConvolution(generator, 48, 48).kernel()
    assert float(kernel.detach().var()) == pytest.approx(2 / (48 * 9), rel=0.3)


def test_one_generator_is_all_that_layers_have_but_embeddings():
    generator = KernelGenerator(channels=16)
    layers = [GeneratedConvolution(generator, 16, 16) for _ in range(4)]
    net = ConvolutionNet(layers, 16, 10)
    own = ConvolutionNet([nn.Conv2d(16, 16, 3, padding=1, bias=False) for _ in range(4)], 16, 10)
    counted = [sum(p.numel() for p in made.convolutions.parameters()) for made in (net, own)]
    assert counted == [sum(p.numel() for p in generator.parameters()) + 4 * 4, 4 * 16 * 16 * 9]
    assert counted[0] < counted[1] / 8


def test_every_parameter_learns_and_layers_differ():
    torch.manual_seed(0)
    generator = KernelGenerator(channels=4)
    net = ConvolutionNet([GeneratedConvolution(generator, 4, 4) for _ in range(2)], 4, 3)
    answers, state = net(torch.rand(5, 8, 8))
    answers.square().sum().backward()
    assert answers.shape == (5, 3) and state == ()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in net.parameters())
    assert not torch.equal(net.convolutions[0].kernel(), net.convolutions[1].kernel())


def test_misfits_are_refused(generator):
    with pytest.raises(InputError, match=r"multiples of the generator's 3, got 6 and 8"):
        GeneratedConvolution(generator, 6, 8)
    with pytest.raises(InputError, match="embeddings of 2 numbers"):
        generator(torch.zeros(3))
    with pytest.raises(InputError, match=r"x of shape \(B, 6, rows, columns\)"):
        GeneratedConvolution(generator, 6, 3)(torch.zeros(1, 3, 4, 4))
    with pytest.raises(InputError, match=r"images \(B, rows, columns\)"):
        ConvolutionNet([], 4, 2)(torch.zeros(1, 1, 4, 4))
    with pytest.raises(InputError, match="size of 1 or more"):
        KernelGenerator(4, size=0)
