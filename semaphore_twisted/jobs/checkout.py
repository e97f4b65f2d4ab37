"""The steps of git: fetch into a mirror, then check out an exact commit for the job.

One bare mirror for each repository and URL is kept between jobs. A process that uses it
holds its lock, so a lock file of git in the mirror is left over from a crash and is
removed. Each job has its own copy, which no other job changes.

Credentials are never in a URL, an argument, a file or ``.git/config``: keys are in an
agent, a client certificate is in an unnamed file in memory, and a login with password
is in the memory of ``git credential-cache``. Certificate and login are sent only to the
host that they are for.

All steps but the last copy run as the server's user. If jobs run as another user, the
checkout is made in the spool, which other users cannot enter, and the job's user copies
it from there: an open directory is passed on, not its path. A local repository is
cloned by the job's user alone, without a mirror.
"""

import hashlib
import re
from pathlib import Path

import msgspec
from msgspec.structs import replace

from semaphore_twisted.jobs import ssh
from semaphore_twisted.jobs.agent import Agent
from semaphore_twisted.jobs.git_credentials import LoginMemory, has_login, helper
from semaphore_twisted.jobs.job_inputs import JobOptions, RepositorySource
from semaphore_twisted.jobs.workspace import WORKSPACE, Layout, literal, literals
from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.model.jobs import Pipe, Step
from semaphore_twisted.model.keys import NoSecret, SshKey
from semaphore_twisted.model.refusals import quoted
from semaphore_twisted.model.repositories import (
    Address,
    UrlKind,
    address,
    check_branch,
    wanted_names,
)

#: Passed as texts, since the job's user may not be able to read this package.
_CONTAINED, _SCRIPT = (
    Path(__file__).with_name(name).read_text(encoding="utf-8")
    for name in ("contained.sh", "checkout.sh")
)
#: Time limit for connecting to a server, including its first answer.
_REACH_SECONDS = 12
#: Names of the files in memory for git.
_CERTIFICATE, _CERTIFICATE_KEY = "certificate", "certificate key"


#: The name of a mirror; while it is recreated, names beside it begin with this.
MIRROR = re.compile(r"repository_[0-9]+_[0-9a-f]{16}\.git")


def mirror_name(repository_id: int, url: str) -> str:
    """Return the name of the mirror of a repository and its URL."""
    digest = hashlib.sha256(url.encode()).hexdigest()[:16]
    return f"repository_{repository_id}_{digest}.git"


def _remote_section(url: str) -> str:
    """Return the section of ``.git/config`` of a remote whose URL is *url*.

    *url* has no control characters; ``git-config(1)`` has the rules of quoting.
    """
    escaped = url.replace("\\", "\\\\").replace('"', '\\"')
    fetch = "+refs/heads/*:refs/heads/*"
    return f'[remote "origin"]\n\turl = "{escaped}"\n\tfetch = {fetch}\n'


_PORT = re.compile(r":[0-9]+\Z")


