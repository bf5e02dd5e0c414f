"""One TOML file a role: the examples of the documents are read, and what is wrong is named by file and key."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from omnilytics.cli.networks import networks
from omnilytics.cli.settings import (
    ChainSettings,
    MemberSettings,
    OwnerSettings,
    PolicySettings,
    RoleSettings,
    any_settings,
    member_settings,
    owner_settings,
)
from omnilytics.errors import DataError, InputError
from omnilytics.protocol.finality import FINALITY_BLOCKS
from omnilytics.protocol.member import Policy
from omnilytics.types import Address, Assignment, DropoutPolicy
from tests.project.checkout import ROOT

EXAMPLES = ROOT / "docs" / "examples"
ACCOUNT = "0xd8dA6BF26964aF9D7eEd9e03E53415D37aA96045"
MEMBER = f"""
[chain]
rpc = ["http://127.0.0.1:8545"]
chain_id = 1337
[keys]
account = "{ACCOUNT}"
"""
OWNER = f"""{MEMBER}
[session]
rounds = 8
group_size = 4
reward_wei = 5
"""


def write(folder: Path, text: str) -> Path:
    (folder / "role.toml").write_text(text, encoding="utf-8")
    return folder / "role.toml"


def change(text: str, before: str, after: str) -> str:
    assert before in text
    return text.replace(before, after, 1)


def test_the_example_of_an_owner() -> None:
    settings = owner_settings(EXAMPLES / "owner.toml")
    assert settings.chain.market == ACCOUNT.lower()
    assert settings.keys.password_file == EXAMPLES / "password.txt"
    assert (settings.fees.ceiling_wei, settings.fees.tip_wei) == (100 * 10**9, None)
    terms = settings.terms()
    assert (terms.rounds, terms.group_size, terms.policy) == (8, 4, DropoutPolicy.RECOVER)
    assert (terms.reward_wei, terms.reveal_secs, terms.fee_cap_wei) == (10**18, 7_200, 2 * 10**9)
    assert terms.assignment is Assignment.SHUFFLED


@pytest.mark.parametrize(("name", "kind"), [("owner", OwnerSettings), ("data-owner", MemberSettings)])
def test_a_file_says_whose_it_is(name: str, kind: type) -> None:
    assert type(any_settings(EXAMPLES / f"{name}.toml")) is kind


def test_the_example_of_a_data_owner() -> None:
    settings = member_settings(EXAMPLES / "data-owner.toml")
    assert (settings.data.part, settings.data.parts) == (3, 32)
    assert settings.accepts() == Policy(honest_block_hashes=True, shortest_window_secs=600)


@pytest.mark.parametrize("name", ["owner", "data-owner"])
def test_what_stands_in_comments_is_what_is_taken_anyway(tmp_path: Path, name: str) -> None:
    """Every key of the examples that is commented out with its default, put in: nothing changes."""
    text = (EXAMPLES / f"{name}.toml").read_text(encoding="utf-8")
    optional = ("tip_gwei", "largest_bond_wei", "finality_blocks", "least_fee_cap_gwei", "file", "classes")
    lines = text.splitlines()
    spoken = "\n".join(
        m[1] if (m := re.match(r"# (\w+ = .*)", line)) and m[1].split()[0] not in optional else line for line in lines
    )
    assert spoken != text
    read = owner_settings if name == "owner" else member_settings
    assert read(write(tmp_path, spoken)).model_dump(exclude={"keys"}) == read(EXAMPLES / f"{name}.toml").model_dump(
        exclude={"keys"}
    )


def test_every_key_is_in_an_example() -> None:
    text = "\n".join((EXAMPLES / f"{name}.toml").read_text(encoding="utf-8") for name in ("owner", "data-owner"))
    sections = MemberSettings.model_fields.values()
    keys = {key for section in sections for key in section.annotation.model_fields}  # type: ignore[union-attr]
    missing = {key for key in keys if not re.search(rf"^(# )?{key} = |[( ]{key} = ", text, re.MULTILINE)}
    assert missing == set()


def test_defaults_are_those_of_the_policy(tmp_path: Path) -> None:
    settings = member_settings(write(tmp_path, MEMBER))
    assert settings.accepts() == Policy(shortest_window_secs=settings.deadlines.shortest_window_secs)


def test_a_policy_of_ones_own(tmp_path: Path) -> None:
    own = f'\n[policy]\nleast_fee_cap_gwei = 1.5\nknown_accounts = ["{ACCOUNT}"]\nmin_known_peers = 1\n'
    assert member_settings(write(tmp_path, MEMBER + own)).accepts() == Policy(
        shortest_window_secs=600,
        least_fee_cap_wei=1_500_000_000,
        known_accounts=frozenset({Address(ACCOUNT.lower())}),
        min_known_peers=1,
    )


def test_paths_are_relative_to_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    text = f'{MEMBER}folder = "~/keys"\npassword_file = "../word"\n[state]\nfolder = "state"\n'
    (tmp_path / "roles").mkdir()
    settings = member_settings(write(tmp_path / "roles", text))
    assert settings.keys.folder == tmp_path / "me" / "keys"
    assert settings.keys.password_file == tmp_path / "roles" / ".." / "word"
    assert settings.state.folder == tmp_path / "roles" / "state"


def test_without_folders_they_are_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMNILYTICS_HOME", str(tmp_path / "home"))
    settings = member_settings(write(tmp_path, MEMBER))
    assert (settings.keys.folder, settings.state.folder) == (tmp_path / "home" / "keys", tmp_path / "home" / "state")


def test_a_url_in_a_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write(tmp_path, change(MEMBER, "http://127.0.0.1:8545", "$NODE"))
    monkeypatch.delenv("NODE", raising=False)
    with pytest.raises(InputError, match=r"role.toml: chain.rpc.0: expected \$NODE to be a variable that is set"):
        member_settings(file)
    monkeypatch.setenv("NODE", "https://node.example/v3/secret")
    assert member_settings(file).chain.rpc == ("https://node.example/v3/secret",)


@pytest.mark.parametrize("url", ["ipc:/tmp/geth.ipc", "geth.ipc", "wss://node.example", "http://[::1]:8545"])
def test_urls(tmp_path: Path, url: str) -> None:
    assert member_settings(write(tmp_path, change(MEMBER, "http://127.0.0.1:8545", url))).chain.rpc == (url,)


WRONG_OF_A_MEMBER = [
    ("chain_id = 1337", "", "chain.chain_id: expected it to be there, got none"),
    ("chain_id = 1337", "chain_id = 0", "chain.chain_id: expected a number greater than or equal to 1, got 0"),
    ("chain_id = 1337", "chain_id = true", "chain.chain_id: expected integer, got True"),
    ("chain_id = 1337", 'chain_id = "1"', "chain.chain_id: expected integer, got '1'"),
    ("chain_id = 1337", "chain_id = 1\nconfirmation = 2", "got an unknown one; did you mean confirmations?"),
    (
        "chain_id = 1337",
        "chain_id = 1\nanswer_secs = inf",
        "chain.answer_secs: expected a finite number, got inf",
    ),
    (
        "[keys]",
        "[fee]\n[keys]",
        "fee: expected one of blobs, chain, data, deadlines, fees, keys, log, metrics, policy, state",
    ),
    (
        "[keys]",
        "[fees]\nceiling_gwei = 1\ntip_gwei = 2\n[keys]",
        "fees.tip_gwei: expected at most the 1 of",
    ),
    ('["http://127.0.0.1:8545"]', "[]", "chain.rpc: expected"),
    ('["http://127.0.0.1:8545"]', "[5]", "chain.rpc.0: expected string, got int"),
    (ACCOUNT, "0x12", "keys.account: expected 0x and 40 hexadecimal digits, got '0x12'"),
    (
        ACCOUNT,
        ACCOUNT.replace("dA6", "da6"),
        "keys.account: expected upper and lower case as EIP-55's checksum",
    ),
    (ACCOUNT, "0x" + "00" * 20, "keys.account: expected an account, got the zero address"),
    (
        "[keys]",
        '[keys]\npassword_file = "p"\npassword_env = "N"',
        "keys.password_env: expected none beside",
    ),
    ("[keys]", "[data]\npart = 3\nparts = 3\n[keys]", "data.part: expected 0..2 of 3 parts, got 3"),
    (
        "[keys]",
        '[data]\ndataset = "mnist"\n[keys]',
        "data.folder: expected the folder of the four idx files",
    ),
    ("[keys]", '[data]\nfolder = "x"\n[keys]', "data.folder: expected none with digits, got "),
    ("[keys]", '[data]\ndataset = "cifar"\n[keys]', "data.dataset: expected 'digits', 'mnist' or 'file', got 'cifar'"),
    ("[keys]", '[data]\ndataset = "file"\nclasses = 3\n[keys]', "data.file: expected one with dataset file, got none"),
    (
        "[keys]",
        '[data]\ndataset = "file"\nfile = "x"\n[keys]',
        "data.classes: expected one with dataset file, got none",
    ),
    ("[keys]", '[data]\nfile = "x"\n[keys]', "data.file: expected none with dataset digits, got "),
    ("[keys]", "[data]\nclasses = 1\n[keys]", "data.classes: expected a number greater than or equal to 2, got 1"),
    (
        "[keys]",
        "[deadlines]\nmargin_secs = 600\n[keys]",
        "deadlines.margin_secs: expected less than the 600 of",
    ),
    (
        "[keys]",
        "[policy]\nmin_known_peers = 1\n[keys]",
        "policy.min_known_peers: expected at most the 0 of",
    ),
    ("[keys]", "[session]\nrounds = 8\n[keys]", "session: expected one of blobs, chain, data"),
]


@pytest.mark.parametrize(("before", "after", "message"), WRONG_OF_A_MEMBER)
def test_what_is_wrong_is_named(tmp_path: Path, before: str, after: str, message: str) -> None:
    file = write(tmp_path, change(MEMBER, before, after))
    with pytest.raises(InputError) as caught:
        member_settings(file)
    assert str(caught.value).startswith(f"{file}: ")
    assert message in str(caught.value)
    assert type(caught.value) is InputError


@pytest.mark.parametrize(("text", "read"), [(MEMBER, member_settings), (OWNER, owner_settings)], ids=["do", "mo"])
def test_no_file_has_a_seed(tmp_path: Path, text: str, read: Callable[[Path], RoleSettings]) -> None:
    """For keys, masks and rounding there is nothing but the operating system's randomness."""
    sections = type(read(write(tmp_path, text))).model_fields
    with pytest.raises(InputError, match="seed: expected one of blobs, chain, "):
        read(write(tmp_path, f"seed = 7\n{text}"))
    for name in sections:
        header = f"[{name}]\n"
        seeded = text.replace(header, f"{header}seed = 7\n") if header in text else f"{text}\n{header}seed = 7\n"
        with pytest.raises(InputError, match=rf"{name}\.seed: expected "):
            read(write(tmp_path, seeded))


