#!/bin/sh
# The parts of a checkout that need more than one call of git: VERB
#
#   fetch     update the mirror; recreate it if it is damaged
#   clone     copy the mirror into the target
#   checkout  find the commit and check it out; print how many files are pointers of
#             Git LFS
#   repair    after a failed clone or checkout: recreate the mirror and repeat both
#   local     clone a repository of this machine, without a mirror
#   submodules  clone the submodules of a local repository, one level after the other
#
# All input is in the environment: CHECKOUT_URL, CHECKOUT_MIRROR, CHECKOUT_TARGET;
# CHECKOUT_MARKER, a file that marks the mirror as damaged; CHECKOUT_WANTED, the possible
# references, a line each, in the order in which they are tried, and CHECKOUT_NOT_FOUND,
# the sentence if none exists; CHECKOUT_ORIGIN, the URL of the clone's remote; for a local
# repository CHECKOUT_PLACE, CHECKOUT_SETTINGS (a file that is created), CHECKOUT_REMOTE
# (the lines of .git/config for the remote), CHECKOUT_PLACES_ALLOWED and
# CHECKOUT_PLACES_DENIED (real paths, a line each).
set -uf
newline='
'
heads='+refs/heads/*:refs/heads/*'
tags='+refs/tags/*:refs/tags/*'
default=refs/semaphore/head

say() {
    printf '%s\n' "$1" >&2
}

# Fetch into the repository $1; further arguments are options of git fetch.
fetch_into() {
    into=$1
    shift
    set -- "$@" -- "$CHECKOUT_URL" "$heads" "$tags"
    [ "$CHECKOUT_WANTED" != "$default" ] || set -- "$@" "+HEAD:$default"
    git --git-dir="$into" fetch --quiet --prune --no-tags --update-shallow \
        --update-head-ok --no-write-fetch-head --no-recurse-submodules "$@"
}

