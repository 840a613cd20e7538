#!/bin/sh
# deploy/backup.sh FOLDER saves everything into a new folder. Archives are copied while their exporters run; Prometheus,
# Alertmanager and Grafana pause for some seconds, one after the other. Options of docker compose: in .env or COMPOSE_*.
set -eu
[ $# = 1 ] || { echo "usage: deploy/backup.sh FOLDER" >&2; exit 2; }
[ ! -e "$1" ] || { echo "$1 exists already: name a new folder" >&2; exit 2; }
umask 077
mkdir -p "$1"
to=$(cd "$1" && pwd)
cd "$(dirname "$0")/.."

for exporter in $(docker compose config --services | grep '^exporter'); do
	docker compose exec -T "$exporter" sh -ec '
		trap "rm -f /archive/.backup.db" EXIT
		big-dipper-exporter backup /archive/.backup.db >&2
		cat /archive/.backup.db' >"$to/$exporter.db"
done

save() {
	docker compose stop "$1"
	code=0
	docker compose run --rm --no-deps -T --entrypoint tar "$1" -C "$2" -cf - . >"$to/$1.tar" || code=$?
	docker compose start "$1"
	return $code
}
save prometheus /prometheus
save alertmanager /alertmanager
save grafana /var/lib/grafana
ls -lh "$to"
