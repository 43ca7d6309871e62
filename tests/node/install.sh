#!/usr/bin/env bash
#
# Installs the Node packages of the tests, exactly those of package-lock.json, and
# only when that file is newer than what is installed.

set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")"

fail() {
    printf '%s\n' "$*" >&2
    exit 1
}

for program in node npm; do
    command -v "$program" >/dev/null ||
        fail "Node.js 20 or newer with npm is needed for make test, and $program is not on the PATH:" \
            "install it (Debian 13: apt-get install nodejs npm)."
done

version=$(node --version)
major=${version#v}
major=${major%%.*}
[ "$major" -ge 20 ] ||
    fail "Node.js 20 or newer is needed for make test, and this is $version: install a newer one."

# npm writes this file last, so an installation that was broken off is done again.
if [ package-lock.json -nt node_modules/.package-lock.json ]; then
    printf 'Installing the Node packages of the tests\n'
    npm ci --no-progress --loglevel=error ||
        fail "npm could not install the packages of tests/node/package-lock.json, as it says above:" \
            "it must reach a package registry ('npm config get registry' tells which)."
    # Programs for other systems are most of what was installed.
    case "$(uname -s)-$(uname -m)" in
        Linux-x86_64) keep=linux-x64 ;;
        Linux-aarch64) keep=linux-arm64 ;;
        Darwin-x86_64) keep=macos-x64 ;;
        Darwin-arm64) keep=macos-arm64 ;;
        *) keep= ;;
    esac
    if [ -n "$keep" ]; then
        for folder in node_modules/relay-compiler/{linux,macos,win}-*; do
            [ "${folder##*/}" = "$keep" ] || rm -rf "$folder"
        done
    fi
fi
