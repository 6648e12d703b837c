"""`TrainConfig`: how long, how fast and on what to train, checked once when it is made."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from vaelab._utils.errors import InvalidValue

CHOICES = {
    "lr_schedule": ("constant", "cosine", "step"),
    "binarize": ("no", "static", "dynamic"),
    "precision": ("fp32", "tf32", "bf16"),
}


@dataclass(frozen=True)
class TrainConfig:
    """How to train: epochs over the data in shuffled batches, a last partial one left out; Adam.

    steps: so many optimizer steps instead of whole epochs.
    lr_schedule: "constant", "cosine" (from lr to 0) or "step" (lr times `drop` at the start of each epoch in
    `drops`).
    weight_decay: of Adam, L2.  clip: largest norm of the gradient.
    warmup: steps over which the weight of the divergence rises to its value.  ema: decay of the averaged weights.
    binarize: "no", "static" (once, before training) or "dynamic" (anew at every presentation).
    precision: "fp32", "tf32" or "bf16" (convolutions and linear layers; likelihoods and divergences stay in fp32).
    compile: torch.compile of the forward pass (its draws of z differ from eager ones).
    cuda_graph: the whole step as one CUDA graph, where there is a GPU.
    seed governs the order of the data and the draws of z; device: "auto" (CUDA where there is one), "cpu", "cuda".
    checkpoints: a folder; the last two are kept there, written at the end of every epoch and every `minutes`.
    snapshots: also keep, for every epoch, the weights and the codes of 100 images there, to scrub through later.
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
    warmup: int = 0
    ema_decay: float | None = None
    binarize: Literal["no", "static", "dynamic"] = "no"
    precision: Literal["fp32", "tf32", "bf16"] = "fp32"
    compile: bool = False
    cuda_graph: bool = False
    checkpoints: Path | str | None = None
    checkpoint_minutes: float = 10.0
    snapshots: bool = False
    micro_batches: int = 1

    def __post_init__(self) -> None:
        for name, low in (("epochs", 1), ("batch_size", 1), ("steps", 1), ("warmup", 0), ("micro_batches", 1)):
            value = getattr(self, name)
            whole = isinstance(value, int) and not isinstance(value, bool)
            if not (whole and value >= low) and not (name == "steps" and value is None):
                raise InvalidValue(f"{name} must be a whole number of at least {low}, got {value!r}; choose another.")
        if not (_number(self.lr) and self.lr > 0):
            raise InvalidValue(f"lr must be a finite number above 0, got {self.lr!r}; 1e-3 is a good start.")
        if not (_number(self.weight_decay) and self.weight_decay >= 0):
            raise InvalidValue(
                f"weight_decay must be a finite number from 0, got {self.weight_decay!r}; 0 switches it off."
            )
        for name in ("grad_clip", "checkpoint_minutes", "lr_decay"):
            value = getattr(self, name)
            if not (_number(value) and value > 0) and not (name == "grad_clip" and value is None):
                raise InvalidValue(f"{name} must be a finite number above 0, got {value!r}; choose another.")
        for name, known in CHOICES.items():
            if getattr(self, name) not in known:
                raise InvalidValue(f"{name} must be one of {', '.join(known)}, got {getattr(self, name)!r}.")
        if self.ema_decay is not None and not (_number(self.ema_decay) and 0 < self.ema_decay < 1):
            raise InvalidValue(f"ema_decay must lie between 0 and 1, got {self.ema_decay!r}; 0.999 is usual.")
        if self.micro_batches > self.batch_size:
            raise InvalidValue(
                f"micro_batches is {self.micro_batches}, more than the {self.batch_size} images of a batch; lower it."
            )
        if self.snapshots and self.checkpoints is None:
            raise InvalidValue("snapshots=True needs a folder to keep them in; set checkpoints=FOLDER.")
        if self.lr_milestones and self.lr_schedule != "step":
            raise InvalidValue(
                f"lr_milestones={self.lr_milestones} need lr_schedule='step', got {self.lr_schedule!r}; set it, or leave lr_milestones out."
            )

    def total(self, per_epoch: int) -> int:
        """The number of optimizer steps."""
        return self.steps if self.steps is not None else self.epochs * per_epoch

    def rate(self, step: int, per_epoch: int) -> float:
        """The factor of lr for the step with this number (from 0)."""
        if self.lr_schedule == "cosine":
            return 0.5 * (1 + math.cos(math.pi * step / self.total(per_epoch)))
        return self.lr_decay ** sum(step // per_epoch + 1 >= epoch for epoch in self.lr_milestones)

    def heat(self, step: int) -> float:
        """The factor of the divergence's weight for the step with this number (from 0)."""
        return min(1.0, (step + 1) / self.warmup) if self.warmup else 1.0


Train = TrainConfig  # its name until 0.2


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
