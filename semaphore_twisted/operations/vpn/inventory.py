"""Inventories of the type ``vpn``: a project's hosts, with their tunnel addresses.

The inventory's text is a filter, with one condition per line::

    tags: db, web       hosts that have one of these tags
    seen: 15            hosts with a handshake in the last 15 minutes

An empty text selects all hosts. Users choose the names and tags of peers. So the names
of hosts and groups contain only characters that Ansible takes literally, and no
variable contains a name or tag, because Ansible would evaluate one that looks like a
template.
"""

import re
from datetime import datetime, timedelta

import msgspec

from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.model.ids import ProjectId
from semaphore_twisted.model.refusals import quoted
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.statements.vpn import inventory as statements
from semaphore_twisted.wireguard import host_names

#: Maximum number of minutes in a filter: a week.
LONGEST = 7 * 24 * 60

_UNSAFE_IN_GROUP = re.compile(r"[^A-Za-z0-9_]")


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """Selects hosts with one of *tags*, if any, that were seen in *seen_minutes*."""

    tags: tuple[str, ...] = ()
    seen_minutes: int | None = None


class _Host(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    ipv4: str
    ipv6: str | None
    tags: tuple[str, ...]
    last_handshake: datetime | None


def parse(text: str) -> Filter:
    """Return the filter that *text* describes.

    :raises Invalid: naming the line that is not valid.
    """
    tags: list[str] = []
    seen = None
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        word, colon, rest = line.partition(":")
        rest = rest.strip()
        match word.strip(), colon:
            case "tags", ":":
                tags += [tag for each in rest.split(",") if (tag := each.strip())]
            case "seen", ":":
                if not (rest.isascii() and rest.isdigit() and len(rest) < 6):
                    raise Invalid(
                        f"inventory: line {number}: invalid value {quoted(rest)}; "
                        "expected minutes"
                    )
                if not 1 <= int(rest) <= LONGEST:
                    raise Invalid(
                        f"inventory: line {number}: invalid value {quoted(rest)}; "
                        f"expected 1 to {LONGEST} minutes"
                    )
                seen = int(rest)
            case _:
                raise Invalid(
                    f"inventory: line {number}: invalid line {quoted(line)}; expected "
                    "tags "
                    "or minutes, such as tags: db, web or seen: 15"
                )
    return Filter(tags=tuple(tags), seen_minutes=seen)


def content(conn: Connection, project_id: ProjectId, text: str) -> str:
    """Return an Ansible inventory (YAML) of the hosts that *text* selects.

    :raises Invalid: if the filter is not valid.
    """
    wanted = parse(text)
    since = (
        None
        if wanted.seen_minutes is None
        else conn.now - timedelta(minutes=wanted.seen_minutes)
    )
    found = [
        host
        for host in conn.all(
            statements.HOSTS, _Host, project_id=project_id, now=conn.now
        )
        if (not wanted.tags or set(wanted.tags) & set(host.tags))
        and (since is None or _seen(host, since))
    ]
    return _yaml(found)


def _seen(host: _Host, since: datetime) -> bool:
    return host.last_handshake is not None and host.last_handshake >= since


def _yaml(hosts: list[_Host]) -> str:
    """Return the inventory as JSON, which is also YAML."""
    variables: dict[str, dict[str, str]] = {}
    groups: dict[str, dict[str, dict[str, dict[str, str]]]] = {}
    named = host_names.aliases(
        (host.name, tuple(filter(None, (host.ipv4, host.ipv6)))) for host in hosts
    )
    for alias, host in zip(named, hosts, strict=True):
        variables[alias] = {"ansible_host": host.ipv4}
        for tag in host.tags:
            group = host_names.GROUP_PREFIX + _UNSAFE_IN_GROUP.sub("_", tag)
            groups.setdefault(group, {"hosts": {}})["hosts"][alias] = {}
    tree = {"all": {"hosts": variables, "children": groups}}
    return msgspec.json.format(msgspec.json.encode(tree), indent=2).decode() + "\n"
