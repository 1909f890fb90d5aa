"""Measurements of the whole service: README.md says what each is about."""

import signal
import sys

# A benchmark that is told to end stops the servers it has started.
signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
