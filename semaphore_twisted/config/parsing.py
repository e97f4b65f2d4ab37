"""Parses TOML or JSON and the environment into one frozen :class:`Config`.

Option names are Semaphore's (``config.names``). The environment overrides the file, and
the file the defaults; an empty variable counts as unset. Both are read only here. The
function that reads the files of ``*_FILE`` variables is an argument.
"""

import difflib
import json
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping

import msgspec
from msgspec.structs import replace

from semaphore_twisted.config import (
    acme_options,
    event_options,
    listener_options,
    process_options,
    repository_options,
    schedule_options,
    session_options,
    site_address,
    vpn_options,
)
from semaphore_twisted.config.names import OPTIONS, OTHER_VARIABLES, VARIABLES
from semaphore_twisted.config.option import Option
from semaphore_twisted.config.options import Config
from semaphore_twisted.config.values import (
    EffectiveOption,
    Read,
    WrongOption,
    content_of,
    kind_of,
    shown,
    value_of,
    wrong_kind,
)
from semaphore_twisted.model.documents import JsonObject
from semaphore_twisted.model.refusals import invalid

PREFIX = "SEMAPHORE_"

#: A port; Semaphore's examples prefix it with a colon.
_PORT = re.compile(r":?[0-9]{1,9}")


class LoadedConfig(msgspec.Struct, frozen=True, kw_only=True):
    """The configuration, the origin of each value, and warnings."""

    config: Config
    effective: tuple[EffectiveOption, ...]
    warnings: tuple[str, ...]

    def origin(self, path: str) -> str:
        """Return the origin of the value of option *path*."""
        return next(each.origin for each in self.effective if each.option.path == path)


def parse(
    content: bytes | None, *, name: str, environ: Mapping[str, str], read: Read
) -> LoadedConfig:
    """Return the settings from a file's *content* (called *name*) and from *environ*.

    :raises WrongOption: with a sentence that names option, value and accepted values
    """
    warnings: list[str] = []
    given: dict[str, tuple[object, str]] = {}
    if content is not None:
        for path, value in _options(_tree(content, name), "", name, warnings):
            given[path] = (value, name)
    for option, text, origin in _variables(environ, read, warnings):
        given[option.path] = (text, origin)
    _behind_proxy(given)

    tree: dict[str, object] = {}
    effective = []
    for path, (raw, origin) in given.items():
        option = OPTIONS[path]
        if not option.served:
            if raw not in (None, "", False, 0, {}, []):
                warnings.append(_not_served(option, origin))
                effective.append(shown(option, raw, origin))
            continue
        value = value_of(option, raw, origin, read)
        if value is not None:
            _put(tree, path, value)
            effective.append(shown(option, value, origin))
    config = msgspec.convert(tree, Config)
    _check(config, given, warnings)
    _, origin = given.get("schedule.timezone", (None, "default"))
    config = replace(
        config,
        web_host=site_address.plain(config.web_host),
        schedule=schedule_options.usable(config.schedule, origin, environ, warnings),
    )
    explicit = {each.option.path for each in effective}
    effective += [
        shown(option, default(option), "default")
        for option in OPTIONS.values()
        if option.served and option.path not in explicit
    ]
    return LoadedConfig(
        config=config, effective=tuple(effective), warnings=tuple(warnings)
    )


def secret_variables() -> frozenset[str]:
    """Return the environment variables that hold secrets, which the roots remove."""
    names = {name for name, option in VARIABLES.items() if option.secret}
    return frozenset(PREFIX + name for name in names | {"ADMIN_PASSWORD"})


def setting(environ: Mapping[str, str], name: str, read: Read) -> str | None:
    """Return ``SEMAPHORE_NAME`` or the content of ``SEMAPHORE_NAME_FILE``.

    :raises WrongOption: if that file cannot be read.
    """
    text = environ.get(PREFIX + name)
    path = environ.get(PREFIX + name + "_FILE")
    if not text and path:
        text = content_of(path, PREFIX + name + "_FILE", read)
    return text or None


