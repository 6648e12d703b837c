"""`TrainConfig`: how long, how fast and on what device to train."""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from vaelab._utils import checks
from vaelab._utils.errors import InvalidValue
from vaelab._utils.typed import check_fields

POSITIVE = ("lr", "lr_decay", "grad_clip", "guard", "ema_decay", "checkpoint_minutes")
COUNTS = ("epochs", "batch_size", "steps", "micro_batches")


@dataclass(frozen=True)
class TrainConfig:
    """Settings of a training with Adam, checked when they are created.

    Args:
        epochs: Passes over the data in shuffled batches; a last partial batch is left out.
        batch_size: Images per optimizer step.
        lr: Learning rate.
        seed: Seed of the order of the data and of the noise of z.
        device: "cpu", "cuda", "cuda:1", "xpu", "mps", ... "auto" is CUDA or XPU if there is one, MPS
            for networks with convolutions, else the CPU.
        progress: Show a progress bar.
        steps: Number of optimizer steps; overrides `epochs`.
        lr_schedule: "constant", "cosine" (from lr to 0) or "step".
        lr_milestones: Epochs, from 1, at whose start "step" multiplies lr by `lr_decay`.
        lr_decay: Factor of "step".
        weight_decay: L2 penalty of Adam.
        grad_clip: Maximum norm of the gradient.
        guard: Skip every update whose gradient is not finite or has a norm above this, before clipping;
            weights, Adam's state, schedules and batch statistics stay as they are. The column "skipped" of
            the history counts them per epoch. 1e30 skips only what is not finite.
        ema_decay: Decay, in (0, 1), of an exponential moving average of the weights, which is
            `History.average`. It rises from 0 to this value, at step t as (t - 1) / (t + 9), so
            that the initial weights do not count.
        binarize: "no", "static" (sampled once, before training) or "dynamic" (sampled at every
            step); a gray value is the probability of a 1.
        precision: "fp32", "tf32" or "bf16", within the steps only. In bf16, likelihoods,
            divergences, views and augmentation stay in fp32.
        compile: Compile the forward pass with torch.compile: True, or one of its modes, "default",
            "reduce-overhead" or "max-autotune". It draws other noise than eager mode.
        cuda_graph: Capture the step as one CUDA graph, if there is a GPU.
        channels_last: Keep the weights of convolutions with the channels as last axis in memory, for
            the tensor cores of a GPU. Results are equal up to rounding.
        checkpoints: Folder for the last two checkpoints, one at the end of every epoch.
        checkpoint_minutes: Minutes between checkpoints within an epoch.
        micro_batches: Compute a batch in this number of parts, to save memory. The step is the
            same unless something mixes the images of a batch: gamma="optimal", free bits, balance,
            MMD, batch normalization.

    Raises:
        InvalidType: If a value is of another type.
        InvalidValue: If a value is out of range.

    Example:
        >>> config = TrainConfig(epochs=20, lr_schedule="step", lr_milestones=(11, 16))
        >>> [round(config.lr_factor(step, per_epoch=5), 3) for step in (0, 50, 75)]
        [1.0, 0.1, 0.01]
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
    guard: float | None = None
    ema_decay: float | None = None
    binarize: Literal["no", "static", "dynamic"] = "no"
    precision: Literal["fp32", "tf32", "bf16"] = "fp32"
    compile: bool | Literal["default", "reduce-overhead", "max-autotune"] = False
    cuda_graph: bool = False
    channels_last: bool = False
    checkpoints: Path | str | None = None
    checkpoint_minutes: float = 10.0
    micro_batches: int = 1

    def __post_init__(self) -> None:
        check_fields(self)
        for name, value in vars(self).items():
            if isinstance(value, np.generic):  # a number of NumPy, which torch does not take as a seed
                object.__setattr__(self, name, value.item())
            if name in POSITIVE and value is not None:
                checks.positive(name, value)
            elif name in COUNTS and value is not None:
                checks.positive_int(name, value)
        checks.seed(self.seed)
        checks.not_negative("weight_decay", self.weight_decay)
        milestones = tuple(checks.positive_int("lr_milestones", epoch) for epoch in self.lr_milestones)
        object.__setattr__(self, "lr_milestones", milestones)
        if self.ema_decay is not None and self.ema_decay >= 1:
            raise InvalidValue(f"ema_decay must be in (0, 1), got {self.ema_decay}.")
        if self.micro_batches > self.batch_size:
            raise InvalidValue(f"micro_batches must be at most batch_size={self.batch_size}, got {self.micro_batches}.")
        if self.lr_milestones and self.lr_schedule != "step":
            raise InvalidValue(f"lr_schedule must be 'step' with lr_milestones, got {self.lr_schedule!r}.")

    def steps_per_epoch(self, n: int) -> int:
        """Return the number of full batches in n images.

        Raises:
            InvalidValue: If n is smaller than a batch.
        """
        if self.batch_size > checks.positive_int("n", n):
            raise InvalidValue(f"batch_size must be at most {n}, the number of images, got {self.batch_size}.")
        return n // self.batch_size

    def total_steps(self, per_epoch: int) -> int:
        """Return the number of optimizer steps of the training."""
        checks.positive_int("per_epoch", per_epoch)
        return self.steps if self.steps is not None else self.epochs * per_epoch

    def lr_factor(self, step: int, per_epoch: int) -> float:
        """Return the factor of lr at a step, counted from 0."""
        checks.positive_int("step", step, at_least=0)
        checks.positive_int("per_epoch", per_epoch)
        if self.lr_schedule == "cosine":
            return 0.5 * (1 + math.cos(math.pi * step / self.total_steps(per_epoch)))
        return self.lr_decay ** sum(step // per_epoch + 1 >= epoch for epoch in self.lr_milestones)


Train = TrainConfig  # its name until 0.2
