"""TLS of commands that wait, and start too often for Twisted: the standard library's.

The same is checked as by :mod:`semaphore_twisted.outgoing`: chain, name or address, and
nothing older than TLS 1.2.
"""

import ssl


def believing(root: bytes | None = None) -> ssl.SSLContext:
    """Return TLS that believes the certificate *root* (DER) only, else the system's.

    :raises ValueError: if *root* is no certificate
    """
    if root is not None and not root:  # it would be the system's
        raise ValueError("no certificate found")
    try:
        made = ssl.create_default_context(cadata=root)
    except ssl.SSLError:
        raise ValueError("no certificate found") from None
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    # a name that only the subject has counts for nothing (RFC 9525, section 2)
    made.hostname_checks_common_name = False
    return made


def blind() -> ssl.SSLContext:
    """Return TLS that believes everybody, to fetch what is then compared."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    return made
