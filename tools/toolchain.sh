#!/bin/sh
# Says what is missing to build OmniLytics, before anything is built. Usage: tools/toolchain.sh PYTHON
set -eu
python=$1
rust_minimum=1.95

fail() {
    printf 'setup: %s\n' "$1" >&2
    exit 1
}

command -v "$python" >/dev/null || fail "expected Python >= 3.11, found no '$python'; install python3 or give make PYTHON=..."
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
    fail "expected Python >= 3.11, '$python' is $("$python" -V 2>&1 | cut -d' ' -f2); give make PYTHON=..."
"$python" -c 'import ensurepip, venv' 2>/dev/null ||
    fail "'$python' can't make virtual environments; on Debian and Ubuntu install python3-venv"

command -v cargo >/dev/null || fail "expected Rust >= $rust_minimum, found no 'cargo'"
rust=$(cargo --version | cut -d' ' -f2)
[ "$(printf '%s\n' "$rust_minimum" "$rust" | sort -V | head -n1)" = "$rust_minimum" ] ||
    fail "expected Rust >= $rust_minimum, cargo is $rust; run 'rustup update stable'"

command -v cc >/dev/null || fail "expected a C compiler and linker, found no 'cc'; on Debian and Ubuntu install build-essential"
