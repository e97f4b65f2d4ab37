"""Measures the companion from outside (``python -m bench.vpn``, as root).

The companion runs as users run it, in a network namespace of its own with Debian's
``wireguard-go``, and is asked over its socket. Every figure includes the protocol.
"""

import ast
import ipaddress
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.bench import Row, memory
from semaphore_twisted.cli.vpn.companion import ask
from semaphore_twisted.operations.vpn import network as vpn_network
from semaphore_twisted.operations.vpn import peers
from semaphore_twisted.operations.vpn.peers import NewPeer
from semaphore_twisted.wireguard import key_pairs, keys, pool_addresses, wire
from semaphore_twisted.wireguard import settings as companion_settings
from semaphore_twisted.wireguard.settings import FILE, KEY, TunnelSettings, dump
from tests.operations.test_desired_peers import DesiredTests
from tests.support import lab_site
from tests.support.lab import Lab
from tests.support.lab_site import INSIDE, Site
from tests.support.peers import network, public_key

PEERS = 2000
CHANGES = 30

INTERFACE = f"bench{os.getpid() % 100_000}"


def peer(number: int) -> wire.WirePeer:
    """Return the peer *number*, with keys that nobody has."""
    high, low = divmod(number + 2, 250)
    return wire.WirePeer(
        key_pairs.new_pair(os.urandom).public_key,
        (f"10.80.{high}.{low + 1}",),
        os.urandom(32),
    )


@contextmanager
def companion(folder: Path) -> Iterator[tuple[Path, int]]:
    """Run a companion; yields its socket and its process."""
    name = INTERFACE
    settings, state = folder / "settings", folder / "state"
    for each in (settings, state):
        each.mkdir(0o700)
    pair = key_pairs.new_pair(os.urandom)
    found = TunnelSettings(
        interface=name,
        addresses=("10.80.0.1/16",),
        sites=(companion_settings.SiteRule("10.20.0.0/16"),),
        users=(),
    )
    for path, content in (
        (settings / FILE, dump(found)),
        (settings / KEY, keys.format(pair.private_key).encode() + b"\n"),
    ):
        path.write_bytes(content)
        path.chmod(0o600)
    subprocess.run(["ip", "netns", "add", name], check=True)
    socket = folder / "run" / "vpn.sock"
    process = subprocess.Popen(
        [
            *("ip", "netns", "exec", name),
            *(Path(sys.executable).with_name("twistd"), "-n", "--pidfile="),
            *("semaphore-vpn", "--user", "root", "--settings", settings),
            *("--socket", socket, "--state", state),
        ],
        stdout=subprocess.DEVNULL,
        stderr=(folder / "log").open("wb"),
    )
    try:
        deadline = time.monotonic() + 20
        while not socket.exists() or not ask(socket, wire.Hello(), wire.Welcome).index:
            if time.monotonic() > deadline or process.poll() is not None:
                raise SystemExit((folder / "log").read_text())
            time.sleep(0.05)
        yield socket, process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)
        _end(name)


def _end(name: str) -> None:
    """End what is left in the namespace *name*, and it."""
    found = subprocess.run(
        ["ip", "netns", "pids", name], check=False, capture_output=True, text=True
    )
    for pid in found.stdout.split():
        os.kill(int(pid), signal.SIGKILL)
    subprocess.run(["ip", "netns", "del", name], check=False)
    Path("/run/wireguard", f"{name}.sock").unlink(missing_ok=True)


def timed(work: Callable[[], object], rounds: int = 1) -> float:
    """Return the median of *rounds* of *work*, in milliseconds."""
    taken = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        taken.append((time.perf_counter() - began) * 1000)
    return statistics.median(taken)


