"""The API document as the page's sources keep it: ``ui/openapi.json``."""

import json

from semaphore_twisted.web.api.routes import ROUTES
from semaphore_twisted.web.http import openapi


def text() -> str:
    """Return the document of all routes, indented, for a site without base path."""
    found = openapi.document(ROUTES, base="")
    return json.dumps(found, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
