"""The limit: a bare ``twisted.web`` resource that answers the same bytes over TLS."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.product import clean_environment


@contextmanager
def bare_server(tls: Path, content: bytes) -> Iterator[tuple[int, int]]:
    """Serve *content* with the certificate in *tls*; yield the port and the process."""
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.bare", str(tls)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=clean_environment(),
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(content)
    process.stdin.close()
    try:
        yield int(process.stdout.readline()), process.pid
    finally:
        process.terminate()
        process.wait()


def _serve(tls: Path, content: bytes) -> None:
    from OpenSSL import SSL  # noqa: PLC0415
    from twisted.internet import reactor, ssl  # noqa: PLC0415
    from twisted.web.resource import Resource  # noqa: PLC0415
    from twisted.web.server import Site  # noqa: PLC0415

    class Bare(Resource):
        isLeaf = True

        def render_GET(self, request: object) -> bytes:  # noqa: ARG002
            return content

    site = Site(Bare())
    site.noisy = False
    setattr(site, "log", lambda _: None)  # noqa: B010 - no access log
    context = ssl.DefaultOpenSSLContextFactory(
        str(tls / "key.pem"),
        str(tls / "chain.pem"),
        sslmethod=SSL.TLS_SERVER_METHOD,
    )
    context.getContext().use_certificate_chain_file(str(tls / "chain.pem"))
    port = reactor.listenSSL(0, site, context, interface="127.0.0.1")  # type: ignore[attr-defined]
    print(port.getHost().port, flush=True)
    reactor.run()


if __name__ == "__main__":
    _serve(Path(sys.argv[1]), sys.stdin.buffer.read())
