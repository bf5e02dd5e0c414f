"""The protocol in plain Python, written from docs/PROTOCOL.md alone: slow, obvious, with nothing of the package.

Standard library only, but for X25519 and ChaCha20-Poly1305 (`hpke.py`).
"""
