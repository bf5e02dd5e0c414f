"""A model owner's model on a network: each finished session is taken in once, whatever happens in between."""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from eth_account import Account

from omnilytics.chain.base import SessionPort
from omnilytics.chain.journal import AccountJournal, FileJournal
from omnilytics.errors import DataError, InputError, ProtocolError
from omnilytics.experiments import owned
from omnilytics.experiments.apart import continued
from omnilytics.experiments.owned import OwnedModel, load_model
from omnilytics.experiments.parts import owner_part, part_of, training, unseen
from omnilytics.experiments.recipes import DIGITS_LAYERS, DIGITS_SIDE, Recipe, build_split, own_recipe
from omnilytics.experiments.simulate import Simulation
from omnilytics.model.packing import pack, unpack
from omnilytics.protocol.member import DataOwner, Policy
from omnilytics.protocol.owner import ModelOwner
from omnilytics.protocol.randomness import SeededRandomness, Vault
from omnilytics.protocol.session import SessionDriver
from omnilytics.protocol.terms import Terms
from omnilytics.protocol.watch import Watch
from omnilytics.seeds import Seeds
from omnilytics.train.local import train_local
from omnilytics.types import Address, Assignment, FloatVec, Rule, SessionParams
from tests.chain.crashing import KILLED, Fate, connect
from tests.experiments.vault import Kept

PARTS = 32
GROUP = 4
TERMS = Terms(reward_wei=10**18, rounds=1, min_rounds=1, group_size=GROUP, assignment=Assignment.GREEDY, rule=Rule.NORM)
ACCOUNT = Account.from_key(b"\7" * 32)
SEEDS = Seeds(5)
FEWEST_STEPS = 10


class Market:
    """One owner and four data owners, with real samples, on the embedded chain. The owner fits in three passes."""

    def __init__(self, recipe: Recipe = DIGITS_SIDE) -> None:
        self.recipe = replace(recipe, owner_train=replace(recipe.owner_train, epochs=3))
        self.world = Simulation(GROUP)
        self.data = [part_of("digits", None, part, PARTS).take(np.arange(20)) for part in range(1, GROUP + 1)]
        self.owner = ModelOwner(self.world.chain, self.world.market, self.world.owner)
        policy = Policy(accept_near_repeats=True)
        self.roles = [DataOwner(self.world.chain, account, policy=policy) for account in self.world.members]
        self.vaults = [Kept() for _ in range(GROUP)]
        self.number = 0

    def model(self, vault: Vault) -> OwnedModel:
        return OwnedModel(self.recipe, part_of("digits", None, 0, PARTS), unseen("digits", None), SEEDS, vault)

    def taken(self, model: OwnedModel) -> int:
        return len(model.catch_up(self.world.chain, self.world.market, self.world.owner))

    def published(self, session: Address) -> list[bytes]:
        return Watch(self.world.chain, self.world.chain.session(session)).ledger().published

    def session(self, model: OwnedModel) -> SessionPort:
        """One from start to end."""
        self.number += 1
        published = model.published
        session, _ = self.owner.open(self.world.members, published, model.params(TERMS, self.number))

        def train(indices: Sequence[int], start: FloatVec) -> list[FloatVec]:
            return [self._train(index, session.params())(start) for index in indices]

        driver = SessionDriver(self.world.chain, session, self.owner, self.roles, lambda event: None, self.number)
        driver.run(published, train, lambda index: SeededRandomness(SEEDS, index, self.number))
        return session

    def _train(self, index: int, params: SessionParams) -> Callable[[FloatVec], FloatVec]:
        train = training("digits", self.data[index], params, Seeds(index), self.number)
        return continued(train, self.vaults[index], "layers")


@pytest.fixture(scope="module")
def finished() -> tuple[Market, OwnedModel, Kept]:
    """Two sessions, each taken in when it was over."""
    market, vault = Market(), Kept()
    model = market.model(vault)
    for _ in range(2):
        market.session(model)
        assert market.taken(model) == 1
    return market, model, vault


def test_a_model_gets_better_session_by_session(finished: tuple[Market, OwnedModel, Kept]) -> None:
    market, model, _ = finished
    first, second = model.progress
    assert [first.session, second.session] == list(market.world.market.sessions())
    assert first.samples == second.samples == 597
    assert first.after == second.before
    assert second.after.public > first.after.public > first.before.public
    assert second.after.whole > first.before.whole


def test_each_session_is_taken_in_once(finished: tuple[Market, OwnedModel, Kept]) -> None:
    market, model, vault = finished
    before, kept = model.published, dict(vault)
    assert market.taken(model) == 0
    again = market.model(vault)
    assert market.taken(again) == 0
    assert np.array_equal(again.published, before)
    assert again.progress == model.progress
    assert vault == kept


