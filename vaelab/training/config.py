"""`TrainConfig`: how long, how fast and on what to train, checked once when it is made."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from vaelab._utils import checks
from vaelab._utils.errors import InvalidValue

CHOICES = {
    "lr_schedule": ("constant", "cosine", "step"),
    "binarize": ("no", "static", "dynamic"),
    "precision": ("fp32", "tf32", "bf16"),
}


def _below_one(name: str, value: float) -> None:
    if checks.positive(name, value) >= 1:
        raise InvalidValue(f"{name} must be below 1, got {value}.")


CHECKS: dict[str, Callable[[str, Any], object]] = {
    **dict.fromkeys(("epochs", "batch_size", "micro_batches", "steps"), checks.count),
    **dict.fromkeys(("lr", "checkpoint_minutes", "lr_decay", "grad_clip"), checks.positive),
    "weight_decay": checks.not_negative,
    "ema_decay": _below_one,
}
OPTIONAL = ("steps", "grad_clip", "ema")


@dataclass(frozen=True)
class TrainConfig:
    """How to train: epochs over the data in shuffled batches, a last partial one left out; Adam.

    steps: so many optimizer steps instead of whole epochs.
    lr_schedule: "constant", "cosine" (from lr to 0) or "step" (lr times `drop` at the start of each epoch in
    `drops`).
    weight_decay: of Adam, L2.  clip: largest norm of the gradient.
    ema_decay: decay of the averaged weights.
    binarize: "no", "static" (once, before training) or "dynamic" (anew at every presentation).
    precision: "fp32", "tf32" or "bf16" (convolutions and linear layers; likelihoods and divergences stay in fp32).
    compile: torch.compile of the forward pass (its draws of z differ from eager ones).
    cuda_graph: the whole step as one CUDA graph, where there is a GPU.
    seed governs the order of the data and the draws of z; device: "auto" (CUDA where there is one), "cpu", "cuda".
    checkpoints: a folder; the last two are kept there, written at the end of every epoch and every `minutes`.
    micro_batches: a batch is computed in so many pieces, one after the other, to save memory; still one optimizer step, and
    the same one but for what looks at a batch as a whole: gamma="optimal", free bits, MMD, batch norm.
    """

    epochs: int = 10
    batch_size: int = 128
    lr: float = 1e-3
    seed: int = 0
    device: str = "auto"
    progress: bool = True
    steps: int | None = None
    lr_schedule: Literal["constant", "cosine", "step"] = "constant"
    lr_milestones: tuple[int, ...] = ()
    lr_decay: float = 0.1
    weight_decay: float = 0.0
    grad_clip: float | None = None
    ema_decay: float | None = None
    binarize: Literal["no", "static", "dynamic"] = "no"
    precision: Literal["fp32", "tf32", "bf16"] = "fp32"
    compile: bool = False
    cuda_graph: bool = False
    checkpoints: Path | str | None = None
    checkpoint_minutes: float = 10.0
    micro_batches: int = 1

    def __post_init__(self) -> None:
        for name, check in CHECKS.items():
            value = getattr(self, name)
            if not (value is None and name in OPTIONAL):
                check(name, value)
        for name, known in CHOICES.items():
            if getattr(self, name) not in known:
                raise InvalidValue(f"{name} must be one of {', '.join(known)}, got {getattr(self, name)!r}.")
        if self.micro_batches > self.batch_size:
            raise InvalidValue(f"pieces must be at most batch_size={self.batch_size}, got {self.micro_batches}.")
        if self.lr_milestones and self.lr_schedule != "step":
            raise InvalidValue(f"lr_milestones={self.lr_milestones} need lr_schedule='step', got {self.lr_schedule!r}.")

    def batches(self, n: int) -> int:
        """The number of batches in an epoch of n images."""
        if self.batch_size > n:
            raise InvalidValue(f"batch_size must be at most {n}, the number of images, got {self.batch_size}.")
        return n // self.batch_size

    def total(self, per_epoch: int) -> int:
        """The number of optimizer steps."""
        return self.steps if self.steps is not None else self.epochs * per_epoch

    def rate(self, step: int, per_epoch: int) -> float:
        """The factor of lr for the step with this number (from 0)."""
        if self.lr_schedule == "cosine":
            return 0.5 * (1 + math.cos(math.pi * step / self.total(per_epoch)))
        return self.lr_decay ** sum(step // per_epoch + 1 >= epoch for epoch in self.lr_milestones)


Train = TrainConfig  # its name until 0.2
