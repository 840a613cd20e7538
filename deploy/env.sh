#!/bin/sh
# Prepares docker compose: .env from .env.example, random passwords under secrets/. Never changes what is there; run again, it
# makes what is missing, and readable what containers read.
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

# A setting of .env that is empty.
fill() {
	tr -d '\r' <.env | grep -q "^$1=\$" || return 0
	cp -p "$settings" "$settings.new" # its owner and mode, since it holds secrets
	sed "s|^$1=\($(printf '\r')*\)\$|$1=$2\1|" "$settings" >"$settings.new" # a Windows line end stays
	mv "$settings.new" "$settings"
	echo "set $1=$2 in .env"
}
umask 077
if [ ! -e .env ]; then
	cp .env.example .env.new
	mv .env.new .env
	echo "wrote .env: name the folder of your bot's log in it (BOT_LOG_DIR)"
fi
settings=$(readlink -f .env)
trap 'rm -f "$settings.new"' EXIT
fill SECRETS ./secrets
# "local" is UTC inside a container: the zone must be named.
fill BOT_TIMEZONE "$(readlink /etc/localtime 2>/dev/null | sed -n 's|.*/zoneinfo/||p' | grep . || echo UTC)"

# Folders of keys that the chosen compose files mount: docker compose must not fail on one that is missing.
separator=$(setting COMPOSE_PATH_SEPARATOR)
files=$(setting COMPOSE_FILE | tr "${separator:-:}" ' ')
for name in $(sed -n 's|.*{SECRETS:?[^}]*}/\([a-z0-9-]*\)".*|\1|p' ${files:-docker-compose.yml} 2>/dev/null | sort -u); do
	mkdir -p "secrets/$name"
done
chmod 755 secrets/*/

# A checkout or a key that was written under umask 077 could not be read by the containers.
chmod -R go+rX prometheus alertmanager grafana deploy secrets/*
# Containers are given the variables that compose names, so a misspelt one would be read by nobody.
unknown=""
for name in $(sed -n 's/^\(\(ALERT\|ALPACA\|BIGDIPPER\|BOT2*\)_[A-Za-z0-9_]*\)=.*/\1/p' .env); do
	cat docker-compose.yml deploy/*/compose.yml | grep -Eq "(\{|^ +)$name[:}]" || unknown="$unknown $name"
done
[ -z "$unknown" ] || { echo "no such setting in .env:$unknown" >&2 && exit 1; }
# Compose reads $name as a variable and what follows " #" as a comment: a password would arrive cut.
cut=$(grep -E "^(ALERT_[A-Z_]*|[A-Z0-9]*_?ALPACA_(KEY|SECRET))=" .env | grep -Ev "^[A-Z0-9_]+='" | sed 's/\$\$//g' | grep -E '[$]|[[:space:]]#' | sed 's/=.*//' | tr '\n' ' ' || :)
[ -z "$cut" ] || { echo "put the value between single quotes, it has \$ or #: ${cut% } (.env)" >&2 && exit 1; }
echo "Grafana: user admin, password in secrets/grafana_password"
