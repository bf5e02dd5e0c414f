"""Attacks against rules: how a run fares with persistent attackers, on the embedded chain or without one."""
