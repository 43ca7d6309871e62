#!/usr/bin/env bash
#
# tests/support/with-tally.sh COMMAND [ARGUMENT...]
#
# Runs COMMAND with TELLER_TEST_TALLY naming an empty file. Each test that runs on
# a database appends a line to it, "sqlite NAME" or "postgres NAME". At the end
# says how many tests ran on each, and fails when a database was not tested: a
# suite that only looks green because it left one out is worth nothing.

set -euo pipefail

if [ "$#" -eq 0 ]; then
    printf 'with-tally: name the command to run: tests/support/with-tally.sh COMMAND [ARGUMENT...]\n' >&2
    exit 1
fi

TELLER_TEST_TALLY=$(mktemp "${TMPDIR:-/tmp}/teller-tally.XXXXXX")
export TELLER_TEST_TALLY
trap 'rm -f "$TELLER_TEST_TALLY"' EXIT

# A test that counts itself twice is still one test.
count() { { grep "^$1 ." "$TELLER_TEST_TALLY" || true; } | sort -u | wc -l | tr -d ' '; }

code=0
"$@" || code=$?

sqlite=$(count sqlite)
postgres=$(count postgres)
printf '%s tests ran on SQLite, %s on PostgreSQL\n' "$sqlite" "$postgres"

if [ "$code" -eq 0 ] && { [ "$sqlite" -eq 0 ] || [ "$postgres" -eq 0 ]; }; then
    printf 'That is a failure: the suite must run on both databases, and each such test must write its line to TELLER_TEST_TALLY.\n' >&2
    code=1
fi
exit "$code"
