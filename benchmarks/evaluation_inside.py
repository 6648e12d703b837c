"""vaelab's report of a VAE trained by pythae; run by evaluation.py in pythae's environment."""

import contextlib
import io
import json
import logging
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import torch
from loops_inside import BATCH, LATENT, Decoder, Encoder
from pythae.data.datasets import BaseDataset
from pythae.models import VAE, VAEConfig
from pythae.trainers import BaseTrainer, BaseTrainerConfig
from torch import Tensor

from vaelab import Gaussian, load, metrics

IMAGES, ASKED, DRAWN = 50, 150, 100  # pythae rounds the number of samples down to whole batches of 100


def train_pythae(images: Tensor, epochs: int = 8) -> VAE:
    """Train pythae's VAE on black-and-white images with pythae's trainer."""
    torch.manual_seed(1)
    model = VAE(VAEConfig(input_dim=(1, 28, 28), latent_dim=LATENT, reconstruction_loss="bce"), Encoder(), Decoder())
    config = BaseTrainerConfig(
        output_dir=tempfile.mkdtemp(), per_device_train_batch_size=BATCH, learning_rate=2e-3, no_cuda=True
    )
    trainer = BaseTrainer(model, BaseDataset(images, torch.zeros(len(images))), training_config=config)
    trainer.prepare_training()
    for epoch in range(1, epochs + 1):
        trainer.train_step(epoch)
    return model.eval()


def adapter(model: VAE) -> metrics.Adapter:
    """Wrap pythae's model for vaelab's measures."""

    def encode(x: Tensor) -> Gaussian:
        out = model.encoder(x)
        return Gaussian(out.embedding, out.log_covariance)

    return metrics.bernoulli(encode, lambda z: model.decoder(z).reconstruction, module=model)


def timed(call: Callable[[], float]) -> tuple[float, float]:
    """Return the result of a call, and its seconds."""
    started = time.perf_counter()
    return call(), time.perf_counter() - started


def main() -> None:
    torch.set_num_threads(2)
    logging.disable(logging.WARNING)
    train, test = load("mnist-mini"), load("mnist-mini", "test")
    with contextlib.redirect_stderr(io.StringIO()):
        model = train_pythae(torch.bernoulli(train.images.float() / 255))
    few = torch.bernoulli(test.images[:IMAGES].float() / 255)
    theirs, their_s = timed(lambda: -float(model.get_nll(few, n_samples=ASKED, batch_size=DRAWN)))
    ours, our_s = timed(lambda: metrics.nll(adapter(model), few, DRAWN).by_images.value)
    error = metrics.nll(adapter(model), few, DRAWN).by_draws
    pair: dict[str, float | str] = {"who": "pythae get_nll", "images": str(IMAGES), "asked": str(ASKED)}
    pair |= {"drawn": str(DRAWN), "nll": theirs, "seconds": their_s, "ours": ours, "our_s": our_s, "error": error}
    started = time.perf_counter()
    report = metrics.report(adapter(model), (train, test))
    row: dict[str, float | str] = {"who": "pythae VAE through report", "seconds": time.perf_counter() - started}
    names = ("nll", "elbo_test", "rate", "active_0.01", "information", "probe_all", "r", "rho", "frechet_prior")
    row |= {line.name: line.value for line in metrics.rows(report) if line.name in names}
    print(f"{report}\n", file=sys.stderr)
    print(json.dumps([pair, row]))


if __name__ == "__main__":
    main()
