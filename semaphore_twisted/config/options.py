"""The options of the server, one field each: name, variable, meaning and default.

Option names are Semaphore's. A group of options is a struct in a module of its own if
it has checks. ``config.parsing`` reads the values.
"""

from typing import Annotated

import msgspec
from typing_extensions import override

from semaphore_twisted.config import acme_options, listener_options
from semaphore_twisted.config.acme_options import AcmeOptions
from semaphore_twisted.config.event_options import EventOptions
from semaphore_twisted.config.option import option
from semaphore_twisted.config.process_options import ProcessOptions
from semaphore_twisted.config.repository_options import RepositoryOptions
from semaphore_twisted.config.schedule_options import ScheduleOptions
from semaphore_twisted.config.session_options import SessionOptions
from semaphore_twisted.config.site_address import host_of
from semaphore_twisted.config.vpn_options import VpnOptions


class TlsOptions(msgspec.Struct, frozen=True, kw_only=True):
    """HTTPS. *mode* ``auto`` means ``files`` if files are set, else ``local-ca``.

    ``proxy`` sets *enabled* to ``False``: a proxy on this machine terminates TLS.
    """

    enabled: Annotated[bool, option("TLS_ENABLED", help="serve HTTPS")] = True
    mode: Annotated[
        str,
        option(
            "TLS_MODE",
            help="source of the certificate: `files` (which `auto` means with "
            "`tls.cert_file`), `local-ca` (which `auto` means without), "
            "`acme`, or `proxy` (no TLS, on the loopback address)",
            own=True,
        ),
    ] = "auto"
    cert_file: Annotated[
        str,
        option(
            "TLS_CERT_FILE",
            help="certificate with its chain, PEM, the server's own first",
        ),
    ] = ""
    key_file: Annotated[
        str, option("TLS_KEY_FILE", help="private key of the certificate, PEM")
    ] = ""
    http_redirect_port: Annotated[
        int,
        option(
            "TLS_HTTP_REDIRECT_PORT",
            help="a second port that only redirects to HTTPS; 0: none",
        ),
    ] = 0
    http_redirect_addr: Annotated[
        str, option("TLS_HTTP_REDIRECT_ADDR", help="the same as `HOST:PORT` or `:PORT`")
    ] = ""

    @property
    def redirect_at(self) -> tuple[str | None, int]:
        """Host and port of the redirecting listener; port 0 disables it."""
        return listener_options.redirect_at(
            self.http_redirect_addr, self.http_redirect_port
        )

    @property
    def origin(self) -> str:
        """The certificate's source: ``files``, ``local-ca`` or ``acme``."""
        if self.mode != "auto":
            return self.mode
        return "files" if self.cert_file else "local-ca"


class SshOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How jobs check SSH host keys."""

    known_hosts_file: Annotated[
        str,
        option(
            "SSH_KNOWN_HOSTS_FILE",
            help="host keys that jobs remember; empty: `known_hosts` in the state "
            "directory",
        ),
    ] = ""
    strict_host_key_checking: Annotated[
        str, option("SSH_STRICT_HOST_KEY_CHECKING", help="`accept-new`, `yes` or `no`")
    ] = "accept-new"
    project_options: Annotated[
        bool,
        option(
            "SSH_PROJECT_OPTIONS",
            help="whether a project may set options of ssh",
            own=True,
        ),
    ] = True


class SqliteOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The path of the database, if it is outside the state directory."""

    host: Annotated[
        str,
        option(
            "DB_HOST",
            help="file of the database; empty: `semaphore.db` in the state directory",
        ),
    ] = ""


class MetricsOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Metrics for Prometheus."""

    enabled: Annotated[
        bool, option("METRICS_ENABLED", help="metrics for Prometheus at `/api/metrics`")
    ] = False
    username: Annotated[
        str, option("METRICS_USERNAME", help="user name that `/api/metrics` asks for")
    ] = ""
    password: Annotated[
        str,
        option(
            "METRICS_PASSWORD",
            help="password that `/api/metrics` asks for",
            secret=True,
        ),
    ] = ""

    @override
    def __repr__(self) -> str:
        """Omit the password."""
        return f"Metrics(enabled={self.enabled})"


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """Every served option, with its default."""

    port: Annotated[
        str,
        option("PORT", help="port that the site listens on, with or without a colon"),
    ] = ":3000"
    interface: Annotated[
        str,
        option(
            "INTERFACE",
            help="hosts and `unix:/path`, several with commas; empty: every address",
        ),
    ] = ""
    web_host: Annotated[
        str,
        option(
            "WEB_ROOT",
            help="public address of the site, with a base path if there is one",
        ),
    ] = ""
    global_integration_alias: Annotated[
        str,
        option(
            "INTEGRATION_ALIAS",
            help="alias of webhooks that leads to the searchable integrations of all"
            " projects; empty: none",
        ),
    ] = ""
    tmp_path: Annotated[
        str,
        option(
            "TMP_PATH",
            help="workspaces of jobs with `process.user` or `process.uid_range`; a"
            " directory that no other user can replace, not `/tmp` itself",
        ),
    ] = "/var/tmp/semaphore"  # noqa: S108 - made 0711, owned by the server
    ssh_config_path: Annotated[
        str, option("SSH_PATH", help="a file for `ssh -F`, for hosts and repositories")
    ] = ""
    ssh: SshOptions = SshOptions()
    max_parallel_tasks: Annotated[
        int, option("MAX_PARALLEL_TASKS", help="tasks that run at once; 0: no limit")
    ] = 9999
    max_task_duration_sec: Annotated[
        int,
        option(
            "MAX_TASK_DURATION_SEC",
            help="seconds after which a task is stopped; 0: no limit",
        ),
    ] = 0
    events: EventOptions = EventOptions()
    schedule: ScheduleOptions = ScheduleOptions()
    max_tasks_per_template: Annotated[
        int,
        option(
            "MAX_TASKS_PER_TEMPLATE",
            help="finished tasks that a template keeps; 0: all",
        ),
    ] = 0
    non_admin_can_create_project: Annotated[
        bool,
        option(
            "NON_ADMIN_CAN_CREATE_PROJECT",
            help="whether users who are not administrators may create projects",
        ),
    ] = False
    password_min_length: Annotated[
        int,
        option(
            "PASSWORD_MIN_LENGTH",
            help="characters that a new password has at least; older "
            "passwords stay valid",
            own=True,
        ),
    ] = 8
    password_login_disable: Annotated[
        bool, option("PASSWORD_LOGIN_DISABLED", help="refuse logins by password")
    ] = False
    env_vars: Annotated[
        dict[str, str],
        option("ENV_VARS", help="environment variables of every job", secret=True),
    ] = {}
    forwarded_env_vars: Annotated[
        tuple[str, ...],
        option(
            "FORWARDED_ENV_VARS",
            help="environment variables of the server that jobs receive; a JSON "
            "list, or names with commas",
        ),
    ] = ()
    git_client: Annotated[
        str,
        option("GIT_CLIENT", help="`cmd_git`; `go_git` is accepted and has no effect"),
    ] = "cmd_git"
    dialect: Annotated[
        str, option("DB_DIALECT", help="`sqlite`; no other database is supported yet")
    ] = "sqlite"
    sqlite: SqliteOptions = SqliteOptions()
    access_key_encryption: Annotated[
        str,
        option(
            "ACCESS_KEY_ENCRYPTION",
            help="key of the key store, base64 of 32 bytes; the first start makes one",
            secret=True,
        ),
    ] = ""
    tls: TlsOptions = TlsOptions()
    process: ProcessOptions = ProcessOptions()
    metrics: MetricsOptions = MetricsOptions()
    access_key_encryption_old: Annotated[
        tuple[str, ...],
        option(
            "ACCESS_KEY_ENCRYPTION_OLD",
            help="former keys of the key store, which still decrypt what they "
            "encrypted",
            secret=True,
            own=True,
        ),
    ] = ()
    insecure_http: Annotated[
        bool,
        option(
            "INSECURE_HTTP",
            help="accept plain HTTP on an address other than the loopback, with "
            "`tls.enabled: false`",
            own=True,
        ),
    ] = False
    trusted_proxies: Annotated[
        tuple[str, ...],
        option(
            "TRUSTED_PROXIES",
            help="addresses and networks of proxies whose forwarding headers "
            "are believed",
            own=True,
        ),
    ] = ()
    proxy_protocol: Annotated[
        bool,
        option(
            "PROXY_PROTOCOL",
            help="trusted proxies may use the PROXY protocol",
            own=True,
        ),
    ] = False
    allowed_hosts: Annotated[
        tuple[str, ...],
        option(
            "ALLOWED_HOSTS",
            help="further names of the site; `*.example.org` for one label below; "
            '`["*"]` for any',
            own=True,
        ),
    ] = ()
    websocket_require_origin: Annotated[
        bool,
        option(
            "WEBSOCKET_REQUIRE_ORIGIN",
            help="refuse websockets with a cookie and without an `Origin`",
            own=True,
        ),
    ] = False
    websocket_ping_sec: Annotated[
        int,
        option(
            "WEBSOCKET_PING_SEC",
            help="seconds between pings, 1 to 3600; less than the idle limit of a "
            "proxy in front",
            own=True,
        ),
    ] = 25
    session: SessionOptions = SessionOptions()
    ca_bundle: Annotated[
        str,
        option(
            "CA_BUNDLE",
            help="PEM file of certificate authorities that git in jobs and ACME "
            "trust besides the system's",
            own=True,
        ),
    ] = ""
    repositories: RepositoryOptions = RepositoryOptions()
    max_task_output_bytes: Annotated[
        int,
        option(
            "MAX_TASK_OUTPUT_BYTES",
            help="output of a task that is kept; the rest is dropped",
            own=True,
        ),
    ] = 1 << 30
    acme: AcmeOptions = AcmeOptions()
    vpn: VpnOptions = VpnOptions()

    @override
    def __repr__(self) -> str:
        """Omit secrets."""
        return f"Config(interface={self.interface!r}, port={self.port!r})"

    @property
    def most_tasks(self) -> int:
        """Maximum number of parallel tasks; 0 means no limit."""
        uids, most = len(self.process.uids), self.max_parallel_tasks
        return min(uids, most or uids) if uids else most

    @property
    def port_number(self) -> int:
        """The port as a number; with 0 the kernel chooses one."""
        return int(self.port.removeprefix(":"))

    @property
    def interfaces(self) -> tuple[str, ...]:
        """The entries of ``interface``: hosts, ``unix:PATH``, or ``""`` for all."""
        return listener_options.interfaces(self.interface)

    @property
    def unix_socket(self) -> str | None:
        """The path of the UNIX socket if ``interface`` has no network address."""
        paths = [listener_options.socket_path(each) for each in self.interfaces]
        return None if None in paths else paths[0]

    @property
    def orders_certificate(self) -> bool:
        """Whether the certificate is ordered by ACME."""
        return self.tls.enabled and self.tls.origin == "acme"

    @property
    def acme_names(self) -> tuple[str, ...]:
        """The host names of the ACME certificate, in their canonical form."""
        return acme_options.plain_names(self.acme.names, host_of(self.web_host))
