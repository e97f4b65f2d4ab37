#!/bin/sh
# Check that files are inside a directory, following links: DIRECTORY [NAME PATH]...
# End with 1 and a sentence for the log if a PATH does not exist or leads out.
root=$(cd -P -- "$1" && pwd -P) || exit 1
shift
while [ $# -ge 2 ]; do
    found=$(readlink -f -- "$root/$2")
    if [ ! -e "$found" ]; then
        printf 'The %s %s is not in the repository\n' "$1" "$2" >&2
        exit 1
    fi
    case $found in
    "$root"/*) ;;
    *)
        printf 'The %s %s leads out of the repository\n' "$1" "$2" >&2
        exit 1
        ;;
    esac
    shift 2
done
