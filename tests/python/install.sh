#!/usr/bin/env bash
#
# Installs the Python packages of the tests into tests/python/.venv, exactly those of
# requirements.txt by version and hash, and only when that file differs from what is
# installed. Python itself is Debian's where this runs as root; elsewhere it says what to do.

set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")"

fail() {
    printf '%s\n' "$*" >&2
    exit 1
}

cmp --quiet requirements.txt .venv/installed.txt && exit 0

# Python 3.11 or newer with what makes environments (Debian has that in a package of its own).
is_enough() {
    python3 -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

if ! is_enough && [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
    printf 'Installing Python (apt-get)\n'
    apt-get update --quiet --quiet
    DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet --no-install-recommends \
        python3 python3-venv ca-certificates >/dev/null
fi
is_enough ||
    fail "Python 3.11 or newer with venv is needed for make test:" \
        "install it (Debian 13: apt-get install python3 python3-venv)."

printf 'Installing the Python packages of the tests\n'
rm -rf .venv
python3 -m venv .venv
.venv/bin/python -m pip install --quiet --disable-pip-version-check --no-cache-dir \
    --require-hashes --only-binary :all: --requirement requirements.txt ||
    fail "pip could not install the packages of tests/python/requirements.txt, as it says above:" \
        "it must reach a package index ('pip config list' tells which)."
# Written last, so an installation that was broken off is done again.
cp requirements.txt .venv/installed.txt
