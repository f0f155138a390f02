"""One thread for every model, here and in the workers that tests start: tiny models gain nothing from more, and wait."""

import os
import signal

import hypothesis

os.environ["OMP_NUM_THREADS"] = "1"

# Started in the background by a shell, everything ignores Ctrl-C and hands that on; tests of Ctrl-C need it heard.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes says more of the machine's load than of the code.
hypothesis.settings.register_profile("unhurried", deadline=None)
hypothesis.settings.load_profile("unhurried")
