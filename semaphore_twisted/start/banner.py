"""The text that a start prints: URL, root certificate, first login, next steps."""

from semaphore_twisted.config.listener_options import socket_path
from semaphore_twisted.config.options import Config
from semaphore_twisted.start.first_start import ReadyInstallation


def site_url(config: Config, port: int) -> str:
    """Return the URL to open: ``web_host`` if it is set."""
    if config.web_host:
        return config.web_host.rstrip("/")
    if config.unix_socket is not None:
        return f"unix socket {config.unix_socket}"
    scheme = "https" if config.tls.enabled else "http"
    hosts = [each for each in config.interfaces if socket_path(each) is None]
    host = hosts[0].strip("[]")
    if host in {"", "::", "0.0.0.0", "127.0.0.1", "::1"}:  # noqa: S104 - compared
        host = "localhost"
    elif ":" in host:
        host = f"[{host}]"
    standard = {"https": 443, "http": 80}[scheme]
    return f"{scheme}://{host}" + ("" if port == standard else f":{port}")


def banner(made: ReadyInstallation, *, url: str, terminal: bool) -> str:
    """Return the text for the terminal or the journal.

    A generated password is included only for a *terminal*; otherwise the text names the
    file that contains it.
    """
    installation = made.installation
    lines = [f"Semaphore is at {url}"]
    if made.certificates is not None:
        lines += [
            f"  certificate authority: {made.certificates.root}",
            f"  SHA-256: {made.certificates.fingerprint}",
        ]
    lines.append(
        f"  configuration: {installation.config_file or 'the environment only'}"
    )
    lines.append(f"  state: {installation.state.path}")
    account = made.account
    if account is not None:
        lines.append(f"Log in as {account.login}")
        if account.password is None:
            lines.append("  with the password that was configured")
        elif terminal:
            lines.append(f"  password, shown this once: {account.password}")
        else:
            lines.append(f"  the password is in {installation.state.initial_password}")
    if made.new_key:
        lines.append(
            f"Back up {installation.config_file}: without its access_key_encryption "
            "the stored secrets are lost"
        )
    if account is not None:
        root = made.certificates.root if made.certificates is not None else None
        trust = f"--cacert {root} " if root is not None else ""
        lines.append(f"Next: open {url}, or try: curl {trust}{url}/api/ping")
    return "\n".join(lines) + "\n"
