"""TLS of blocking commands that do not import Twisted: ``ssl`` contexts.

The checks are those of :mod:`semaphore_twisted.tls_client.policy`: chain, name or
address, and TLS 1.2 as the minimum.
"""

import ssl


def trusting(root: bytes | None = None) -> ssl.SSLContext:
    """Return a context that trusts only the CA *root* (DER), or the system's roots.

    :raises ValueError: if *root* is not a certificate
    """
    if root is not None and not root:  # ssl would load the system's roots
        raise ValueError("no certificate found")
    try:
        made = ssl.create_default_context(cadata=root)
    except ssl.SSLError:
        raise ValueError("no certificate found") from None
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    # the common name is not used as a host name (RFC 9525, section 2)
    made.hostname_checks_common_name = False
    return made


def unverified() -> ssl.SSLContext:
    """Return a context without verification, to fetch a certificate for comparison."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    return made
