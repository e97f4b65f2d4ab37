"""The options of the site, from the configuration and the state of the start."""

from functools import partial
from importlib import metadata
from typing import Final

from semaphore_twisted import __version__
from semaphore_twisted.jobs.job_inputs import JobOptions
from semaphore_twisted.start import programs, site_names, vpn
from semaphore_twisted.start.certificates.server_certificates import ServerCertificates
from semaphore_twisted.start.first_start import ReadyInstallation
from semaphore_twisted.web.http.ca_roots import CaRoots
from semaphore_twisted.web.http.options import WebOptions

#: Seconds for which browsers enforce HTTPS (HSTS): with the operator's certificate, and
#: with the local CA's, whose loss would lock people out for that long.
HSTS_OWN: Final = 63_072_000
HSTS_LOCAL: Final = 86_400


def site_options(
    made: ReadyInstallation, served: ServerCertificates | None, jobs: JobOptions
) -> WebOptions:
    """Return the options; *served* has the certificates, *jobs* the rules for jobs."""
    config, network = made.installation.config, made.network
    return WebOptions(
        config=config,
        roots=CaRoots if served is None else served.roots,
        hosts=site_names.hosts(config, network),
        hsts_seconds=HSTS_LOCAL if config.tls.origin == "local-ca" else HSTS_OWN,
        version=__version__,
        ansible=ansible_version(),
        enroll_url=vpn.enroll_url(config, network),
        pinned=vpn.pins(served, config, network),
        vpn=vpn.options_of(config),
        repositories=jobs.rules,
        known_hosts=jobs.known_hosts,
        place_of_program=partial(
            programs.place_of, path=jobs.search_path, brought=jobs.programs
        ),
    )


def ansible_version() -> str:
    """Return the first line of ``ansible --version`` without running it."""
    try:
        return f"ansible [core {metadata.version('ansible-core')}]"
    except metadata.PackageNotFoundError:
        return ""
