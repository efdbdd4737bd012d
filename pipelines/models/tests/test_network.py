"""The network's reach and its two forward paths."""

import pytest
import torch

from tss_models.network import Architecture, Ensemble, TssNetwork, train_forward

SMALL = Architecture(channels=8, stem_kernel=7, dilations=(1, 2, 4))


def network(architecture: Architecture = SMALL, seed: int = 1) -> TssNetwork:
    torch.manual_seed(seed)
    net = TssNetwork(architecture).eval()
    torch.nn.init.normal_(net.head.bias, -7.0)  # seeds must differ here too: the exporter shares equal weights
    for module in net.modules():
        if isinstance(module, torch.nn.BatchNorm1d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
    return net


def test_both_forward_paths_agree():
    net, x = network(), torch.rand(2, 4, 90)
    torch.testing.assert_close(train_forward(net, x), net(x), atol=1e-5, rtol=1e-5)


def test_reach_is_exact():
    net, length, middle = network(), 101, 50
    x = torch.rand(1, 4, length)
    changed = x.clone()
    changed[:, :, middle] += 1
    moved = torch.nonzero((net(x) != net(changed))[0, 0]).flatten()
    assert moved.min() >= middle - SMALL.reach and moved.max() <= middle + SMALL.reach
    x.requires_grad_()
    net(x)[0, 0, middle].backward()
    seen = torch.nonzero(x.grad.abs().sum(1)[0]).flatten()
    assert (middle - seen.min(), seen.max() - middle) == (SMALL.reach, SMALL.reach)


def test_the_shipped_architecture_is_within_its_budget():
    architecture = Architecture()
    assert architecture.reach <= 110 and architecture.multiply_adds <= 90_000
    macs = sum(m.weight.numel() for m in network(architecture).modules() if isinstance(m, torch.nn.Conv1d))
    assert macs == architecture.multiply_adds


def test_an_ensemble_is_the_mean_of_its_members_on_both_paths():
    members, x = [network(SMALL, seed) for seed in (1, 2, 3)], torch.rand(2, 4, 90)
    ensemble = Ensemble(members).eval()
    mean = torch.stack([m(x) for m in members]).mean(0)
    torch.testing.assert_close(ensemble(x), mean, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(train_forward(ensemble, x), mean, atol=1e-5, rtol=1e-5)
    assert ensemble.multiply_adds == 3 * SMALL.multiply_adds


def test_an_ensemble_refuses_none_and_unequal_reaches():
    with pytest.raises(ValueError, match="at least one"):
        Ensemble([])
    with pytest.raises(ValueError, match="reach"):
        Ensemble([network(SMALL), network(Architecture(channels=8, stem_kernel=7, dilations=(1, 2)))])
