#!/bin/sh
# A rustc that counts how often each line runs; tools/rust_coverage.py has cargo call it for the crates of the workspace.
exec "$@" -Cinstrument-coverage
