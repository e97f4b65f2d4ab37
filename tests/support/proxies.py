"""Real proxies in front of the product: from ``etc/``, and as people have them."""

import http.client
import json
import os
import shutil
import ssl
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from attrs import frozen
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.support.product import PATIENCE, Answer, clean_environment, free_port
from tests.support.websocket import WebSocket

ETC = Path(__file__).parents[2] / "etc"

#: Where the client is, by its connection to the proxy.
CLIENT = "127.0.0.2"

#: The modules of Apache that the files need, as Debian's ``a2enmod`` would name them.
_APACHE = """\
alias authz_core headers http2 mpm_event proxy proxy_http proxy_wstunnel
socache_shmcb ssl
"""


def certificate(folder: Path) -> tuple[Path, Path, Path]:
    """Make a certificate for localhost; return its file, the key's, and one of both."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    ).public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    paths = folder / "fullchain.pem", folder / "privkey.pem", folder / "both.pem"
    for path, content in zip(paths, (made, secret, made + secret), strict=True):
        path.write_bytes(content)
    return paths


def program(name: str) -> str:
    """Return where a Debian package has put *name*."""
    found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
    if found is None:
        raise AssertionError(f"{name} is not installed; tests/run installs it")
    return found


@frozen
class Place:
    """Where a proxy runs: its folder, its two ports, and the product's."""

    folder: Path
    port: int
    plain: int
    upstream: int

    def fit(self, text: str, *more: tuple[str, str]) -> str:
        """Put names, ports and paths of this place into a file of ``etc/``.

        *more* are replaced first. What is replaced has to be there.
        """
        for old, new in (
            *more,
            ("127.0.0.1:3000", f"127.0.0.1:{self.upstream}"),
            ("/etc/ssl/semaphore/", f"{self.folder}/"),
        ):
            if old not in text:
                raise AssertionError(f"the configuration has no {old!r}")
            text = text.replace(old, new)
        return text.replace("ci.example.org", "localhost")


