"""A client whose connection stays open, for many requests in a short time."""

import http.client
import json
from typing import Any

from tests.support.product import Product


class KeptClient:
    """A client with one connection that is kept open."""

    def __init__(self, product: Product) -> None:
        """Connect to the server at the first call."""
        self._token = product.token
        self._connection = http.client.HTTPSConnection(
            "localhost", product.port, context=product.context
        )

    def call(self, method: str, path: str, body: Any = None) -> tuple[int, str]:
        """Return the status of an answer, and the address of the list's next part."""
        headers = {"Authorization": f"Bearer {self._token}"}
        content = None if body is None else json.dumps(body)
        self._connection.request(method, path, content, headers)
        answer = self._connection.getresponse()
        answer.read()
        link = answer.headers.get("link", "")
        return answer.status, link.partition("<")[2].partition(">")[0]
