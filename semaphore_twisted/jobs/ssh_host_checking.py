"""Options by which ssh checks host keys: without questions, with reasons in the log.

``accept-new`` remembers an unknown host, and a small script (run by ssh itself as its
``KnownHostsCommand``, from OpenSSH 8.5 on; older ones ignore it) prints its fingerprint
to the log. A changed key ends the connection; then the log has both fingerprints.
"""

from semaphore_twisted.jobs.job_inputs import JobOptions

#: Gets REASON HOST TYPE FINGERPRINT KNOWN_HOSTS, and prints a key that is not known. It
#: is not a file, since a job's user may not be able to read the server's files.
_REPORT = "; ".join(
    (
        '[ "$1" = HOSTNAME ] || exit 0',
        'known=$(ssh-keygen -l -F "$2" -f "$5" 2>/dev/null)',
        'case $known in *" $4"*) exit 0 ;; esac',
        'echo "Host key of $2: $3 $4" >&2',
        '[ -z "$known" ] || echo "$known" | sed "/^#/d; s/^/Known until now: /" >&2',
        "exit 0",
    )
)
#: Seconds after which connecting to a host fails.
CONNECT_TIMEOUT = 10


def quoted(text: str) -> str:
    """Return *text* as one word of ssh's configuration, without its ``%`` tokens."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{escaped}"'


def checking(options: JobOptions, known_hosts: str) -> tuple[str, ...]:
    """Return ssh's arguments for the check of host keys.

    *known_hosts* may begin with ``{workspace}``.
    """
    if options.strict_host_key_checking == "no":
        return (
            *("-o", "StrictHostKeyChecking=no"),
            *("-o", "UserKnownHostsFile=/dev/null"),
        )
    said = f"%I %H %t %f {quoted(known_hosts)}"
    report = f"/bin/sh -c {quoted(_REPORT)} sh {said}"
    return (
        *("-o", f"StrictHostKeyChecking={options.strict_host_key_checking}"),
        *("-o", f"UserKnownHostsFile={quoted(known_hosts)}"),
        # So that administrators can read and delete remembered hosts.
        *("-o", "HashKnownHosts=no"),
        *("-o", "IgnoreUnknown=KnownHostsCommand"),
        *("-o", f"KnownHostsCommand={report}"),
    )
