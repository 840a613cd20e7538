#!/bin/sh
# make test-compose: starts the whole stack for real, in a project of its own that is removed afterwards.
cd "$(dirname "$0")/../.." || exit 1
if ! command -v docker >/dev/null || ! docker info >/dev/null 2>&1; then
	echo "SKIPPED: no Docker engine answers here, so the stack was not started (docker info says more)"
	exit 0
fi
if ! docker compose version >/dev/null 2>&1; then
	echo "SKIPPED: docker has no compose plugin here, so the stack was not started"
	exit 0
fi
exec python3 -m tests.compose.stack
