"""The pages for new devices: ``/enroll`` and ``/ca``.

Nothing here is secret, and a GET changes nothing: the token stays in the browser until
it is posted. The policy permits resources of this site, and no inline code.
"""

from html import escape

from semaphore_twisted.web.enroll.assets import (
    AUTHORITY_PAGE,
    BELOW,
    ENROLL_PAGE,
    Asset,
)
from semaphore_twisted.web.http.ca_roots import CaRoots, ReadRoots
from semaphore_twisted.web.http.responses import TEXT
from semaphore_twisted.web.http.site import HttpRequest

#: The content security policy of the pages.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self';"
    " img-src data: blob:; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)

_OWN = """
<section>
<p>The certificate of this server was issued by its own certificate authority
(CA), which is limited to the names of this installation. A browser trusts it once it
has the root certificate of that CA.</p>
<h2>1. Compare</h2>
<p>This is the SHA-256 fingerprint of the root. Compare it with what the server printed
when it started, or with the end of the invite's link, behind the dot. Take that from
somebody you trust, not from this page.</p>
<output>{fingerprint}</output>
<h2>2. Download</h2>
<p><a class="button" href="api/vpn/ca?format=der">For phones and Windows (DER)</a>
<a class="button" href="api/vpn/ca" download="semaphore-root.pem">For the others
(PEM)</a></p>
<h2>3. Let it in</h2>
<details><summary>Android</summary><ol>
<li>Settings, Security, More, Encryption &amp; credentials, Install a certificate,
<b>CA certificate</b>.</li>
<li>Choose the file.</li></ol></details>
<details><summary>iPhone and iPad</summary><ol>
<li>Allow the download of the profile; then Settings, <b>Profile downloaded</b>,
Install.</li>
<li>Settings, General, About, Certificate Trust Settings: switch it on.</li></ol>
</details>
<details><summary>Windows</summary><ol>
<li>Open the file, Install Certificate, Current User.</li>
<li>Place it in <b>Trusted Root Certification Authorities</b>.</li></ol></details>
<details><summary>macOS</summary><ol>
<li>Open the file: it goes to the Keychain.</li>
<li>Open it there; Trust, <b>Always Trust</b>.</li></ol></details>
<details><summary>Linux</summary><ol>
<li><code>sudo cp semaphore-root.pem
/usr/local/share/ca-certificates/semaphore-root.crt</code></li>
<li><code>sudo update-ca-certificates</code></li></ol></details>
<details><summary>Firefox, on any system</summary><ol>
<li>Settings, Privacy &amp; Security, View Certificates, Authorities, Import.</li>
<li>Tick <b>Trust this CA to identify websites</b>.</li></ol></details>
</section>
"""

#: Shown while there is a next root.
_NEXT = """
<section>
<h2>The next root</h2>
<p>From <time datetime="{iso}">{day}</time> on the certificate comes from this root.
Compare it and let it in before, as above, and keep the other one until then.</p>
<output>{fingerprint}</output>
<p><a class="button" href="api/vpn/ca?which=next&amp;format=der">Next root, DER</a>
<a class="button" href="api/vpn/ca?which=next"
download="semaphore-next-root.pem">Next root, PEM</a></p>
</section>
"""

_WORLD = """
<section>
<h2>Nothing is to be done</h2>
<p>The certificate of this server was issued by a public certificate authority.</p>
</section>
"""


_PAGES = frozenset({b"/ca", b"/enroll"})


def _broken(fingerprint: str) -> str:
    """Return *fingerprint* for HTML, with an optional line break after each colon."""
    return escape(fingerprint).replace(":", ":<wbr>")


def _authority(roots: CaRoots) -> str:
    """Return the page ``/ca``."""
    content = _WORLD
    if roots.current is not None:
        content = _OWN.format(fingerprint=_broken(roots.current.fingerprint))
    if roots.next is not None and roots.takes_over is not None:
        content += _NEXT.format(
            fingerprint=_broken(roots.next.fingerprint),
            iso=roots.takes_over.isoformat(),
            day=f"{roots.takes_over:%Y-%m-%d %H:%M} UTC",
        )
    return AUTHORITY_PAGE.content.decode().replace("<!--content-->", content)


class EnrollPages:
    """Serves the pages and their files, below any prefix."""

    def __init__(self, roots: ReadRoots) -> None:
        """Show the local CA's roots, if *roots* returns any."""
        self._roots = roots
        self._served: dict[bytes, Asset] = {
            b"/enroll": ENROLL_PAGE,
            **{f"/enroll/{name}".encode(): each for name, each in BELOW.items()},
        }

    def _found(self, path: bytes) -> Asset | None:
        if path == b"/ca":
            return Asset(
                _authority(self._roots()).encode(), AUTHORITY_PAGE.content_type
            )
        return self._served.get(path)

    def has(self, path: bytes) -> bool:
        """Return whether *path*, without the base path, is one of these."""
        return path.removesuffix(b"/") in _PAGES or path in self._served

    def render(self, request: HttpRequest, path: bytes) -> bytes:
        """Answer *request*, whose path without the base path is *path*."""
        if request.method not in {b"GET", b"HEAD"}:
            request.setResponseCode(405)
            request.setHeader(b"allow", b"GET, HEAD")
            return b""
        found = self._found(path)
        if found is None:  # relative links need the path without a slash
            request.setResponseCode(308)
            request.setHeader(b"location", b".." + path.removesuffix(b"/"))
            request.setHeader(b"content-type", TEXT)
            return b""
        request.setHeader(b"content-type", found.content_type)
        request.setHeader(b"content-security-policy", POLICY.encode())
        return found.content
