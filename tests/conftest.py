"""One thread for all tests: results do not depend on the machine's load, and neither does their speed."""

import torch

torch.set_num_threads(1)
