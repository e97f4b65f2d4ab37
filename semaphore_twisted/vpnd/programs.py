"""Runs programs of the system, with an argument list and input on standard input.

Their standard error may quote a key, so it is discarded.
"""

import shutil
from pathlib import Path
from typing import TypeVar

import msgspec
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IProcessTransport, IReactorProcess, IReactorTime
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure
from typing_extensions import override

from semaphore_twisted.model.companion_limits import PROGRAM_OUTPUT
from semaphore_twisted.wireguard.state import DeviceFailed

T = TypeVar("T")
U = TypeVar("U")

#: Seconds after which a program is killed.
TIMEOUT = 10.0

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

#: The environment of programs; Python finds this package wherever it is.
ENVIRONMENT = {
    "PATH": _PATH,
    "PYTHONPATH": str(Path(__file__).parents[2]),
    "LC_ALL": "C",
    # `wg` would resolve a name up to 15 times; we never pass one
    "WG_ENDPOINT_RESOLUTION_RETRIES": "0",
    "WG_HIDE_KEYS": "always",
}

_PACKAGES = {
    "ip": "iproute2",
    "nft": "nftables",
    "setsid": "util-linux",
    "wg": "wireguard-tools",
    "wireguard-go": "wireguard-go",
}


class ProgramFailed(DeviceFailed):
    """A program failed or timed out; the sentence quotes no output."""


def find_program(name: str) -> str:
    """Return the path of the program *name*.

    :raises DeviceFailed: if it is not installed, with the name of its package.
    """
    path = shutil.which(name, path=_PATH)
    if path is None:
        package = _PACKAGES.get(name, name)
        raise DeviceFailed(f"{name} is not there; install it: apt install {package}")
    return path


class IProgramReactor(IReactorProcess, IReactorTime):
    """The reactor interfaces that running programs needs."""


class Programs:
    """Runs programs and waits for their end."""

    def __init__(self, reactor: IProgramReactor, *, timeout: float = TIMEOUT) -> None:
        """Start programs with *reactor*, and kill them after *timeout* seconds."""
        self._reactor = reactor
        self._timeout = timeout

    def run(self, name: str, *arguments: str, content: bytes = b"") -> Deferred[bytes]:
        """Run *name* with *content* on its standard input; fires with its output.

        Fails with :class:`ProgramFailed`, or ``DeviceFailed`` if it cannot be started.
        """
        run = _Run(name, content)
        late = self._reactor.callLater(self._timeout, run.stop, "took too long")
        try:
            self._reactor.spawnProcess(
                run, find_program(name), [name, *arguments], ENVIRONMENT
            )
        except DeviceFailed as error:
            run.ended.errback(error)
        except OSError as error:
            why = f"{name} cannot be started: {error.strerror}"
            run.ended.errback(DeviceFailed(why))

        def over(result: U) -> U:
            if late.active():
                late.cancel()
            return result

        return run.ended.addBoth(over)

    async def read(
        self, kind: type[T], name: str, *arguments: str, content: bytes = b""
    ) -> T:
        """Return the JSON that *name* prints, decoded as *kind*."""
        printed = await self.run(name, *arguments, content=content)
        try:
            return msgspec.json.decode(printed.strip() or b"[]", type=kind)
        except msgspec.DecodeError:
            raise DeviceFailed(f"The output of {name} cannot be parsed") from None


class _Run(ProcessProtocol):
    """One run of a program."""

    transport: IProcessTransport | None

    def __init__(self, name: str, content: bytes) -> None:
        self.ended: Deferred[bytes] = Deferred()
        self._name = name
        self._content = content
        self._output: list[bytes] = []
        self._size = 0
        self._why = ""

    @override
    def connectionMade(self) -> None:
        if self.transport is not None:
            self.transport.write(self._content)
            self.transport.closeStdin()
        self._content = b""

    @override
    def outReceived(self, data: bytes) -> None:
        self._size += len(data)
        if self._size > PROGRAM_OUTPUT:
            self.stop("printed too much")
        else:
            self._output.append(data)

    @override
    def processEnded(self, reason: Failure) -> None:
        code = getattr(reason.value, "exitCode", None)
        if code == 0 and not self._why:
            self.ended.callback(b"".join(self._output))
        else:
            why = self._why or f"failed (exit code {code})"
            self.ended.errback(ProgramFailed(f"{self._name} {why}"))

    def stop(self, why: str) -> None:
        """Kill the program; *why* is the reason of the failure."""
        self._why = why
        transport = self.transport
        if transport is not None and transport.pid is not None:
            transport.signalProcess("KILL")
