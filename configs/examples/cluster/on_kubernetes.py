"""Build an atlas with workers in Kubernetes, with a GPU each.

    pip install "building-blocks[cluster]" dask-kubernetes
    helm install dask --repo https://helm.dask.org dask-kubernetes-operator
    python on_kubernetes.py atlas.toml

`IMAGE` is one in which `pip install "building-blocks[cluster]"` has been run, of the same versions
of Python and of Dask as here. Photographs and weights have to be here only.
"""

import subprocess
import sys

from dask.distributed import Client
from dask_kubernetes.operator import KubeCluster

WORKERS = 8
IMAGE = "registry.example.org/building-blocks:latest"

if __name__ == "__main__":
    with KubeCluster(
        name="building-blocks",
        image=IMAGE,
        n_workers=WORKERS,
        resources={
            "requests": {"cpu": "4", "memory": "16Gi"},
            "limits": {"memory": "16Gi", "nvidia.com/gpu": "1"},
        },
        worker_command=["dask", "worker", "--nthreads", "1", "--resources", "GPU=1"],
    ) as cluster:
        with Client(cluster) as client:
            client.wait_for_workers(WORKERS)
        scheduler = ["--scheduler", cluster.scheduler_address]
        done = subprocess.run(["building-blocks", "build", *sys.argv[1:], *scheduler], check=False)
    sys.exit(done.returncode)
