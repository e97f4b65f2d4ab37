"""The generated parts of ``docs/configuration.md``: options and variables."""

import json
from typing import Any

from semaphore_twisted.config.names import OPTIONS
from semaphore_twisted.config.option import Option
from semaphore_twisted.config.parsing import PREFIX, default
from semaphore_twisted.config.served import SERVED

#: Title of each group of options, and how the paths in it begin.
_GROUPS = (
    (
        "The site",
        (
            *("port", "interface", "web_host", "allowed_hosts", "insecure_http"),
            "global_integration_alias",
        ),
    ),
    ("Certificates", ("tls.", "acme.")),
    (
        "Proxies and websockets",
        ("trusted_proxies", "proxy_protocol", "websocket_"),
    ),
    ("Database and keys", ("dialect", "sqlite.", "access_key_encryption")),
    ("Accounts", ("password_", "session.", "non_admin_", "events.")),
    ("Tasks", ("max_", "env_vars", "forwarded_env_vars", "schedule.")),
    ("Separation of jobs", ("process.", "tmp_path")),
    (
        "Repositories and SSH",
        ("repositories.", "git_client", "ca_bundle", "ssh.", "ssh_config_path"),
    ),
    ("Metrics", ("metrics.",)),
    ("VPN", ("vpn.",)),
)


def served() -> str:
    """Return a table for each group of options that have an effect.

    :raises ValueError: if an option belongs to no group or to several
    """
    for option in SERVED:
        if sum(option.path.startswith(starts) for _, starts in _GROUPS) != 1:
            raise ValueError(f"{option.path}: expected in one group")
    return "\n".join(_table(title, starts) for title, starts in _GROUPS)


def _table(title: str, starts: tuple[str, ...]) -> str:
    rows = "\n".join(_row(each) for each in SERVED if each.path.startswith(starts))
    head = f"| option | `{PREFIX}`… | type | default | |\n|---|---|---|---|---|"
    return f"### {title}\n\n{head}\n{rows}\n"


def _row(option: Option) -> str:
    notes = [option.help]
    if option.secret:
        notes.append("secret")
    mark = " \\*" if option.own else ""
    return (
        f"| `{option.path}`{mark} | `{option.variable}` | {option.kind} "
        f"| {_shown(default(option))} | {'; '.join(notes)} |"
    )


def _shown(value: Any) -> str:
    if value in ("", (), {}, None):
        return ""
    if isinstance(value, str):
        return f"`{value}`"
    return f"`{json.dumps(value)}`"


def unserved() -> str:
    """Return the options of Semaphore that are known and have no effect."""
    rows = "\n".join(
        f"| `{each.path}` | {f'`{each.variable}`' if each.variable else ''} "
        f"| {each.remark or 'not yet'} |"
        for each in OPTIONS.values()
        if not each.served
    )
    return f"| option | `{PREFIX}`… | why |\n|---|---|---|\n{rows}\n"
