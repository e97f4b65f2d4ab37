"""``semaphore tls trust``: adds the local CA's root to this system's trust store.

If that is impossible (an unknown system, or the caller is not root), the steps are
printed instead. Firefox and Chromium on Linux have stores of their own.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from attrs import frozen
from cryptography import x509

from semaphore_twisted.cli.installation import add_options, open_installation
from semaphore_twisted.common.command_error import CommandError
from semaphore_twisted.config.options import Config
from semaphore_twisted.crypto.certificates import fingerprint, is_bounded
from semaphore_twisted.start.certificates import authority
from semaphore_twisted.start.operator_files import content_of

_DESCRIPTION = """\
Make this system trust the root of the local certificate authority (CA), and the next
one if there is one. Run as root. The CA can certify only this installation's names. If
the system's store is not known here, the steps are printed.
"""

#: Prefix of our file names in a system's store; the installation's mark follows.
_PREFIX = "semaphore-"

_STEPS = """\
Debian, Ubuntu, Alpine:
  cp {root} /usr/local/share/ca-certificates/{name}.crt && update-ca-certificates
Fedora, RHEL, Amazon Linux, openSUSE:
  cp {root} /etc/pki/ca-trust/source/anchors/{name}.crt && update-ca-trust
  (openSUSE: /etc/pki/trust/anchors and update-ca-certificates)
Arch Linux:
  trust anchor --store {root}
macOS:
  security add-trusted-cert -d -k /Library/Keychains/System.keychain {root}
Windows, as administrator:
  certutil -addstore -f Root {root}
Firefox: Settings, Privacy & Security, View Certificates, Authorities, Import.
Chromium on Linux:
  certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n {name} -i {root}
Phones: open the page /ca of the site.
"""


@frozen
class TrustStore:
    """A system's trust store: a directory for roots, and its update program."""

    folder: Path
    update: tuple[str, ...]

    @property
    def usable(self) -> bool:
        """Whether this system has the store."""
        return self.folder.is_dir() and shutil.which(self.update[0]) is not None


#: In the order of trial: some systems have an empty directory of another's.
STORES = (
    TrustStore(
        Path("/etc/pki/ca-trust/source/anchors"),
        ("update-ca-trust", "extract"),
    ),
    TrustStore(
        Path("/usr/local/share/ca-certificates"),
        ("update-ca-certificates",),
    ),
    TrustStore(Path("/etc/pki/trust/anchors"), ("update-ca-certificates",)),
    TrustStore(
        Path("/etc/ca-certificates/trust-source/anchors"),
        ("update-ca-trust", "extract"),
    ),
)


def declare(parser: argparse.ArgumentParser, command: str) -> None:
    """Declare the options of *command*."""
    del command
    parser.description = _DESCRIPTION
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--remove",
        action="store_true",
        help="remove it, and former ones, from the trusted roots",
    )
    what.add_argument(
        "--print", action="store_true", help="only print the steps for all systems"
    )
    add_options(parser)
    parser.set_defaults(run=_trust)


def _trust(arguments: argparse.Namespace) -> int:
    return change(arguments, STORES, is_root=os.geteuid() == 0)


def change(
    arguments: argparse.Namespace, stores: Sequence[TrustStore], *, is_root: bool
) -> int:
    """Run the command with the first usable one of *stores*; return its exit code.

    :raises CommandError: if nothing was changed, also where the user is not root
    """
    installation = open_installation(arguments)
    folder, mark = installation.state.tls, _mark(installation.state.path)
    roots: dict[str, bytes] = {}
    if not arguments.remove:  # removal works without the roots, too
        _check_mode(installation.config)
        roots = _roots(folder)
    if arguments.print:
        _explain(roots, mark)
        return 0
    store = next((each for each in stores if each.usable), None)
    if store is None or not is_root:
        _explain(roots, mark)
        why = (
            "this system's store is not known here"
            if store is None
            else "only root may change this system's store"
        )
        by_hand = "; the steps by hand are above" if roots else ""
        raise CommandError(f"nothing was changed: {why}{by_hand}")
    changed = _put(store, roots, mark)
    _update(store)
    for name, pem in roots.items():
        root = x509.load_pem_x509_certificate(pem)
        print(f"This system trusts {name}, SHA-256 {fingerprint(root)}")
    if arguments.remove:
        print("This system trusts it no longer" if changed else "It was not trusted")
    return 0


def _check_mode(config: Config) -> None:
    if not config.tls.enabled or config.tls.origin == "files":
        raise CommandError(
            f"tls.mode is {config.tls.origin}: there is no local certificate authority "
            "(CA) to trust"
        )


def _mark(state: Path) -> str:
    """Return a mark that distinguishes this installation's files from another's."""
    return hashlib.sha256(str(state.resolve()).encode()).hexdigest()[:8]


def _file(name: str, mark: str) -> str:
    """Return the name in a store for the root in the file *name*."""
    return f"{_PREFIX}{mark}-{Path(name).stem}"


def _roots(folder: Path) -> dict[str, bytes]:
    """Return the roots in *folder* by the paths of their files."""
    roots = {}
    for name in ("root.pem", authority.NEXT_ROOT):
        try:
            content = content_of(folder / name)
            root = x509.load_pem_x509_certificate(content)
            bounded = is_bounded(root)
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:
            raise CommandError(
                f"{folder / name}: the certificate cannot be read ({error})"
            ) from None
        if not bounded:
            raise CommandError(
                f"{folder / name}: the certificate is not a root that is limited to "
                "some "
                "names; another program may have replaced it"
            )
        roots[str(folder / name)] = content
    if not roots:
        raise CommandError(
            f"{folder / 'root.pem'}: there is no root yet; start the server"
        )
    return roots


def _put(store: TrustStore, roots: dict[str, bytes], mark: str) -> bool:
    """Make *roots* the only files of this installation in *store*.

    Return whether a file was changed.
    """
    wanted = {f"{_file(name, mark)}.crt": pem for name, pem in roots.items()}
    changed = False
    try:
        for path in store.folder.glob(f"{_PREFIX}{mark}-*.crt"):
            if path.name not in wanted:
                path.unlink()
                changed = True
        for name, pem in wanted.items():
            path = store.folder / name
            if not path.exists() or path.read_bytes() != pem:
                path.write_bytes(pem)
                changed = True
            path.chmod(0o644)
    except OSError as error:
        raise CommandError(f"{error.filename}: {error.strerror}") from None
    return changed


def _update(store: TrustStore) -> None:
    """Run the program that updates the system's store."""
    done = subprocess.run(store.update, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or ["it failed"])[-1]
        raise CommandError(f"{' '.join(store.update)}: {reason}")


def _explain(roots: dict[str, bytes], mark: str) -> None:
    """Print the manual steps for each root."""
    for name, pem in roots.items():
        root = x509.load_pem_x509_certificate(pem)
        print(f"{name}\n  SHA-256: {fingerprint(root)}")
        sys.stdout.write(_STEPS.format(root=name, name=_file(name, mark)))