def _tree(content: bytes, name: str) -> dict[str, object]:
    suffix = name.rpartition(".")[2].lower()
    if suffix in {"yaml", "yml"}:
        raise WrongOption(f"{name}: the file is YAML; expected JSON or TOML")
    try:
        text = content.decode("utf-8-sig")
        tree = tomllib.loads(text) if suffix == "toml" else json.loads(text)
    except ValueError as error:
        kind = "TOML" if suffix == "toml" else "JSON"
        # A decoder's message may quote the line, which may contain a secret.
        where = _place(error)
        raise WrongOption(f"{name}: the file is not valid {kind}{where}") from error
    if not isinstance(tree, dict):
        raise WrongOption(
            f"{name}: the file has {kind_of(tree)}; expected an object with options"
        )
    return tree


def _place(error: ValueError) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f" (line {error.lineno}, column {error.colno})"
    if isinstance(error, tomllib.TOMLDecodeError) and "(at " in str(error):
        return " (at " + str(error).rpartition("(at ")[2]
    return ""


def _options(
    tree: dict[str, object], prefix: str, name: str, warnings: list[str]
) -> Iterator[tuple[str, object]]:
    """Yield the known options of *tree*; keys are matched without case, as Go does."""
    for key, value in tree.items():
        path = prefix + key.lower()
        if path in OPTIONS:
            yield path, value
        elif any(known.startswith(path + ".") for known in OPTIONS):
            if isinstance(value, dict):
                yield from _options(value, path + ".", name, warnings)
            elif value is not None:
                raise WrongOption(wrong_kind(path, value, "an object", name))
        else:
            warnings.append(f"{prefix}{key} is not an option{_nearest(path, OPTIONS)}")


def _variables(
    environ: Mapping[str, str], read: Read, warnings: list[str]
) -> Iterator[tuple[Option, str, str]]:
    for variable, text in sorted(environ.items()):
        if not variable.startswith(PREFIX) or not text:
            continue
        name = variable.removeprefix(PREFIX)
        base = name.removesuffix("_FILE")
        if name in VARIABLES:
            if not process_options.is_superseded(variable, environ, warnings):
                yield VARIABLES[name], text, variable
            continue
        known_base = base in VARIABLES or base in OTHER_VARIABLES
        if base != name and known_base and environ.get(PREFIX + base):
            path = f"{VARIABLES[base].path}: " if base in VARIABLES else ""
            raise WrongOption(
                f"{path}{PREFIX}{base} and {variable} are both set; expected one"
            )
        if base in VARIABLES and base != name:
            yield VARIABLES[base], content_of(text, variable, read), variable
        elif base not in OTHER_VARIABLES:
            known = [*VARIABLES, *OTHER_VARIABLES]
            warnings.append(
                f"{variable} is not an option{_nearest(name, known, PREFIX)}"
            )


def _nearest(name: str, known: Iterable[str], prefix: str = "") -> str:
    found = difflib.get_close_matches(name, list(known), n=1, cutoff=0.7)
    return f"; did you mean {prefix}{found[0]}?" if found else ""


def _not_served(option: Option, origin: str) -> str:
    why = option.remark or "it is known, but not supported yet"
    return f"{option.path} has no effect: {why} (from {origin})"


def _put(tree: JsonObject, path: str, value: object) -> None:
    *folders, last = path.split(".")
    for folder in folders:
        tree = tree.setdefault(folder, {})
    tree[last] = value


def default(option: Option) -> object:
    """Return the value of a served *option* that is not set."""
    value: object = Config()
    for part in option.path.split("."):
        value = getattr(value, part)
    return value


def _behind_proxy(given: dict[str, tuple[object, str]]) -> None:
    """Apply ``tls.mode: proxy``: plain HTTP on the loopback address."""
    if given.get("tls.mode", ("", ""))[0] != "proxy":
        return
    for path, value in (("tls.enabled", False), ("interface", "127.0.0.1")):
        if given.get(path, ("", ""))[0] in ("", None):
            given[path] = (value, "tls.mode")


