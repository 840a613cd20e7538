# Sourced by the other scripts. setting NAME prints the value that docker compose reads from .env: the last one, without quotes, a
# comment behind it, or a Windows line end. Nothing where it is not set.
setting() {
	[ -e .env ] || return 0
	tr -d '\r' <.env | sed -n "s/^[[:space:]]*\(export[[:space:]]\{1,\}\)\{0,1\}$1[[:space:]]*=[[:space:]]*//p" | tail -n 1 |
		sed -e "s/^'\([^']*\)'.*/\1/" -e t -e 's/^"\([^"]*\)".*/\1/' -e t -e 's/[[:space:]]#.*//' -e 's/^#.*//' -e 's/[[:space:]]*$//'
}
