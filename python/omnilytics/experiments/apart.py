"""Training in a process of its own: what it takes in memory is given back before the long wait for others begins."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

from omnilytics.errors import DataError, OmniLyticsError
from omnilytics.protocol.member_role import TrainAlone
from omnilytics.protocol.randomness import Vault
from omnilytics.seeds import Seeds
from omnilytics.types import FloatVec, SessionParams

Train = Callable[[FloatVec, bytes], tuple[FloatVec, bytes]]
"""As `parts.training` gives it."""

Job = tuple[str, Path | None, int, int, int, SessionParams, Seeds, int, FloatVec, bytes]
"""The arguments of `Workshop.trainer`, and of what it gives."""


def continued(train: Train, vault: Vault, name: str) -> TrainAlone:
    """Training with private layers that go on in the vault, under that name, from session to session."""
    kept = f"stand-in/{name}"

    def go_on(published: FloatVec) -> FloatVec:
        trained, after = train(published, vault.kept(kept) or b"")
        if after:
            vault.put(kept, after)
        return trained

    return go_on


class Workshop:
    """A process that trains for every thread of this one, in turn; it is there only while somebody has work for it.

    It ends with this process, however that ends.
    """

    def __init__(self) -> None:
        self._bench = threading.Lock()
        self._count = threading.Lock()
        self._waiting = 0
        self._open: tuple[BaseProcess, Connection] | None = None

    def trainer(
        self,
        dataset: str,
        place: Path | None,
        part: int,
        parts: int,
        classes: int,
        params: SessionParams,
        seeds: Seeds,
        number: int,
    ) -> Train:
        """`parts.training` on a part of the data, done there.

        Raises:
            InputError, DataError: when it is asked to train, as `parts.part_of` and `parts.training`, or the process
                has been ended.
        """
        given = dataset, place, part, parts, classes, params, seeds, number
        return lambda published, before: self._train((*given, published, before))

    def _train(self, job: Job) -> tuple[FloatVec, bytes]:
        with self._count:
            self._waiting += 1
        with self._bench:
            try:
                return self._ask(job)
            finally:
                with self._count:
                    self._waiting -= 1
                    if not self._waiting:
                        self._shut()

    def _ask(self, job: Job) -> tuple[FloatVec, bytes]:
        if self._open is None:
            spawn = multiprocessing.get_context("spawn")
            ours, theirs = spawn.Pipe()
            process = spawn.Process(target=_work, args=(theirs,), daemon=True)
            process.start()
            theirs.close()
            self._open = process, ours
        try:
            self._open[1].send(job)
            answer = self._open[1].recv()
        except (EOFError, OSError):
            self._shut()
            raise DataError("training: expected a model, and its process has ended without one") from None
        if isinstance(answer, OmniLyticsError):
            raise answer
        trained: tuple[FloatVec, bytes] = answer
        return trained

    def _shut(self) -> None:
        if self._open is not None:
            process, connection = self._open
            connection.close()
            process.join()
            self._open = None


WORKSHOP = Workshop()
"""That of this process."""


def _work(connection: Connection) -> None:
    """Trains until nobody is left who could ask."""
    while True:
        try:
            job = connection.recv()
        except EOFError:
            return
        try:
            connection.send(trained(job))
        except OmniLyticsError as error:
            connection.send(error)


def trained(job: Job) -> tuple[FloatVec, bytes]:
    """Does a job in this process, as `parts.training`.

    Raises:
        InputError, DataError: as `parts.part_of` and `parts.training`.
    """
    from omnilytics.experiments.parts import part_of, training

    dataset, place, part, parts, classes, params, seeds, number, published, before = job
    samples = part_of(dataset, place, part, parts, classes)
    return training(dataset, samples, params, seeds, number)(published, before)
