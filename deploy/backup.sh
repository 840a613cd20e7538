#!/bin/sh
# deploy/backup.sh FOLDER saves everything into FOLDER, which appears only when it is complete and checked. Archives are copied while
# their exporters run, or from their volumes; Prometheus, Alertmanager and Grafana pause one after the other: for seconds, or minutes with years of data.
# If a part cannot be had, the rest is saved, FOLDER/INCOMPLETE names it, and the exit code is 1. Run again, the folder is replaced
# by a complete one; a complete one stays, and the next is FOLDER-2. Options of docker compose: in .env or COMPOSE_*.
set -eu
[ $# = 1 ] && [ -n "$1" ] || { echo "usage: deploy/backup.sh FOLDER" >&2; exit 2; }
umask 077
mkdir -p "$(dirname "$1")"
to=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
cd "$(dirname "$0")/.."
refuse() {
	echo "$*" >&2
	exit 1
}
[ ! -e .restore ] || refuse "a restore was interrupted: run deploy/restore.sh --undo first"

# ---- the place, and what a killed backup left there
part=$to.part
replaced=$to.replaced
if [ -e "$replaced" ]; then if [ -e "$to" ]; then rm -rf "$replaced"; else mv "$replaced" "$to"; fi; fi
if [ -e "$to" ] && [ ! -e "$to/SHA256SUMS" ] && ! rmdir "$to" 2>/dev/null; then
	refuse "$to exists and is no backup: name a new folder"
fi
if [ -e "$part" ]; then
	writer=$(cat "$part/.pid" 2>/dev/null || true)
	case $(ps -o args= -p "${writer:-0}" 2>/dev/null || true) in
	*backup.sh*) refuse "$to is being written by process $writer" ;;
	esac
	paused=$(cat "$part/.paused" 2>/dev/null || true)
	[ -z "$paused" ] || docker compose start $paused || docker compose up --detach $paused || true
	rm -rf "$part"
fi
mkdir "$part"
echo $$ >"$part/.pid"

# ---- services that are paused are started again, however this ends
resume() {
	[ -s "$part/.paused" ] || return 0
	paused=$(cat "$part/.paused")
	docker compose start $paused || docker compose up --detach $paused || {
		echo "could not start $paused again: docker compose up -d" >&2
		return 1
	}
	rm -f "$part/.paused"
}
finish() {
	code=$?
	trap '' INT TERM HUP
	trap - EXIT
	[ ! -d "$part" ] || {
		resume || code=1
		[ -s "$part/.paused" ] || rm -rf "$part"
	}
	exit "$code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

missing() { # SERVICE REASON
	echo "NOT SAVED: $1: $2" >&2
	echo "$1" >>"$part/INCOMPLETE"
	rm -f "$part/$1.db" "$part/$1.tar"
}

# ---- archives
COPY='trap "rm -f /archive/.backup.db" EXIT
big-dipper-exporter backup /archive/.backup.db >&2
echo "sha256 $(sha256sum </archive/.backup.db)" >&2
cat /archive/.backup.db'
# SERVICE COMMAND...: write what the command prints to SERVICE.db; false unless all of it arrived.
received() {
	file=$part/$1.db
	shift
	code=0
	"$@" </dev/null >"$file" 2>"$part/.said" || code=$?
	grep -v '^sha256 ' "$part/.said" >&2 || true
	[ $code = 0 ] && [ -s "$file" ] && grep -qxF "sha256 $(sha256sum <"$file")" "$part/.said"
}
running() { # if docker cannot say, it may run
	names=$(docker compose ps --status running --services) || return 0
	echo "$names" | grep -qx "$1"
}
# SERVICE: from its volume alone, for when the service cannot be started (the folder of the bot's log is gone).
from_volume() {
	project=$(docker compose config | sed -n 's/^name: //p')
	name=archive${1#exporter}
	[ "$1" != exporter-demo ] || name=archive
	volume=$(docker volume ls -q --filter "label=com.docker.compose.project=$project" --filter "label=com.docker.compose.volume=$name")
	[ -n "$volume" ] || return 1
	received "$1" docker run --rm --network none --read-only --cap-drop ALL --volume "$volume:/archive" --entrypoint sh \
		big-dipper-monitor:local -ec "$COPY"
}
services=$(docker compose config --services)
for exporter in $(echo "$services" | grep '^exporter'); do
	if running "$exporter" && received "$exporter" docker compose exec -T "$exporter" sh -ec "$COPY"; then continue; fi
	echo "$exporter does not run, or could not copy its archive: reading its volume" >&2
	received "$exporter" docker compose run --rm --no-deps -T --entrypoint sh "$exporter" -ec "$COPY" ||
		from_volume "$exporter" || missing "$exporter" "its archive cannot be copied"
done

# ---- the others
save() { # SERVICE FOLDER [LEFT OUT]
	service=$1 code=0
	if running "$service"; then
		echo "$service" >>"$part/.paused"
		docker compose stop "$service" || code=$?
	fi
	[ $code != 0 ] || docker compose run --rm --no-deps -T --entrypoint sh "$service" \
		-ec "$(cat deploy/volume.sh)" volume.sh pack "$2" ${3:+"$3"} </dev/null >"$part/$service.tar" || code=$?
	resume || failed=1
	[ $code = 0 ] && [ -s "$part/$service.tar" ] && tar -tf "$part/$service.tar" >/dev/null || missing "$service" "its data cannot be copied"
}
failed=""
save alertmanager /alertmanager # before Prometheus, which sends all alerts at its start, and then seldom (resend-delay)
save prometheus /prometheus
save grafana /var/lib/grafana plugins/frser-sqlite-datasource # 46 MB that the next start loads again

# ---- the name, at last
resume || failed=1
saved=$(cd "$part" && ls | grep -E '\.(db|tar)$' || true)
[ -n "$saved" ] || refuse "nothing could be saved"
(cd "$part" && sha256sum $saved >SHA256SUMS && rm -f .pid .said .paused)
sync
if [ -e "$to" ]; then
	if [ -e "$to/INCOMPLETE" ] && [ ! -e "$part/INCOMPLETE" ]; then mv "$to" "$replaced"; else
		number=2
		while [ -e "$to-$number" ]; do number=$((number + 1)); done
		to=$to-$number
	fi
fi
mv "$part" "$to"
rm -rf "$replaced"
ls -lh "$to"
[ ! -e "$to/INCOMPLETE" ] || refuse "INCOMPLETE, without: $(tr '\n' ' ' <"$to/INCOMPLETE")"
[ -z "$failed" ] || exit 1
