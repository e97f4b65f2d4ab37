"""Repositories and the rules for their URLs.

The rules are checked when a repository is saved and again when it is used, since a row
may be older than a rule. Git runs a program for a URL that begins like an option, or
one such as ``ext::`` (CVE-2017-1000117 and similar ones).
"""

import re
from enum import StrEnum
from urllib.parse import unquote_to_bytes

import msgspec

from semaphore_twisted.model import limits
from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.model.ids import KeyId, ProjectId, RepositoryId
from semaphore_twisted.model.refusals import invalid, quoted


class Repository(msgspec.Struct, frozen=True, kw_only=True):
    """A git repository, as the API shows it (exactly these keys).

    *client_certificate_id* is not a key of Semaphore's; it is sent only if it is set.
    """

    id: RepositoryId
    name: str
    project_id: ProjectId
    git_url: str
    git_branch: str
    ssh_key_id: KeyId
    client_certificate_id: KeyId | msgspec.UnsetType = msgspec.UNSET
    #: the damaged fields of the stored row; absent if there are none
    fault: str | msgspec.UnsetType = msgspec.UNSET


class RepositoryRules(msgspec.Struct, frozen=True, kw_only=True):
    """The operator's rules for repositories; paths are real paths.

    *allowed* lists the directories that may contain local repositories, ``None`` for
    any; *denied* lists the server's own directories, which take precedence. *demo* is
    the one repository that the server created. *insecure_http* permits sending a login
    over ``http://``.
    """

    allowed: tuple[str, ...] | None = None
    denied: tuple[str, ...] = ()
    demo: str = ""
    insecure_http: bool = False

    def check_local(self, place: str, real: str) -> None:
        """Accept the local repository at *place*, whose real path is *real*.

        :raises Invalid: if the rules do not permit this location.
        """
        if self.demo and place == self.demo:
            return
        self.check_on(place)
        if _inside(real, self.denied):
            raise Invalid(
                f"{place} is inside a directory of this server, where no repository "
                "may be"
            )
        if self.allowed is not None and not _inside(real, self.allowed):
            raise Invalid(
                f"{place} is outside the directories of the option repositories.local"
            )

    def check_on(self, place: str) -> None:
        """Accept a local repository at *place*, unless local repositories are disabled.

        :raises Invalid:
        """
        if self.allowed == ():
            raise Invalid(
                f"{place}: repositories of this machine are off (repositories.local)"
            )

    def check_login(self, where: "Address", *, login: bool) -> None:
        """Accept *where* for a key; *login* tells whether the key contains a login.

        :raises Invalid: if the login would be sent unencrypted.
        """
        if login and where.kind is UrlKind.HTTP and not self.insecure_http:
            raise Invalid(
                f"{where.url}: its access key would be sent in clear over http://; use "
                "https://, or a key of the type None, or have the operator set "
                "repositories.insecure_http"
            )


def _inside(path: str, folders: tuple[str, ...]) -> bool:
    """Return whether *path* is one of *folders*, or inside one."""
    return any(f"{path}/".startswith(f"{each.rstrip('/')}/") for each in folders)


