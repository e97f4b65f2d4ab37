#!/bin/sh
# Says on standard error which key a host showed that ssh did not know, or knew otherwise.
# ssh runs this as its KnownHostsCommand: REASON HOST TYPE FINGERPRINT KNOWN_HOSTS.
[ "$1" = HOSTNAME ] || exit 0
known=$(ssh-keygen -l -F "$2" -f "$5" 2>/dev/null)
case $known in
*" $4"*) exit 0 ;;
esac
echo "Host key of $2: $3 $4" >&2
[ -z "$known" ] || echo "$known" | sed '/^#/d; s/^/Known until now: /' >&2
exit 0
