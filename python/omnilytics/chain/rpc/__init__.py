"""The backend for real chains: geth, anvil, any JSON-RPC node of an Ethereum with EIP-1559. Needs the extra `rpc`."""

from omnilytics.chain.rpc.chain import RpcChain
from omnilytics.chain.rpc.nodes import Health
from omnilytics.chain.rpc.settings import Settings

__all__ = ["Health", "RpcChain", "Settings"]
