"""The three loops on one network, data and batch size; run by loops.py in pythae's environment."""

import contextlib
import io
import json
import logging
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import torch
from pythae.data.datasets import BaseDataset
from pythae.models import VAE, VAEConfig
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder
from pythae.trainers import BaseTrainer, BaseTrainerConfig
from torch import Tensor, nn
from torch.utils.data import DataLoader

from vaelab import TrainConfig, fit, load, recipes

BATCH, HIDDEN, LATENT = 128, 400, 20


def vaelab_epoch(images: Tensor) -> Callable[[], None]:
    experiment = recipes.vae((1, 28, 28), LATENT, hidden=(HIDDEN,), likelihood="bernoulli")
    config = TrainConfig(epochs=1, batch_size=BATCH, device="cpu", progress=False)
    return lambda: fit(experiment, images, config) and None


class Digits(torch.utils.data.Dataset[Tensor]):
    """Images one at a time, through Pillow and a transform, as in torchvision."""

    def __init__(self, images: Tensor) -> None:
        self.images = images.numpy()

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Tensor:
        from PIL import Image

        image = Image.fromarray(self.images[index, 0])
        return torch.from_numpy(np.array(image, np.uint8, copy=True))[None].float().div(255)


def dataloader_epoch(images: Tensor) -> Callable[[], None]:
    experiment = recipes.vae((1, 28, 28), LATENT, hidden=(HIDDEN,), likelihood="bernoulli")
    optimizer = torch.optim.Adam(experiment.parameters(), lr=1e-3)
    loader = DataLoader(Digits(images), BATCH, shuffle=True, drop_last=True)

    def epoch() -> None:
        for x in loader:
            terms = experiment(x)
            optimizer.zero_grad()
            terms.loss.backward()
            optimizer.step()
            terms.loss.item()

    return epoch


class Encoder(BaseEncoder):
    def __init__(self) -> None:
        super().__init__()
        self.latent_dim = LATENT
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(784, HIDDEN), nn.ReLU())
        self.mean, self.logvar = nn.Linear(HIDDEN, LATENT), nn.Linear(HIDDEN, LATENT)

    def forward(self, x: Tensor) -> ModelOutput:
        h = self.body(x)
        return ModelOutput(embedding=self.mean(h), log_covariance=self.logvar(h))


class Decoder(BaseDecoder):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(LATENT, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 784), nn.Sigmoid())

    def forward(self, z: Tensor) -> ModelOutput:
        return ModelOutput(reconstruction=self.body(z).reshape(-1, 1, 28, 28))


def pythae_epoch(images: Tensor) -> Callable[[], None]:
    data = BaseDataset(images.float() / 255, torch.zeros(len(images)))
    model = VAE(VAEConfig(input_dim=(1, 28, 28), latent_dim=LATENT, reconstruction_loss="bce"), Encoder(), Decoder())
    config = BaseTrainerConfig(
        output_dir=tempfile.mkdtemp(), num_epochs=1, learning_rate=1e-3, per_device_train_batch_size=BATCH, no_cuda=True
    )
    trainer = BaseTrainer(model, data, training_config=config)
    trainer.prepare_training()
    return lambda: trainer.train_step(1) and None


def main(threads: int, rounds: int) -> None:
    torch.set_num_threads(threads)
    logging.disable(logging.WARNING)
    images = load("mnist-mini").images
    loops = {"vaelab": vaelab_epoch(images), "dataloader": dataloader_epoch(images), "pythae": pythae_epoch(images)}
    seconds: dict[str, list[float]] = {name: [] for name in loops}
    with contextlib.redirect_stderr(io.StringIO()):
        for _ in range(rounds + 1):
            for name, epoch in loops.items():
                started = time.perf_counter()
                epoch()
                seconds[name].append(time.perf_counter() - started)
    timed = {name: values[1:] for name, values in seconds.items()}  # the first round warms up
    row = {f"{name}_per_second": len(images) / statistics.median(values) for name, values in timed.items()}
    for name, target in (("dataloader", 2.0), ("pythae", 1.6)):
        row[f"times_{name}_at_least"] = target
        row[f"times_{name}"] = statistics.median(b / a for a, b in zip(timed["vaelab"], timed[name], strict=True))
    print(json.dumps(row))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
