#!/bin/sh
# Prepares docker compose, once: .env from .env.example, and random passwords under secrets/. Never changes what is there.
set -eu
cd "$(dirname "$0")/.."

# The folder is closed to other users. What is in it is not: containers have users of their own, and see only their part of it.
umask 022
mkdir -p secrets
chmod 700 secrets
for part in exporter alerts prometheus grafana; do mkdir -p "secrets/$part"; done

random() {
	[ -e "$1" ] && return
	LC_ALL=C tr -dc 'A-Za-z0-9' </dev/urandom | head -c 24 >"$1"
	echo "wrote $1"
}
random secrets/grafana/grafana-password
random secrets/grafana/grafana-secret-key

# "local" is UTC inside a container: the zone must be named.
zone=$(readlink /etc/localtime 2>/dev/null | sed -n 's|.*/zoneinfo/||p')
if [ -e .env ]; then
	echo ".env is there already and stays as it is"
else
	(umask 077 && sed -e 's|^SECRETS=$|SECRETS=./secrets|' -e "s|^BOT_TIMEZONE=\$|BOT_TIMEZONE=${zone:-UTC}|" .env.example >.env)
	echo "wrote .env: name the folder of your bot's log in it (BOT_LOG_DIR), and check its time zone (${zone:-UTC})"
fi
# A checkout under umask 077 could not be read by the containers.
chmod -R go+rX prometheus alertmanager grafana
echo "Grafana: user admin, password in secrets/grafana/grafana-password"
