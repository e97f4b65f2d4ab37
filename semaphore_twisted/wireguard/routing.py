"""Policy routing that isolates the tunnel, also while our nftables table is missing.

Our table marks every forwarded packet that it permits. Policy rules of the kernel (``ip
rule``) discard unmarked packets from the tunnel and to the pools. ``nft flush ruleset``
removes the table and with it the marks, so nothing is forwarded for peers until the
table is loaded again. Other forwarding is not affected.

* ``iif lo`` comes first: it exempts packets that the machine itself sends.
* For packets to a pool, a route narrower than the pool still applies: it belongs to
  another network of the machine, such as a bridge that was created later.
* Where forwarding was off before a grant needed it, no unmarked packet is forwarded.

In the main table each pool has a second route, a blackhole of the highest metric. It
prevents packets to peers from leaving unencrypted while the route to the interface is
missing.

All our rules and routes have one protocol number, by which they are recognized.
"""

from collections.abc import Collection, Iterable, Mapping

from semaphore_twisted.wireguard.settings import TunnelSettings

#: The mark of a permitted packet. Kubernetes, Tailscale and wg-quick use other bits.
MARK = 0x20000000

#: The number in the ``protocol`` field of our rules and routes (``rtnetlink.h`` does
#: not assign it).
PROTOCOL = 147

#: Priorities of our rules; the rules of the tables local and main have 0 and 32766.
FIRST, LAST = 100, 109

#: A metric near the maximum; the kernel prefers any other route to the same network.
METRIC = 4_000_000_000

_UNMARKED = f"fwmark 0/{MARK:#x}"

#: Known fields of a rule; a rule of ours with another field was changed.
_KNOWN = frozenset(
    (
        *("priority", "src", "iif", "iif_detached", "dst", "dstlen", "fwmark"),
        *("fwmask", "goto", "unresolved", "nop", "action", "table"),
        *("suppress_prefixlen", "protocol"),
    )
)


def rules(settings: TunnelSettings, version: int, *, closed: bool) -> tuple[str, ...]:
    """Return the rules of a family, each as the words after ``ip rule add``.

    With *closed*, unmarked packets are not forwarded at all.
    """
    lines = [f"pref {LAST} nop", f"pref {FIRST} iif lo goto {LAST}"]
    lines.append(f"pref {FIRST + 1} iif {settings.interface} {_UNMARKED} blackhole")
    for pool in settings.pools:
        if pool.version == version:
            lines += [
                f"pref {FIRST + 2} to {pool} {_UNMARKED} lookup main "
                f"suppress_prefixlength {pool.prefixlen}",
                f"pref {FIRST + 3} to {pool} {_UNMARKED} blackhole",
            ]
    if closed:
        lines.append(f"pref {FIRST + 4} {_UNMARKED} blackhole")
    return tuple(f"{each} protocol {PROTOCOL}" for each in lines)


def changes(
    present: Iterable[Mapping[str, object]], wanted: Collection[str]
) -> tuple[str, ...]:
    """Return the lines for ``ip -batch`` that turn the *present* rules into *wanted*.

    *present* is the output of ``ip -json rule``. Missing rules are added before surplus
    ones are deleted.
    """
    ours = [_spelled(each) for each in present if is_ours(each)]
    extra = list(ours)
    missing = []
    for each in wanted:
        if each in extra:
            extra.remove(each)
        else:
            missing.append(each)
    return (
        *(f"rule add {each}" for each in missing),
        *(f"rule del {each}" for each in extra),
    )


def is_ours(rule: Mapping[str, object]) -> bool:
    """Whether a rule or route, as ``ip -json`` prints it, has our protocol number."""
    return str(rule.get("protocol", "")) == str(PROTOCOL)


def _spelled(rule: Mapping[str, object]) -> str:
    """Return one of our rules in the words that :func:`rules` uses."""
    words = [f"pref {rule.get('priority')}"]
    if not _KNOWN.issuperset(rule) or rule.get("src", "all") != "all":
        return f"{words[0]} protocol {PROTOCOL}"
    if "iif" in rule:
        words.append(f"iif {rule['iif']}")
    if "dst" in rule:
        length = rule.get("dstlen", 128 if ":" in str(rule["dst"]) else 32)
        words.append(f"to {rule['dst']}/{length}")
    if "fwmask" in rule or "fwmark" in rule:
        mark, mask = (str(rule.get(key, "0")) for key in ("fwmark", "fwmask"))
        words.append(f"fwmark {int(mark, 0):d}/{int(mask, 0):#x}")
    if "goto" in rule:
        words.append(f"goto {rule['goto']}")
    elif "nop" in rule:
        words.append("nop")
    elif "action" in rule:
        words.append(str(rule["action"]))
    elif "table" in rule:
        words.append(f"lookup {rule['table']}")
    if "suppress_prefixlen" in rule:
        words.append(f"suppress_prefixlength {rule['suppress_prefixlen']}")
    return " ".join((*words, f"protocol {PROTOCOL}"))
