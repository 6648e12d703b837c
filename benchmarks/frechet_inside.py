"""torch-fidelity's distance of a.npy and b.npy; run by frechet.py in its environment."""

import json
import sys
import time
from pathlib import Path
from unittest.mock import MagicMock

import numpy as np
import torch

# torch-fidelity imports torchvision, whose wheel does not fit a CPU build of torch; the distance
# does not need it.
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
distance = fid_statistics_to_metric(fid_features_to_statistics(a), fid_features_to_statistics(b), verbose=False)
print(json.dumps({"value": float(distance[KEY_METRIC_FID]), "seconds": time.perf_counter() - started}))
