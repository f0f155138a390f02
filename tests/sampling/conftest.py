"""One thread: the matrices are tiny, and the machine has other work."""

import torch

torch.set_num_threads(1)
