"""Gives a job that plans its own alias of the state of its workspace."""

import contextlib
import errno
import secrets
import socket
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import define
from msgspec.structs import replace

from semaphore_twisted.interfaces import IDatabase
from semaphore_twisted.jobs.job_inputs import JobOrder, StateBackend
from semaphore_twisted.model.errors import Unavailable
from semaphore_twisted.model.inventories import WORKSPACES

if TYPE_CHECKING:
    from semaphore_twisted.operations.states.aliases import TaskAlias

#: The ports that relays use, and how many are tried.
_FIRST_PORT, _PORTS = 15_000, 17_000
_ATTEMPTS = 100


@define(eq=False)
class StateBackends:
    """Creates aliases of tasks in *database*; the server listens on *socket*."""

    _database: IDatabase
    _socket: Path

    async def given(self, order: JobOrder) -> JobOrder:
        """Return *order* with the backend for its state, if it needs one.

        :raises Unavailable: if the server does not listen on the socket
        """
        if order.inventory_id is None or order.inventory is None:
            return order
        if order.inventory.type not in WORKSPACES:
            return order
        if not self._socket.is_socket():
            raise Unavailable(
                f"The server's socket for states, {self._socket}, is missing; its log "
                "has the reason. Restart the server"
            )
        # most servers run no Terraform, and save the memory
        from semaphore_twisted.operations.states.aliases import (  # noqa: PLC0415
            create_for_task,
        )

        made = await self._database.write(
            create_for_task,
            project_id=order.task.project_id,
            inventory_id=order.inventory_id,
            task_id=order.task.id,
        )
        return replace(order, state=self.of(made, port=_free_port()))

    def of(self, made: "TaskAlias", *, port: int) -> StateBackend:
        """Return the backend of an alias, with the *port* of the relay."""
        return StateBackend(
            port=port,
            socket=str(self._socket),
            alias=made.alias,
            password=made.password,
        )


def _free_port() -> int:
    """Return a port of the loopback address that nothing uses now.

    It is outside of the range for outgoing connections. If another program takes it
    before the relay does, the job fails before it has started Terraform.

    :raises OSError: if no port is free
    """
    for _ in range(_ATTEMPTS):
        port = _FIRST_PORT + secrets.randbelow(_PORTS)
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port
    raise OSError(errno.EADDRINUSE, "no port of the loopback address is free")
