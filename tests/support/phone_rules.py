"""The strict rules of the phone applications for files, reproduced from their behavior.

Both readers return the values by section and key, and refuse what the applications
refuse.
"""

import base64
import ipaddress
import re
from collections.abc import Callable, Sequence

#: The parsed form of a file: each section's name, and its values by key.
Sections = list[tuple[str, dict[str, str]]]

TUNNEL_NAME = re.compile(r"[a-zA-Z0-9_=+.-]{1,15}")

_UNICODE_NEWLINE = re.compile("\r\n|[\n\v\f\r\x85\u2028\u2029]")
_JAVA_NEWLINE = re.compile("\r\n|[\n\r]")
_ANDROID_LINE = re.compile(r"(\w+)\s*=\s*([^\s#][^#]*)", re.ASCII)

_SEVERAL = {"address", "allowedips", "dns"}
_PEER = {
    "publickey",
    "presharedkey",
    "allowedips",
    "endpoint",
    "persistentkeepalive",
}
_IOS = {
    "[interface]": {"privatekey", "listenport", "address", "dns", "mtu"},
    "[peer]": _PEER,
}
_ANDROID = {
    "[interface]": {
        *("address", "dns", "excludedapplications", "includedapplications"),
        *("listenport", "mtu", "privatekey"),
    },
    "[peer]": _PEER,
}


class Refused(Exception):
    """The application would refuse the file."""


def ios(text: str) -> Sections:
    """Parse *text* as the application for iOS and macOS does."""
    sections: Sections = []
    for line in _UNICODE_NEWLINE.split(text):
        content = line.partition("#")[0].strip()
        if not content:
            continue
        if content.lower() in _IOS:
            sections.append((content.lower(), {}))
            continue
        if "=" not in content:
            raise Refused(f"invalid line {content!r}")
        key, _, value = (each.strip() for each in content.partition("="))
        key = key.lower()
        if not sections or key not in _IOS[sections[-1][0]]:
            raise Refused(f"unrecognized key {key!r}")
        values = sections[-1][1]
        if key in values and key not in _SEVERAL:
            raise Refused(f"multiple entries for {key!r}")
        values[key] = f"{values[key]},{value}" if key in values else value
    _check(sections)
    return sections


def android(text: str) -> Sections:
    """Parse *text* as the application for Android does."""
    sections: Sections = []
    for line in _JAVA_NEWLINE.split(text):
        content = line.partition("#")[0].strip()
        if not content:
            continue
        if content.lower() in _ANDROID:
            sections.append((content.lower(), {}))
            continue
        found = _ANDROID_LINE.fullmatch(content)
        if not found:
            raise Refused(f"syntax error in {content!r}")
        key, value = found[1].lower(), found[2].strip()
        if not sections or key not in _ANDROID[sections[-1][0]]:
            raise Refused(f"unknown attribute {key!r}")
        values = sections[-1][1]
        values[key] = f"{values[key]},{value}" if key in values else value
    _check(sections)
    return sections


def _check(sections: Sections) -> None:
    """Check the values, which both do in nearly the same way."""
    names = [name for name, _ in sections]
    if names.count("[interface]") != 1:
        raise Refused("one [Interface] is wanted")
    for name, values in sections:
        needed = "privatekey" if name == "[interface]" else "publickey"
        if needed not in values:
            raise Refused(f"{needed} is missing")
        for key, value in values.items():
            _CHECKS[key](value)


def _key(text: str) -> None:
    try:
        raw = base64.b64decode(text, validate=True)
    except ValueError:
        raise Refused("a key that is none") from None
    if len(raw) != 32 or base64.b64encode(raw).decode() != text:
        raise Refused("a key that is none")


def _number(low: int, high: int) -> Callable[[str], None]:
    def check(text: str) -> None:
        if not re.fullmatch("[0-9]{1,5}", text) or not low <= int(text) <= high:
            raise Refused(f"{text!r} is no number from {low} to {high}")

    return check


def _prefixes(text: str) -> None:
    for each in _split(text):
        try:
            ipaddress.ip_interface(each)
        except ValueError:
            raise Refused(f"{each!r} is no address") from None


def _dns(text: str) -> None:
    for each in _split(text):
        try:
            ipaddress.ip_address(each)
        except ValueError:
            raise Refused(f"{each!r} is no address of a resolver") from None


def _split(text: str) -> Sequence[str]:
    several = [each.strip() for each in text.split(",")]
    if not all(several):
        raise Refused("an empty value")
    return several


def _endpoint(text: str) -> None:
    host, colon, port = text.rpartition(":")
    _number(1, 65535)(port)
    if not colon or not host or re.search(r"[/?#\s@]", host):
        raise Refused(f"{text!r} is no endpoint")
    if host.startswith("[") != (":" in host) or host.startswith("[") != host.endswith(
        "]"
    ):
        raise Refused(f"{text!r} is no endpoint")


_CHECKS: dict[str, Callable[[str], None]] = {
    "privatekey": _key,
    "publickey": _key,
    "presharedkey": _key,
    "listenport": _number(0, 65535),
    "mtu": _number(1, 65535),
    "address": _prefixes,
    "allowedips": _prefixes,
    "dns": _dns,
    "endpoint": _endpoint,
    "persistentkeepalive": _number(0, 65535),
}
