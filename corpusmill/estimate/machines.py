"""Machine shapes and what an hour of them costs: list prices on demand, Linux, without disks, network or discounts.

Read 2026-11 from stored copies of https://cloud.google.com/compute/vm-instance-pricing (us-central1) and of lists of
https://aws.amazon.com/ec2/pricing/on-demand (us-east-1). Prices change: `--price-per-hour` counts with another.
"""

from typing import NamedTuple


class Machine(NamedTuple):
    """A machine shape: `vcpus` hardware threads, `memory_gib`, and `price`, US dollars an hour."""

    name: str
    vcpus: int
    memory_gib: int
    price: float


AS_OF = "list prices on demand, us-central1 and us-east-1, as read in November 2026"
MACHINES = {
    machine.name: machine
    for machine in (
        Machine("e2-standard-8", 8, 32, 0.268024),
        Machine("n2-standard-8", 8, 32, 0.388472),
        Machine("n2-standard-32", 32, 128, 1.553888),
        Machine("c2-standard-8", 8, 32, 0.4176),
        Machine("m6i.2xlarge", 8, 32, 0.384),
        Machine("m6i.8xlarge", 32, 128, 1.536),
    )
}
