"""Benchmarks: each suite measures OmniLytics beside what a user would take instead, in the same run.

A suite is a module with one function `run(say) -> Report`; it imports what it measures and its competitors by itself.
"""
