"""A worker process of Beam's local runner: silent, and gone when its run is.

Errors of the work itself reach the driver over Beam's channel.
"""

import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

LOOK = 0.5  # seconds between looks at the lease


def main(lease: str, leave: Callable[[], None] = lambda: None) -> None:
    """Serve the driver until it closes the channel, or takes the lease away.

    Args:
        lease: a file that exists as long as the run; a worker that outlives its run would compete with the next.
        leave: is called before the process ends because of it.
    """
    silence()
    threading.Thread(target=_watch, args=(Path(lease), leave), daemon=True).start()
    from apache_beam.runners.worker import sdk_worker_main

    sdk_worker_main.main(sys.argv)


def silence() -> None:
    """Keep Beam quiet; before it is imported, for it speaks while it is."""
    logging.disable(logging.WARNING)


def _watch(lease: Path, leave: Callable[[], None]) -> None:
    while lease.exists():
        time.sleep(LOOK)
    leave()
    os._exit(0)
