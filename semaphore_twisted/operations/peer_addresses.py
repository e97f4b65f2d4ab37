"""Addresses of peers: the next free one, and those that rest before they are reused.

What a peer gives back is not given away again for a while, so that no new laptop
inherits what others knew the old one by. Where a pool has less than a tenth
left, or no address at all, those that have rested longest are taken out of quarantine.
"""

from datetime import timedelta

from semaphore_twisted.model.errors import Conflict
from semaphore_twisted.operations.network_rules import size_of
from semaphore_twisted.operations.vpn_network import NetworkRow
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.statements import vpn as statements
from semaphore_twisted.wireguard import addresses
from semaphore_twisted.wireguard.addresses import WrongAddress


def allocate(conn: Connection, network: NetworkRow) -> dict[str, str]:
    """Return a free address of each family, by its column.

    :raises Conflict: if a pool is full.
    """
    conn.run(statements.quarantine_over, at=conn.now)
    return {
        family: _next(conn, family, pool, server)
        for family, pool, server in network.families
    }


def quarantine(conn: Connection, given_back: list[str], days: int) -> None:
    """Let addresses rest for so many *days*."""
    until = conn.now + timedelta(days=days)
    for address in filter(None, given_back):
        conn.run(statements.quarantine, address=address, until=until)


def _next(conn: Connection, family: str, pool: str, server: str) -> str:
    taken = conn.column(statements.TAKEN[family])
    resting = [
        each
        for each in conn.column(statements.quarantined)
        if (":" in each) == (":" in pool)
    ]
    size = size_of(pool)
    wanted = max(1, size // 10)
    missing = max(0, wanted - (size - len(taken) - len(resting)))
    found = None
    while True:
        for address in resting[:missing]:
            conn.run(statements.release, which=address)
        resting = resting[missing:]
        found = _free(pool, [*taken, *resting], server)
        if found is not None or not resting:
            break
        missing = 1  # what rests or is taken may be of a pool of former times
    if found is None:
        raise Conflict(
            f"The pool {pool} is full: each of its {size} addresses is in use; "
            "revoke peers that are not needed, or give it more addresses "
            "(vpn init --pool)"
        )
    return found


def _free(pool: str, gone: list[str], server: str) -> str | None:
    try:
        return addresses.next_free(pool, gone, (server,))
    except WrongAddress:  # a damaged row keeps nobody else from having an address
        return addresses.next_free(pool, [*filter(_is_one, gone)], (server,))


def _is_one(text: str) -> bool:
    try:
        addresses.parse_address(text)
    except WrongAddress:
        return False
    return True