OWN = '[data]\ndataset = "file"\nfile = "my.npz"\nclasses = 3\n'
WRONG_OF_AN_OWNER = [
    ("rounds = 8", "", "session.rounds: expected a number, which nothing stands in for here, got none"),
    ("rounds = 8", "rounds = 65", "session.rounds: expected a number less than or equal to 64, got 65"),
    ("rounds = 8", "rounds = 8\nkrum_m = 2", "session.krum_m: expected none without select krum, got 2"),
    ("rounds = 8", 'rounds = 8\ndataset = "mnist"', "data.dataset: expected the mnist of session.dataset, got digits"),
    (
        "[session]",
        f'{OWN}[session]\ndataset = "digits"',
        "session.dataset: expected none with data.file, got digits",
    ),
    ("[session]", f'{OWN}[session]\nsplit = "layers"', "session.split: expected side with data.file, got layers"),
    (
        "[session]",
        "[deadlines]\ncommit_secs = 0\n[session]",
        "deadlines.commit_secs: expected a number greater than",
    ),
    (
        "[session]",
        "[polity]\n[session]",
        "polity: expected one of blobs, chain, data, deadlines, fees, keys, log, metrics, policy, session, state, "
        "tensorboard",
    ),
    ("[session]", "[policy]\nvote_flip = true\n[session]", "policy.vote_flip: expected one of finality_blocks"),
]


