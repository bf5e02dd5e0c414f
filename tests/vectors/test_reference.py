"""The reference against numbers of public origin."""

from __future__ import annotations

from tests.vectors.reference import hpke


def test_hpke_is_that_of_the_rfc() -> None:
    """RFC 9180, appendix A.2.1 (base mode), the first message."""
    ikm = bytes.fromhex("909a9b35d3dc4713a5e72a4da274b55d3d3821a37e5d099e74a647db583a904b")
    secret = bytes.fromhex("8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e0fb")
    info, aad = b"Ode on a Grecian Urn", b"Count-0"
    plain = b"Beauty is truth, truth beauty"
    enc = bytes.fromhex("1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a")
    ct = bytes.fromhex("1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db21993c62ce81883d2dd1b51a28")
    ephemeral, receiver = hpke.derive_key(ikm), hpke.public_key(secret)
    assert ephemeral.hex() == "f4ec9b33b792c372c1d2c2063507b684ef925b8c75a42dbcbf57d63ccd381600"
    schedule = hpke.sender_schedule(ephemeral, receiver, info)
    assert schedule.shared_secret.hex() == "0bbe78490412b4bbea4812666f7916932b828bba79942424abb65244930d69a7"
    assert schedule.key.hex() == "ad2744de8e17f4ebba575b3f5f5a8fa1f69c2a07f6e7500bc60ca6e3e3ec1c91"
    assert schedule.nonce.hex() == "5c4d98150661b848853b547f"
    assert hpke.seal(ephemeral, receiver, info, aad, plain) == enc + ct
    assert hpke.open_sealed(secret, enc + ct, info, aad) == plain
    assert hpke.open_sealed(secret, enc + ct, info, b"Count-1") is None
