# Run inside a container by backup.sh and restore.sh: sh -ec "$(cat deploy/volume.sh)" volume.sh ACTION FOLDER [KEEP]
#   pack    write a tar archive of it to standard output, without KEEP
# The others replace what is in FOLDER, a volume, by renames alone, so that each step can be undone after any interruption:
#   stage   unpack the tar archive on standard input into .restore-new
#   file    write standard input to .restore-new/KEEP
#   unstage delete .restore-new
#   swap    move what is there to .restore-old, and .restore-new into its place; KEEP stays where the new content lacks it
#   undo    put .restore-old back; does nothing where there was no swap
#   commit  delete .restore-old
action=$1 keep=${3:-}
cd "$2"
new=.restore-new old=.restore-old gone=.restore-gone
moved=$old/.moved # everything old is in $old: what is beside it is new

# Call "$@ NAME" for each file in the folder $1.
each() {
	folder=$1
	shift
	for name in "$folder"/* "$folder"/.[!.]* "$folder"/..?*; do
		[ -e "$name" ] || [ -L "$name" ] || continue
		case ${name##*/} in "$new" | "$old" | "$gone" | .moved) continue ;; esac
		"$@" "$name"
	done
}
into() { mv -- "$2" "$1/"; }
aside() { # a file that was written between an interrupted swap and its undo
	[ ! -e "./${1##*/}" ] || { mkdir -p "$gone" && mv -- "./${1##*/}" "$gone/"; }
}

case $action in
pack) # not every tar knows --exclude
	set --
	for name in ./* ./.[!.]* ./..?*; do
		[ -e "$name" ] || [ -L "$name" ] || continue
		case ${name#./} in
		"$new" | "$old" | "$gone") ;;
		"${keep%/*}") for inner in "$name"/*; do [ "${inner#./}" = "$keep" ] || [ ! -e "$inner" ] || set -- "$@" "$inner"; done ;;
		*) set -- "$@" "$name" ;;
		esac
	done
	[ $# -gt 0 ] || set -- .
	tar -cf - "$@"
	;;
stage | file)
	[ ! -e "$old" ] || {
		echo "$2/$old is there: run deploy/restore.sh --undo where a restore was interrupted" >&2
		exit 1
	}
	rm -rf "$new" "$gone"
	umask 027
	mkdir "$new"
	if [ "$action" = stage ]; then tar -C "$new" -xf -; else cat >"$new/$keep"; fi
	;;
unstage) rm -rf "$new" ;;
swap)
	[ -d "$new" ]
	mkdir "$old"
	each . into "$old"
	sync
	: >"$moved"
	each "$new" into .
	if [ -n "$keep" ] && [ -e "$old/$keep" ] && [ ! -e "$keep" ]; then
		mkdir -p "${keep%/*}"
		cp -a "$old/$keep" "$keep"
	fi
	rmdir "$new"
	sync
	;;
undo)
	if [ -d "$old" ]; then
		if [ -e "$moved" ]; then
			each . rm -rf --
			rm "$moved"
		fi
		each "$old" aside
		each "$old" into .
		rmdir "$old"
	fi
	rm -rf "$new" "$gone"
	;;
commit)
	rm -rf "$gone"
	[ ! -d "$old" ] || mv "$old" "$gone"
	rm -rf "$gone"
	;;
esac
