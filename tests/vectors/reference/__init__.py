"""The protocol in plain Python, written from docs/PROTOCOL.md alone: slow, obvious, standard library only."""
