#!/usr/bin/env bash
#
# Builds the playground into dist/playground.pack, which the binary takes in when it is
# compiled; only when something has changed since.
#
# build.sh               fails where it cannot be built
# build.sh if-possible   says in one line why it cannot be built, and that is all

set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")"

mode=${1:-}
pack=dist/playground.pack

fail() {
    if [ "$mode" = if-possible ]; then
        printf 'The playground is not built: %s Everything else works.\n' "$*"
        exit 0
    fi
    printf 'The playground cannot be built: %s\n' "$*" >&2
    exit 1
}

if [ -f "$pack" ] &&
    [ -z "$(find src index.html package.json package-lock.json vite.config.js pack.js -newer "$pack" -print -quit)" ]; then
    exit 0
fi

for program in node npm; do
    command -v "$program" >/dev/null ||
        fail "it needs Node.js 20.19 or newer with npm, and $program is not on the PATH" \
            "(Debian 13: apt-get install nodejs npm)."
done
node --eval '
    const [major, minor] = process.versions.node.split(".").map(Number);
    process.exit(major > 22 || (major === 22 && minor >= 12) || (major === 20 && minor >= 19) ? 0 : 1);
' || fail "it needs Node.js 20.19, or 22.12 or newer, and this is $(node --version)."

# npm writes this file last, so an installation that was broken off is done again.
if [ ! -f node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
    printf 'Installing the packages of the playground (npm ci)\n'
    npm ci --no-progress >/dev/null ||
        fail "npm could not install its packages, as it says above: it must reach a package registry" \
            "('npm config get registry' tells which)."
fi

printf 'Building the playground (vite)\n'
npm run --silent build || fail "vite failed, as it says above."
