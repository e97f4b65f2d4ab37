"""Reports the served certificate and the state of its renewal."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

import msgspec
from cryptography import x509
from msgspec.structs import replace

from semaphore_twisted.acme import schedule
from semaphore_twisted.crypto import pairs
from semaphore_twisted.crypto.certificates import fingerprint
from semaphore_twisted.model.acme import AcmeRecord
from semaphore_twisted.operations.vault import acme as operations
from semaphore_twisted.persistence.engine import Connection
from semaphore_twisted.start.certificates import acme, authority, status
from semaphore_twisted.start.certificates.expiry_warning import GRACE, late
from semaphore_twisted.start.certificates.status import CertificateStatus
from semaphore_twisted.start.installation import Installation
from semaphore_twisted.start.operator_files import content_of

_OVERDUE = "it was to be renewed, and no reason is known; does the server run?"


class CertificateSummary(msgspec.Struct, frozen=True, kw_only=True):
    """One certificate of a chain."""

    subject: str
    issuer: str
    names: tuple[str, ...]
    begins: datetime
    ends: datetime
    sha256: str


class RootSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A root of the local CA; *takes_over* is set for the next root."""

    file: str
    sha256: str
    begins: datetime
    ends: datetime
    takes_over: datetime | None = None


class CertificateReport(msgspec.Struct, frozen=True, kw_only=True):
    """The served chain and the state of its renewal.

    *served* is the chain's source; it is the local CA while ACME has no certificate.
    *roots* are those of the local CA. *why* states why there is no newer certificate;
    *failing* is true if there should be one.
    """

    mode: str
    served: str
    chain: tuple[CertificateSummary, ...]
    renewal: datetime | None
    failing: bool
    failing_since: datetime | None = None
    why: str = ""
    roots: tuple[RootSummary, ...] = ()
    next_try: datetime | None = None

    @property
    def healthy(self) -> bool:
        """Whether no action of the operator is needed."""
        return not self.failing


def report(
    installation: Installation, conn: Connection, now: datetime
) -> CertificateReport:
    """Return the report of an installation, from its files and its database."""
    report = _report(installation, conn, now)
    if report.mode == "files":
        return report
    check = status.last(installation.state.tls)
    if report.mode == "acme" and check is not None and check.why:
        report = _beside(report, check)
    return replace(report, roots=tuple(roots(installation.state.tls)))


def _beside(report: CertificateReport, check: CertificateStatus) -> CertificateReport:
    """Add that the local CA, which serves all other names, has failed."""
    error = f"the certificate of the local CA: {check.why}"
    moments = [each for each in (report.failing_since, check.failing_since) if each]
    return replace(
        report,
        failing=True,
        failing_since=min(moments, default=None),
        why=f"{report.why}; {error}" if report.why else error,
    )


def roots(folder: Path) -> Iterator[RootSummary]:
    """Yield the current and the next root, if their files are in *folder*."""
    end: datetime | None = None
    for name in ("root.pem", authority.NEXT_ROOT):
        try:
            certificate = x509.load_pem_x509_certificate((folder / name).read_bytes())
        except (OSError, ValueError):
            continue
        follows = None if end is None else authority.takes_over(certificate, end)
        end = certificate.not_valid_after_utc
        yield RootSummary(
            file=str(folder / name),
            sha256=fingerprint(certificate),
            begins=certificate.not_valid_before_utc,
            ends=certificate.not_valid_after_utc,
            takes_over=follows,
        )


