#!/usr/bin/env bash
#
# Sees to it that the tools of the tests are there: curl and jq, with which the
# README's walkthrough is typed, strace, which makes fsync fail, nsenter (with
# unshare), which gives a test a small disk of its own, HAProxy, which stands before
# the servers of deploy/cluster.sh, pgbouncer, which stands between a server and
# PostgreSQL, shellcheck and systemd-analyze, which read what
# is in deploy, and Chromium, with which pages are tried ($CHROMIUM names another
# one). Debian installs them where this runs as root; elsewhere it says what to do.

set -euo pipefail

missing=()
# Each tool, and the package of Debian that has it where its name is another.
PATH=$PATH:/usr/sbin
for tool in curl jq strace nsenter:util-linux haproxy pgbouncer shellcheck systemd-analyze:systemd; do
    command -v "${tool%%:*}" >/dev/null 2>&1 || missing+=("${tool##*:}")
done
# A browser has several names, those of tests/node/browser.mjs.
if [ -n "${CHROMIUM:-}" ]; then
    if [ ! -x "$CHROMIUM" ]; then
        printf 'CHROMIUM is %s, which is no program.\n' "$CHROMIUM" >&2
        exit 1
    fi
elif ! { command -v chromium || command -v chromium-browser || command -v google-chrome ||
    command -v google-chrome-stable; } >/dev/null 2>&1; then
    missing+=(chromium)
fi
[ "${#missing[@]}" -eq 0 ] && exit 0

if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null 2>&1; then
    printf 'Installing %s (apt-get)\n' "${missing[*]}"
    apt-get update --quiet --quiet
    DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet --no-install-recommends \
        "${missing[@]}" ca-certificates >/dev/null
    exit 0
fi

printf 'make test needs %s: install them with the package manager of this machine.\n' "${missing[*]}" >&2
exit 1
