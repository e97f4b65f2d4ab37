#!/bin/sh
# Enrolls this machine in the VPN of a Semaphore server.
#
#     sh join.sh [--ca FILE] [--name NAME] [--interface NAME] [--config-dir FOLDER]
#                [--up | --no-up] https://HOST < TOKEN
#
# The key is made here and stays here; the server gets the public one. The token comes
# on standard input, so that nobody sees it among the arguments of a command. What the
# server answers is checked line by line before anything is written, since wg-quick
# would run some lines as commands. Run twice it is harmless.
#
# Needed: wg, curl, and the usual tools of POSIX.

set -eu
umask 077
LC_ALL=C
export LC_ALL

PLACE=PRIVATE-KEY-OF-THIS-DEVICE

say() { printf '%s\n' "$*"; }

fail() {
    printf 'join: %s\n' "$*" >&2
    exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

ca='' name='' interface=semaphore folder='' up=auto url=''
while [ $# -gt 0 ]; do
    case $1 in
    --ca | --name | --interface | --config-dir)
        [ $# -gt 1 ] || fail "$1: a value is wanted"
        case $1 in
        --ca) ca=$2 ;;
        --name) name=$2 ;;
        --interface) interface=$2 ;;
        --config-dir) folder=$2 ;;
        esac
        shift
        ;;
    --up) up=yes ;;
    --no-up) up=no ;;
    https://*) url=${1%/} ;;
    *) fail "$1: not known; an address such as https://vpn.example.net is wanted" ;;
    esac
    shift
done

case $url in
'') fail 'an address such as https://vpn.example.net is wanted' ;;
*[!]A-Za-z0-9._~:/%[-]*) fail 'the address has characters that no address has' ;;
esac
case $interface in
'' | [-.]* | *[!A-Za-z0-9_=+.-]* | ????????????????*)
    fail '--interface: up to 15 letters, digits and _=+.- are wanted' ;;
esac
for program in wg curl sed; do
    have $program || fail "$program is missing; install wireguard-tools and curl first"
done

root=no
[ "$(id -u)" != 0 ] || root=yes
if [ -z "$folder" ]; then
    if [ $root = yes ]; then folder=/etc/wireguard; else folder=$PWD; fi
fi
mkdir -p "$folder" || fail "$folder cannot be made"
folder=$(cd "$folder" && pwd)
file=$folder/$interface.conf
joined=$folder/.$interface.joined
pending=$folder/.$interface.pending

named=yes
if [ -z "$name" ]; then
    named=no
    name=$(uname -n | sed 's/[.].*//; s/[^A-Za-z0-9-]/-/g; s/^-*//; s/-*$//' | cut -c1-60)
fi
case ${name:=machine} in
*['"\']* | *[[:cntrl:]]*) fail '--name: neither quotes nor backslashes are wanted' ;;
esac

[ ! -t 0 ] || printf 'The token of the invite: ' >&2
IFS= read -r token || [ -n "${token-}" ] || fail 'no token came on standard input'
case $token in
*[!A-Za-z0-9_-]*) fail 'what came on standard input is not the token of an invite' ;;
smp-enroll-*) [ ${#token} = 54 ] || fail 'the token is cut off, or too long' ;;
*) fail 'what came on standard input is not the token of an invite' ;;
esac

digest() {
    if have sha256sum; then sha256sum; else shasum -a 256; fi | sed 's/[^0-9a-f].*//'
}

# field NAME FILE: a value in one of our own small JSON files
field() { sed -n "s/.*\"$1\":\"\\([^\"]*\\)\".*/\\1/p" "$2"; }

link=$(printf '%s' "$token" | digest)

# --- the tunnel -----------------------------------------------------------------

is_up() { wg show "$interface" >/dev/null 2>&1; }

bring_up() {
    if [ $up = auto ]; then
        up=no
        if [ $root = yes ] && have wg-quick; then up=yes; fi
    fi
    if [ $up = no ]; then
        say "Next: wg-quick up $file, then open $1"
        return
    fi
    have wg-quick || fail "wg-quick is missing; $file is there"
    if ! is_up; then
        wg-quick up "$file" >"$work/up" 2>&1 || {
            cat "$work/up" >&2
            fail "wg-quick up $file has failed; the file is in order"
        }
    fi
    say "The tunnel $interface is up; open $1"
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

if [ -e "$file" ]; then
    [ -e "$joined" ] || fail "$file is there and is not ours; give another --interface"
    site=$(field url "$joined")
    [ "$(field link "$joined")" = "$link" ] ||
        fail "$file is there: this machine joined $site with another link"
    say "Joined already: $file"
    rm -f "$pending"
    bring_up "$site"
    exit 0
fi

# --- the key, and what the server says to it ----------------------------------------

key=
if [ -e "$pending" ] && [ "$(field link "$pending")" = "$link" ]; then
    key=$(field private_key "$pending") # an answer was lost; the same key gets it again
fi
if [ -z "$key" ]; then
    key=$(wg genkey)
    printf '{"link":"%s","private_key":"%s"}\n' "$link" "$key" >"$pending"
fi
public=$(printf '%s\n' "$key" | wg pubkey)

ask() {
    set -- -q --silent --show-error --proto =https --max-time 60
    [ -z "$ca" ] || set -- "$@" --cacert "$ca"
    printf '{"token":"%s","public_key":"%s","name":"%s"}' "$token" "$public" "$name" |
        curl "$@" --header 'Content-Type: application/json' \
            --header 'Accept: text/plain' --dump-header "$work/head" \
            --output "$work/answer" --write-out '%{http_code}' --data-binary @- \
            "$url/api/vpn/enroll"
}

# enroll: asks, and asks again where no answer came
enroll() {
    for pause in 1 3 0; do
        code=0
        status=$(ask) || code=$?
        case $code in
        0) break ;;
        35 | 51 | 58 | 60 | 77 | 83) break ;; # the server is not trusted
        esac
        sleep $pause
    done
    [ "$code" = 0 ] || fail "$url: no answer that can be trusted; try again later"
    said=$(sed -En 's/.*"error":"(([^"\\]|\\.)*)".*/\1/p' "$work/answer" |
        sed 's/\\\(["\\]\)/\1/g' | cut -c1-500)
}

