#!/bin/sh
# Prepares docker compose: .env from .env.example, random passwords under secrets/. Never changes what is there; run again, it
# makes what is missing, makes readable what containers read, and checks .env: names, channels that lack a variable, values that
# would be cut. Exit code 1 if something in .env is wrong.
set -eu
cd "$(dirname "$0")/.."
. deploy/dotenv.sh

# The folder is closed to other users. What is in it is not: containers have users of their own, and see only their part of it.
umask 022
mkdir -p secrets
chmod 700 secrets
mkdir -p secrets/exporter secrets/alerts secrets/prometheus secrets/api

# An empty file is no password: Grafana would start with the one that everyone knows.
random() {
	! grep -q '[^[:space:]]' "$1" 2>/dev/null || return 0
	[ ! -e "$1" ] || was_empty=1
	LC_ALL=C tr -dc 'A-Za-z0-9' </dev/urandom | head -c 24 >"$1.new"
	[ "$(wc -c <"$1.new")" -eq 24 ] || { echo "cannot write a password to $1" >&2 && exit 1; }
	mv "$1.new" "$1"
	echo "wrote $1"
}
was_empty=""
random secrets/grafana_secret_key
random secrets/grafana_password
random secrets/api/token
[ -z "$was_empty" ] || echo "if Grafana has run with the empty file: docker compose exec grafana grafana cli admin reset-admin-password NEW" >&2

# NAME VALUE [REMARK]: give a setting of .env that is empty a value, and say so.
fill() {
	tr -d '\r' <.env | grep -q "^$1=\$" || return 0
	cp -p "$settings" "$settings.new" # its owner and mode, since it holds secrets
	sed "s|^$1=\($(printf '\r')*\)\$|$1=$2\1|" "$settings" >"$settings.new" # a Windows line end stays
	mv "$settings.new" "$settings"
	echo "set $1=$2 in .env${3:-}"
}
umask 077
if [ ! -e .env ]; then
	cp .env.example .env.new
	mv .env.new .env
	echo "wrote .env"
fi
settings=$(readlink -f .env)
trap 'rm -f "$settings.new"' EXIT
fill SECRETS ./secrets
# "local" is UTC inside a container: the zone must be named.
fill BOT_TIMEZONE "$(readlink /etc/localtime 2>/dev/null | sed -n 's|.*/zoneinfo/||p' | grep . || echo UTC)" \
	", the zone of this machine: change it if the bot runs on another one, or in a container"

# Folders of keys that the chosen compose files mount: docker compose must not fail on one that is missing.
separator=$(setting COMPOSE_PATH_SEPARATOR)
files=$(setting COMPOSE_FILE | tr "${separator:-:}" ' ')
for name in $(sed -n 's|.*{SECRETS:?[^}]*}/\([a-z0-9-]*\)".*|\1|p' ${files:-docker-compose.yml} 2>/dev/null | sort -u); do
	mkdir -p "secrets/$name"
done
chmod 755 secrets/*/

# A checkout or a key that was written under umask 077 could not be read by the containers.
chmod -R go+rX prometheus alertmanager grafana deploy secrets/*

# ---- what is wrong in .env
wrong=""
complain() { echo "$1" >&2 && wrong=1; }
# Variables with a value; those without one, or with empty quotes, count as not set.
given=$(tr -d '\r' <.env | sed -E "/=[[:space:]]*(\"\"|'')[[:space:]]*(#.*)?\$/d" | sed -n 's/^[[:space:]]*\(export[[:space:]]\{1,\}\)\{0,1\}\([A-Za-z_][A-Za-z0-9_]*\)[[:space:]]*=[[:space:]]*[^[:space:]#].*/\2/p')
# Containers are given the variables that the compose files name, so a misspelt one would be read by nobody. A line `NAME: value`
# names none: the value there wins over .env.
compose_files="$(ls docker-compose.yml deploy/*/compose.yml deploy/bots/*.yml compose.override.y*ml docker-compose.override.y*ml $files 2>/dev/null || :)"
known=$({ grep -hoE '[$][{]?[A-Z][A-Z0-9_]+' $compose_files; grep -hoE '^ *(- *)?[A-Z][A-Z0-9_]+:? *(#.*)?$' $compose_files; } |
	sed 's/#.*//' | tr -d '${:\- ' | sort -u)
