"""Build an atlas with workers on machines that are reached by SSH, without a password.

    pip install "building-blocks[cluster]" asyncssh
    python over_ssh.py atlas.toml

The scheduler runs on the first of `HOSTS`, a worker on each of the others. All need the package;
photographs and weights have to be here only.
"""

import subprocess
import sys

from dask.distributed import Client, SSHCluster

HOSTS = ["localhost", "gpu1.example.org", "gpu2.example.org"]

if __name__ == "__main__":
    with SSHCluster(
        HOSTS,
        connect_options={"known_hosts": "~/.ssh/known_hosts"},
        worker_options={"nthreads": 1, "resources": {"GPU": 1}, "memory_limit": "16GB"},
        scheduler_options={"port": 0},
    ) as cluster:
        with Client(cluster) as client:
            client.wait_for_workers(len(HOSTS) - 1)
        scheduler = ["--scheduler", cluster.scheduler_address]
        done = subprocess.run(["building-blocks", "build", *sys.argv[1:], *scheduler], check=False)
    sys.exit(done.returncode)