def _check(
    config: Config, given: Mapping[str, tuple[object, str]], warnings: list[str]
) -> None:
    """Refuse values of the right type that cannot be used."""

    def wrong(path: str, found: object, expected: str) -> WrongOption:
        origin = given[path][1] if path in given else "default"
        return WrongOption(invalid(path, found, expected, origin=origin))

    if not _PORT.fullmatch(config.port) or config.port_number >= 1 << 16:
        raise wrong("port", config.port, "0 to 65535; addresses go into interface")
    if config.dialect != "sqlite":
        raise wrong(
            "dialect", config.dialect, "sqlite; other databases are not supported yet"
        )
    choices = {"no", "yes", "accept-new"}
    if config.ssh.strict_host_key_checking not in choices:
        raise wrong(
            "ssh.strict_host_key_checking",
            config.ssh.strict_host_key_checking,
            "no, yes or accept-new",
        )
    if config.git_client not in {"cmd_git", "go_git"}:
        raise wrong("git_client", config.git_client, "cmd_git")
    if config.git_client == "go_git":
        warnings.append("git_client: go_git has no effect: the program git is used")
    for mine, other in (("cert_file", "key_file"), ("key_file", "cert_file")):
        if getattr(config.tls, mine) and not getattr(config.tls, other):
            raise WrongOption(
                f"tls.{mine}: tls.{other} is not set; expected both or neither"
            )
    if config.web_host:
        site_address.check(config.web_host, wrong)
    _check_mode(config, wrong)
    _check_listening(config, wrong, warnings)
    session_options.check(config.session, wrong)
    session_options.check_password(config.password_min_length, wrong)
    event_options.check(config.events, wrong)
    process_options.check(config.process, wrong)
    repository_options.check(config.repositories, wrong)
    vpn_options.check(config.vpn, wrong)
    if config.vpn.only and config.unix_socket is not None:
        raise wrong(
            "vpn.only", config.vpn.only, "false, with a UNIX socket in interface"
        )
    if config.vpn.enroll_port and not config.tls.enabled:
        raise wrong(
            "vpn.enroll_port",
            config.vpn.enroll_port,
            "0, since tls.enabled is false: devices verify the server by TLS",
        )


def _check_listening(
    config: Config, wrong: Callable[..., WrongOption], warnings: list[str]
) -> None:
    tls = config.tls
    listener_options.check_redirect(
        tls.http_redirect_addr, tls.http_redirect_port, wrong
    )
    if tls.redirect_at[1] and not tls.enabled:
        warnings.append("tls.http_redirect_… has no effect: tls.enabled is false")
    listener_options.check_proxies(
        config.trusted_proxies,
        protocol=config.proxy_protocol,
        unix=any(map(listener_options.socket_path, config.interfaces)),
        wrong=wrong,
    )
    warnings += listener_options.doubts(config.trusted_proxies)
    if any(listener_options.socket_path(each) == "" for each in config.interfaces):
        raise wrong(
            "interface", config.interface, "unix:PATH with the path of a socket"
        )
    listener_options.check_hosts(config.allowed_hosts, wrong)
    if not 1 <= config.websocket_ping_sec <= 3600:
        raise wrong(
            "websocket_ping_sec", config.websocket_ping_sec, "1 to 3600 seconds"
        )


def _check_mode(config: Config, wrong: Callable[..., WrongOption]) -> None:
    mode = config.tls.mode
    if mode not in {"auto", "local-ca", "acme", "files", "proxy"}:
        raise wrong("tls.mode", mode, "auto, local-ca, acme, files or proxy")
    if mode == "proxy" and config.tls.enabled:
        raise wrong("tls.enabled", config.tls.enabled, "false, since tls.mode is proxy")
    if mode == "files" and not config.tls.cert_file:
        raise wrong("tls.mode", mode, "tls.cert_file and tls.key_file to be set too")
    if mode in {"local-ca", "acme", "proxy"} and config.tls.cert_file:
        raise wrong("tls.mode", mode, "files or auto, since tls.cert_file is set")
    if mode == "acme" and config.tls.enabled:
        acme_options.check(config.acme, config.acme_names, wrong)
        unreachable = config.vpn.only or config.unix_socket is not None
        if config.acme.challenge == "tls-alpn-01" and unreachable:
            expected = "http-01, since the CA cannot reach the port of the site"
            raise wrong("acme.challenge", config.acme.challenge, expected)
