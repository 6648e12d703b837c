"""A small classifier trained on the data set itself, for features of images unlike ImageNet's.

A distance on them is called "Fréchet distance on classifier features", compares runs on one data
set only, and is no FID.
"""

import hashlib
from collections.abc import Callable, Sequence

import torch
from safetensors.torch import load, save
from torch import Tensor, nn
from torch.nn import functional as F

from vaelab._utils import rng
from vaelab._utils.errors import InvalidValue
from vaelab._utils.files import atomic_write, cache_folder, digest
from vaelab._utils.images import to_float
from vaelab.data.dataset import Dataset
from vaelab.data.images import Images, as_images

VERSION = 1  # part of the cache key: raise it when training or network are changed on purpose
FEATURES = 64
DIGEST = 32  # bytes of a checksum behind the weights
STEPS, BATCH, RATE = 600, 128, 2e-3


class Classifier(nn.Module):
    """Two strided convolutions, a dense layer of 64 features, and one output per class.

    Args:
        shape: (channels, height, width) of one image.
        classes: Number of classes.

    Returns:
        Logits [n, classes] of images [n, *shape], uint8 or in [0, 1].
    """

    def __init__(self, shape: Sequence[int], classes: int) -> None:
        super().__init__()
        channels, height, width = self.shape = tuple(shape)
        small = 64 * ((height + 3) // 4) * ((width + 3) // 4)
        self.body = nn.Sequential(
            nn.Conv2d(channels, 32, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(32, 64, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(small, FEATURES),
            nn.ReLU(),
        )
        self.head = nn.Linear(FEATURES, classes)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.head(self.body(to_float(images)))
        return logits

    @torch.no_grad()
    def features(self, images: Images, chunk: int = 1000) -> Tensor:
        """Return the features [n, 64] of images [n, *shape], uint8 or in [0, 1], on the CPU."""
        device = self.head.weight.device
        images = as_images(images, self.shape)
        return torch.cat([self.body(to_float(part.to(device))).cpu() for part in images.split(chunk)])

    @torch.no_grad()
    def accuracy(self, dataset: Dataset, chunk: int = 1000) -> float:
        """Return the share of correctly named images, of which there must be at least one."""
        if not len(dataset):
            raise InvalidValue(f"{dataset.name} must have at least one image, got 0.")
        parts = zip(as_images(dataset, self.shape).split(chunk), dataset.labels.split(chunk), strict=True)
        return sum(int((self(x).argmax(1) == y).sum()) for x, y in parts) / len(dataset)


def classifier(dataset: Dataset, seed: int = 0, on_step: Callable[[], object] | None = None) -> Classifier:
    """Load the classifier of a data set from the cache, or train it in seconds and store it there.

    Args:
        dataset: The training part, whatever is measured later.
        seed: Of the training; torch's global generator is left as it was.
        on_step: Called before each step of the training; an error that it raises ends the training.

    Returns:
        The classifier in evaluation mode.

    Raises:
        InvalidValue: Without labels of two classes.
        StorageError: If the cache cannot be written.
    """
    classes = int(dataset.labels.max()) + 1
    if classes < 2:
        raise InvalidValue(f"{dataset.name} must have labels of two classes, got {classes}.")
    key = digest("+".join([f"classifier {VERSION}", dataset.sha256, str(seed)]))
    path = cache_folder() / "classifiers" / f"{key}.weights"
    with rng.fork():
        torch.manual_seed(seed)
        net = Classifier(dataset.shape, classes)
        generator = torch.Generator()
        generator.set_state(torch.get_rng_state())  # a panel trains in the background: the global one is the cells'
    try:
        content = path.read_bytes()
        if not content.endswith(hashlib.sha256(content[:-DIGEST]).digest()):
            raise ValueError("wrong checksum")
        net.load_state_dict(load(content[:-DIGEST]))
    except Exception:  # absent, damaged, or of another version
        _train(net, dataset, generator, on_step)
        content = save(net.state_dict())
        with atomic_write(path) as part:
            part.write_bytes(content + hashlib.sha256(content).digest())
    return net.eval()


@torch.enable_grad()
def _train(
    net: Classifier, dataset: Dataset, generator: torch.Generator, on_step: Callable[[], object] | None = None
) -> None:
    optimizer = torch.optim.Adam(net.parameters(), fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, RATE, total_steps=STEPS)
    for _ in range(STEPS):
        if on_step is not None:
            on_step()
        index = torch.randint(len(dataset), (min(BATCH, len(dataset)),), generator=generator)
        optimizer.zero_grad()
        F.cross_entropy(net(dataset.images[index]), dataset.labels[index]).backward()
        optimizer.step()
        schedule.step()
