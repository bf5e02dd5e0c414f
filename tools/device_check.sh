#!/usr/bin/env bash
# What a machine with a GPU shows: training on it is training on a processor, how fast it is, and experiments.
#
#   tools/device_check.sh DIRECTORY tests bench          three minutes
#   tools/device_check.sh DIRECTORY targets [SECONDS]    as long as that, 420 unless told
#
# It needs a python3 with PyTorch, the built extension and contract artifacts, wheels of what else is missing in .whl,
# and MNIST in .mnist. Everything that is found goes to DIRECTORY, in a few files.
set -uo pipefail
cd "$(dirname "$0")/.."
out=$1
shift
site=$(mktemp -d)
trap 'rm -rf "$site"' EXIT

compgen -G '.whl/*.whl' >/dev/null &&
	{ python3 -m pip install -q --no-index --no-deps --no-compile --no-cache-dir --target "$site" .whl/*.whl || exit 1; }
version=$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml | head -1)
mkdir -p "$site/omnilytics-$version.dist-info"
printf 'Metadata-Version: 2.1\nName: omnilytics\nVersion: %s\n' "$version" >"$site/omnilytics-$version.dist-info/METADATA"
export PYTHONPATH=$site:$PWD/python:$PWD PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1

tests() {
	timeout 150 python3 -m pytest -q -p no:cacheprovider -W default -rs \
		tests/model/test_stacked.py tests/train/test_training.py 2>&1 | tee "$out/tests.txt"
}

bench() {
	timeout 240 python3 -m omnilytics.cli bench training --json "$out/training.json" 2>&1 | tee "$out/training.txt"
}

targets() {
	# Processes share out processors; trials this small gain nothing from a GPU that sixteen of them ask at once.
	CUDA_VISIBLE_DEVICES='' OMP_NUM_THREADS=1 timeout -k 10 "${1:-420}" python3 -m omnilytics.cli experiment run targets \
		--jobs "$(nproc)" --data-dir .mnist --out "$site/results" --no-figures 2>&1 | tail -c 20000 | tee "$out/targets.txt"
	tar -czf "$out/targets.tar.gz" -C "$site/results" .
}

python3 -c 'import torch; print(torch.__version__, torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU")'
while (($#)); do
	case $1 in
	tests | bench) "$1" || failed=1 ;;
	targets)
		targets "${2:-}" || failed=1
		break
		;;
	*)
		echo "device_check: expected tests, bench or targets, got $1" >&2
		exit 2
		;;
	esac
	shift
done
exit "${failed:-0}"
