"""Run by frechet.py inside torch-fidelity's environment: its Fréchet distance of a.npy and b.npy in a folder."""

import json
import sys
import time
from pathlib import Path
from unittest.mock import MagicMock

import numpy as np
import torch

# torch-fidelity imports torchvision, whose wheel does not fit a CPU build of torch; the distance does not need it.
for part in ("", ".datasets", ".transforms", ".transforms.functional", ".models"):
    sys.modules[f"torchvision{part}"] = MagicMock()

from torch_fidelity.metric_fid import (  # noqa: E402
    KEY_METRIC_FID,
    fid_features_to_statistics,
    fid_statistics_to_metric,
)

torch.set_num_threads(1)
a, b = (torch.from_numpy(np.load(Path(sys.argv[1]) / f"{side}.npy")).double() for side in "ab")
started = time.perf_counter()
found = fid_statistics_to_metric(fid_features_to_statistics(a), fid_features_to_statistics(b), verbose=False)
print(json.dumps({"value": float(found[KEY_METRIC_FID]), "seconds": time.perf_counter() - started}))
