"""Allocation of peers' addresses, and the quarantine of released ones.

A released address is not assigned again for some time, so that a new device does not
receive traffic or trust meant for the former one. If a pool has less than a tenth of
its addresses free, or none, the addresses that were released first leave the quarantine
early.
"""

from datetime import timedelta

from semaphore_twisted.model.errors import Conflict
from semaphore_twisted.operations.vpn.network import NetworkRow
from semaphore_twisted.operations.vpn.network_rules import size_of
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.persistence.statements.vpn import network as statements
from semaphore_twisted.wireguard import addresses, pool_addresses
from semaphore_twisted.wireguard.addresses import WrongAddress


def allocate(conn: Connection, network: NetworkRow) -> dict[str, str]:
    """Return a free address of each family, by column.

    :raises Conflict: if a pool is full.
    """
    conn.run(statements.quarantine_over, at=conn.now)
    return {
        family: _next(conn, family, pool, server)
        for family, pool, server in network.families
    }


def quarantine(conn: Connection, given_back: list[str], days: int) -> None:
    """Put released addresses into quarantine for *days*."""
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
        missing = 1  # addresses of a former pool may be among these
    if found is None:
        raise Conflict(
            f"The pool {pool} is full: each of its {size} addresses is in use; "
            "revoke peers that are not needed, or give it more addresses "
            "(vpn init --pool)"
        )
    return found


def _free(pool: str, gone: list[str], server: str) -> str | None:
    try:
        return pool_addresses.next_free(pool, gone, (server,))
    except WrongAddress:  # ignore damaged rows
        return pool_addresses.next_free(pool, [*filter(_is_one, gone)], (server,))


def _is_one(text: str) -> bool:
    try:
        addresses.parse_address(text)
    except WrongAddress:
        return False
    return True