def nginx(place: Place, site: str) -> list[str]:
    """Run NGINX with the file *site* as Debian's ``nginx.conf`` includes it."""
    (place.folder / "site.conf").write_text(site)
    temporary = "\n".join(
        f"{each}_temp_path {place.folder}/{each};"
        for each in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;" if os.geteuid() == 0 else ""
    main = place.folder / "nginx.conf"
    main.write_text(
        f"{user} daemon off; worker_processes 1; pid {place.folder}/pid;\n"
        f"error_log stderr;\nevents {{}}\nhttp {{ access_log off;\n{temporary}\n"
        f"include {place.folder}/site.conf; }}\n"
    )
    return [program("nginx"), "-e", "stderr", "-p", str(place.folder), "-c", str(main)]


def nginx_ports(place: Place) -> tuple[tuple[str, str], ...]:
    """Return what is replaced in NGINX's file."""
    return (
        ("listen 80;", f"listen 127.0.0.1:{place.plain};"),
        ("listen 443 ", f"listen 127.0.0.1:{place.port} "),
    )


def nginx_shipped(place: Place) -> list[str]:
    """Run NGINX with the file that we ship."""
    text = (ETC / "nginx" / "semaphore.conf").read_text()
    return nginx(place, place.fit(text, *nginx_ports(place)))


def nginx_below(place: Place, *, strips: bool) -> list[str]:
    """Run NGINX with our file, changed for a path as its comment says."""
    text = (ETC / "nginx" / "semaphore.conf").read_text()
    target = "http://semaphore/" if strips else "http://semaphore"
    return nginx(
        place,
        place.fit(
            text,
            ("location / {", "location /semaphore/ {"),
            ("proxy_pass http://semaphore;", f"proxy_pass {target};"),
            *nginx_ports(place),
        ),
    )


def nginx_printed(place: Place) -> list[str]:
    """Run NGINX with what Semaphore's documents tell people to write.

    The socket's block inherits no header of the other one and blanks Origin.
    """
    upstream = f"http://127.0.0.1:{place.upstream}"
    return nginx(
        place,
        f"""
        server {{
            listen 127.0.0.1:{place.port} ssl;
            server_name _;
            ssl_certificate {place.folder}/fullchain.pem;
            ssl_certificate_key {place.folder}/privkey.pem;
            ssl_protocols TLSv1.1 TLSv1.2;
            location / {{
                proxy_pass {upstream}/;
                proxy_set_header Host $http_host;
                proxy_set_header X-Real-IP $remote_addr;
                proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
                proxy_set_header X-Forwarded-Proto $scheme;
                proxy_buffering off;
                proxy_request_buffering off;
            }}
            location /api/ws {{
                proxy_pass {upstream}/api/ws;
                proxy_http_version 1.1;
                proxy_set_header Upgrade $http_upgrade;
                proxy_set_header Connection "upgrade";
                proxy_set_header Origin "";
            }}
        }}
        """,
    )


def apache(place: Place, site: str) -> list[str]:
    """Run Apache with the file *site* among the modules that it needs."""
    (place.folder / "site.conf").write_text(site)
    modules = "\n".join(
        f"LoadModule {each}_module /usr/lib/apache2/modules/mod_{each}.so"
        for each in _APACHE.split()
    )
    main = place.folder / "apache2.conf"
    main.write_text(
        f"ServerRoot {place.folder}\nServerName localhost\n{modules}\n"
        f"DefaultRuntimeDir {place.folder}\nPidFile {place.folder}/pid\n"
        "ErrorLog /dev/stderr\nStartServers 1\nUser nobody\nGroup nogroup\n"
        f"Listen 127.0.0.1:{place.port}\nListen 127.0.0.1:{place.plain}\n"
        f"Include {place.folder}/site.conf\n"
    )
    return [program("apache2"), "-D", "FOREGROUND", "-f", str(main)]


def apache_shipped(place: Place) -> list[str]:
    """Run Apache with the file that we ship."""
    text = (ETC / "apache" / "semaphore.conf").read_text()
    ports = (("*:443", f"*:{place.port}"), ("*:80", f"*:{place.plain}"))
    return apache(place, place.fit(text, *ports))


def apache_printed(place: Place) -> list[str]:
    """Run Apache with what Semaphore's documents tell people to write.

    The upstream's Host is sent, no scheme, and the socket's path ends with a slash.
    """
    return apache(
        place,
        f"""
        <VirtualHost *:{place.port}>
            ServerName yourapp.test
            SSLEngine on
            SSLCertificateFile {place.folder}/fullchain.pem
            SSLCertificateKeyFile {place.folder}/privkey.pem
            <Location />
                ProxyPass http://127.0.0.1:{place.upstream}/
                ProxyPassReverse http://127.0.0.1:{place.upstream}/
            </Location>
            <Location /api/ws>
                ProxyPass ws://127.0.0.1:{place.upstream}/api/ws/
            </Location>
        </VirtualHost>
        """,
    )


def haproxy(place: Place) -> list[str]:
    """Run HAProxy with the file that we ship."""
    text = (ETC / "haproxy" / "haproxy.cfg").read_text()
    more = [
        ("bind :443 ", f"bind 127.0.0.1:{place.port} "),
        ("bind :80\n", f"bind 127.0.0.1:{place.plain}\n"),
        ("log /dev/log local0", "log stderr format raw local0 warning"),
    ]
    if os.geteuid() != 0:
        more += [("    user haproxy\n", ""), ("    group haproxy\n", "")]
    path = place.folder / "haproxy.cfg"
    path.write_text(place.fit(text, *more))
    return [program("haproxy"), "-db", "-f", str(path)]


def caddy(place: Place) -> list[str]:
    """Run Caddy with the file that we ship."""
    text = (ETC / "caddy" / "Caddyfile").read_text()
    path = place.folder / "Caddyfile"
    path.write_text(
        place.fit(
            text,
            ("http_port 80\n", f"http_port {place.plain}\n"),
            (
                "https_port 443\n",
                f"https_port {place.port}\n\tdefault_bind 127.0.0.1\n"
                f"\tadmin unix/{place.folder}/admin\n\tskip_install_trust\n",
            ),
        )
    )
    return [program("caddy"), "run", "--config", str(path), "--adapter", "caddyfile"]


class Proxy:
    """A proxy in front of a server at the port *upstream* of this machine."""

    def __init__(self, folder: Path, upstream: int, base: str = "") -> None:
        """Live in *folder*; the site is below the path *base*."""
        folder.mkdir()
        # a worker that gave its rights up reads what is in it
        folder.chmod(0o755)
        self.place = Place(folder, free_port(), free_port(), upstream)
        self.root, _, _ = certificate(folder)
        self.base = base
        self.log = folder / "log"
        self.process: subprocess.Popen[bytes] | None = None
        #: where the client is, and what it sends with everything
        self.client = CLIENT
        self.headers: dict[str, str] = {}

    @property
    def origin(self) -> str:
        """The origin of the site's pages."""
        return f"https://localhost:{self.place.port}"

    def context(self) -> ssl.SSLContext:
        """Return TLS that trusts this proxy only."""
        return ssl.create_default_context(cafile=str(self.root))

    def start(self, kind: Callable[[Place], list[str]]) -> None:
        """Start a proxy of *kind* and wait until it answers for the product."""
        command = kind(self.place)
        folder = str(self.place.folder)
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command,
                cwd=folder,
                env=clean_environment(
                    HOME=folder, XDG_DATA_HOME=folder, XDG_CONFIG_HOME=folder
                ),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + PATIENCE
        while True:
            if self.process.poll() is not None:
                raise AssertionError(f"{command[0]} ended:\n{self.log.read_text()}")
            try:
                if self.call("GET", "/api/ping").content == b"pong":
                    return
            except OSError:
                pass
            if time.monotonic() > deadline:
                raise AssertionError(f"{command[0]}:\n{self.log.read_text()}")
            time.sleep(0.02)

    def stop(self) -> None:
        """Stop the proxy, with its workers."""
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(PATIENCE)
            self.process = None

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """Make one request as the client; ``_`` stands for ``-``."""
        connection = http.client.HTTPSConnection(
            "localhost",
            self.place.port,
            context=self.context(),
            timeout=20,
            source_address=(self.client, 0),
        )
        sent = {name.replace("_", "-"): text for name, text in headers.items()}
        content = None if body is None else json.dumps(body).encode()
        try:
            connection.request(
                method, self.base + path, content, {**self.headers, **sent}
            )
            response = connection.getresponse()
            return Answer(
                response.status,
                {name.lower(): value for name, value in response.getheaders()},
                response.read(),
            )
        finally:
            connection.close()

    def websocket(self, **headers: str) -> WebSocket:
        """Open the websocket with the cookie, as a page of the site would."""
        sent = {**self.headers, **headers}
        path = f"{self.base}/api/ws"
        return WebSocket("localhost", self.place.port, path, self.context(), sent)

    def log_in_by_http_2(self) -> str:
        """Log in by a wrong password; return the version of HTTP and the status."""
        done = subprocess.run(
            [
                *("curl", "--silent", "--http2", "--max-time", "20"),
                *("--cacert", str(self.root), "--output", "/dev/null"),
                *("--header", f"Origin: {self.origin}"),
                *("--data", '{"auth": "nobody", "password": "wrong"}'),
                *("--write-out", "%{http_version} %{http_code}"),
                f"{self.origin}{self.base}/api/auth/login",
            ],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        return done.stdout

    def redirect(self) -> tuple[int, str]:
        """Ask over plain HTTP; return the status and where one is sent to."""
        connection = http.client.HTTPConnection("localhost", self.place.plain)
        try:
            connection.request("GET", "/project/1?x=y", headers={"Host": "localhost"})
            response = connection.getresponse()
            return response.status, response.getheader("Location") or ""
        finally:
            connection.close()
