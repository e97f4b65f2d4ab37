"""The link and the commands of an invite; pure.

A command fetches the root certificate without verification, and continues only if that
has the fingerprint in the command; from then on it trusts only this root. It saves the
script, compares its digest, and runs it. The token is never a command-line argument.

The link is ``https://HOST[:PORT][/BASE]/enroll#TOKEN[.FINGERPRINT]``; browsers do not
send the part after ``#``. Without a fingerprint the certificate is from a public CA.
"""

import re

import msgspec
from typing_extensions import override

from semaphore_twisted.web.enroll.assets import JOIN_PS1, JOIN_SH

_FINGERPRINT = re.compile(r"[0-9a-f]{64}")
_TOKEN = re.compile(r"smp-enroll-[A-Za-z0-9_-]{43}")

#: A URL without characters that a shell expands, quoted or not.
_BASE = re.compile(r"https://[A-Za-z0-9._~:/%\[\]-]+")


class Commands(msgspec.Struct, frozen=True, kw_only=True):
    """The commands that enroll a machine, one for each kind of shell."""

    posix: str
    powershell: str

    @override
    def __repr__(self) -> str:
        """Omit the token."""
        return "Commands()"


def fingerprint_of(text: str) -> str:
    """Return the fingerprint *text*, which may have colons, in the form of links."""
    return text.replace(":", "").lower()


def is_base(url: str) -> bool:
    """Return whether links and commands can be made for a site at *url*."""
    return _BASE.fullmatch(url) is not None


def link(base: str, token: str, fingerprint: str) -> str:
    """Return the link to the page at *base*, the site's URL without a final slash.

    *fingerprint* is that of the local root, in any spelling; empty without one.
    """
    end = fingerprint_of(fingerprint)
    return f"{base}/enroll#{token}{f'.{end}' if end else ''}"


def commands(base: str, token: str, fingerprint: str) -> Commands:
    """Return the commands for a site at *base*.

    :raises ValueError: if an argument has characters that a shell could interpret
    """
    digest = fingerprint_of(fingerprint)
    if not (is_base(base) and _TOKEN.fullmatch(token)):
        raise ValueError("no command can be made of these")
    if digest and not _FINGERPRINT.fullmatch(digest):
        raise ValueError("a fingerprint is 64 hex digits")
    return Commands(
        posix=_posix(base, token, digest), powershell=_powershell(base, token, digest)
    )


_POSIX_ROOT = (
    'curl -fsSk -o "$d/ca.der" '
    "'@base@/api/vpn/ca?format=der&sha256=@digest@' && "
    '{ [ "$(s "$d/ca.der")" = @digest@ ] || '
    "{ echo 'This is not the server of the invite' >&2; false; }; } && "
    "{ echo '-----BEGIN CERTIFICATE-----'; "
    "base64 <\"$d/ca.der\" | tr -d '\\n' | fold -w 64; "
    "echo; echo '-----END CERTIFICATE-----'; } >\"$d/ca.pem\" && "
)

_POSIX = (
    "(umask 077; d=$(mktemp -d) || exit; trap 'rm -rf \"$d\"' EXIT; "
    's() { { sha256sum || shasum -a 256; } <"$1" 2>/dev/null | cut -c1-64; }; '
    "@root@curl -fsS @fetch@-o \"$d/join.sh\" '@base@/enroll/join.sh' && "
    '{ [ "$(s "$d/join.sh")" = @script@ ] || '
    "{ echo 'The script has changed; ask for a new invite' >&2; false; }; } && "
    "sh \"$d/join.sh\" @trust@'@base@') <<'END'\n@token@\nEND\n"
)

_POWERSHELL_ROOT = (
    'curl.exe -fsSk --ssl-no-revoke -o "$d\\ca.der" '
    "'@base@/api/vpn/ca?format=der&sha256=@digest@'; "
    "if ((Get-FileHash \"$d\\ca.der\" -Algorithm SHA256).Hash -ne '@digest@') "
    "{ throw 'This is not the server of the invite' }; "
    '[IO.File]::WriteAllText("$d\\ca.pem", "-----BEGIN CERTIFICATE-----`n" + '
    '[Convert]::ToBase64String([IO.File]::ReadAllBytes("$d\\ca.der"), '
    "'InsertLineBreaks') + \"`n-----END CERTIFICATE-----`n\"); "
)

# The script is run from memory: most machines refuse to run downloaded files.
_POWERSHELL = (
    "& { $ErrorActionPreference = 'Stop'; "
    "$d = Join-Path ([IO.Path]::GetTempPath()) ([Guid]::NewGuid()); "
    "$null = New-Item -ItemType Directory $d; try { @root@"
    'curl.exe -fsS --ssl-no-revoke @fetch@-o "$d\\join.ps1" '
    "'@base@/enroll/join.ps1'; "
    "if ((Get-FileHash \"$d\\join.ps1\" -Algorithm SHA256).Hash -ne '@script@') "
    "{ throw 'The script has changed; ask for a new invite' }; "
    '$s = [ScriptBlock]::Create([IO.File]::ReadAllText("$d\\join.ps1")); '
    "'@token@' | & $s -Url '@base@'@trust@ "
    "} finally { Remove-Item -Recurse -Force $d } }\n"
)


def _filled(template: str, **values: str) -> str:
    for name, value in values.items():
        template = template.replace(f"@{name}@", value)
    return template


def _posix(base: str, token: str, digest: str) -> str:
    """Return one command line, and the token as its standard input.

    The directory is private to the shell; files that the script writes stay with the
    user.
    """
    return _filled(
        _POSIX,
        root=_POSIX_ROOT if digest else "",
        fetch='--cacert "$d/ca.pem" ' if digest else "",
        trust='--ca "$d/ca.pem" ' if digest else "",
        script=JOIN_SH.sha256,
        base=base,
        digest=digest,
        token=token,
    )


def _powershell(base: str, token: str, digest: str) -> str:
    """Return one command line; the script gets the token through the pipeline."""
    return _filled(
        _POWERSHELL,
        root=_POWERSHELL_ROOT if digest else "",
        fetch='--cacert "$d\\ca.pem" ' if digest else "",
        trust=' -Ca "$d\\ca.pem"' if digest else "",
        script=JOIN_PS1.sha256,
        base=base,
        digest=digest,
        token=token,
    )
