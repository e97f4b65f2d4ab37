"""Repositories: where playbooks and scripts come from, and which URLs are refused.

The rules hold when a repository is saved and again when it is used, since a row may
be older than a rule: git takes a URL that begins like an option, or one such as
``ext::``, as a program to run (CVE-2017-1000117 and its like).
"""

import re
from enum import StrEnum

import msgspec

from semaphore_twisted.model import limits
from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.model.ids import KeyId, ProjectId, RepositoryId


class Repository(msgspec.Struct, frozen=True, kw_only=True):
    """A git repository, as the API shows it: exactly these keys.

    *client_certificate_id*, a key of ours, is sent only where there is one.
    """

    id: RepositoryId
    name: str
    project_id: ProjectId
    git_url: str
    git_branch: str
    ssh_key_id: KeyId
    client_certificate_id: KeyId | msgspec.UnsetType = msgspec.UNSET


class UrlKind(StrEnum):
    """How git reaches a repository."""

    HTTPS = "https"
    HTTP = "http"
    SSH = "ssh"
    GIT = "git"
    FILE = "file"
    #: An absolute path on the server.
    LOCAL = "local"


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """The parts of a repository's URL that passed the rules.

    *host* has its port, as it is written; *path* begins after the authority. Both
    kinds without a host have an absolute *path*.
    """

    kind: UrlKind
    url: str
    user: str = ""
    host: str = ""
    path: str

    @property
    def on_this_machine(self) -> bool:
        """Whether the repository is a folder of the server's."""
        return self.kind in {UrlKind.FILE, UrlKind.LOCAL}

    def with_user(self, user: str) -> str:
        """Return the URL with *user* in the place of its own; empty for none."""
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
_NOT_IN_BRANCH = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/$|\.lock(/|$)|/\.")


def address(url: str) -> Address:
    """Take a repository's URL apart.

    :raises Invalid: if it is of no known kind, could be taken for an option or a
        program, or holds a password.
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
        raise Invalid("Repositories by transport helpers (NAME::…) are not served")
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


def check_url(url: str) -> UrlKind:
    """Return the kind of a repository's URL.

    :raises Invalid: as :func:`address` does.
    """
    return address(url).kind


def _with_scheme(url: str, scheme: str, rest: str) -> Address:
    """Take a URL with a scheme apart."""
    try:
        kind = UrlKind(scheme)
    except ValueError:
        kind = UrlKind.LOCAL
    if kind is UrlKind.LOCAL:
        raise Invalid(f"Repositories by {scheme}:// are not served")
    authority, slash, path = rest.partition("/")
    if kind is UrlKind.FILE:
        if authority or not path:
            raise Invalid("A file: URL is written file:///absolute/path")
        return Address(kind=kind, url=url, path=f"/{path}")
    user, _, host = authority.rpartition("@")
    if ":" in user:
        raise Invalid(
            "The repository's URL holds a password: put it into an access key"
        )
    _check_authority(user, host, url)
    return Address(kind=kind, url=url, user=user, host=host, path=f"{slash}{path}")


def _check_authority(user: str, host: str, url: str) -> None:
    """Refuse what is no plain user or host."""
    if user and not _USER.fullmatch(user):
        raise Invalid("The user name in the repository's URL is not valid")
    if not _HOST.fullmatch(host):
        raise Invalid("The host in the repository's URL is missing or not valid")
    if " " in url:
        raise Invalid("The repository's URL has a space; write it as %20")


def check_branch(branch: str) -> None:
    """Accept the name of a branch or tag, or a commit; empty is the remote's HEAD.

    :raises Invalid: if git would not take it as a name, or would take it as an option.
    """
    if not branch:
        return
    if branch[0] in "-/." or branch == "@" or _NOT_IN_BRANCH.search(branch):
        raise Invalid(f"“{_CONTROL.sub('?', branch)}” is not the name of a branch")
    if len(branch) > _MAX_BRANCH:
        raise Invalid(f"The branch's name is longer than {_MAX_BRANCH} characters")