# Query the remote: end with 1 if it does not answer, with 3 and a sentence if it has
# nothing that can be fetched. Set $format to its object format.
look() {
    git ls-remote --quiet -- "$CHECKOUT_URL" HEAD 'refs/heads/*' 'refs/tags/*' \
        >"$CHECKOUT_MARKER.refs" || return 1
    first=$(sed -n '1s/[^0-9a-f].*//p' "$CHECKOUT_MARKER.refs")
    found=$(sed -n "s/^[0-9a-f]*	HEAD\$/yes/p" "$CHECKOUT_MARKER.refs")
    rm -f "$CHECKOUT_MARKER.refs"
    format=sha1
    [ ${#first} -ne 64 ] || format=sha256
    if [ -z "$first" ]; then
        say "The repository is empty: it has no branch and no tag yet"
        return 3
    fi
    if [ "$CHECKOUT_WANTED" = "$default" ] && [ -z "$found" ]; then
        say "The repository has no default branch (its HEAD names a branch that does not exist): name a branch"
        return 3
    fi
}

# Create a repository in the directory $1; further arguments are options of git init.
make() {
    folder=$1
    shift
    [ "$format" = sha1 ] || set -- "$@" --object-format="$format"
    git init --quiet --template= "$@" -- "$folder"
}

# Recreate the mirror in a second directory, which replaces it when it is complete.
rebuild() {
    new=$CHECKOUT_MIRROR.new old=$CHECKOUT_MIRROR.old
    rm -rf -- "$new" "$old"
    if ! make "$new" --bare || ! fetch_into "$new"; then
        rm -rf -- "$new"
        return 1
    fi
    [ ! -e "$CHECKOUT_MIRROR" ] || mv -- "$CHECKOUT_MIRROR" "$old" || return 1
    mv -- "$new" "$CHECKOUT_MIRROR" && rm -rf -- "$old"
}

fetch() {
    # What a crash left.
    [ ! -e "$CHECKOUT_MIRROR.new" ] && [ ! -e "$CHECKOUT_MIRROR.old" ] ||
        rm -rf -- "$CHECKOUT_MIRROR.new" "$CHECKOUT_MIRROR.old"
    if [ -e "$CHECKOUT_MIRROR" ]; then
        # This step holds the mirror's lock, so a lock of git is left over from a crash.
        find "$CHECKOUT_MIRROR" -name '*.lock' -type f -delete
        fetch_into "$CHECKOUT_MIRROR" && return
    fi
    look || return
    [ ! -e "$CHECKOUT_MIRROR" ] ||
        say "The copy of the repository on this server is damaged or out of date; it is made again"
    rebuild
}

clone() {
    GIT_ALLOW_PROTOCOL=file git clone --quiet --no-hardlinks --no-checkout \
        --template= -c "remote.origin.fetch=$heads" \
        -c 'remote.origin.fetch=+refs/semaphore/*:refs/semaphore/*' \
        -- "$CHECKOUT_MIRROR" "$CHECKOUT_TARGET" &&
        git -C "$CHECKOUT_TARGET" remote set-url -- origin "$CHECKOUT_ORIGIN"
}

# Print the wanted commit in the repository $1, or the tag that names it.
commit_of() {
    IFS=$newline
    for name in $CHECKOUT_WANTED; do
        # Full names of existing references, and full hashes, are unambiguous.
        case $name in
        refs/*) git --git-dir="$1" show-ref --verify --hash "$name" 2>/dev/null ;;
        *)
            git --git-dir="$1" rev-parse --verify --quiet --end-of-options \
                "$name^{commit}"
            ;;
        esac && return
    done
    return 1
}

# Check the wanted commit out; 3 means that it does not exist.
checkout() {
    if commit=$(commit_of "$CHECKOUT_TARGET/.git"); then
        if git -C "$CHECKOUT_TARGET" checkout --quiet --detach --force \
            "$commit^{commit}" --; then
            pointers
            return 0
        fi
        git -C "$CHECKOUT_TARGET" rev-parse --verify --quiet "$commit^{commit}" \
            >/dev/null && return 1
    fi
    # If an object of a reference is missing, the repository is damaged.
    git -C "$CHECKOUT_TARGET" for-each-ref --format='%(objecttype)' >/dev/null || return 1
    # A local repository may be empty.
    [ -z "$CHECKOUT_URL" ] || look || return
    say "$CHECKOUT_NOT_FOUND"
    return 3
}

# End with 0 after success, with an error if the commit does not exist, else request the
# repair.
judge() {
    status=$1
    case $status in 0 | 3) exit "$status" ;; esac
    : >"$CHECKOUT_MARKER"
    exit 75
}

# Whether the real path $1 is inside one of the directories $2, a line each.
inside() {
    IFS=$newline
    for folder in $2; do
        case $1/ in "${folder%/}"/*) return 0 ;; esac
    done
    return 1
}

# Whether a repository may lie at the path $1, links followed.
permitted() {
    real=$(readlink -f -- "$1" && printf x) || {
        say "$1 does not exist, or the jobs' user cannot reach it"
        return 1
    }
    real=${real%"$newline"x}
    if inside "$real" "$CHECKOUT_PLACES_DENIED"; then
        say "$1 is inside a directory of this server, where no repository may be"
        return 1
    fi
    [ "$CHECKOUT_PLACES_ALLOWED" = any ] || inside "$real" "$CHECKOUT_PLACES_ALLOWED" || {
        say "$1 is outside the directories of the option repositories.local"
        return 1
    }
}

# Check the real paths of the repository in the current directory and of its alternates.
permitted_here() {
    here=$(pwd -P && printf x)
    here=${here%"$newline"x}
    permitted "$here" || return 1
    places=$(
        export GIT_CEILING_DIRECTORIES="${here%/*}"
        places=$(git rev-parse --path-format=absolute --show-object-format \
            --git-dir --git-common-dir --git-path objects) || exit
        printf '%s\n' "$places"
        [ ! -e "${places##*"$newline"}/info/alternates" ] ||
            git count-objects -v | sed -n 's/^alternate: //p'
    ) || return 1
    format=${places%%"$newline"*}
    IFS=$newline
    last=
    for place in ${places#*"$newline"}; do
        # What has just been searched.
        case $place in
        "$last") continue ;;
        "$last/objects") [ -L "$place" ] || continue ;;
        esac
        last=$place
        permitted "$place" || return 1
        for link in $(
            find "$place/" -path "*$newline*" -exec echo / ';' -quit -o -type l -print
        ); do
            if [ "$link" = / ]; then
                say "$place has a file with a line break in its name"
                return 1
            fi
            # A dangling link is harmless.
            [ ! -e "$link" ] || permitted "$link" || return 1
        done
    done
}

# Accept repositories of other owners (safe.directory): they are only read.
trust() {
    export GIT_CONFIG_GLOBAL="$CHECKOUT_SETTINGS"
    printf '[safe]\n\tdirectory = *\n' >"$CHECKOUT_SETTINGS"
}

local_clone() {
    trust
    cd -- "$CHECKOUT_PLACE" 2>/dev/null || {
        say "$CHECKOUT_PLACE does not exist, or the jobs' user cannot enter it"
        return 1
    }
    permitted_here || return 1
    # From here on the directory stays the same, even if its path is changed.
    CHECKOUT_URL=. CHECKOUT_MARKER=$CHECKOUT_TARGET
    make "$CHECKOUT_TARGET" || return
    if ! fetch_into "$CHECKOUT_TARGET/.git" --no-auto-maintenance; then
        look || return
        return 1
    fi
    printf '%s' "$CHECKOUT_REMOTE" >>"$CHECKOUT_TARGET/.git/config"
}

# Update the submodules of the current directory, after checking their locations.
submodules() {
    [ -f .gitmodules ] || return 0
    git submodule --quiet init || return 1
    IFS=$newline
    for name in $(git config --name-only --get-regexp '^submodule\..*\.url$'); do
        url=$(git config --get "$name" && printf x) || return 1
        url=${url%"$newline"x}
        case $url in
        *"$newline"*)
            say "The URL of a submodule has a line break"
            return 1
            ;;
        /*) place=$url ;;
        [Ff][Ii][Ll][Ee]://*%*)
            say "The URL of the submodule $url has a percent sign"
            return 1
            ;;
        [Ff][Ii][Ll][Ee]://*) place=${url#*://} ;;
        *://* | *:*)
            # Git reads a text with a slash before its first colon as a local path.
            case ${url%%:*} in
            */*) place=./$url ;;
            *) continue ;;
            esac
            ;;
        *) place=./$url ;;
        esac
        (cd -- "$place" && permitted_here) || return 1
    done
    git submodule --quiet update --init --force || return 1
    git submodule --quiet foreach 'sh -c "eval \"\$CHECKOUT_SCRIPT\"" sh submodules'
}

# Print how many files have their content in Git LFS, which is not fetched.
pointers() {
    git -C "$CHECKOUT_TARGET" grep --quiet -e filter=lfs -- \
        ':(glob)**/.gitattributes' || return 0
    number=$(git -C "$CHECKOUT_TARGET" grep --files-with-matches -I \
        -e '^version https://git-lfs.github.com/spec/v1$' | wc -l)
    [ "$number" -eq 0 ] ||
        say "Files that are only pointers of Git LFS, whose content is not fetched: $number"
}

case $1 in
fetch) fetch ;;
clone)
    clone
    judge $?
    ;;
checkout)
    [ ! -e "$CHECKOUT_MARKER" ] || exit 75
    checkout
    judge $?
    ;;
repair)
    say "The copy of the repository on this server is damaged; it is made again"
    rm -rf -- "$CHECKOUT_TARGET"
    look && rebuild && clone && checkout
    ;;
local) local_clone && checkout ;;
submodules)
    trust
    cd -- "$CHECKOUT_TARGET" && CHECKOUT_TARGET=. && submodules
    ;;
esac
