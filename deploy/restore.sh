#!/bin/sh
# deploy/restore.sh FOLDER puts everything back that deploy/backup.sh saved there. What is there now is lost.
set -eu
[ $# = 1 ] && [ -d "$1" ] || { echo "usage: deploy/restore.sh FOLDER, a folder that deploy/backup.sh wrote" >&2; exit 2; }
from=$(cd "$1" && pwd)
cd "$(dirname "$0")/.."

# SERVICE COMMAND: runs it with the volumes of the stopped service, as the service's own user.
inside() { docker compose run --rm --no-deps -T --entrypoint sh "$1" -ec "$2"; }

docker compose stop
for exporter in $(docker compose config --services | grep '^exporter'); do
	inside "$exporter" 'rm -f /archive/bigdipper.db*; cat >/archive/bigdipper.db' <"$from/$exporter.db"
done
inside prometheus 'rm -rf /prometheus/*; tar -C /prometheus -xf -' <"$from/prometheus.tar"
inside alertmanager 'rm -rf /alertmanager/*; tar -C /alertmanager -xf -' <"$from/alertmanager.tar"
inside grafana 'rm -rf /var/lib/grafana/*; tar -C /var/lib/grafana -xf -' <"$from/grafana.tar"
docker compose up --detach --build # the way back from an upgrade needs the older image
