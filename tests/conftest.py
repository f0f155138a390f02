"""One thread for every model, here and in the workers that tests start: tiny models gain nothing from more, and wait."""

import os

os.environ["OMP_NUM_THREADS"] = "1"
