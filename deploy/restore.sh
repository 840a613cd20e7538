#!/bin/sh
# deploy/restore.sh FOLDER [SERVICE...] puts back what deploy/backup.sh saved there: all of it, or the services named.
# deploy/restore.sh --undo ends a restore that was interrupted.
#
# Everything is checked and copied into the volumes while the stack runs. Then it stops, contents change places by renames, and it
# starts again. If a step fails, the old contents return. The file .restore says what to undo, or to keep, after an interruption.
set -eu
usage() {
	echo "usage: deploy/restore.sh FOLDER [SERVICE...], a folder that deploy/backup.sh wrote; or deploy/restore.sh --undo" >&2
	exit 2
}
[ $# -ge 1 ] || usage
from=$1
shift
if [ "$from" = --undo ]; then [ $# = 0 ] || usage; else [ -d "$from" ] && from=$(cd "$from" && pwd) || usage; fi
cd "$(dirname "$0")/.."
refuse() {
	echo "$*" >&2
	exit 1
}

# SERVICE ACTION [KEEP]: deploy/volume.sh, with the volume of the service and as its own user.
volume() {
	case $1 in
	exporter*) folder=/archive ;;
	grafana) folder=/var/lib/grafana ;;
	*) folder=/$1 ;;
	esac
	docker compose run --rm --no-deps -T --entrypoint sh "$1" -ec "$(cat deploy/volume.sh)" volume.sh "$2" "$folder" ${3:+"$3"}
}
every() { # ACTION: on each service that takes part; false when one fails, after all were tried
	failed=""
	for service in $parts; do volume "$service" "$1" </dev/null || failed=1; done
	[ -z "$failed" ]
}
journal() { # undo|keep: what to do with the volumes if this process ends here
	echo "$1 $parts" >.restore.new
	mv .restore.new .restore
}
start() { docker compose up --detach || docker compose start; }
stop() { docker compose stop || docker compose kill; }
# Do what the journal says. The stack must not run.
settle() {
	read -r decision parts <.restore
	if [ "$decision" = keep ]; then every commit; else every undo; fi || return 1
	rm -f .restore
}
finish() {
	code=$?
	trap '' INT TERM HUP
	trap - EXIT
	if [ -e .restore ]; then
		if stop && settle; then
			echo "the restore failed: what was there before is there again" >&2
		else
			echo "the restore failed, and docker does not work; nothing is lost: run deploy/restore.sh --undo" >&2
		fi
		start || echo "could not start the stack: docker compose up -d" >&2
	elif [ "$code" != 0 ]; then
		every unstage >/dev/null 2>&1 || true
		echo "nothing was changed" >&2
	fi
	exit "$code"
}
parts=""
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# ---- after an interruption
if [ -e .restore ]; then
	echo "ending the restore that was interrupted"
	stop && settle || refuse "docker does not work; nothing is lost: run deploy/restore.sh --undo when it does"
	start
	[ "$from" != --undo ] || exit 0
fi
services=$(docker compose config --services)
all="prometheus alertmanager grafana $(echo "$services" | grep '^exporter' || true)"
if [ "$from" = --undo ]; then
	parts=$all
	every unstage # it ended before it changed anything
	exit 0
fi

# ---- check
if [ $# -gt 0 ]; then wanted=$*; else
	wanted=$all
	[ ! -e "$from/INCOMPLETE" ] || refuse "$from is incomplete, without: $(tr '\n' ' ' <"$from/INCOMPLETE")
Name the services to restore: deploy/restore.sh $from SERVICE..."
fi
saved() { case $1 in exporter*) echo "$from/$1.db" ;; *) echo "$from/$1.tar" ;; esac }
parts=""
for service in $wanted; do
	echo "$services" | grep -qx "$service" || refuse "there is no service $service in this stack"
	file=$(saved "$service")
	# A bot that was added after the backup keeps its archive.
	if [ ! -e "$file" ] && [ $# = 0 ] && [ "${service#exporter-}" != "$service" ] && ls "$from"/exporter*.db >/dev/null 2>&1; then
		echo "$service is not in $from: it stays as it is"
		continue
	fi
	[ -s "$file" ] || refuse "$file is missing or empty; nothing was changed"
	parts="$parts $service"
done
[ -n "$parts" ] || refuse "nothing in $from belongs to this stack; nothing was changed"
# Only of what takes part: another part that is damaged or was deleted must not keep this one from coming back.
if [ -e "$from/SHA256SUMS" ]; then
	for service in $parts; do
		file=$(saved "$service")
		sum=$(sed -n "s/^\([0-9a-f]*\) [ *]${file##*/}\$/\1/p" "$from/SHA256SUMS")
		[ "$sum" = "$(sha256sum <"$file" | cut -d " " -f 1)" ] || refuse "$file has changed since it was written; nothing was changed"
	done
fi
for service in $parts; do
	case $service in exporter*) continue ;; esac
	tar -tf "$(saved "$service")" >/dev/null || refuse "$(saved "$service") is damaged; nothing was changed"
done

# ---- copy everything into the volumes, beside what is there
trap finish EXIT
docker compose build --quiet # the way back from an upgrade needs the older image
for service in $parts; do
	case $service in
	exporter*)
		volume "$service" file bigdipper.db <"$(saved "$service")"
		docker compose run --rm --no-deps -T "$service" check-archive /archive/.restore-new/bigdipper.db </dev/null
		;;
	*) volume "$service" stage <"$(saved "$service")" ;;
	esac
done

# ---- change places
journal undo
docker compose stop
for service in $parts; do
	# Backups leave the plugin out, since it can be had again; without internet the one that is there must stay.
	volume "$service" swap "$([ "$service" != grafana ] || echo plugins/frser-sqlite-datasource)" </dev/null
done
start
journal keep
trap '' INT TERM HUP # it is decided
trap - EXIT
settle || echo "the old contents could not be deleted; run deploy/restore.sh --undo to delete them" >&2
echo "restored from $from:$parts"