enroll
case $status,$named,$said in
409,no,name:*) # another machine is called like this one
    name=$name-$(printf '%s' "$public" | digest | cut -c1-4)
    enroll
    ;;
400,no,name:*) # the machine has no name of its own, such as "localhost"
    name=machine-$(printf '%s' "$public" | digest | cut -c1-4)
    enroll
    ;;
esac
case $status in
200 | 201) ;;
*)
    case $status in
    429) ;;
    4??) rm -f "$pending" ;; # this key is of no use
    esac
    case $status in
    403) fail "${said:-refused}: it was used, revoked or is too old; ask for another" ;;
    404) fail "$url: is this the address of Semaphore?" ;;
    429) fail "${said:-too many attempts}; try again in some minutes" ;;
    *) fail "${said:-the server has refused} ($status)" ;;
    esac
    ;;
esac

# told NAME PATTERN: a header of the answer, if it is made of such characters only
told() {
    sed -n "s/^[Ss]emaphore-$1: *\\($2*\\)[[:space:]]*\$/\\1/p" "$work/head"
}
site=$(told '[Uu]rl' '[]A-Za-z0-9._:/[-]')
domain=$(told '[Dd]omain' '[A-Za-z0-9.-]')
state=$(told '[Ss]tate' '[a-z]')
uuid=$(told '[Uu]uid' '[0-9a-f-]')
applied=$(told '[Aa]pplied' '[a-z]')

# --- the file -----------------------------------------------------------------------

resolving=nothing
if [ "$(uname -s)" = Darwin ]; then
    resolving=system
elif have resolvectl && [ -d /run/systemd/resolve ]; then
    resolving=resolved
elif have resolvconf; then
    resolving=resolvconf
fi

servers=''

# Names of the site are asked of the server, all others as before.
resolve() {
    servers=$(printf '%s' "$1" | sed 's/, */ /g')
    case $resolving in
    system | resolvconf) say "DNS = $1" ;;
    resolved)
        [ -n "$domain" ] || return 0
        say "PostUp = resolvectl dns %i $servers"
        say "PostUp = resolvectl domain %i ~$domain"
        ;;
    esac
}

wrong() {
    rm -f "$folder/.$interface.new"
    fail 'the answer is not a profile; nothing was written'
}

places=0 interfaces=0 peers=0
while IFS= read -r line || [ -n "$line" ]; do
    value=${line#* = }
    case $value in
    *[!]A-Za-z0-9+/=.:,\ [-]*) wrong ;;
    esac
    case $line in
    '') say '' ;;
    '[Interface]') interfaces=$((interfaces + 1)) && say "$line" ;;
    '[Peer]') peers=$((peers + 1)) && say "$line" ;;
    "PrivateKey = $PLACE") places=$((places + 1)) && say "PrivateKey = $key" ;;
    'DNS = '*)
        case $value in *[!0-9a-f.:,\ ]*) wrong ;; esac
        resolve "$value"
        ;;
    'Address = '* | 'MTU = '* | 'PublicKey = '* | 'PresharedKey = '* | \
        'AllowedIPs = '* | 'Endpoint = '* | 'PersistentKeepalive = '*) say "$line" ;;
    *) wrong ;;
    esac
done <"$work/answer" >"$folder/.$interface.new"
[ "$places$interfaces$peers" = 111 ] || wrong

printf '{"link":"%s","url":"%s","domain":"%s","uuid":"%s","name":"%s"}\n' \
    "$link" "$site" "$domain" "$uuid" "$name" >"$joined"
mv "$folder/.$interface.new" "$file"
rm -f "$pending"

say "Joined as $name: $file"
[ "$state" != pending ] ||
    say 'An administrator has to approve this machine before its traffic passes'
if [ -n "$servers" ]; then
    case $resolving in
    resolved) say "Names below $domain are asked of $servers, others as before" ;;
    nothing)
        say 'Names inside are not resolved, since neither resolvconf nor'
        say "systemd-resolved is here; put this into /etc/hosts: ${servers%% *} $domain"
        ;;
    esac
fi
bring_up "${site:-$url}"
[ "$applied" != false ] || [ "$state" = pending ] || fail 'this machine is enrolled,' \
    'and the VPN of the server does not let it in yet: the tunnel carries no traffic' \
    "until the server's administrator has looked at 'semaphore vpn doctor'"
