"""Tests of Traefik's files in ``etc/``; the other proxies' are run by real ones."""

from pathlib import Path
from typing import Any, ClassVar

import yaml  # type: ignore[import-untyped]
from twisted.trial.unittest import SynchronousTestCase

ETC = Path(__file__).parents[1] / "etc"


class TraefikTests(SynchronousTestCase):
    """Traefik, which Debian does not have: its files are read, not run."""

    #: The keys that each part may have.
    KEYS: ClassVar[dict[str, set[str]]] = {
        "static": {"entryPoints", "providers"},
        "entryPoint": {"address", "http", "http2", "forwardedHeaders", "transport"},
        "dynamic": {"http", "tls"},
        "http": {"routers", "services", "serversTransports"},
        "router": {"rule", "entryPoints", "service", "tls"},
        "balancer": {
            "passHostHeader",
            "servers",
            "serversTransport",
            "responseForwarding",
        },
        "timeouts": {"dialTimeout", "responseHeaderTimeout", "idleConnTimeout"},
    }

    def read(self, name: str) -> Any:
        """Return what a file says."""
        return yaml.safe_load((ETC / "traefik" / name).read_text())

    def check(self, kind: str, part: dict[str, Any]) -> None:
        """Check that *part* has no key that it may not have."""
        self.assertLessEqual(part.keys(), self.KEYS[kind])

    def test_static(self) -> None:
        """The entry points are 80, which redirects to 443, and trust no headers."""
        found = self.read("traefik.yml")
        self.check("static", found)
        points = found["entryPoints"]
        for each in points.values():
            self.check("entryPoint", each)
        ports = {name: each["address"] for name, each in points.items()}
        self.assertEqual(ports, {"web": ":80", "websecure": ":443"})
        redirection = points["web"]["http"]["redirections"]["entryPoint"]
        self.assertIn(redirection["to"], points)
        self.assertEqual(redirection["scheme"], "https")
        believed = points["websecure"]["forwardedHeaders"]
        self.assertEqual(believed, {"insecure": False, "trustedIPs": []})
        file = found["providers"]["file"]["filename"]
        self.assertTrue((ETC / "traefik" / file.rpartition("/")[2]).is_file())

    def test_dynamic(self) -> None:
        """The entry points and services that are named exist."""
        found = self.read("semaphore.yml")
        points = self.read("traefik.yml")["entryPoints"]
        self.check("dynamic", found)
        web = found["http"]
        self.check("http", web)
        for router in web["routers"].values():
            self.check("router", router)
            self.assertLessEqual(set(router["entryPoints"]), points.keys())
            self.assertIn(router["service"], web["services"])
            self.assertEqual(router["rule"], "Host(`ci.example.org`)")
            self.assertIn("tls", router)
        for service in web["services"].values():
            balancer = service["loadBalancer"]
            self.check("balancer", balancer)
            self.assertIs(balancer["passHostHeader"], True)
            self.assertEqual(balancer["servers"], [{"url": "http://127.0.0.1:3000"}])
            self.assertIn(balancer["serversTransport"], web["serversTransports"])
        for transport in web["serversTransports"].values():
            self.check("timeouts", transport["forwardingTimeouts"])
        for pair in found["tls"]["certificates"]:
            self.assertEqual(pair.keys(), {"certFile", "keyFile"})
