"""Where a market comes to stand: its address follows from its code, and nobody deploys anything twice."""

from __future__ import annotations

import pytest
from eth_account import Account
from eth_utils.crypto import keccak

from omnilytics.chain.artifacts import load
from omnilytics.chain.contract import ContractMarket
from omnilytics.chain.rpc import deployment
from omnilytics.chain.rpc.deployment import (
    PROXY,
    PROXY_CODE,
    PROXY_GAS,
    PROXY_GAS_PRICE_WEI,
    PROXY_MAKER,
    PROXY_TRANSACTION,
    Piece,
    pieces,
)
from omnilytics.errors import ChainError, InputError, Reverted
from omnilytics.types import Address
from tests.chain.ground import Ground

TX_GAS_CAP, CODE_BYTES, INIT_BYTES = 1 << 24, 24_576, 49_152  # EIP-7825, EIP-170, EIP-3860


@pytest.fixture
def chain() -> Ground:
    return Ground(charge_gas=True)


@pytest.fixture
def sender(chain: Ground) -> Address:
    return chain.create_account("deployer", 10**20)


def deploy(chain: Ground, sender: Address, plan: tuple[Piece, ...]) -> Address:
    return [piece.address for piece in deployment.deploy(chain, sender, plan)][-1]


def test_the_proxy_s_transaction_is_of_nobody_and_makes_the_proxy() -> None:
    assert Account.recover_transaction(PROXY_TRANSACTION).lower() == PROXY_MAKER
    first = keccak(b"\xd6\x94" + bytes.fromhex(PROXY_MAKER[2:]) + b"\x80")  # the list of the account and nonce 0
    assert "0x" + first[12:].hex() == PROXY


def test_a_market_stands_where_it_was_said_to(chain: Ground, sender: Address) -> None:
    plan = pieces(60)
    assert not any(piece.there for piece in deployment.survey(chain, plan))
    assert deployment.obstacle(chain) is None
    address = deploy(chain, sender, plan)
    assert address == plan[-1].address
    market = ContractMarket(chain, address)
    assert market.min_window_secs() == 60
    session, _ = market.create_session(sender)
    assert chain.session(session).owner() == sender
    assert all(piece.there for piece in deployment.survey(chain, plan))
    assert chain.balance(PROXY_MAKER) < PROXY_GAS * PROXY_GAS_PRICE_WEI


def test_whoever_deploys_it_it_is_the_same(sender: Address) -> None:
    addresses = set()
    for label in ("one", "another"):
        chain = Ground(charge_gas=True)
        addresses.add(deploy(chain, chain.create_account(label, 10**20), pieces(60)))
    assert addresses == {pieces(60)[-1].address}


def test_a_second_market_stands_on_what_the_first_one_stands_on(chain: Ground, sender: Address) -> None:
    deploy(chain, sender, pieces(60))
    for other in (pieces(61), pieces(60, salt=1)):
        found = deployment.survey(chain, other)
        assert [piece.contract for piece in found if not piece.there] == ["Market"]
        before = len(chain.transactions())
        assert deploy(chain, sender, other) == other[-1].address
        assert len(chain.transactions()) == before + 1


def test_nothing_is_sent_for_what_is_there(chain: Ground, sender: Address) -> None:
    deploy(chain, sender, pieces(60))
    before = len(chain.transactions())
    deploy(chain, sender, pieces(60))
    assert len(chain.transactions()) == before


