#!/bin/sh
# Adds a bot to the compose stack: an exporter and an archive of its own; Prometheus, Alertmanager and Grafana are shared.
#
#   deploy/add-bot.sh NAME LOG [TIMEZONE]
#
#   NAME      the bot's name in metrics, alerts and boards
#   LOG       its log file; or the folder of the log, if the file is called big_dipper.log
#   TIMEZONE  of the times in the log, such as America/New_York; by default BOT_TIMEZONE of .env
#
# Its Alpaca keys go into the files alpaca_key and alpaca_secret in secrets/exporter-NAME. The script writes deploy/bots/NAME.yml,
# NAME-archive.yml and NAME-target.yml, and adds the first to COMPOSE_FILE in .env. Nothing takes effect before docker compose up -d:
# a target that Prometheus knew earlier would raise ExporterDown. To remove the bot, take deploy/bots/NAME.yml out of COMPOSE_FILE, run
# docker compose up -d --remove-orphans, and delete the three files.
set -eu
cd "$(dirname "$0")/.."
. deploy/dotenv.sh
fail() { echo "add-bot: $1" >&2 && exit 2; }

[ $# -ge 2 ] && [ $# -le 3 ] || fail "usage: deploy/add-bot.sh NAME LOG [TIMEZONE]"
name=$1 log_folder=$2 log_file=big_dipper.log
case $name in "" | [!a-z]* | *[!a-z0-9-]* | ??????????????????????????????*)
	fail "NAME '$name': allowed are lower-case letters, digits and -, a letter first, at most 29" ;;
esac
! grep -q "^  exporter-$name:" docker-compose.yml deploy/*/compose.yml || fail "NAME '$name': the service exporter-$name exists already"
if [ -f "$log_folder" ]; then
	log_file=$(basename "$log_folder")
	log_folder=$(dirname "$log_folder")
fi
[ -d "$log_folder" ] || fail "LOG '$log_folder' is neither a file nor a folder"
log_folder=$(cd "$log_folder" && pwd)
log=$log_folder/$log_file
case $log in *[!A-Za-z0-9/._-]*) fail "LOG '$log' has characters other than letters, digits and /._-, which compose may misread" ;; esac
[ -e .env ] || fail "there is no .env: run make env first"
settings=$(readlink -f .env)
[ -z "${COMPOSE_FILE:-}" ] || fail "COMPOSE_FILE is set in this shell, where it wins over .env: put it into .env, and unset it here"
compose_files=$(setting COMPOSE_FILE) separator=$(setting COMPOSE_PATH_SEPARATOR)
targets=$(ls prometheus/targets/*.yml)
case $compose_files in *deploy/second-bot/*) targets="$targets deploy/second-bot/targets.yml" ;; esac
! grep -Eqh "bot: *[\"']?$name[\"']? *(,|\}|\$)" $targets || fail "NAME '$name': another bot has it; its figures and alerts would be mixed up"
zone=${3:-$(setting BOT_TIMEZONE)}
[ "${zone:-local}" = local ] || [ ! -d /usr/share/zoneinfo ] || [ -f "/usr/share/zoneinfo/$zone" ] ||
	fail "TIMEZONE '$zone': no such time zone; allowed are names such as America/New_York"
compose=deploy/bots/$name.yml archive=deploy/bots/$name-archive.yml target=deploy/bots/$name-target.yml
# The last is where earlier releases wrote the target.
for file in "$compose" "$archive" "$target" "prometheus/targets/bot-$name.yml"; do
	[ ! -e "$file" ] || fail "$file exists: the bot '$name' has already been added"
done

# Whole or not at all: an interrupted run leaves nothing behind, and can be repeated.
undo() { rm -f "$compose" "$archive" "$target" "$settings.new"; }
trap undo EXIT
trap 'exit 130' INT TERM HUP

umask 022
mkdir -p deploy/bots "secrets/exporter-$name"
cat >"$compose" <<END
services:
  exporter-$name:
    extends: {file: docker-compose.yml, service: exporter}
    environment:
      BIGDIPPER_BOT_NAME: $name
      BIGDIPPER_LOG_TIMEZONE: ${zone:-local}
      LOG_PATH: /bot/$log_file
      ALPACA_PAPER: "true"
      # In .env these are settings of the first bot. This one's own values belong here.
      BIGDIPPER_CONFIG_FILE: ""
      BIGDIPPER_LOG_FROM: ""
      BIGDIPPER_LOG_COPIES: ""
      BIGDIPPER_LOG_ROTATED: ""
      BIGDIPPER_BOT_CONFIG: ""
      BIGDIPPER_BOT_CONFIG_COPIES: ""
      BIGDIPPER_LIMITS_BRAKE: ""
      BIGDIPPER_LIMITS_HARD: ""
      BIGDIPPER_ALPACA_PAPER: ""
      # Keys are files in secrets/exporter-$name. Without keys, by the log alone: ALPACA_KEY_FILE: "" and ALPACA_SECRET_FILE: ""
      ALPACA_KEY_FILE: /run/secrets/alpaca_key
      ALPACA_SECRET_FILE: /run/secrets/alpaca_secret
      ALPACA_KEY: ""
      ALPACA_SECRET: ""
      BIGDIPPER_ALPACA_KEY: ""
      BIGDIPPER_ALPACA_SECRET: ""
      BIGDIPPER_ALPACA_KEY_FILE: ""
      BIGDIPPER_ALPACA_SECRET_FILE: ""
    volumes:
      - {type: bind, source: $log_folder, target: /bot, read_only: true, bind: {create_host_path: false}}
      - {type: bind, source: "\${SECRETS:?run make env first, it writes .env and random passwords}/exporter-$name", target: /run/secrets, read_only: true, bind: {create_host_path: false}}
      - archive-$name:/archive

  prometheus:
    volumes:
      - ./$target:/bots/$name.yml:ro

  grafana:
    volumes:
      - ./$archive:/etc/grafana/provisioning/datasources/$name.yml:ro
      - {type: volume, source: archive-$name, target: /archive-$name, read_only: true, volume: {nocopy: true}}

volumes:
  archive-$name:
END
sed -e "s/Archive of second/Archive of $name/" -e "s/archive-2/archive-$name/g" deploy/second-bot/datasource.yml >"$archive"
cat >"$target" <<END
- targets: ["exporter-$name:10077"]
  labels: {bot: $name}
END

# A copy first, which has the owner and the mode of .env, since it holds secrets.
cp -p "$settings" "$settings.new"
if [ -z "$compose_files" ]; then # what compose takes without the variable
	compose_files=docker-compose.yml
	for file in compose.override.yml compose.override.yaml docker-compose.override.yml docker-compose.override.yaml; do
		[ ! -e "$file" ] || { compose_files=$compose_files${separator:-:}$file && break; }
	done
fi
chosen=$compose_files${separator:-:}$compose
case $chosen in *[!A-Za-z0-9/._:,\;-]*) chosen="'$chosen'" ;; esac
LINE="COMPOSE_FILE=$chosen" awk '
	/^[ \t]*(export[ \t]+)?COMPOSE_FILE[ \t]*=/ { if (!done++) print ENVIRON["LINE"]; next }
	{ print }
	END { if (!done) print ENVIRON["LINE"] }' "$settings" >"$settings.new"
mv "$settings.new" "$settings"
trap - EXIT
[ -e "$log" ] || echo "add-bot: there is no $log yet; if the log has another name, correct LOG_PATH in $compose" >&2
echo "added $name: put its keys into secrets/exporter-$name (alpaca_key, alpaca_secret; to watch its log alone, see $compose), then run make env and docker compose up -d"
