#!/usr/bin/env bash
#
# tests/support/with-proof.sh COMMAND [ARGUMENT...]
#
# Runs COMMAND with TELLER_PROOF naming an empty file, to which the tests append
# what they measured, one JSON object a line, and then has write-proof.mjs make
# tests/PROOF.md of it. Fails when COMMAND failed or a promise did not hold.

set -euo pipefail

if [ "$#" -eq 0 ]; then
    printf 'with-proof: name the command to run: tests/support/with-proof.sh COMMAND [ARGUMENT...]\n' >&2
    exit 1
fi

TELLER_PROOF=$(mktemp "${TMPDIR:-/tmp}/teller-proof.XXXXXX")
export TELLER_PROOF
trap 'rm -f "$TELLER_PROOF"' EXIT

code=0
"$@" || code=$?

node "$(dirname "${BASH_SOURCE[0]}")/write-proof.mjs" "$TELLER_PROOF" "$code"
exit "$code"
