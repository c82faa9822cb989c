"""Build an atlas with workers that SLURM starts, with a GPU each.

    pip install "building-blocks[cluster]" dask-jobqueue
    python on_slurm.py atlas.toml

Run it where `sbatch` works. Photographs and weights have to be there only: workers need the package
and nothing else. `job_cpu`, `memory` and the directives are what SLURM reserves for each worker.
"""

import subprocess
import sys

from dask.distributed import Client
from dask_jobqueue import SLURMCluster

WORKERS = 8

if __name__ == "__main__":
    with SLURMCluster(
        queue="gpu",
        cores=1,  # jobs at a time
        processes=1,
        job_cpu=4,
        memory="16GB",
        walltime="04:00:00",
        job_extra_directives=["--gres=gpu:1"],
        worker_extra_args=["--resources", "GPU=1"],
    ) as cluster:
        cluster.scale(WORKERS)
        with Client(cluster) as client:
            client.wait_for_workers(WORKERS)
        scheduler = ["--scheduler", cluster.scheduler_address]
        done = subprocess.run(["building-blocks", "build", *sys.argv[1:], *scheduler], check=False)
    sys.exit(done.returncode)
