#!/usr/bin/env bash
#
# Draws the secrets of deploy/compose.yaml: deploy/compose-secrets.sh >deploy/.env
#
# Keep what it prints as well as the database: without TELLER_SECRET_KEY nobody reads what
# is sealed in there. Where others use this machine: chmod 600 deploy/.env.

set -euo pipefail

for name in TELLER_SECRET_KEY POSTGRES_PASSWORD REPLICA_PASSWORD TELLER_PASSWORD; do
    printf '%s=%s\n' "$name" "$(head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n')"
done
