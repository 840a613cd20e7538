#!/bin/sh
# deploy/pin.sh writes the digest behind each image's tag into the compose files and the Dockerfile, where docker compose uses it:
# image: prom/prometheus:v3.15.0 becomes prom/prometheus:v3.15.0@sha256:…. All digests are asked for before a file is changed.
# After an upgrade of a tag, run it again.
set -eu
cd "$(dirname "$0")/.."
files="docker-compose.yml $(ls deploy/*/compose.yml) exporter/Dockerfile"
edits=$(mktemp)
trap 'rm -f "$edits"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

images=$(sed -nE 's/^ *(image:|ARG BASE=) *([a-z0-9./-]+:[A-Za-z0-9._-]+)(@sha256:[0-9a-f]+)?$/\2/p' $files | grep -v ':local$' | sort -u)
for image in $images; do
	digest=$(docker buildx imagetools inspect "$image" --format '{{.Manifest.Digest}}')
	echo "$digest" | grep -Eqx 'sha256:[0-9a-f]{64}' || { echo "no digest for $image: $digest" >&2 && exit 1; }
	printf 's#((image: |ARG BASE=)%s)(@sha256:[0-9a-f]+)?$#\\1@%s#\n' "$(printf '%s' "$image" | sed 's/\./[.]/g')" "$digest" >>"$edits"
	echo "$image@$digest"
done
for file in $files; do
	sed -E -f "$edits" "$file" >"$file.new"
	cat "$file.new" >"$file" # keeps its mode
	rm "$file.new"
done
