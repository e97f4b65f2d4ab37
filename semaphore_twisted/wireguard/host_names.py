"""Rules for host names, which inventories pass to Ansible.

Ansible and playbooks attach a meaning to some names: ``localhost`` and addresses mean
machines, ``all`` is a group, ``db[1:3]`` is a pattern, and the variables of the host
``db.yml`` come from the file of the host ``db``. A host chooses its own name when it
enrolls, so the enrollment refuses such names. In an inventory, the names of rows older
than this rule get a prefix.
"""

import re
from collections.abc import Collection, Iterable
from socket import inet_aton

from semaphore_twisted.model.refusals import quoted
from semaphore_twisted.wireguard.names import WrongName

#: Prefix for a name that Ansible would misinterpret.
PREFIX = "peer_"

#: Prefix of the groups of an inventory, which are named after the tags of its hosts.
GROUP_PREFIX = "tag_"

_PLAIN = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9_-])?")
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")

#: Labels of the machine's own names in ``/etc/hosts`` of common systems, and of
#: ``localhost`` (RFC 6761).
_OWN_LABELS = re.compile(
    r"localhost[0-9]*|localdomain[0-9]*|loopback|broadcasthost"
    r"|ip6-(?:localhost|loopback|localnet|mcastprefix|all.*)"
)

#: Groups and keys of inventories, and names of variables that playbooks use as hosts.
_WORDS = frozenset(
    {
        "all",
        "ungrouped",
        "_meta",
        "children",
        "group_names",
        "groups",
        "hosts",
        "hostvars",
        "inventory_hostname",
        "inventory_hostname_short",
        "omit",
        "play_hosts",
        "vars",
    }
    # YAML reads these in a playbook as a boolean or null
    | {"false", "no", "none", "null", "off", "on", "true", "yes"}
)

#: Endings of variable files: Ansible tries ``host_vars/NAME`` before it adds an ending.
_ENDINGS = (".yml", ".yaml", ".json")


def fault_of(name: str) -> str | None:
    """Return the reason why *name* cannot be the name of a host, ``None`` if it can."""
    folded = name.casefold()
    if not _PLAIN.fullmatch(name):
        return (
            "expected letters, digits, ., _ and -, with a letter or digit first "
            "and no . last"
        )
    if any(map(_OWN_LABELS.fullmatch, folded.split("."))):
        return "it means the machine itself, expected a name of its own"
    if _is_address(folded):
        return "it is an address, expected a name"
    if folded in _WORDS or folded.startswith(GROUP_PREFIX):
        return "Ansible inventories use it for something else, expected another name"
    if folded.endswith(_ENDINGS):
        return "it is the file of variables of another host, expected another ending"
    return None


def checked(name: str) -> str:
    """Return *name* if a host may have it.

    :raises WrongName: with the reason if it may not.
    """
    fault = fault_of(name)
    if fault is not None:
        raise WrongName(f"invalid value {quoted(name)} for a host; {fault}")
    return name


def plain(name: str, own: Collection[str] = ()) -> str:
    """Return the name for Ansible that differs least from *name*.

    A name that equals one of the host's *own* addresses is kept.
    """
    cleaned = _UNSAFE.sub("_", name).lstrip("-._").rstrip(".") or "host"
    if cleaned in own or fault_of(cleaned) is None:
        return cleaned
    cleaned = f"{PREFIX}{cleaned}"
    return cleaned if fault_of(cleaned) is None else f"{cleaned}_"


def aliases(hosts: Iterable[tuple[str, Collection[str]]]) -> list[str]:
    """Return a unique name for Ansible for each host, given as name and addresses.

    A name that needs no change is reserved for its host, independent of the order.
    """
    wanted = [(name, plain(name, own)) for name, own in hosts]
    taken = {found for name, found in wanted if found == name}
    result = []
    seen: set[str] = set()
    for name, found in wanted:
        alias, count = found, 1
        while alias in seen or (alias in taken and alias != name):
            count += 1
            alias = f"{found}_{count}"
        seen.add(alias)
        result.append(alias)
    return result


def _is_address(name: str) -> bool:
    """Whether programs read *name* as an IPv4 address, such as ``0`` or ``0x7f.1``."""
    try:
        inet_aton(name)
    except OSError:
        return False
    return True