class Checkout(msgspec.Struct, frozen=True, kw_only=True):
    """The checkout of one repository into a directory of the workspace.

    *name* distinguishes the job's repositories in steps and sockets; *facts* says
    whether the commit is recorded in the task.
    """

    name: str
    folder: str
    source: RepositorySource
    options: JobOptions
    paths: Layout
    #: Files that must be in the checkout: a name for errors, and a relative path.
    wanted: tuple[tuple[str, str], ...] = ()
    facts: bool = True

    @property
    def target(self) -> str:
        """The directory in which the checkout is made."""
        if self._staged:
            return f"{self.paths.spool}/{self.folder}"
        return f"{WORKSPACE}/{self.folder}"

    @property
    def _staged(self) -> bool:
        """Whether the server's user makes the checkout for the job's user to copy."""
        return self.paths.staging and not self._is_local

    @property
    def _is_local(self) -> bool:
        """Whether the repository is on this machine, and not the server's own demo."""
        where = address(self.source.url)
        return where.on_this_machine and where.place != self.options.rules.demo

    def steps(self) -> tuple[Step, ...]:
        """Return the steps, in order.

        :raises Invalid: if the URL, the branch or the key cannot be used.
        """
        where = address(self.source.url)
        check_branch(self.source.branch)
        if self._is_local:
            return self._local(where)
        agent = self._agent()
        environ = self._environ(where)
        key = self.source.key
        begin: tuple[Step, ...] = ()
        end: tuple[Step, ...] = ()
        if where.kind is UrlKind.SSH and isinstance(key, SshKey):
            begin, end = agent.begin(key), agent.end()
        elif where.kind is UrlKind.SSH and not isinstance(key, NoSecret):
            raise Invalid(
                f"The repository {self.source.url} is reached by ssh: its access key"
                " must be an SSH key"
            )
        elif where.kind in {UrlKind.HTTP, UrlKind.HTTPS}:
            self.options.rules.check_login(where, login=has_login(key))
            memory = LoginMemory(
                name=self.name,
                socket=self._memory,
                environ=environ,
                cwd=self.paths.spool,
            )
            begin, end = memory.begin(where, key), memory.end(where, key)
        return (
            self._make_ssh(),
            *begin,
            *self._fetch(where, environ),
            *self._copy(where, environ),
            *end,
            *self._hand_over(),
        )

    def finally_steps(self) -> tuple[Step, ...]:
        """Return the steps that clean up after any result."""
        if not self._staged:
            return ()
        return (self._own("clean up", "rm", "-rf", "--", self.target),)

    # The parts, in the order of their use.

    def _agent(self) -> Agent:
        """Return git's agent, whose socket the job's user cannot reach."""
        return Agent(
            name=f"{self.name}",
            socket=f"{self.paths.spool}/{self.name}-git.sock",
            environ=self._plain(),
            cwd=self.paths.spool,
            as_user=False,
        )

    @property
    def _ssh(self) -> ssh.SshPrograms:
        """The ssh program that git uses."""
        with_key = isinstance(self.source.key, SshKey)
        return ssh.SshPrograms(
            folder=f"{self.paths.spool}/{self.name}-ssh",
            options=self.options,
            known_hosts=self.options.known_hosts,
            agent=self._agent().socket if with_key else None,
        )

    def _make_ssh(self) -> Step:
        """Return the step that writes the ssh program, in a directory of the server."""
        path = literal(f"{self._ssh.folder}/ssh")
        install = self._own("ssh", "install", "-D", "-m", "700", "/dev/stdin", path)
        return replace(install, stdin=self._ssh.ssh)

    @property
    def _memory(self) -> str:
        """The socket of the credential cache."""
        return f"{self.paths.spool}/{self.name}-login.sock"

    def _plain(self) -> dict[str, str]:
        """Return the environment of the server's own programs."""
        return {
            "PATH": self.options.search_path,
            "LANG": "C.UTF-8",
            **literals(self.options.environment),
            "HOME": self.paths.spool,
        }

    def _environ(self, where: Address) -> dict[str, str]:
        """Return git's environment, without settings of the machine or of a user."""
        settings = [
            ("core.hooksPath", "/dev/null"),
            ("credential.helper", ""),
            ("credential.helper", helper(self._memory)),
            ("fetch.unpackLimit", "1"),
            ("gc.autoDetach", "false"),
            ("http.lowSpeedLimit", "1"),
            ("http.lowSpeedTime", "60"),
            ("advice.detachedHead", "false"),
            ("core.warnAmbiguousRefs", "false"),
        ]
        settings += self._logins(where)
        if self.source.certificate is not None:
            # For this host only, not for hosts of submodules; and without redirects,
            # since curl would send it to the target of one.
            scope = f"http.{where.kind}://{literal(where.host)}/"
            settings += [
                (f"{scope}.sslCert", f"{{pipe:{_CERTIFICATE}}}"),
                (f"{scope}.sslKey", f"{{pipe:{_CERTIFICATE_KEY}}}"),
                (f"{scope}.followRedirects", "false"),
            ]
        environ = self._plain()
        if isinstance(self.source.key, SshKey):
            environ["SSH_AUTH_SOCK"] = self._agent().socket
        environ |= {
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_CEILING_DIRECTORIES": self.options.spools,
            "GIT_ALLOW_PROTOCOL": "https:http:ssh:git"
            + (":file" if where.on_this_machine else ""),
            "GIT_SSH_COMMAND": self._ssh.git,
            "GIT_CONFIG_COUNT": str(len(settings)),
        }
        for number, (name, value) in enumerate(settings):
            environ[f"GIT_CONFIG_KEY_{number}"] = name
            environ[f"GIT_CONFIG_VALUE_{number}"] = value
        if self.options.ca_bundle:
            environ["GIT_SSL_CAINFO"] = self.options.ca_bundle
        return environ

    def _logins(self, where: Address) -> list[tuple[str, str]]:
        """Return the settings that use the repository's login for its submodules.

        They apply to submodules on the same host whose URL has no user.
        """
        user = address(self._remote(where)).user if where.kind is UrlKind.SSH else ""
        host = where.host
        if not user or host in set(UrlKind):
            return []
        pairs = [(f"ssh://{user}@{host}/", f"ssh://{host}/")]
        if not _PORT.search(host):
            pairs.append((f"{user}@{host}:", f"{host}:"))
        return [
            (literal(f"url.{whole}.insteadOf"), literal(short))
            for whole, short in pairs
        ]

    def _own(self, name: str, *argv: str) -> Step:
        """Return a quiet step that runs as the server's user."""
        return Step(
            name=f"{self.name} {name}",
            argv=argv,
            cwd=self.paths.spool,
            environ=self._plain(),
            as_user=False,
            quiet=True,
        )

    @property
    def _mirror(self) -> str:
        """The path of the mirror of this repository and URL."""
        name = mirror_name(self.source.repository_id, self.source.url)
        return f"{self.options.repositories}/{name}"

    def _git(self, name: str, environ: dict[str, str], *argv: str) -> Step:
        """Return a step that runs git as the server's user."""
        return Step(
            name=f"{self.name} {name}",
            argv=("git", *argv),
            cwd=self.paths.spool,
            environ=environ,
            pipes=self._pipes(),
            as_user=False,
        )

    def _pipes(self) -> tuple[Pipe, ...]:
        """Return the client certificate and its key; each connection reads both."""
        certificate = self.source.certificate
        if certificate is None:
            return ()
        return (
            Pipe(
                name=_CERTIFICATE, content=certificate.certificate.encode(), reread=True
            ),
            Pipe(
                name=_CERTIFICATE_KEY,
                content=certificate.private_key.encode(),
                reread=True,
            ),
        )

    def _script(
        self,
        name: str,
        environ: dict[str, str],
        verb: str,
        **said: str,
    ) -> Step:
        """Return a step that runs *verb* of ``checkout.sh`` with the values *said*."""
        branch = self.source.branch
        called = (
            f"branch, tag or commit {quoted(branch)}" if branch else "default branch"
        )
        known = {
            "url": said.pop("url", ""),
            "mirror": self._mirror,
            "target": self.target,
            "marker": f"{self.paths.spool}/{self.name}.damaged",
            "wanted": literal("\n".join(wanted_names(branch))),
            "not_found": literal(f"The {called} was not found in {self.source.url}"),
            **said,
        }
        return Step(
            name=f"{self.name} {name}",
            argv=("sh", "-c", 'eval "$CHECKOUT_SCRIPT"', "checkout", verb),
            cwd=self.paths.spool,
            environ={
                **environ,
                "CHECKOUT_SCRIPT": _SCRIPT,
                **{f"CHECKOUT_{word.upper()}": text for word, text in known.items()},
            },
            pipes=self._pipes(),
            as_user=False,
        )

    def _fetch(self, where: Address, environ: dict[str, str]) -> tuple[Step, ...]:
        """Return the steps that update the mirror."""
        url = self._remote(where)
        # Git has no time limit for connecting by HTTP (curl's is five minutes).
        reach = self._git("reach", environ, "ls-remote", "--quiet", "--", url, "HEAD")
        fetch = replace(
            self._script("fetch", environ, "fetch", url=url),
            lock=f"{self._mirror}.lock",
            failure=f"The repository {self.source.url} cannot be fetched",
        )
        steps = [fetch]
        if where.kind not in {UrlKind.SSH, UrlKind.FILE, UrlKind.LOCAL}:
            failure = f"The repository {self.source.url} cannot be reached"
            reach = replace(reach, quiet=True, failure=failure)
            steps.insert(0, replace(reach, time_limit=_REACH_SECONDS))
        return (replace(steps[0], announce=(self._said,)), *steps[1:])

    @property
    def _said(self) -> str:
        """The line of the log that names the repository."""
        return f"Cloning Repository {self.source.url}"

    @property
    def _said_of_branch(self) -> str:
        """The line of the log that names the branch."""
        return f"Checkout repository to {self.source.branch or 'the default branch'}"

    def _copy(self, where: Address, environ: dict[str, str]) -> tuple[Step, ...]:
        """Return the steps that check out the exact commit from the mirror.

        Submodules are included.
        """
        url, lock = self._remote(where), f"{self._mirror}.lock"
        ask_for_repair = {"75": "next"}
        clone = self._script("clone", environ, "clone", origin=url)
        checkout = self._script("checkout", environ, "checkout")
        repair = self._script("repair", environ, "repair", url=url, origin=url)
        submodules = self._git(
            "submodules",
            environ,
            *("-C", self.target, "submodule", "--quiet", "update"),
            *("--init", "--recursive", "--force"),
        )
        steps = (
            replace(clone, lock=lock, exits=ask_for_repair),
            replace(checkout, announce=(self._said_of_branch,), exits=ask_for_repair),
            replace(
                repair,
                lock=lock,
                requires=f"{self.paths.spool}/{self.name}.damaged",
                failure=f"The repository {self.source.url} cannot be checked out",
            ),
            replace(
                submodules,
                requires=f"{self.target}/.gitmodules",
                failure=f"A submodule of {self.source.url} cannot be fetched",
            ),
            *(self._facts(environ) if self.facts else ()),
            *self._contained(),
        )
        # If the job's user is the server's, run as the job's user: files get its umask.
        return tuple(
            replace(step, as_user=not self.paths.staging, inside=False)
            for step in steps
        )

    def _local(self, where: Address) -> tuple[Step, ...]:
        """Return the steps that clone a repository of this machine.

        All of them run as the job's user, whose permissions apply, and outside of the
        job's namespaces, which have a /tmp of their own.
        """
        rules = self.options.rules
        rules.check_on(where.place)
        environ = {
            **self._environ(where),
            "HOME": self.paths.home,
            "GIT_SSH_COMMAND": ssh.of_layout(self.options, self.paths).git,
        }
        allowed = rules.allowed
        told = {
            "remote": literal(_remote_section(where.url)),
            "place": literal(where.place),
            "settings": f"{self.paths.temporary}/{self.name}.gitconfig",
            "places_allowed": (
                "any" if allowed is None else literal("\n".join(allowed))
            ),
            "places_denied": literal("\n".join(rules.denied)),
        }
        clone = replace(
            self._script("clone", environ, "local", **told),
            announce=(self._said, self._said_of_branch),
            failure=f"The repository {self.source.url} cannot be fetched",
        )
        submodules = replace(
            self._script("submodules", environ, "submodules", **told),
            requires=f"{self.target}/.gitmodules",
            failure=f"A submodule of {self.source.url} cannot be fetched",
        )
        steps = (
            clone,
            submodules,
            *(self._facts(environ) if self.facts else ()),
            *self._contained(),
        )
        return tuple(
            replace(step, as_user=True, inside=False, cwd=WORKSPACE) for step in steps
        )

    def _facts(self, environ: dict[str, str]) -> tuple[Step, ...]:
        """Return the step that records the commit and its message."""
        commit = self._git(
            "commit", environ, "-C", self.target, "log", "-1", "--format=%H%n%s"
        )
        return (replace(commit, capture=("commit_hash", "commit_message")),)

    def _contained(self) -> tuple[Step, ...]:
        """Return the step that checks that the required files are in the checkout."""
        if not self.wanted:
            return ()
        pairs = (literal(text) for pair in self.wanted for text in pair)
        script = ("sh", "-c", _CONTAINED, "contained", self.target)
        look = self._own("contents", *script, *pairs)
        return (replace(look, quiet=False),)

    def _hand_over(self) -> tuple[Step, ...]:
        """Return the steps by which the job's user copies the checkout."""
        if not self._staged:
            return ()
        copy = self._own("copy", "cp", "-a", "--", ".", f"{WORKSPACE}/{self.folder}")
        return (
            self._own("open", "chmod", "-R", "u=rwX,go=rX", "--", self.target),
            replace(copy, as_user=True, inside=False, cwd=self.target, handed=True),
            *self.finally_steps(),
        )

    def _remote(self, where: Address) -> str:
        """Return the URL for git: with a user for ssh, else without one."""
        if where.kind is not UrlKind.SSH:
            return literal(where.with_user(""))
        key = self.source.key
        login = key.login if isinstance(key, SshKey) else ""
        default = "" if self.options.ssh_config else "git"
        url = where.with_user(where.user or login or default)
        address(url)
        return literal(url)
