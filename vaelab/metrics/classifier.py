"""A small classifier trained on the data set itself: its penultimate features measure pictures that ImageNet never saw.

A distance on them is named "Fréchet distance on classifier features" and compares runs on one data set only.
"""

from collections.abc import Sequence

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn import functional as F

from vaelab._utils.errors import InvalidValue
from vaelab._utils.files import atomic_write, cache_folder, digest
from vaelab._utils.images import to_float
from vaelab.data.dataset import Dataset
from vaelab.data.images import as_images

VERSION = 1  # part of the cache key: raise it when training or network are meant to change
FEATURES = 64
STEPS, BATCH, RATE = 600, 128, 2e-3


class Classifier(nn.Module):
    """Two strided convolutions, a dense layer of 64 features, and one output per class.

    shape: (channels, height, width) of one image.
    """

    def __init__(self, shape: Sequence[int], classes: int) -> None:
        super().__init__()
        channels, height, width = self.shape = tuple(shape)
        small = 64 * ((height + 3) // 4) * ((width + 3) // 4)
        self.body = nn.Sequential(
            *(nn.Conv2d(channels, 32, 3, stride=2, padding=1), nn.ReLU()),
            *(nn.Conv2d(32, 64, 3, stride=2, padding=1), nn.ReLU()),
            *(nn.Flatten(), nn.Linear(small, FEATURES), nn.ReLU()),
        )
        self.head = nn.Linear(FEATURES, classes)

    def forward(self, images: Tensor) -> Tensor:
        """images [n, *shape], uint8 or in [0, 1] -> logits [n, classes]."""
        logits: Tensor = self.head(self.body(to_float(images)))
        return logits

    @torch.no_grad()
    def features(self, images: Tensor, chunk: int = 1000) -> Tensor:
        """images [n, *shape], uint8 or in [0, 1] -> [n, 64], on the CPU."""
        device = self.head.weight.device
        images = as_images(images, self.shape)
        return torch.cat([self.body(to_float(part.to(device))).cpu() for part in images.split(chunk)])

    @torch.no_grad()
    def accuracy(self, dataset: Dataset, chunk: int = 1000) -> float:
        """The share of images that it names rightly.  InvalidValue for images of another shape, or none."""
        if not len(dataset):
            raise InvalidValue(f"{dataset.name} has no images to name; give at least one.")
        parts = zip(as_images(dataset, self.shape).split(chunk), dataset.labels.split(chunk), strict=True)
        return sum(int((self(x).argmax(1) == y).sum()) for x, y in parts) / len(dataset)


def classifier(dataset: Dataset, seed: int = 0) -> Classifier:
    """The classifier of a data set: from the cache, else trained on it (600 steps of Adam, seconds) and kept there.

    Give it the training part, whatever is measured later.  Torch's global generator is left as it is.

    Raises InvalidValue for a data set without labels of two classes, StorageError for a cache that cannot be written.
    """
    classes = int(dataset.labels.max()) + 1
    if classes < 2:
        raise InvalidValue(f"{dataset.name} has no labels of two classes, so no classifier can be trained on it.")
    key = digest("+".join([f"classifier {VERSION}", dataset.sha256, str(seed)]))
    path = cache_folder() / "classifiers" / f"{key}.safetensors"
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        net = Classifier(dataset.shape, classes)
        try:
            net.load_state_dict(load_file(path))
        except (OSError, SafetensorError, RuntimeError):  # not there, or damaged
            _train(net, dataset)
            with atomic_write(path) as part:
                save_file(net.state_dict(), part)
    return net.eval()


def _train(net: Classifier, dataset: Dataset) -> None:
    optimizer = torch.optim.Adam(net.parameters(), fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=STEPS)
    for _ in range(STEPS):
        index = torch.randint(len(dataset), (min(BATCH, len(dataset)),))
        optimizer.zero_grad()
        F.cross_entropy(net(dataset.images[index]), dataset.labels[index]).backward()
        optimizer.step()
        schedule.step()
