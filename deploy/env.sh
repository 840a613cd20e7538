#!/bin/sh
# Prepares docker compose: .env from .env.example, random passwords under secrets/. Never changes what is there; run again, it
# makes what is missing, and readable what containers read.
set -eu
cd "$(dirname "$0")/.."

# The folder is closed to other users. What is in it is not: containers have users of their own, and see only their part of it.
umask 022
mkdir -p secrets
chmod 700 secrets
mkdir -p secrets/exporter secrets/alerts secrets/prometheus

random() {
	[ -e "$1" ] && return
	LC_ALL=C tr -dc 'A-Za-z0-9' </dev/urandom | head -c 24 >"$1"
	echo "wrote $1"
}
random secrets/grafana_password
random secrets/grafana_secret_key

# A setting of .env that is empty.
fill() {
	grep -q "^$1=\$" .env || return 0
	sed "s|^$1=\$|$1=$2|" .env >.env.new
	cat .env.new >.env
	rm .env.new
	echo "set $1=$2 in .env"
}
umask 077
if [ ! -e .env ]; then
	cp .env.example .env
	echo "wrote .env: name the folder of your bot's log in it (BOT_LOG_DIR)"
fi
fill SECRETS ./secrets
# "local" is UTC inside a container: the zone must be named.
fill BOT_TIMEZONE "$(readlink /etc/localtime 2>/dev/null | sed -n 's|.*/zoneinfo/||p' | grep . || echo UTC)"

# A checkout or a key that was written under umask 077 could not be read by the containers.
chmod -R go+rX prometheus alertmanager grafana deploy secrets/*
echo "Grafana: user admin, password in secrets/grafana_password"
