#!/bin/sh
# Fuzzes every decoder, guided by coverage: libFuzzer with stable Rust. Usage: tools/fuzz.sh SECONDS [TARGET...]
#
# Two targets run at a time, SECONDS each. Seeds are in rust/fuzz/corpus; what is found goes to target/fuzz/corpus and is
# where the next run begins; an input that fails goes to target/fuzz/failures. Fails if one does.
set -eu
cd "$(dirname "$0")/.."
fail() {
    printf 'fuzz: %s\n' "$1" >&2
    exit 1
}

[ $# -ge 1 ] || fail "expected the seconds for each target, got no argument"
command -v c++ >/dev/null || fail "expected a C++ compiler for libFuzzer, found no 'c++'; on Debian and Ubuntu install g++"
seconds=$1
shift
[ $# -ge 1 ] || set -- $(ls rust/fuzz/targets | sed 's/[.]rs$//')

host=$(rustc --print host-tuple)
out=target/fuzz
# What cargo-fuzz passes, but for the sanitizer, which needs a nightly compiler. --target keeps it off build scripts.
export RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares"
cargo build --locked --release --manifest-path rust/fuzz/Cargo.toml --target "$host" --target-dir $out

fuzz() {
    log=$out/$1.log
    mkdir -p "$out/corpus/$1" $out/failures
    "$out/$host/release/$1" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 \
        -artifact_prefix="$out/failures/$1-" "$out/corpus/$1" "rust/fuzz/corpus/$1" >"$log" 2>&1 || {
        tail -n 40 "$log" >&2
        fail "$1: expected no failure, got one; its input is in $out/failures"
    }
    grep -q 'inline 8-bit counters' "$log" || fail "$1: expected counters of coverage in it, found none"
    printf 'fuzz: %-12s %s\n' "$1" "$(grep 'DONE  ' "$log" | tr -s '\t ' ' ')"
}

while [ $# -gt 0 ]; do
    fuzz "$1" & first=$!
    second=
    if [ $# -gt 1 ]; then
        fuzz "$2" & second=$!
    fi
    wait $first && { [ -z "$second" ] || wait "$second"; } || exit 1
    shift
    [ -z "$second" ] || shift
done
