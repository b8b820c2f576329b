"""What the scene network is punished for."""

import torch
from torch import Tensor
from torch.nn import functional


def depth_loss(found: Tensor, wanted: Tensor, known: Tensor) -> Tensor:
    """Compare dioptres up to scale and shift, and their gradients.

    Args:
        found: (n, 1, h, w) dioptres.
        wanted: The same, in any unit.
        known: The same, 1 where the wanted ones are known.

    Source:
        Ranftl et al., Towards Robust Monocular Depth Estimation, TPAMI 2022: shift by the median and scale by the mean
        absolute deviation, then mean absolute error, and gradients at four scales with weight 0.5. Here both are
        aligned by themselves, and no residual is trimmed.
    """
    error = (_aligned(found, known) - _aligned(wanted, known)) * known
    count = known.sum(dim=(1, 2, 3)).clamp(min=1)
    loss = error.abs().sum(dim=(1, 2, 3)) / count
    for _ in range(4):
        across = (error[..., 1:] - error[..., :-1]).abs() * known[..., 1:] * known[..., :-1]
        down = (error[..., 1:, :] - error[..., :-1, :]).abs() * known[..., 1:, :] * known[..., :-1, :]
        count = known.sum(dim=(1, 2, 3)).clamp(min=1)
        loss = loss + 0.5 * (across.sum(dim=(1, 2, 3)) + down.sum(dim=(1, 2, 3))) / count
        error, known = error[..., ::2, ::2], known[..., ::2, ::2]
    return loss


def _aligned(values: Tensor, known: Tensor) -> Tensor:
    hidden = torch.where(known > 0, values, torch.full_like(values, torch.nan))
    shift = hidden.flatten(1).nanmedian(dim=1).values.view(-1, 1, 1, 1)
    shift = torch.nan_to_num(shift)
    away = (values - shift).abs() * known
    scale = away.sum(dim=(1, 2, 3), keepdim=True) / known.sum(dim=(1, 2, 3), keepdim=True).clamp(min=1)
    return (values - shift) / scale.clamp(min=1e-3)


def order_loss(found: Tensor, near: Tensor, far: Tensor) -> Tensor:
    """Want what is `near` to be nearer than what is `far`, where only the order is known.

    Args:
        found: (n, 1, h, w) dioptres.
        near: The same, 1 where something stands in front.
        far: The same, 1 where something stands behind it.

    Source:
        Chen et al., Single-Image Depth Perception in the Wild, NeurIPS 2016, with the mean of all far places in the
        place of single pairs, and dioptres divided by their deviation.
    """
    spread = found.flatten(1).std(dim=1).clamp(min=1e-3).view(-1, 1, 1, 1)
    behind = (found * far).sum(dim=(1, 2, 3), keepdim=True) / far.sum(dim=(1, 2, 3), keepdim=True).clamp(min=1)
    front = (found * near).sum(dim=(1, 2, 3), keepdim=True) / near.sum(dim=(1, 2, 3), keepdim=True).clamp(min=1)
    wrong_near = (functional.softplus(2 - 2 * (found - behind) / spread) * near).sum(dim=(1, 2, 3))
    wrong_far = (functional.softplus(2 - 2 * (front - found) / spread) * far).sum(dim=(1, 2, 3))
    return wrong_near / near.sum(dim=(1, 2, 3)).clamp(min=1) + wrong_far / far.sum(dim=(1, 2, 3)).clamp(min=1)


def point_loss(found: Tensor, points: Tensor) -> Tensor:
    """Compare dioptres at single points with guessed distances: their order, and roughly their values.

    Args:
        found: (n, 1, h, w) dioptres.
        points: (n, p, 3) across and down in [0, 1], metres; 0 metres where there is no point.

    Source:
        The ranking loss of Chen et al., NeurIPS 2016, over all pairs whose distances differ by more than 15 percent,
        each weighed by how much (up to a factor of two); those that differ by less than 3 percent are held together.
        Dioptres are divided by their deviation. To it half the mean absolute error after alignment is added.
    """
    known = (points[..., 2] > 0).float()
    spread = found.flatten(1).std(dim=1).clamp(min=1e-3)[:, None]
    height, width = found.shape[2:]
    columns = (points[..., 0] * width).long().clamp(0, width - 1)
    rows = (points[..., 1] * height).long().clamp(0, height - 1)
    ours = found.flatten(1).gather(1, rows * width + columns) / spread
    logs = points[..., 2].clamp(min=1e-3).log()
    pairs = known[:, :, None] * known[:, None, :]
    farther = logs[:, :, None] - logs[:, None, :]
    nearer_by = ours[:, None, :] - ours[:, :, None]
    weight = pairs * (farther > 0.15) * (farther / 0.7).clamp(max=1)
    ranking = (functional.softplus(-4 * nearer_by) * weight).sum(dim=(1, 2)) / weight.sum(dim=(1, 2)).clamp(min=1)
    alike = pairs * (farther.abs() < 0.03)
    holding = (nearer_by.abs() * alike).sum(dim=(1, 2)) / alike.sum(dim=(1, 2)).clamp(min=1)
    wanted = known / points[..., 2].clamp(min=0.05)
    shape = (-1, 1, 1, points.shape[1])
    apart = (_aligned(ours.view(shape), known.view(shape)) - _aligned(wanted.view(shape), known.view(shape))).abs()
    error = (apart.clamp(max=3) * known.view(shape)).sum(dim=(1, 2, 3)) / known.sum(dim=1).clamp(min=1)
    return ranking + 0.5 * holding + 0.5 * error


def matte_loss(logits: Tensor, wanted: Tensor, known: Tensor) -> Tensor:
    """Cross-entropy, and one minus the soft intersection over union, where the matte is known."""
    each = functional.binary_cross_entropy_with_logits(logits, wanted, reduction="none") * known
    entropy = each.sum(dim=(1, 2, 3)) / known.sum(dim=(1, 2, 3)).clamp(min=1)
    share = logits.sigmoid() * known
    common = (share * wanted).sum(dim=(1, 2, 3))
    union = (share + wanted * known - share * wanted).sum(dim=(1, 2, 3))
    return entropy + 1 - (common + 1) / (union + 1)