def figures(socket: Path, pid: int) -> list[Row]:
    """Measure one companion."""
    peers = [peer(number) for number in range(PEERS)]
    grants = tuple(
        wire.WireGrant(each.addresses[0], "10.20.0.0/16") for each in peers[:200]
    )
    revision = 0

    def sync() -> wire.Synced:
        nonlocal revision
        revision += 1
        request = wire.Sync(revision, tuple(peers), grants)
        return ask(socket, request, wire.Synced)

    whole = timed(sync)
    unchanged = [sync() for _ in range(10)]
    writes = sum(each.changes for each in unchanged)

    def one() -> None:
        peers[1000] = peer(1000)
        if sync().changes != 2:  # the old key goes, the new one comes
            raise SystemExit("one change was not one change")

    change = timed(one, CHANGES)
    idle = timed(sync, CHANGES)
    status = timed(lambda: ask(socket, wire.Observe(), wire.Observed), CHANGES)
    modules, lines = closure()
    return [
        (f"{PEERS} peers: all of them at once", f"{whole:.0f} ms", "< 1 s"),
        (f"{PEERS} peers: one change, read back", f"{change:.0f} ms", "< 100 ms"),
        (f"{PEERS} peers: nothing to change", f"{idle:.0f} ms", "—"),
        (f"{PEERS} peers: status", f"{status:.0f} ms", "< 50 ms"),
        ("an unchanged state, ten times: writes", str(writes), "0"),
        ("companion, resident", f"{memory(pid):.0f} MB", "—"),
        ("companion: our modules, lines of code", f"{modules}, {lines}", "—"),
    ]


def reading() -> list[Row]:
    """Measure what the server does itself: the desired state, the next address."""
    case = DesiredTests("test_opened")
    case.setUp()
    vpn_network.initialise(case.conn, None, network(pool4="10.80.0.0/16"))
    with case.conn.transaction(write=True):
        for number in range(PEERS):
            new = NewPeer(name=f"n{number}", public_key=public_key(number + 9000))
            peers.create(case.conn, case.root, new, keyring=case.keyring)
    known = peers.desired(case.conn, case.keyring, {}).opened
    desired = timed(lambda: peers.desired(case.conn, case.keyring, known), CHANGES)
    pool = ipaddress.ip_network("fd80::/64")
    taken = {str(pool[number]) for number in range(2, 10_002)}
    free = timed(lambda: pool_addresses.next_free(str(pool), taken, ()), CHANGES)
    return [
        (f"{PEERS} peers: the desired state is read", f"{desired:.0f} ms", "< 30 ms"),
        ("the next of a /64 with 10,000 taken", f"{free:.1f} ms", "< 10 ms"),
    ]


def joining() -> list[Row]:
    """Measure from ``vpn join`` to the first HTTPS answer through the tunnel."""
    lab = Lab()
    try:
        lab.outside_names()
        site = Site(lab, SEMAPHORE_VPN_ONLY="true")
        site.set_up()
        site.start()
        taken = []
        for number, client in enumerate((lab.client1, lab.client2)):
            link = site.invite("--user", "admin")
            root = lab_site.trust(site, client)
            began = time.perf_counter()
            lab_site.join(site, client, link, "--name", f"bench {number}")
            found = client.curl(f"https://{INSIDE}/api/ping", "--cacert", root)
            if found.content != "pong":
                raise SystemExit(f"no answer through the tunnel: {found.error}")
            taken.append(time.perf_counter() - began)
        site.stop()
    finally:
        lab.close()
    return [
        ("`vpn join` to the first HTTPS answer", f"{max(taken):.2f} s", "< 2 s"),
    ]


def closure() -> tuple[int, int]:
    """Count our modules that the companion imports, and their lines of code."""
    root = Path(__file__).parents[1]
    found: set[Path] = set()
    waiting = ["semaphore_twisted.vpnd.tap"]
    while waiting:
        name = waiting.pop()
        path = root.joinpath(*name.split("."))
        path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        if path in found or not path.exists():
            continue
        found.add(path)
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module:
                waiting.append(node.module)
                waiting += [f"{node.module}.{each.name}" for each in node.names]
    ours = [each for each in found if each.stat().st_size]
    return len(ours), sum(_lines(each) for each in ours)


_DOCUMENTED = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def _lines(path: Path) -> int:
    """Count the lines of *path* that are neither empty, comment nor docstring."""
    tree = ast.parse(path.read_text())
    skipped: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, _DOCUMENTED):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                skipped |= set(range(first.lineno, (first.end_lineno or 0) + 1))
    return sum(
        1
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if number not in skipped and line.strip() and not line.strip().startswith("#")
    )


def main() -> None:
    """Print the table."""
    if os.geteuid() != 0:
        raise SystemExit("bench.vpn: network namespaces need root")
    with (
        tempfile.TemporaryDirectory(prefix="vpn") as folder,
        companion(Path(folder)) as (socket, pid),
    ):
        rows = figures(socket, pid)
    rows += reading() + joining()
    for what, measured, wanted in rows:
        print(f"| {what} | {measured} | {wanted} |")


if __name__ == "__main__":
    main()
