import torch
from torch.nn import functional as F

from doorlab.nn.mlp import mlp


def test_mlp_has_gelu_between_layers():
    torch.manual_seed(0)
    net, x = mlp(3, 4, 5, 2), torch.randn(6, 3)
    first, second, third = (m for m in net if isinstance(m, torch.nn.Linear))
    torch.testing.assert_close(net(x), third(F.gelu(second(F.gelu(first(x))))))


def test_mlp_of_one_layer_is_linear():
    net = mlp(3, 2)
    assert len(net) == 1
    x = torch.randn(4, 3)
    torch.testing.assert_close(net(2 * x) - net(x), net(x) - net(0 * x))