def test_whoever_is_second_finds_what_the_first_has_deployed(
    chain: Ground, sender: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one's transaction comes between the look and the own one, which the proxy then refuses."""
    rival, refused, send = chain.create_account("rival", 10**20), [], chain.send

    def overtaken(call: str, who: Address, to: Address, data: bytes, value_wei: int = 0) -> object:
        if call == "deploy":
            send(call, rival, to, data)
        try:
            return send(call, who, to, data, value_wei)
        except Reverted as error:
            refused.append(error)
            raise

    monkeypatch.setattr(chain, "send", overtaken)
    assert deploy(chain, sender, pieces(60)) == pieces(60)[-1].address
    assert len(refused) == len(pieces(60))


def test_a_transaction_that_fails_for_another_reason_is_told(chain: Ground, sender: Address) -> None:
    market = pieces(60)[-1]
    with pytest.raises(Reverted):
        deploy(chain, sender, (market,))  # without what it stands on


def test_another_code_at_the_address_is_refused(
    chain: Ground, sender: Address, monkeypatch: pytest.MonkeyPatch
) -> None:
    deploy(chain, sender, pieces(60))
    code = chain.code
    monkeypatch.setattr(chain, "code", lambda address: code(address)[:-1] + b"!")
    with pytest.raises(ChainError, match="another code than this package's"):
        deployment.survey(chain, pieces(60))
    assert deployment.obstacle(chain) == f"another contract is at {PROXY}"


@pytest.mark.parametrize("plainly", [True, False])
def test_a_market_is_recognized_wherever_it_is(chain: Ground, sender: Address, plainly: bool) -> None:
    if plainly:
        made = deployment.deploy_plainly(chain, sender, 77)
    else:
        made = tuple(deployment.deploy(chain, sender, pieces(77)))
    found = deployment.recognized(chain, made[-1].address)
    assert [(one.contract, one.address, one.init_code) for one in found] == [
        (one.contract, one.address, one.init_code) for one in made
    ]


@pytest.mark.parametrize("contract", [piece.contract for piece in pieces(60)])
def test_a_market_with_one_contract_of_somebody_else_s_isn_t(
    chain: Ground, sender: Address, monkeypatch: pytest.MonkeyPatch, contract: str
) -> None:
    """One byte in the middle of its code."""
    made = {piece.contract: piece.address for piece in deployment.deploy_plainly(chain, sender, 60)}
    code = chain.code

    def forged(address: Address) -> bytes:
        found = bytearray(code(address))
        if address == made[contract]:
            found[len(found) // 2] ^= 1
        return bytes(found)

    monkeypatch.setattr(chain, "code", forged)
    with pytest.raises(ChainError, match=f"{contract}: {made[contract]} has another code than this package's"):
        deployment.recognized(chain, made["Market"])


def test_what_is_no_market_isn_t_recognized(chain: Ground, sender: Address) -> None:
    other = chain.deploy("deploy", sender, load("Meter").bytecode).contract_address
    assert other is not None
    for address in (other, sender):
        with pytest.raises(ChainError, match="where there is no code"):
            deployment.recognized(chain, address)


def test_a_node_that_wants_the_chain_s_id_is_seen_before_money_moves(chain: Ground, sender: Address) -> None:
    chain.unprotected = False
    assert "only replay-protected" in str(deployment.obstacle(chain))
    assert (chain.transactions(), chain.balance(PROXY_MAKER)) == ([], 0)
    made = deployment.deploy_plainly(chain, sender, 60)
    assert [piece.contract for piece in made] == [piece.contract for piece in pieces(60)]
    assert ContractMarket(chain, made[-1].address).min_window_secs() == 60


def test_a_base_fee_above_that_of_the_proxy_s_transaction_is_seen(chain: Ground) -> None:
    chain.fee_wei = PROXY_GAS_PRICE_WEI + 1
    assert (
        str(deployment.obstacle(chain))
        == "its transaction pays 100000000000 wei a gas, and a block asks for 100000000001"
    )


def test_a_proxy_that_somebody_has_paid_for_is_only_put_there(chain: Ground) -> None:
    assert deployment.proxy_wei(chain) == PROXY_GAS * PROXY_GAS_PRICE_WEI
    chain.endow(PROXY_MAKER, 10**16)
    assert deployment.proxy_wei(chain) == 0
    assert deployment.obstacle(chain) is None
    assert chain.code(PROXY) == PROXY_CODE
    assert deployment.obstacle(chain) is None


def test_limits_and_the_gas_that_was_foretold(chain: Ground, sender: Address) -> None:
    plan = pieces(60)
    deploy(chain, sender, plan)
    spent = [one.gas for one in chain.transactions() if one.to == PROXY]
    assert len(spent) == len(plan)
    for piece, gas in zip(plan, spent, strict=True):
        assert gas <= TX_GAS_CAP
        assert len(piece.init_code) <= INIT_BYTES
        assert len(chain.code(piece.address)) == load(piece.contract).runtime_bytes <= CODE_BYTES
        assert piece.gas == pytest.approx(gas, rel=0.1)


@pytest.mark.parametrize("salt", [-1, 1 << 256])
def test_a_salt_out_of_range_is_refused(salt: int) -> None:
    with pytest.raises(InputError, match="salt: expected 0"):
        pieces(60, salt)
