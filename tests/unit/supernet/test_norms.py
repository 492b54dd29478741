import copy

import torch

from nas.data.cache import ImageCache
from nas.networks import build_network
from nas.prediction import predict_batches, reestimate_batch_norm
from nas.spaces.lite import lite0_architecture
from nas.supernet.elastic import ElasticLite0
from nas.supernet.folding import fit_folds
from nas.supernet.norms import recentre_norms
from tests.unit.supernet.lively import lively

SIDE = 32


def answers(module: torch.nn.Module, cache: ImageCache) -> torch.Tensor:
    return torch.cat([out for out, _ in predict_batches(module, cache, cache.indices("val"), SIDE)])


def test_recentred_norms_change_nothing_and_survive_new_statistics(digit_cache: ImageCache):
    module = lively(n_classes=10).extract(lite0_architecture(SIDE))
    before = answers(module, digit_cache)
    naive = copy.deepcopy(module)
    reestimate_batch_norm(naive, digit_cache, SIDE, n_images=200)
    recentre_norms(module, digit_cache, SIDE, n_images=200)
    torch.testing.assert_close(answers(module, digit_cache), before, atol=1e-2, rtol=1e-2)
    assert not module.training
    reestimate_batch_norm(module, digit_cache, SIDE, n_images=200)
    kept = (answers(module, digit_cache) - before).abs().mean()
    assert kept < 0.3 * (answers(naive, digit_cache) - before).abs().mean()


def test_folds_bring_narrow_blocks_nearer_to_the_whole(digit_cache: ImageCache):
    torch.manual_seed(0)
    whole = build_network(lite0_architecture(SIDE), 10)
    reestimate_batch_norm(whole, digit_cache, SIDE, n_images=100)
    supernet = ElasticLite0.of(whole.state_dict(), 10)
    block, kept = "blocks.1.1", 72
    activations: list[torch.Tensor] = []
    layer = supernet.network.get_submodule(f"{block}.conv_pwl")
    hook = layer.register_forward_pre_hook(lambda _module, inputs: activations.append(inputs[0].clone()))
    answers(supernet.network, digit_cache)
    hook.remove()
    x = torch.cat(activations).transpose(0, 1).flatten(1)  # (mid, positions)
    x = x - x.mean(dim=1, keepdim=True)  # statistics take constants in
    weight = layer.weight.detach().flatten(1)

    def error() -> float:
        columns = weight[:, :kept] + weight[:, kept:] @ supernet.folds_of(block)[kept].detach()
        return float((columns @ x[:kept] - weight @ x).square().mean())

    dropped = error()
    fit_folds(supernet, digit_cache, SIDE, n_images=100)
    assert error() < 0.8 * dropped
    assert not supernet.folds_of("blocks.6.0")[576].any()  # 100 positions say nothing about 576 channels
