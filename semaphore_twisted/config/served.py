"""The options that have an effect, each with a description of its value.

``docs/configuration.md`` is generated from this table.
"""

from semaphore_twisted.config.option import Option, OptionKind


def _served(
    path: str,
    variable: str,
    kind: OptionKind = OptionKind.TEXT,
    *,
    help: str,  # noqa: A002 - as argparse calls it
    secret: bool = False,
    own: bool = False,
) -> Option:
    return Option(
        path=path,
        variable=variable,
        kind=kind,
        served=True,
        secret=secret,
        own=own,
        help=help,
    )


#: Options that have an effect.
SERVED = (
    _served(
        "port", "PORT", help="port that the site listens on, with or without a colon"
    ),
    _served(
        "interface",
        "INTERFACE",
        help="hosts and `unix:/path`, several with commas; empty: every address",
    ),
    _served(
        "web_host",
        "WEB_ROOT",
        help="public address of the site, with a base path if there is one",
    ),
    _served(
        "tmp_path",
        "TMP_PATH",
        help="workspaces of jobs with `process.user` or `process.uid_range`; a"
        " directory that no other user can replace, not `/tmp` itself",
    ),
    _served(
        "ssh_config_path",
        "SSH_PATH",
        help="a file for `ssh -F`, for hosts and repositories",
    ),
    _served(
        "ssh.known_hosts_file",
        "SSH_KNOWN_HOSTS_FILE",
        help="host keys that jobs remember; empty: `known_hosts` in the state "
        "directory",
    ),
    _served(
        "ssh.strict_host_key_checking",
        "SSH_STRICT_HOST_KEY_CHECKING",
        help="`accept-new`, `yes` or `no`",
    ),
    _served(
        "ssh.project_options",
        "SSH_PROJECT_OPTIONS",
        OptionKind.FLAG,
        help="whether a project may set options of ssh",
        own=True,
    ),
    _served(
        "max_parallel_tasks",
        "MAX_PARALLEL_TASKS",
        OptionKind.NUMBER,
        help="tasks that run at once; 0: no limit",
    ),
    _served(
        "max_task_duration_sec",
        "MAX_TASK_DURATION_SEC",
        OptionKind.NUMBER,
        help="seconds after which a task is stopped; 0: no limit",
    ),
    _served(
        "events.keep_days",
        "EVENTS_KEEP_DAYS",
        OptionKind.NUMBER,
        help="days after which events are deleted, within an hour; 0: kept for ever",
        own=True,
    ),
    _served(
        "max_tasks_per_template",
        "MAX_TASKS_PER_TEMPLATE",
        OptionKind.NUMBER,
        help="finished tasks that a template keeps; 0: all",
    ),
    _served(
        "non_admin_can_create_project",
        "NON_ADMIN_CAN_CREATE_PROJECT",
        OptionKind.FLAG,
        help="whether users who are not administrators may create projects",
    ),
    _served(
        "password_min_length",
        "PASSWORD_MIN_LENGTH",
        OptionKind.NUMBER,
        help="characters that a new password has at least; older passwords stay valid",
        own=True,
    ),
    _served(
        "password_login_disable",
        "PASSWORD_LOGIN_DISABLED",
        OptionKind.FLAG,
        help="refuse logins by password",
    ),
    _served(
        "env_vars",
        "ENV_VARS",
        OptionKind.MAP,
        help="environment variables of every job",
        secret=True,
    ),
    _served(
        "forwarded_env_vars",
        "FORWARDED_ENV_VARS",
        OptionKind.LIST,
        help="environment variables of the server that jobs receive; a JSON "
        "list, or names with commas",
    ),
    _served(
        "git_client",
        "GIT_CLIENT",
        help="`cmd_git`; `go_git` is accepted and has no effect",
    ),
    _served(
        "dialect", "DB_DIALECT", help="`sqlite`; no other database is supported yet"
    ),
    _served(
        "sqlite.host",
        "DB_HOST",
        help="file of the database; empty: `semaphore.db` in the state directory",
    ),
    _served(
        "access_key_encryption",
        "ACCESS_KEY_ENCRYPTION",
        help="key of the key store, base64 of 32 bytes; the first start makes one",
        secret=True,
    ),
    _served("tls.enabled", "TLS_ENABLED", OptionKind.FLAG, help="serve HTTPS"),
    _served(
        "tls.mode",
        "TLS_MODE",
        help="source of the certificate: `files` (which `auto` means with "
        "`tls.cert_file`), `local-ca` (which `auto` means without), "
        "`acme`, or `proxy` (no TLS, on the loopback address)",
        own=True,
    ),
    _served(
        "tls.cert_file",
        "TLS_CERT_FILE",
        help="certificate with its chain, PEM, the server's own first",
    ),
    _served("tls.key_file", "TLS_KEY_FILE", help="private key of the certificate, PEM"),
    _served(
        "tls.http_redirect_port",
        "TLS_HTTP_REDIRECT_PORT",
        OptionKind.NUMBER,
        help="a second port that only redirects to HTTPS; 0: none",
    ),
    _served(
        "tls.http_redirect_addr",
        "TLS_HTTP_REDIRECT_ADDR",
        help="the same as `HOST:PORT` or `:PORT`",
    ),
    _served(
        "process.user",
        "PROCESS_USER",
        help="account that all jobs run as; empty: the server's",
    ),
    _served("process.uid", "PROCESS_UID", OptionKind.NUMBER, help="the same by number"),
    _served(
        "process.gid",
        "PROCESS_GID",
        OptionKind.NUMBER,
        help="group that jobs run as, by number",
    ),
    _served(
        "process.uid_range",
        "PROCESS_UID_RANGE",
        help="`FIRST-LAST`, such as `1900000000-1900000063`: each job runs as "
        "a user number of its own; the group has the same number unless "
        "`process.gid` is set",
        own=True,
    ),
    _served(
        "process.app_namespaces.user",
        "PROCESS_APP_NS_USER",
        OptionKind.FLAG,
        help="user namespace; unset: where it is needed; `false`: never, for "
        "jobs as the server's user that use `sudo` on this machine",
    ),
    _served(
        "process.app_namespaces.mount",
        "PROCESS_APP_NS_MOUNT",
        OptionKind.FLAG,
        help="mount namespace; unset: where it is possible; `true`: the start "
        "is refused where it is not; `false`: off, with a warning",
    ),
    _served(
        "process.app_namespaces.pid",
        "PROCESS_APP_NS_PID",
        OptionKind.FLAG,
        help="process namespace, likewise; needs `process.app_namespaces.mount`",
    ),
    _served(
        "process.app_namespaces.ipc",
        "PROCESS_APP_NS_IPC",
        OptionKind.FLAG,
        help="namespace of System V IPC and message queues, likewise",
    ),
    _served(
        "process.app_namespaces.uts",
        "PROCESS_APP_NS_UTS",
        OptionKind.FLAG,
        help="`true`: a host name of the job's own",
    ),
    _served(
        "metrics.enabled",
        "METRICS_ENABLED",
        OptionKind.FLAG,
        help="metrics for Prometheus at `/api/metrics`",
    ),
    _served(
        "metrics.username",
        "METRICS_USERNAME",
        help="user name that `/api/metrics` asks for",
    ),
    _served(
        "metrics.password",
        "METRICS_PASSWORD",
        help="password that `/api/metrics` asks for",
        secret=True,
    ),
    _served(
        "access_key_encryption_old",
        "ACCESS_KEY_ENCRYPTION_OLD",
        OptionKind.LIST,
        help="former keys of the key store, which still decrypt what they encrypted",
        secret=True,
        own=True,
    ),
    _served(
        "insecure_http",
        "INSECURE_HTTP",
        OptionKind.FLAG,
        help="accept plain HTTP on an address other than the loopback, with "
        "`tls.enabled: false`",
        own=True,
    ),
    _served(
        "trusted_proxies",
        "TRUSTED_PROXIES",
        OptionKind.LIST,
        help="addresses and networks of proxies whose forwarding headers are believed",
        own=True,
    ),
    _served(
        "proxy_protocol",
        "PROXY_PROTOCOL",
        OptionKind.FLAG,
        help="trusted proxies may use the PROXY protocol",
        own=True,
    ),
    _served(
        "allowed_hosts",
        "ALLOWED_HOSTS",
        OptionKind.LIST,
        help="further names of the site; `*.example.org` for one label below; "
        '`["*"]` for any',
        own=True,
    ),
    _served(
        "websocket_require_origin",
        "WEBSOCKET_REQUIRE_ORIGIN",
        OptionKind.FLAG,
        help="refuse websockets with a cookie and without an `Origin`",
        own=True,
    ),
    _served(
        "websocket_ping_sec",
        "WEBSOCKET_PING_SEC",
        OptionKind.NUMBER,
        help="seconds between pings, 1 to 3600; less than the idle limit of a "
        "proxy in front",
        own=True,
    ),
    _served(
        "session.idle_sec",
        "SESSION_IDLE_SEC",
        OptionKind.NUMBER,
        help="seconds without use after which a login ends",
        own=True,
    ),
    _served(
        "session.lifetime_sec",
        "SESSION_LIFETIME_SEC",
        OptionKind.NUMBER,
        help="seconds after which a login ends in any case; the cookie's age",
        own=True,
    ),
    _served(
        "ca_bundle",
        "CA_BUNDLE",
        help="PEM file of certificate authorities that git in jobs and ACME "
        "trust besides the system's",
        own=True,
    ),
    _served(
        "repositories.local",
        "REPOSITORIES_LOCAL",
        OptionKind.LIST,
        help="repositories of this machine: `any` that the jobs' user can "
        "read, `off`, or directories that they must be in",
        own=True,
    ),
    _served(
        "repositories.insecure_http",
        "REPOSITORIES_INSECURE_HTTP",
        OptionKind.FLAG,
        help="send logins to `http://` repositories, readable for the network",
        own=True,
    ),
    _served(
        "max_task_output_bytes",
        "MAX_TASK_OUTPUT_BYTES",
        OptionKind.NUMBER,
        help="output of a task that is kept; the rest is dropped",
        own=True,
    ),
    _served(
        "acme.directory",
        "ACME_DIRECTORY",
        help="address of the certificate authority's directory; for a first "
        "try take its staging directory",
        own=True,
    ),
    _served(
        "acme.email",
        "ACME_EMAIL",
        help="address that the certificate authority may write to",
        own=True,
    ),
    _served(
        "acme.names",
        "ACME_NAMES",
        OptionKind.LIST,
        help="names in the certificate, without wildcards and addresses; "
        "empty: the host of `web_host`",
        own=True,
    ),
    _served(
        "acme.challenge", "ACME_CHALLENGE", help="`http-01` or `tls-alpn-01`", own=True
    ),
    _served(
        "acme.ca_bundle",
        "ACME_CA_BUNDLE",
        help="PEM file of the only roots that the CA's own server is "
        "verified with; empty: the system's and `ca_bundle`",
        own=True,
    ),
    _served(
        "acme.eab_kid",
        "ACME_EAB_KID",
        help="identifier of an account that you have with the CA, where it wants one",
        own=True,
    ),
    _served(
        "acme.eab_key",
        "ACME_EAB_KEY",
        help="key of that account, base64url",
        secret=True,
        own=True,
    ),
    _served(
        "acme.http_port",
        "ACME_HTTP_PORT",
        OptionKind.NUMBER,
        help="port where `http-01` is answered; other requests there are "
        "redirected to HTTPS",
        own=True,
    ),
    _served(
        "acme.agree_tos",
        "ACME_AGREE_TOS",
        OptionKind.FLAG,
        help="must be `true`: you have read the CA's terms of service",
        own=True,
    ),
    _served(
        "vpn.only",
        "VPN_ONLY",
        OptionKind.FLAG,
        help="serve the site inside the tunnel only",
        own=True,
    ),
    _served(
        "vpn.port",
        "VPN_PORT",
        OptionKind.NUMBER,
        help="the site's port inside the tunnel, with `vpn.only`",
        own=True,
    ),
    _served(
        "vpn.enroll_port",
        "VPN_ENROLL_PORT",
        OptionKind.NUMBER,
        help="port of a small listener on every address where devices enroll; 0: none",
        own=True,
    ),
    _served(
        "vpn.dns",
        "VPN_DNS",
        help="`forward`, or `off`: no resolver inside the tunnel, no `DNS` "
        "line in client files",
        own=True,
    ),
    _served(
        "vpn.domain", "VPN_DOMAIN", help="the site's name inside the tunnel", own=True
    ),
    _served(
        "vpn.publish",
        "VPN_PUBLISH",
        OptionKind.LIST,
        help='ports of the server that `vpn init` opens to peers, such as `["tcp/22"]`',
        own=True,
    ),
    _served("vpn.socket", "VPN_SOCKET", help="the companion's socket", own=True),
    _served(
        "vpn.reconcile_sec",
        "VPN_RECONCILE_SEC",
        OptionKind.NUMBER,
        help="seconds between two comparisons of the device with the database",
        own=True,
    ),
    _served(
        "vpn.devices_per_user",
        "VPN_DEVICES_PER_USER",
        OptionKind.NUMBER,
        help="devices that a user may enroll without an administrator",
        own=True,
    ),
    _served(
        "vpn.address_quarantine_days",
        "VPN_ADDRESS_QUARANTINE_DAYS",
        OptionKind.NUMBER,
        help="days before the address of a revoked peer is given to another",
        own=True,
    ),
)