def test_the_next_one_goes_on_with_private_part_weight_and_momentum(finished: tuple[Market, OwnedModel, Kept]) -> None:
    market, model, vault = finished
    test = unseen("digits", None)
    again = market.model(vault)
    assert np.array_equal(again.split.logits(test.x), model.split.logits(test.x))
    assert again.split.weight == model.split.weight
    assert again.exported() == model.exported()
    velocity = again._model.momentum.velocity
    assert velocity is not None
    assert np.array_equal(velocity, model._model.momentum.velocity)


def test_a_crash_between_the_end_and_the_writing_costs_nothing() -> None:
    market, vault = Market(), Kept()
    market.session(market.model(vault))
    undisturbed = Kept(vault)
    vault.full = True
    broken = market.model(vault)
    with pytest.raises(OSError, match="no room"):
        market.taken(broken)
    vault.full = False
    after_it, calm = market.model(vault), market.model(undisturbed)
    assert market.taken(after_it) == market.taken(calm) == 1
    assert after_it.exported() == calm.exported()
    assert after_it.progress == calm.progress


class Dying:
    """Puts into copies of a journal, by processes that are killed one step later each."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.heirs: list[Path] = []
        self._puts = 0

    def put(self, name: str, content: bytes) -> None:
        self.heirs, died = [], True
        self._puts += 1
        while died:
            self.heirs.append(self.folder.with_name(f"put {self._puts}, step {len(self.heirs)}"))
            shutil.copytree(self.folder, self.heirs[-1])
            died = self._put(self.heirs[-1], len(self.heirs) - 1, name, content)
        with opened(self.folder) as journal:
            journal.put(name, content)

    def kept(self, name: str) -> bytes | None:
        with opened(self.folder) as journal:
            return journal.kept(name)

    def _put(self, folder: Path, steps: int, name: str, content: bytes) -> bool:
        """Whether it was killed."""
        child = os.fork()
        if child == 0:
            try:
                with opened(folder, Fate(steps)) as journal:
                    journal.put(name, content)
                os._exit(0)
            finally:
                os._exit(1)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert status in (0, KILLED)
        return status == KILLED

    def keep(self, name: str, content: bytes) -> bytes:
        raise AssertionError

    def secret(self, name: str) -> bytes:
        raise AssertionError


@contextmanager
def opened(folder: Path, fate: Fate | None = None) -> Iterator[AccountJournal]:
    with FileJournal(folder, 1, [ACCOUNT], partial(connect, fate or Fate(None))) as journal:
        yield journal.of(Address(ACCOUNT.address.lower()))


def test_killed_at_every_step_of_its_keeping_it_is_the_same_model(tmp_path: Path) -> None:
    """On the disk is the model of before or that of after, and from both comes the same; first kept, then replaced."""
    market, vault, name = Market(), Dying(tmp_path / "journal"), "model/digits/side"
    with opened(vault.folder):
        pass
    model = market.model(vault)
    for taken in (0, 1):
        if taken:
            market.session(model)
            assert market.taken(model) == 1
        left: dict[bytes | None, list[Path]] = {}
        for folder in vault.heirs:
            with opened(folder) as heir:
                left.setdefault(heir.kept(name), []).append(folder)
        before, after = left
        assert after == vault.kept(name) != before
        assert len(left[before]) >= FEWEST_STEPS
        for folder in (left[before][0], left[after][0]):
            with opened(folder) as heir:
                market.taken(market.model(heir))
                assert heir.kept(name) == after


def test_who_has_lost_its_state_gets_it_back_from_its_sessions(finished: tuple[Market, OwnedModel, Kept]) -> None:
    market, model, _ = finished
    anew = market.model(Kept())
    assert market.taken(anew) == 2
    assert np.array_equal(anew.published, model.published)
    assert anew.progress == model.progress


def test_a_session_that_selected_nothing_leaves_it_as_it_was() -> None:
    market, vault = Market(), Kept()
    model = market.model(vault)
    before = model.published
    session, _ = market.owner.open(market.world.members, before, model.params(TERMS, 1))
    session.exit(market.world.owner)
    assert market.taken(model) == 1
    (progress,) = model.progress
    assert (progress.session, progress.before) == (session.address, progress.after)
    assert np.array_equal(market.model(vault).published, before)


def test_an_end_that_the_chain_may_go_back_behind_is_not_taken_in() -> None:
    market = Market()
    model, chain = market.model(Kept()), market.world.chain
    session, _ = market.owner.open(market.world.members, model.published, model.params(TERMS, 1))
    session.exit(market.world.owner)
    catch_up = partial(model.catch_up, chain, market.world.market, market.world.owner)
    chain.wait_blocks(2)
    with pytest.raises(
        ProtocolError, match=f"{session.address}: expected its end to be final, which takes 1 more blocks"
    ):
        catch_up(finality_blocks=3)
    assert model.progress == []
    chain.wait_blocks(1)
    assert [one.session for one in catch_up(finality_blocks=3)] == [session.address]


def test_sessions_of_others_are_left_alone(finished: tuple[Market, OwnedModel, Kept]) -> None:
    market, _, _ = finished
    model = market.model(Kept())
    assert model.catch_up(market.world.chain, market.world.market, market.world.members[0]) == []


def test_the_export_predicts_what_the_model_does(finished: tuple[Market, OwnedModel, Kept]) -> None:
    _, model, _ = finished
    test = unseen("digits", None)
    content = model.exported()
    assert np.array_equal(load_model(content).predict(test.x), model.split.predict(test.x))
    names = set(unpack(content))
    assert {"public.conv.weight", "private.conv1.weight", "weight", "dataset", "split"} <= names
    assert names.isdisjoint(owned.NEVER_LEAVES)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dataset": np.array("faces")}, "recipe: expected one of"),
        ({"weight": np.array(2.0)}, "weight: expected a number from 0 to 1, got 2.0"),
        ({"weight": np.array(np.nan)}, "weight: expected a number from 0 to 1, got nan"),
        ({"public.conv.bias": np.zeros(3, np.float32)}, r"conv.bias: expected float32 \(8,\), got float32 \(3,\)"),
        ({"private.conv1.bias": np.zeros(16)}, r"conv1.bias: expected float32 \(16,\), got float64"),
        ({"private.conv1.bias": np.full(16, np.inf, np.float32)}, "expected finite values, got inf"),
    ],
)
def test_a_file_that_is_no_model_is_refused(
    finished: tuple[Market, OwnedModel, Kept], change: dict[str, object], message: str
) -> None:
    state = unpack(finished[1].exported())
    with pytest.raises(DataError, match=message):
        load_model(pack(state | change))  # type: ignore[arg-type]


@pytest.mark.parametrize("content", [b"", b"PK\3\4 and no more", np.arange(3).tobytes()])
def test_what_is_no_file_of_arrays_is_refused(content: bytes) -> None:
    with pytest.raises(DataError, match="expected one that `omnilytics mo export` has written"):
        load_model(content)


def test_a_file_with_code_in_it_is_refused(finished: tuple[Market, OwnedModel, Kept]) -> None:
    state = unpack(finished[1].exported())
    file = io.BytesIO()
    np.savez(file, **state | {"weight": np.array([print], dtype=object)})  # type: ignore[arg-type]
    with pytest.raises(DataError, match="mo export"):
        load_model(file.getvalue())


def test_what_is_kept_is_sealed(tmp_path: Path) -> None:
    market = Market()
    with FileJournal(tmp_path, 1, [ACCOUNT]) as journal:
        model = market.model(journal.of(journal._journals[0].sender))
    secret = model.split.state()["private.conv1.weight"].tobytes()
    found = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    assert len(found) > len(secret)
    assert secret[:64] not in found
    with FileJournal(tmp_path, 1, [ACCOUNT]) as journal:
        again = market.model(journal.of(journal._journals[0].sender))
    assert again.exported() == model.exported()


def test_what_isn_t_this_model_s_is_refused() -> None:
    market, vault = Market(), Kept()
    market.model(vault)
    vault["model/digits/side"] = b"something else"
    with pytest.raises(DataError, match="model/digits/side: expected the model that was kept there"):
        market.model(vault)


@pytest.mark.parametrize(("samples", "epochs"), [(1, 60), (40, 60), (80, 30), (240, 20), (60_000, 20)])
def test_an_owner_with_more_samples_makes_fewer_passes(samples: int, epochs: int) -> None:
    assert owned.for_owner(DIGITS_SIDE, samples).owner_train.epochs == epochs
    assert owned.for_owner(DIGITS_LAYERS, samples).pretraining == epochs
    assert owned.for_owner(DIGITS_LAYERS, samples).owner_train.epochs == 2


def test_with_layers_data_owners_stand_in_for_what_is_private() -> None:
    """Theirs begin from a start that is everybody's, are nobody's else, and go on from session to session."""
    market, vault = Market(DIGITS_LAYERS), Kept()
    model = market.model(vault)
    secret = model.split.state()["private.linear1.weight"]
    kept: list[list[bytes]] = []
    for _ in range(2):
        market.session(model)
        kept.append([one["stand-in/layers"] for one in market.vaults])
        assert market.taken(model) == 1
    assert len({layers for session in kept for layers in session}) == 2 * GROUP
    assert all(np.abs(unpack(layers)["linear1.weight"] - secret).max() > 0.01 for layers in kept[0])
    assert len({one.after for one in model.progress} | {model.progress[0].before}) == 3
    published = b"".join(b"".join(market.published(one.session)) for one in model.progress)
    assert secret[0].astype(">f4").tobytes()[:8] not in published
    test = unseen("digits", None)
    assert np.array_equal(load_model(model.exported()).predict(test.x), model.split.predict(test.x))


def test_a_data_owner_that_has_crashed_goes_on_with_its_layers() -> None:
    """Training anew from what is kept is what one process would have done."""
    data = part_of("digits", None, 1, PARTS).take(np.arange(20))
    split, vault = build_split(DIGITS_LAYERS, Seeds(0)), Kept()
    params = replace(TERMS, epochs=4, batch_size=5).params(split.parameter_count, 0.5)
    start = split.public_vector()
    split.keep(0, split.private_state(0, Seeds(0)))
    for number in (1, 2):
        expected = train_local(split, 0, data, start, DIGITS_LAYERS.train, SEEDS, number)
        train = continued(training("digits", data, params, SEEDS, number), vault, "layers")
        assert np.array_equal(train(start), expected)


def test_a_model_of_no_known_size_is_refused() -> None:
    data = part_of("digits", None, 1, PARTS)
    with pytest.raises(InputError, match="expected one of 1370 or 2594 parameters for digits, got 7"):
        training("digits", data, TERMS.params(7, 0.5), SEEDS, 1)


@pytest.fixture(params=[(7,), (2, 5, 4)], ids=["features", "images"])
def own(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A file of 90 samples of three classes that a line tells apart."""
    rng = np.random.default_rng(3)
    x = rng.random((90, *request.param))
    y = (x.reshape(90, -1) @ rng.normal(size=(x[0].size, 3))).argmax(axis=1)
    np.savez(tmp_path / "my.npz", x=x, y=y)
    return tmp_path / "my.npz"


