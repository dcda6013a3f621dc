"""A worker process of Beam's local runner that keeps its chatter to itself; errors go to the driver by channel."""

import logging
import sys


def main() -> None:
    """Serve the driver until it closes the channel."""
    logging.disable(logging.WARNING)  # before Beam is imported: it speaks while it is
    from apache_beam.runners.worker import sdk_worker_main

    sdk_worker_main.main(sys.argv)
