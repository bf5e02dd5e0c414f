"""Where trials are run: one after another here, in processes of this machine, or over machines and GPUs by Ray.

A trial's result depends on nothing but the trial: neither on the engine, nor on how many run at once, nor on the order.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

from omnilytics.errors import InputError, OmniLyticsError

Task = TypeVar("Task")
Result = TypeVar("Result")

ENGINES = ("local", "ray")


class Engine(Protocol):
    """Runs a job on many tasks."""

    def map(self, job: Callable[[Task], Result], tasks: Sequence[Task]) -> Iterator[tuple[int, Result]]:
        """Each task's place and what the job made of it, as they get ready.

        Args:
            job: a function of a module, or a `functools.partial` of one: it is sent to other processes.
            tasks: what it is called with.

        Raises:
            OmniLyticsError: what the job raised; nothing new is started then.
        """

    def one_at_a_time(self) -> Engine:
        """The same without two tasks that take each other's time, where time is what they measure."""


def engine(name: str = "local", jobs: int = 1, gpus: float = 0.0, address: str | None = None) -> Engine:
    """An engine by its name.

    Args:
        name: local | ray.
        jobs: how many tasks run at once; 0: as many as there are processors, with `ray` of all machines.
        gpus: what a task takes of a GPU, `ray` alone: with 0.25 four share one, with 0 they see none.
        address: of a Ray cluster, `ray` alone; None: one is started on this machine.

    Raises:
        InputError: another name, or values that can't work with it.
    """
    if jobs < 0:
        raise InputError(f"jobs: expected at least 0, got {jobs}")
    if not 0 <= gpus <= 64:
        raise InputError(f"gpus: expected 0 to 64 for a trial, got {gpus}")
    match name:
        case "local":
            if gpus or address:
                raise InputError("engine: expected ray with a share of a GPU or an address, got local")
            return Local(jobs or os.cpu_count() or 1)
        case "ray":
            return Ray(jobs, gpus, address)
        case _:
            raise InputError(f"engine: expected one of {', '.join(ENGINES)}, got {name!r}")


@dataclass(frozen=True, slots=True)
class Local:
    """Processes of this machine, or this one alone if `jobs` is 1."""

    jobs: int

    def one_at_a_time(self) -> Local:
        return Local(1)

    def map(self, job: Callable[[Task], Result], tasks: Sequence[Task]) -> Iterator[tuple[int, Result]]:
        if self.jobs == 1 or len(tasks) < 2:
            yield from ((place, job(task)) for place, task in enumerate(tasks))
            return
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(min(self.jobs, len(tasks)), spawn, _alone) as pool:
            places = {pool.submit(job, task): place for place, task in enumerate(tasks)}
            try:
                for done in as_completed(places):
                    yield places[done], done.result()
            finally:
                pool.shutdown(wait=True, cancel_futures=True)


def _alone() -> None:
    """A process that shares the machine with its like uses one thread."""
    import torch

    torch.set_num_threads(1)


@dataclass(frozen=True, slots=True)
class Ray:
    """Tasks of Ray, each on one processor and a share of a GPU; the package is part of the extra `ray`."""

    jobs: int
    gpus: float
    address: str | None

    def one_at_a_time(self) -> Ray:
        return replace(self, jobs=1)

    def map(self, job: Callable[[Task], Result], tasks: Sequence[Task]) -> Iterator[tuple[int, Result]]:
        import ray

        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        own = not ray.is_initialized()
        if own:
            ray.init(
                address=self.address,
                num_cpus=self._processors(),
                include_dashboard=False,
                log_to_driver=False,
                logging_level=logging.ERROR,
            )
        try:
            yield from self._ready(ray, job, tasks)
        finally:
            if own:
                ray.shutdown()

    def _processors(self) -> int | None:
        """Those of a cluster are its own."""
        return None if self.address or not self.jobs else self.jobs

    def _ready(self, ray: Any, job: Callable[[Task], Result], tasks: Sequence[Task]) -> Iterator[tuple[int, Result]]:
        limit = self.jobs or len(tasks)
        remote = ray.remote(num_cpus=1, num_gpus=self.gpus)(_done)
        rest = list(enumerate(tasks))[::-1]
        running: dict[Any, int] = {}
        while rest or running:
            while rest and len(running) < limit:
                place, task = rest.pop()
                running[remote.remote(job, task, self.gpus > 0)] = place
            (ready, *_), _ = ray.wait(list(running), num_returns=1)
            result = ray.get(ready)
            if isinstance(result, OmniLyticsError):
                raise result
            yield running.pop(ready), result


def _done(job: Callable[[Task], Result], task: Task, with_gpu: bool) -> Result | OmniLyticsError:
    """What the job made of the task, or its error, which Ray would wrap."""
    if not with_gpu:
        os.environ["CUDA_VISIBLE_DEVICES"] = ""  # Ray leaves them all in sight
    _alone()
    try:
        return job(task)
    except OmniLyticsError as error:
        return error