def test_samples_of_ones_own(own: Path) -> None:
    """Owner and data owners know the file, the number of classes, and of the model no more than its size."""
    samples, test = owner_part("file", own, 0, 3, 3)
    assert (len(samples), len(test)) == (24, 6)
    assert not any(np.array_equal(one, other) for one in samples.x for other in test.x)
    recipe = own_recipe(samples.x.shape[1:], 3, 5)
    vault = Kept()
    model = OwnedModel(recipe, samples, test, SEEDS, vault)
    params = model.params(TERMS, 1)
    theirs = part_of("file", own, 1, 3, 3)
    trained, layers = training("file", theirs, params, SEEDS, 1)(model.published, b"")
    assert layers == b""
    assert trained.shape == (params.parameter_count,)
    assert not np.array_equal(trained, model.published)
    everything = part_of("file", own, 0, 1, 3)
    assert np.array_equal(load_model(model.exported()).logits(everything.x), model.split.logits(everything.x))
    for wrong in (params.parameter_count + 1, 1):
        with pytest.raises(InputError, match="expected one of"):
            training("file", theirs, TERMS.params(wrong, 0.5), SEEDS, 1)
    with pytest.raises(DataError, match="model/file/side: expected the model that was kept there"):
        OwnedModel(own_recipe(samples.x.shape[1:], 3, 6), samples, test, SEEDS, vault)


def test_a_model_whose_sizes_contradict_each_other_is_refused(own: Path) -> None:
    samples, test = owner_part("file", own, 0, 3, 3)
    content = OwnedModel(own_recipe(samples.x.shape[1:], 3, 5), samples, test, SEEDS, Kept()).exported()
    state = unpack(content)
    last = "public.linear.weight" if "public.linear.weight" in state else "public.linear2.weight"
    for wrong in (state[last][:, :1], state[last][0], np.zeros((0, 0), np.float32)):
        with pytest.raises(DataError, match="expected one that `omnilytics mo export` has written"):
            load_model(pack(state | {last: wrong}))


def test_an_owner_with_one_sample_can_t_be_judged(tmp_path: Path) -> None:
    np.savez(tmp_path / "my.npz", x=np.ones((2, 3)), y=[0, 1])
    with pytest.raises(InputError, match="expected at least 2 samples of the owner's, one to judge by, got 1"):
        owner_part("file", tmp_path / "my.npz", 0, 2, 2)
