"""Configurations of real proxies: the files of ``etc/``, and common ones of users.

Each function writes its files into a place and returns the command.
"""

import os
from pathlib import Path

from tests.support.programs import program
from tests.support.proxies import Place

ETC = Path(__file__).parents[2] / "etc"

#: The Apache modules that the files need, by the names of Debian's ``a2enmod``.
_APACHE = """\
alias authz_core headers http2 mpm_event proxy proxy_http proxy_wstunnel
socache_shmcb ssl
"""


def nginx(place: Place, site: str) -> list[str]:
    """Run NGINX with the file *site*, included as by Debian's ``nginx.conf``."""
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
    """Return the replacements for NGINX's file."""
    return (
        ("listen 80;", f"listen 127.0.0.1:{place.plain};"),
        ("listen 443 ", f"listen 127.0.0.1:{place.port} "),
    )


def nginx_shipped(place: Place) -> list[str]:
    """Run NGINX with the file that we ship."""
    text = (ETC / "nginx" / "semaphore.conf").read_text()
    return nginx(place, place.fit(text, *nginx_ports(place)))


def nginx_below(place: Place, *, strips: bool) -> list[str]:
    """Run NGINX with our file, changed for a base path as its comment says."""
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
    """Run NGINX with the configuration in Semaphore's documentation.

    The websocket's block inherits no header of the other one and clears Origin.
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
    """Run Apache with the file *site* and the modules that it needs."""
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
    """Run Apache with the configuration in Semaphore's documentation.

    It sends the upstream's Host and no scheme, and the websocket's path ends with a
    slash.
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
