"""The page in place of the real one where that is not built."""

from base64 import b64encode
from hashlib import sha256
from html import escape

_STYLE = """
:root {
  color-scheme: light dark;
  --paper: #f6f7f9; --card: #ffffff; --ink: #1b2330; --soft: #55617a;
  --line: #dde2ea; --mark: #0b6e6e; --code: #eef1f5;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #10151c; --card: #182029; --ink: #e6ebf2; --soft: #9aa8bd;
    --line: #2a3542; --mark: #5cc8c0; --code: #0c1117;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; padding: clamp(1rem, 5vw, 4rem) 1rem;
  background: var(--paper); color: var(--ink);
  font: 1rem/1.6 system-ui, -apple-system, "Segoe UI", Roboto, Ubuntu, sans-serif;
}
main { max-width: 44rem; margin: 0 auto; }
header { margin-bottom: 2rem; }
h1 { margin: 0 0 .4rem; font-size: clamp(1.7rem, 6vw, 2.4rem); line-height: 1.15;
  letter-spacing: -.02em; }
h1::before { content: ""; display: inline-block; width: .5em; height: .5em;
  margin-right: .4em; border-radius: 50%; background: var(--mark);
  vertical-align: .12em; }
header p { margin: 0; color: var(--soft); font-size: 1.05rem; }
section {
  margin: 0 0 1rem; padding: 1.2rem 1.4rem; background: var(--card);
  border: 1px solid var(--line); border-radius: .75rem;
}
h2 { margin: 0 0 .5rem; font-size: 1.05rem; }
section p { margin: 0 0 .75rem; }
section > :last-child { margin-bottom: 0; }
pre, code, output {
  font: .875rem/1.6 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace;
}
pre, output {
  display: block; margin: 0; padding: .8rem 1rem; overflow-x: auto;
  background: var(--code); border: 1px solid var(--line); border-radius: .5rem;
}
output { overflow-wrap: anywhere; }
a { color: var(--mark); text-underline-offset: .2em; }
a:focus-visible { outline: 2px solid var(--mark); outline-offset: 3px; }
footer { margin-top: 1.5rem; color: var(--soft); font-size: .9rem; }
"""

_FINGERPRINT = """
<section>
<h2>Trust this server</h2>
<p>Its certificate was issued by its own certificate authority (CA), whose root is
<code>tls/root.pem</code> in the server's state directory. Compare its SHA-256
fingerprint with the one that the server printed when it started:</p>
<output>{fingerprint}</output>
</section>"""

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<base href="{base}">
<title>Semaphore</title>
<style>{style}</style>
</head>
<body>
<main>
<header>
<h1>Semaphore</h1>
<p>The server runs, but its web page is not built.</p>
</header>
<section>
<h2>Build the page</h2>
<p>With Node 20.19 or newer, in the directory of the sources; then start the server
again:</p>
<pre>cd ui &amp;&amp; npm ci &amp;&amp; npm run build</pre>
<p>The API works without the page.</p>
</section>
<section>
<h2>Say hello</h2>
<p>Log in, keep the cookie, and see who you are:</p>
<pre>curl {trust}-c cookies \\
  -d '{{"auth": "admin", "password": "…"}}' \\
  {url}api/auth/login
curl {trust}-b cookies \\
  {url}api/user</pre>
</section>{fingerprint}
<section>
<h2>The API</h2>
<p>It is Semaphore's, so its clients work here. Everything that it can do is in the
<a href="api/openapi.json">OpenAPI document</a>; <a href="api/ping">ping</a> answers
without a login.</p>
</section>
<footer>Logs arrive over a websocket at <code>api/ws</code>.</footer>
</main>
</body>
</html>
"""


_DIGEST = b64encode(sha256(_STYLE.encode()).digest()).decode()

#: The page's content security policy, which permits only its own style.
POLICY = (
    f"default-src 'none'; style-src 'sha256-{_DIGEST}'; base-uri 'self';"
    " form-action 'none'; frame-ancestors 'none'"
)


def page(*, url: str, base: str, fingerprint: str) -> str:
    """Return the page for a site at *url* with base path *base* (both end in /)."""
    trust = "--cacert root.pem " if fingerprint else ""
    broken = escape(fingerprint).replace(":", ":<wbr>")
    shown = _FINGERPRINT.format(fingerprint=broken) if fingerprint else ""
    return _PAGE.format(
        base=escape(base),
        style=_STYLE,
        trust=trust,
        url=escape(url),
        fingerprint=shown,
    )