class UrlKind(StrEnum):
    """How git accesses a repository."""

    HTTPS = "https"
    HTTP = "http"
    SSH = "ssh"
    GIT = "git"
    FILE = "file"
    #: an absolute path on the server
    LOCAL = "local"


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of a repository URL that conforms to the rules.

    *host* includes the port, as written; *path* begins after the authority. A kind
    without a host has an absolute *path*.
    """

    kind: UrlKind
    url: str
    user: str = ""
    host: str = ""
    path: str

    @property
    def on_this_machine(self) -> bool:
        """Whether the repository is a directory on the server."""
        return self.kind in {UrlKind.FILE, UrlKind.LOCAL}

    @property
    def place(self) -> str:
        """The path of a local repository, as git decodes it."""
        if self.kind is UrlKind.FILE:
            return unquote_to_bytes(self.path).decode()
        return self.path

    def with_user(self, user: str) -> str:
        """Return the URL with *user* as its user; without a user if it is empty."""
        if self.on_this_machine:
            return self.url
        before = f"{user}@" if user else ""
        if "://" in self.url:
            return f"{self.kind}://{before}{self.host}{self.path}"
        return f"{before}{self.host}:{self.path}"


_MAX_URL = limits.ADDRESS
_MAX_BRANCH = 250
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)", re.DOTALL)
_HELPER = re.compile(r"[A-Za-z0-9_+.-]+::")
_HOST = re.compile(r"(?!-)(\w[\w.-]*|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?")
_SCP = re.compile(r"(?:([^@/:]+)@)?(\[[^]/]+\]|[^/:]+):(.+)", re.DOTALL)
_USER = re.compile(r"(?!-)[^\s/:@\"'\\`$;|&<>()]+")
#: The path of an address HOST:PATH in which a port was probably intended.
_PORT_AS_PATH = re.compile(r"([0-9]{1,5})(?:/(.*))?", re.DOTALL)
_HASH = re.compile(r"[0-9A-Fa-f]{40}|[0-9A-Fa-f]{64}")
#: A shortened hash, as users copy it; a word or a date is a branch.
_CUT_HASH = re.compile(r"(?=.*[0-9])(?=.*[A-Fa-f])[0-9A-Fa-f]{7,63}")
#: The local name of the remote's default branch after a fetch.
DEFAULT_BRANCH = "refs/semaphore/head"
_NOT_IN_BRANCH = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/$|\.lock(/|$)|/\.")


def address(url: str) -> Address:
    """Parse a repository's URL.

    :raises Invalid: if it is of no known kind, could be interpreted as an option or a
        program, or contains a password.
    """
    if not url:
        raise Invalid("A repository needs a URL or an absolute path")
    if len(url) > _MAX_URL:
        raise Invalid(f"The repository's URL is longer than {_MAX_URL} characters")
    if _CONTROL.search(url) or url != url.strip():
        raise Invalid(
            "The repository's URL has a control character, or a space at an end"
        )
    if url.startswith("-"):
        raise Invalid("The repository's URL may not begin with a hyphen")
    if url.startswith("/"):
        return Address(kind=UrlKind.LOCAL, url=url, path=url)
    if _HELPER.match(url):
        raise Invalid(
            "git_url: transport helpers (NAME::…) are not supported; expected https, "
            "ssh, git or file"
        )
    if match := _SCHEME.fullmatch(url):
        return _with_scheme(url, match[1].lower(), match[2])
    if match := _SCP.fullmatch(url):
        user, host, path = match[1] or "", match[2], match[3]
        if path.startswith("-"):
            raise Invalid("The repository's path may not begin with a hyphen")
        _check_authority(user, host, url)
        return Address(kind=UrlKind.SSH, url=url, user=user, host=host, path=path)
    raise Invalid(
        "The repository is neither a URL (https, ssh, git, file), HOST:PATH nor an"
        " absolute path"
    )


def _with_scheme(url: str, scheme: str, rest: str) -> Address:
    """Parse a URL that has a scheme."""
    try:
        kind = UrlKind(scheme)
    except ValueError:
        kind = UrlKind.LOCAL
    if kind is UrlKind.LOCAL:
        raise Invalid(
            f"git_url: {scheme}:// is not supported; expected https, ssh, git or file"
        )
    authority, slash, path = rest.partition("/")
    if kind is UrlKind.FILE:
        if authority or not path:
            raise Invalid("A file: URL is written file:///absolute/path")
        try:
            decoded = unquote_to_bytes(path).decode()
        except UnicodeDecodeError:
            raise Invalid("The path of the file: URL is not UTF-8 text") from None
        if _CONTROL.search(decoded):
            raise Invalid("The path of the file: URL has a control character")
        return Address(kind=kind, url=url, path=f"/{path}")
    user, _, host = authority.rpartition("@")
    if ":" in user:
        raise Invalid(
            "The repository's URL holds a password: put it into an access key"
        )
    _check_authority(user, host, url)
    return Address(kind=kind, url=url, user=user, host=host, path=f"{slash}{path}")


def _check_authority(user: str, host: str, url: str) -> None:
    """Refuse an invalid user or host."""
    if user and not _USER.fullmatch(user):
        raise Invalid("The user name in the repository's URL is not valid")
    if not _HOST.fullmatch(host):
        raise Invalid("The host in the repository's URL is missing or not valid")
    if " " in url:
        raise Invalid("The repository's URL has a space; write it as %20")


def check_port(where: Address) -> None:
    """Refuse HOST:PORT/PATH, whose port git would interpret as a directory.

    :raises Invalid: naming the intended form.
    """
    if where.kind is not UrlKind.SSH or "://" in where.url:
        return
    match = _PORT_AS_PATH.fullmatch(where.path)
    if match is None or not 0 < int(match[1]) < 1 << 16:
        return
    before = f"{where.user}@" if where.user else ""
    raise Invalid(
        f"git_url: {match[1]} is a directory in this form; expected "
        f"ssh://{before}{where.host}:{match[1]}/{match[2] or 'PATH'} if it is the port,"
        f" ssh://{before}{where.host}/{where.path} if it is a directory of the host"
    )


def check_branch(branch: str) -> None:
    """Accept the name of a branch or tag, or a commit; empty is the remote's HEAD.

    :raises Invalid: if git would refuse it as a name, or interpret it as an option.
    """
    if not branch:
        return
    if branch[0] in "-/." or branch == "@" or _NOT_IN_BRANCH.search(branch):
        raise Invalid(f"{quoted(branch)} is not the name of a branch")
    if len(branch) > _MAX_BRANCH:
        raise Invalid(f"The branch's name is longer than {_MAX_BRANCH} characters")
    if _CUT_HASH.fullmatch(branch) and not _HASH.fullmatch(branch):
        raise Invalid(
            f"{quoted(branch)} looks like a shortened hash; expected all 40 (or 64) "
            "digits "
            f"of the commit, or refs/heads/{branch} if it is a branch"
        )


def check_commit(commit: str) -> None:
    """Accept the full hash of a commit.

    :raises Invalid: if it is something else.
    """
    if not _HASH.fullmatch(commit):
        raise Invalid(
            invalid(
                "commit_hash", commit, "all 40 or 64 hexadecimal digits of a commit"
            )
        )


def wanted_names(branch: str) -> tuple[str, ...]:
    """Return the full names that *branch* may refer to, in order of precedence.

    A full hash is that commit, even if a branch has the same name; ``refs/heads/…`` and
    ``refs/tags/…`` are used as written; another name is a branch, or else a tag; an
    empty one is the remote's HEAD.
    """
    if not branch:
        return (DEFAULT_BRANCH,)
    if _HASH.fullmatch(branch):
        return (branch.lower(),)
    if branch.startswith(("refs/heads/", "refs/tags/")):
        return (branch,)
    return (f"refs/heads/{branch}", f"refs/tags/{branch}")
