"""A run on the workers of a Dask cluster.

They need the kit, a way to AWS, and what the references of the params name; no secret is sent to them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from xacct_kit.errors import RequestError, RunError
from xacct_kit.fleet.crew import Crew

_SECONDS = 10


@contextmanager
def dask_crew(scheduler: str, workers: int | None = None) -> Iterator[Crew]:
    """The crew of a cluster.

    Parameters:
        scheduler: its address, such as tcp://127.0.0.1:8786.
        workers: accounts to work on at a time; None is as many as the cluster has threads.

    Raises:
        RequestError: Dask is not installed, or the address is none.
        RunError: nobody answers there, or there are no workers, or they end while they work.
    """
    try:
        from distributed import Client
        from distributed.scheduler import KilledWorker
    except ImportError as error:
        raise RequestError("--scheduler: needs Dask: pip install 'xacct-kit[dask]'") from error
    try:
        client = Client(scheduler, timeout=_SECONDS, set_as_default=False)
    except ValueError as error:
        raise RequestError(f"--scheduler: {scheduler} is not an address: {error}") from error
    except OSError as error:
        raise RunError(f"No Dask scheduler answers at {scheduler} within {_SECONDS} s.") from error
    with client:
        threads = client.nthreads()
        if not threads:
            raise RunError(f"The Dask cluster at {scheduler} has no workers.")
        executor, width = client.get_executor(), workers or sum(threads.values())
        try:
            yield Crew(executor=executor, workers=width, processes=len(threads))
        except KilledWorker as error:
            raise RunError(f"Workers of the Dask cluster at {scheduler} have ended: {error}") from error
