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
        context = ssl.create_default_context(cadata=root)
    except ssl.SSLError:
        raise ValueError("no certificate found") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # the common name is not used as a host name (RFC 9525, section 2)
    context.hostname_checks_common_name = False
    return context


def unverified() -> ssl.SSLContext:
    """Return a context without verification, to fetch a certificate for comparison."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
