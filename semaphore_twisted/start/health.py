"""The health of what the start knows: certificate, disk, programs, versions."""

import os
import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import MappingProxyType

from attrs import frozen
from cryptography import x509
from cryptography.hazmat.backends.openssl import backend

from semaphore_twisted import __version__
from semaphore_twisted.jobs.job_inputs import JobOptions
from semaphore_twisted.model.apps import AppTable
from semaphore_twisted.model.health import HealthFinding, HealthLevel, mebibytes
from semaphore_twisted.model.limits import BALLAST_FILES
from semaphore_twisted.persistence.ballast import folder_of
from semaphore_twisted.persistence.engine import utc_now
from semaphore_twisted.start import programs
from semaphore_twisted.start.certificates.expiry_warning import GRACE, late
from semaphore_twisted.start.installation import Installation
from semaphore_twisted.start.site_options import ansible_version

#: A disk with a smaller share of free space is worth a look.
_FREE_SHARE = 0.1

#: The certificate, by its source.
_SOURCES = {
    "files": "The operator's certificate",
    "local-ca": "The certificate of the local CA",
    "acme": "The certificate ordered by ACME",
}


@frozen(kw_only=True)
class InstallationHealth:
    """Checks the installation of a running server.

    *leaf* returns the certificate that is presented, ``None`` without TLS;
    *failure_reason* returns why its renewal failed. *shortage* returns why no task can
    start, ``None`` if tasks can.
    """

    installation: Installation
    jobs: JobOptions
    leaf: Callable[[], x509.Certificate | None]
    failure_reason: Callable[[], str]
    shortage: Callable[[], str | None]
    now: Callable[[], datetime] = utc_now

    def findings(self, apps: AppTable) -> Sequence[HealthFinding]:
        """Return the results of all checks; a slow disk delays them.

        The programs of *apps* are looked for.
        """
        return (self._tls(), *self._disks(), *self._programs(apps), self._versions())

    def _tls(self) -> HealthFinding:
        origin, leaf, now = self.installation.config.tls.origin, self.leaf(), self.now()
        if leaf is None and origin == "proxy":
            sentence = "A proxy terminates TLS"
            return _finding("tls", HealthLevel.OK, sentence, code="proxy")
        if leaf is None:
            sentence = "Connections are not encrypted (tls.enabled: false)"
            return _finding("tls", HealthLevel.WARNING, sentence, code="plain")
        end, reason = leaf.not_valid_after_utc, self.failure_reason()
        level, verb, code = HealthLevel.OK, "expires", "valid"
        if reason or late(leaf, now - GRACE):
            level, code = HealthLevel.WARNING, "late"
        if end <= now:
            level, verb, code = HealthLevel.ERROR, "expired", "expired"
        sentence = f"{_SOURCES[origin]} {verb} on {end:%Y-%m-%d}"
        if level is not HealthLevel.OK:
            sentence += f" and was not renewed: {reason or 'no reason is known'}"
        left = round((end - now).total_seconds())
        facts = {"origin": origin, "end": end.isoformat(), "reason": reason}
        return _finding("tls", level, sentence, left, "seconds", code=code, facts=facts)

    def _disks(self) -> Iterator[HealthFinding]:
        database = self.installation.database
        if (reason := self.shortage()) is not None:
            yield _finding(
                "disk",
                HealthLevel.ERROR,
                f"No task can start: {reason}",
                code="full",
                facts={"reason": reason},
            )
        present = sum(1 for _ in folder_of(database).glob("*"))
        if present < BALLAST_FILES:
            yield _finding(
                "disk",
                HealthLevel.ERROR,
                f"The space that is reserved for urgent writes beside {database} is "
                "used up, since the disk was full",
                code="reserve",
                facts={"file": str(database)},
            )
        folders = (
            self.installation.state.path,
            database.parent,
            Path(self.jobs.workspaces),
        )
        disks: dict[int, Path] = {}
        for folder in filter(Path.is_dir, folders):
            _ = disks.setdefault(folder.stat().st_dev, folder)
        for folder in disks.values():
            disk = os.statvfs(folder)
            free, total = disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize
            yield _finding(
                "disk",
                HealthLevel.OK if free >= total * _FREE_SHARE else HealthLevel.WARNING,
                f"{mebibytes(free)} of {mebibytes(total)} are free on the disk of "
                f"{folder}",
                free,
                "bytes",
                code="free",
                facts={"free": free, "total": total, "folder": str(folder)},
            )

    def _programs(self, apps: AppTable) -> Iterator[HealthFinding]:
        for each in programs.absent(
            self.jobs.search_path, brought=self.jobs.programs, apps=apps
        ):
            name, _, command = each
            yield _finding(
                "programs",
                HealthLevel.WARNING,
                programs.missing_sentence(*each),
                code="missing",
                facts={"program": name, "command": command},
            )

    def _versions(self) -> HealthFinding:
        parts = (
            f"Semaphore {__version__}",
            f"Python {platform.python_version()}",
            ansible_version(),
            backend.openssl_version_text(),
            f"Linux {platform.release()}",
        )
        return _finding("versions", HealthLevel.OK, ", ".join(filter(None, parts)))


def _finding(
    subject: str,
    level: HealthLevel,
    sentence: str,
    value: float | None = None,
    unit: str = "",
    *,
    code: str = "",
    facts: Mapping[str, str | int] = MappingProxyType({}),
) -> HealthFinding:
    return HealthFinding(
        subject=subject,
        level=level,
        sentence=sentence,
        value=value,
        unit=unit,
        code=code,
        facts=dict(facts),
    )
