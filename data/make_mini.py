"""Draw mnist_mini.npz and fashion_mini.npz from the full sets: `python data/make_mini.py`.

Every run draws the same images and writes the same bytes. Each class keeps its share of the full
set. The file is ordered by class, then brightness, because similar neighbors compress better;
`*_index` is the position of each image in the full set, from which `vaelab.data.load` restores the
original order.
"""

import sys
import zipfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from vaelab._utils.files import atomic_write, sha256
from vaelab.data import load
from vaelab.data.dataset import stratified_indices

HERE = Path(__file__).resolve().parent


def draw(name: str, split: str, n: int) -> dict[str, np.ndarray]:
    """Draw n images of one split, with labels and positions in the full set, as in the file."""
    full = load(name, split)
    images, labels = full.images[:, 0].numpy(), full.labels.numpy()
    indices = stratified_indices(labels, n)
    brightness = images[indices].sum(axis=(1, 2), dtype=np.int64)
    indices = indices[np.lexsort((indices, brightness, labels[indices]))]
    return {
        f"{split}_images": images[indices],
        f"{split}_labels": labels[indices].astype(np.uint8),
        f"{split}_index": indices.astype(np.uint16),
    }


def write(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Write an npz whose bytes depend on the arrays alone; `np.savez` would include the time."""
    with (
        atomic_write(path) as part,
        zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive,
    ):
        for key, array in arrays.items():
            member = zipfile.ZipInfo(f"{key}.npy", date_time=(1980, 1, 1, 0, 0, 0))
            member.compress_type = zipfile.ZIP_DEFLATED
            with archive.open(member, "w") as file:
                np.lib.format.write_array(file, array, version=(1, 0), allow_pickle=False)


def main(folder: Path = HERE) -> None:
    """Write both files and print their checksums, which belong in catalogue.toml and README.md."""
    for name, train, test, file in (
        ("mnist", 10_000, 2_000, "mnist_mini.npz"),
        ("fashion-mnist", 6_000, 1_000, "fashion_mini.npz"),
    ):
        arrays = draw(name, "train", train) | draw(name, "test", test)
        write(folder / file, arrays)
        print(f"{sha256(folder / file)}  {file}  {(folder / file).stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
