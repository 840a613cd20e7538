#!/bin/sh
# Gives the demo and the tests a real Prometheus and Alertmanager from Debian's packages. Says so, and goes on, where it cannot.
missing=""
command -v prometheus >/dev/null && command -v promtool >/dev/null || missing="$missing prometheus"
command -v prometheus-alertmanager >/dev/null || command -v alertmanager >/dev/null || missing="$missing prometheus-alertmanager"
[ -z "$missing" ] && exit 0

if ! command -v apt-get >/dev/null; then
	echo "not here:$missing (no apt-get to install them with); going on without" >&2
	exit 0
fi
as_root=""
if [ "$(id -u)" != 0 ]; then
	if sudo -n true 2>/dev/null; then as_root="sudo -n"; else
		echo "not here:$missing; install them with: sudo apt-get install$missing. Going on without" >&2
		exit 0
	fi
fi

echo "installing$missing ..." >&2
# Only the programs are wanted: their services must not start by themselves.
policy=/usr/sbin/policy-rc.d
trap '[ -z "${made:-}" ] || $as_root rm -f "$policy"' EXIT
trap 'exit 130' INT TERM HUP
[ -e "$policy" ] || { made=1; printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null && $as_root chmod +x "$policy"; }
$as_root env DEBIAN_FRONTEND=noninteractive sh -c "apt-get -q update >/dev/null && apt-get -q install -y --no-install-recommends $missing >/dev/null"
command -v prometheus >/dev/null || echo "could not install$missing; going on without" >&2
exit 0