@pytest.mark.parametrize(("before", "after", "message"), WRONG_OF_AN_OWNER)
def test_what_is_wrong_with_an_offer_is_named(tmp_path: Path, before: str, after: str, message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        owner_settings(write(tmp_path, change(OWNER, before, after)))


def test_samples_of_ones_own(tmp_path: Path) -> None:
    settings = owner_settings(write(tmp_path, change(OWNER, "[session]", f"{OWN}width = 5\n[session]")))
    assert (settings.data.place, settings.data.classes, settings.data.width) == (tmp_path / "my.npz", 3, 5)


def test_all_of_it_is_said_at_once(tmp_path: Path) -> None:
    text = change(change(MEMBER, "1337", "0"), ACCOUNT, "0x12")
    with pytest.raises(InputError, match=r"chain\.chain_id: .*; .*role\.toml: keys\.account: "):
        member_settings(write(tmp_path, text))


@pytest.mark.parametrize(
    "url",
    ["ftp://user:hunter2@node.example/hunter2", "https:///hunter2", "hunter2", "http://node.example/\\uD800hunter2"],
)
def test_no_error_shows_the_secret_of_a_url(tmp_path: Path, url: str) -> None:
    with pytest.raises((InputError, DataError)) as caught:
        member_settings(write(tmp_path, change(MEMBER, "http://127.0.0.1:8545", url)))
    assert "hunter2" not in repr(caught.value) + repr(caught.value.__cause__) + repr(caught.value.__context__)


def test_no_repr_shows_the_secret_of_a_url(tmp_path: Path) -> None:
    settings = member_settings(write(tmp_path, change(MEMBER, "127.0.0.1:8545", "node.example/hunter2")))
    assert "hunter2" not in repr(settings)
    assert "hunter2" in settings.chain.rpc[0]


@pytest.mark.parametrize("content", [b"[chain", b"\xff\xfe", b"rpc = "])
def test_what_is_no_toml_exits_3(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "role.toml").write_bytes(content)
    with pytest.raises(DataError, match=r"role\.toml: expected TOML, got"):
        member_settings(tmp_path / "role.toml")
    with pytest.raises(DataError, match="expected a configuration to read, got: No such file"):
        owner_settings(tmp_path / "none.toml")


NETWORKED = MEMBER.replace("chain_id = 1337", 'network = "sepolia"')
PUBLIC = ("hoodi", "mainnet", "sepolia")


def test_a_network_says_what_a_file_leaves_out(tmp_path: Path) -> None:
    settings = member_settings(write(tmp_path, NETWORKED))
    assert (settings.chain.chain_id, settings.chain.confirmations, settings.chain.market) == (11_155_111, 2, None)
    assert (settings.policy.finality_blocks, settings.policy.block_secs) == (96, 12)
    owner = owner_settings(write(tmp_path, OWNER.replace("chain_id = 1337", 'network = "anvil"')))
    assert (owner.chain.chain_id, owner.chain.confirmations, owner.policy.finality_blocks) == (31337, 0, 1)


def test_a_file_may_say_more_than_its_network(tmp_path: Path) -> None:
    more = NETWORKED.replace("[keys]", "chain_id = 11155111\nconfirmations = 7\n[keys]")
    settings = member_settings(write(tmp_path, f"{more}[policy]\nfinality_blocks = 97\nblock_secs = 12\n"))
    assert (settings.chain.confirmations, settings.policy.finality_blocks) == (7, 97)


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("[keys]", "chain_id = 1\n[keys]", "chain.chain_id: expected the 11155111 of Sepolia, .*, got 1$"),
        (
            "sepolia",
            "sepolja",
            "chain.network: expected one of anvil, geth-dev, hoodi, mainnet, sepolia, got 'sepolja'",
        ),
        ('"sepolia"', "5", "chain.network: expected"),
        ("[keys]", "[policy]\nblock_secs = 2\n[keys]", "policy.block_secs: expected the 12 of Sepolia, .*, got 2"),
        (
            "[keys]",
            "[policy]\nfinality_blocks = 95\n[keys]",
            "policy.finality_blocks: expected at least the 96 of .* 95",
        ),
    ],
)
def test_what_contradicts_its_network_is_refused(tmp_path: Path, before: str, after: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        member_settings(write(tmp_path, change(NETWORKED, before, after)))


def test_an_owner_does_not_shorten_finality_either(tmp_path: Path) -> None:
    text = OWNER.replace("chain_id = 1337", 'network = "sepolia"') + "\n[policy]\nfinality_blocks = 95\n"
    with pytest.raises(InputError, match=r"policy\.finality_blocks: expected at least the 96 of .* 95"):
        owner_settings(write(tmp_path, text))


def test_networks_are_whole_and_different() -> None:
    known = networks()
    assert len({one.chain_id for one in known.values()}) == len(known)
    for name, one in known.items():
        text = NETWORKED.replace("sepolia", name)
        assert ChainSettings.model_validate(tomllib.loads(text)["chain"]).chain_id == one.chain_id
        assert PolicySettings(block_secs=one.block_secs, finality_blocks=one.finality_blocks)
        assert (one.finality_blocks >= FINALITY_BLOCKS) == (name in PUBLIC)


def test_a_market_that_is_known_stands_behind_the_one_that_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(networks(), "sepolia", replace(networks()["sepolia"], market=Address("0x" + "ab" * 20)))
    assert member_settings(write(tmp_path, NETWORKED)).chain.market == "0x" + "ab" * 20
    named = NETWORKED.replace("[keys]", f'market = "{ACCOUNT}"\n[keys]')
    assert member_settings(write(tmp_path, named)).chain.market == ACCOUNT.lower()