def _report(
    installation: Installation, conn: Connection, now: datetime
) -> CertificateReport:
    config = installation.config
    mode = config.tls.origin
    check = status.last(installation.state.tls)
    since = check.failing_since if check is not None else None
    if mode == "files":
        pair = Path(config.tls.cert_file), Path(config.tls.key_file)
        return _of_files(*pair, check, now)
    local = installation.state.tls / "chain.pem", installation.state.tls / "key.pem"
    if mode == "acme":
        stored = acme.folder(installation.state.tls).newest(now)
        record = operations.record(conn, config.acme.directory)
        if stored is not None:
            return _of_authority(stored.chain, stored.leaf, record, now)
        return _without(local[0], record, now)
    chain, why = _read(*local, now)
    why = why or (check.why if check is not None else "")
    leaf = chain[0] if chain else None
    return CertificateReport(
        mode=mode,
        served=mode,
        chain=_described(chain),
        renewal=None if leaf is None else _share(leaf, authority.LEAF_DUE),
        failing=bool(why) or (leaf is not None and late(leaf, now)),
        failing_since=since,
        why=why,
    )


def _of_files(
    chain_path: Path, key_path: Path, check: CertificateStatus | None, now: datetime
) -> CertificateReport:
    chain, why = _read(chain_path, key_path, now)
    if check is not None and check.why:
        why = f"at the last check the server kept the former certificate: {check.why}"
    overdue = bool(chain) and late(chain[0], now)
    if overdue and not why:
        why = f"nobody has put a newer certificate at {chain_path}"
    return CertificateReport(
        mode="files",
        served="files",
        chain=_described(chain),
        renewal=None,
        failing=bool(why),
        failing_since=None if check is None else check.failing_since,
        why=why,
    )


def _of_authority(
    chain: bytes, leaf: x509.Certificate, record: AcmeRecord, now: datetime
) -> CertificateReport:
    planned = schedule.renewal(leaf, record)
    overdue = late(leaf, now) and now > planned + GRACE
    return CertificateReport(
        mode="acme",
        served="acme",
        chain=_described(x509.load_pem_x509_certificates(chain)),
        renewal=planned,
        failing=overdue or (late(leaf, now) and bool(record.reason)),
        failing_since=record.failing_since,
        why=record.reason or (_OVERDUE if overdue else ""),
        next_try=_next_try(record, now),
    )


def _without(local: Path, record: AcmeRecord, now: datetime) -> CertificateReport:
    """Return the report while the local CA replaces a missing ACME certificate."""
    try:
        chain = x509.load_pem_x509_certificates(local.read_bytes())
    except (OSError, ValueError):
        chain = []
    return CertificateReport(
        mode="acme",
        served="local-ca",
        chain=_described(chain),
        renewal=None,
        failing=bool(record.reason),
        failing_since=record.failing_since,
        why=record.reason or "none was ordered yet; the server does it while it runs",
        next_try=_next_try(record, now),
    )


def _next_try(record: AcmeRecord, now: datetime) -> datetime | None:
    return schedule.may_try(record, now, asked=False) if record.reason else None


def _read(
    chain_path: Path, key_path: Path, now: datetime
) -> tuple[list[x509.Certificate], str]:
    """Return the chain, and an error sentence if it cannot be used."""
    chain: list[x509.Certificate] = []
    try:
        content = content_of(chain_path)
        chain = x509.load_pem_x509_certificates(content)
        pairs.check_pair(content, content_of(key_path), now)
    except OSError as error:
        return chain, f"{error.filename}: {error.strerror}"
    except pairs.UnusablePair as error:
        return chain, error.message
    except ValueError:
        return chain, f"{chain_path} holds no usable certificate"
    return chain, ""


def _share(leaf: x509.Certificate, share: float) -> datetime:
    start, end = leaf.not_valid_before_utc, leaf.not_valid_after_utc
    return start + (end - start) * share


def _described(chain: Sequence[x509.Certificate]) -> tuple[CertificateSummary, ...]:
    return tuple(
        CertificateSummary(
            subject=each.subject.rfc4514_string() or "(none)",
            issuer=each.issuer.rfc4514_string() or "(none)",
            names=pairs.names_of(each),
            begins=each.not_valid_before_utc,
            ends=each.not_valid_after_utc,
            sha256=fingerprint(each),
        )
        for each in chain
    )
