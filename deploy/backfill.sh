#!/bin/sh
# Gives Prometheus the past of a bot's archive, so that graphs begin before its first start. Run it while Prometheus has no data yet:
#   docker compose up -d exporter      and wait until the history is read: docs/deployment.md, "The past in Prometheus"
#   deploy/backfill.sh
#   docker compose up -d
# If Prometheus has run before: deploy/backfill.sh --to DATE, with the day before its first start (New York, included).
#   deploy/backfill.sh [--to DATE] [SERVICE]       SERVICE is the bot's exporter (default: exporter)
set -eu
cd "$(dirname "$0")/.."
. deploy/dotenv.sh
refuse() {
	echo "backfill: $*" >&2
	exit 2
}
until='' service=exporter
keep=${PROMETHEUS_KEEP:-$(setting PROMETHEUS_KEEP)} # as docker-compose.yml reads it
while [ $# -gt 0 ]; do
	case $1 in
	--to) [ $# -ge 2 ] || refuse "--to needs a date"; until=$2; shift 2 ;;
	-*) refuse "unknown option $1; usage: deploy/backfill.sh [--to DATE] [SERVICE]" ;;
	*) service=$1; shift ;;
	esac
done
bot=$(cat prometheus/targets/*.yml deploy/bots/*-target.yml 2>/dev/null | tr -d '"' | grep -F -A 2 "[$service:10077]" | sed -n 's/.*bot: *\([^},]*\).*/\1/p' | head -n 1)
[ -n "$bot" ] || refuse "no file in prometheus/targets or deploy/bots has the target $service:10077 with a label bot"

in_prometheus() { docker compose run --rm --no-deps -T --entrypoint sh prometheus -ec "$1"; }
if [ -z "$until" ] && in_prometheus '[ -e /prometheus/wal ]' </dev/null; then
	refuse "Prometheus has data: add --to with the day before its first start, so that no sample is there twice"
fi

# The exporter's image has no promtool, Prometheus' has no Python: text goes from one to the other.
in_exporter() { docker compose run --rm --no-deps -T --entrypoint sh "$service" -ec "$1" </dev/null; }
folder=/archive/backfill
finish() {
	code=$?
	trap '' INT TERM HUP
	trap - EXIT
	in_exporter "rm -rf $folder" || true
	in_prometheus 'rm -rf /prometheus/backfill' </dev/null || true
	exit "$code"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
in_exporter "rm -rf $folder; big-dipper-exporter backfill --text --out $folder --label bot=$bot --label instance=$service:10077 ${until:+--to $until} ${keep:+--keep $keep}"
in_exporter "tar -C $folder -cf - ." | in_prometheus '
	rm -rf /prometheus/backfill && mkdir -p /prometheus/backfill/blocks && cd /prometheus/backfill
	tar -xf -
	for file in *.om; do
		[ -e "$file" ] || { echo "the archive knows no past" >&2; exit 1; }
		promtool tsdb create-blocks-from --max-block-duration=486h openmetrics "$file" blocks >/dev/null
	done
	trap "" INT TERM HUP # all blocks or none: the next run would give again what had arrived
	mv blocks/* /prometheus
	rm -rf /prometheus/backfill'
echo "Prometheus has the past of $bot: docker compose up -d"