# A name that differs from a known one by at most one letter in eight (two that changed places count as one), or begins as the names
# of this project do, was meant to be one. Any other may be of the user's own, for another program, as the variables of proxies are.
unknown=$(printf '%s\n' "$given" | KNOWN=$known awk '
	function distance(a, b, i, j, d, least) {
		for (i = 0; i <= length(a); i++) d[i, 0] = i
		for (j = 0; j <= length(b); j++) d[0, j] = j
		for (i = 1; i <= length(a); i++) for (j = 1; j <= length(b); j++) {
			least = d[i - 1, j - 1] + (substr(a, i, 1) != substr(b, j, 1))
			if (d[i - 1, j] + 1 < least) least = d[i - 1, j] + 1
			if (d[i, j - 1] + 1 < least) least = d[i, j - 1] + 1
			if (i > 1 && j > 1 && substr(a, i - 1, 1) == substr(b, j, 1) && substr(a, i, 1) == substr(b, j - 1, 1) &&
				d[i - 2, j - 2] + 1 < least) least = d[i - 2, j - 2] + 1
			d[i, j] = least
		}
		return d[length(a), length(b)]
	}
	BEGIN {
		count = split(ENVIRON["KNOWN"], known, "\n")
		for (i in known) is_known[known[i]]
	}
	$0 == "" || $0 in is_known || /^(COMPOSE|DOCKER|BUILDKIT|BUILDX)_/ { next } # these are read by Docker
	toupper($0) ~ /_PROXY$/ { next }
	{
		nearest = ""; least = length($0) / 8 + 1
		for (i = 1; i <= count; i++) if ((d = distance(toupper($0), known[i])) < least) { least = d; nearest = known[i] }
		if (nearest != "") print $0 " (did you mean " nearest "?)"
		else if (toupper($0) ~ /^(BIGDIPPER|BOT[0-9]*|ALPACA|ALERT|GRAFANA|PROMETHEUS|ALERTMANAGER|EXPORTER)_/) print $0
	}')
[ -z "$unknown" ] || complain "no such setting in .env: $(printf '%s' "$unknown" | paste -s -d , - | sed 's/,/, /g')"

# The variables that go together, as alertmanager/render.py and the exporter ask for them: one of a line needs the first group.
has() { printf '%s\n' "$given" | grep -Eqx "(BIGDIPPER_)?$1(_FILE)?"; }
while read -r needed optional; do
	present="" missing=""
	for name in $(echo "$needed $optional" | tr ',' ' '); do ! has "$name" || present="$present $name"; done
	for name in $(echo "$needed" | tr ',' ' '); do has "$name" || missing="$missing $name"; done
	[ -z "$present" ] || [ -z "$missing" ] || complain "in .env,$present needs$missing (or a file: NAME_FILE)"
done <<END
ALERT_EMAIL_TO,ALERT_EMAIL_FROM,ALERT_EMAIL_SMTP ALERT_EMAIL_USER,ALERT_EMAIL_PASSWORD
ALERT_EMAIL_USER,ALERT_EMAIL_PASSWORD
ALERT_TELEGRAM_TOKEN,ALERT_TELEGRAM_CHAT
ALERT_NTFY_URL ALERT_NTFY_TOKEN
ALERT_PUSHOVER_USER,ALERT_PUSHOVER_TOKEN
ALERT_GOTIFY_URL,ALERT_GOTIFY_TOKEN
ALPACA_KEY,ALPACA_SECRET
BOT2_ALPACA_KEY,BOT2_ALPACA_SECRET
END

# Compose reads $name as a variable and what follows " #" as a comment: a password would arrive cut.
cut=$(grep -E "^(ALERT_[A-Z_]*|[A-Z0-9]*_?ALPACA_(KEY|SECRET))=" .env | grep -Ev "^[A-Z0-9_]+='" | sed 's/\$\$//g' | grep -E '[$]|[[:space:]]#' | sed 's/=.*//' | tr '\n' ' ' || :)
[ -z "$cut" ] || complain "put the value between single quotes, it has \$ or #: ${cut% } (.env)"
[ -z "$wrong" ] || exit 1

# What a bot of yours needs, unless no log is read here.
case ",$(setting COMPOSE_PROFILES)," in *,bot,*)
	case $files in *deploy/keys-alone/* | *deploy/central/*) ;; *)
		[ -n "$(setting BOT_LOG_DIR)" ] || echo "still to do: set BOT_LOG_DIR in .env, the folder of your bot's log (to watch an account without a log, see COMPOSE_FILE there)"
		;;
	esac ;;
esac
echo "Grafana: user admin, password in secrets/grafana_password"
