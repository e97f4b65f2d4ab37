"""The permitted imports between packages, as in ``docs/architecture.md``."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from twisted.trial.unittest import SynchronousTestCase

import semaphore_twisted
from tests.support.syntax import nodes

ROOT = Path(semaphore_twisted.__file__).parent

#: A package or module at the root may import itself, ``model`` and these.
ALLOWED: dict[str, set[str]] = {
    "model": set(),
    "common": set(),
    "crypto": set(),
    "wireguard": set(),
    "config": {"crypto"},
    "interfaces": {"wireguard"},
    "lifecycle": set(),
    "runtime": {"common"},
    "tls_client": set(),
    "persistence": {"interfaces"},
    "operations": {"common", "crypto", "persistence", "wireguard"},
    "identity": {"operations", "persistence"},
    "jobs": {"common", "interfaces", "runtime"},
    "tasks": {
        "common",
        "crypto",
        "interfaces",
        "jobs",
        "operations",
        "persistence",
        "runtime",
    },
    "acme": {
        "crypto",
        "interfaces",
        "operations",
        "persistence",
        "runtime",
        "tls_client",
    },
    "vpn": {"common", "interfaces", "runtime", "wireguard"},
    "vpnd": {"common", "runtime", "wireguard"},
    "web": {
        "common",
        "config",
        "crypto",
        "identity",
        "interfaces",
        "operations",
        "persistence",
        "runtime",
        "wireguard",
    },
    "start": {
        "acme",
        "common",
        "config",
        "crypto",
        "identity",
        "interfaces",
        "jobs",
        "operations",
        "persistence",
        "runtime",
        "tls_client",
        "vpn",
        "vpnd",  # ``--with-vpn`` starts both programs
        "web",
        "wireguard",
    },
    "tap": {
        "config",
        "jobs",
        "lifecycle",
        "operations",
        "persistence",
        "runtime",
        "start",
        "tasks",
        "vpn",
        "web",
    },
    "cli": {
        "acme",
        "common",
        "config",
        "crypto",
        "operations",
        "persistence",
        "runtime",
        "start",
        "tap",
        "tasks",
        "tls_client",
        "vpn",
        "web",
        "wireguard",
    },
}

#: The packages in ``operations``: each may import itself, the modules directly in
#: ``operations``, and these.
OPERATIONS: dict[str, set[str]] = {
    "accounts": {"vpn"},
    "projects": {"tasks", "vpn"},
    "schedules": {"projects", "tasks"},
    "states": {"projects", "tasks", "vault"},
    "tasks": {"projects"},
    "transfer": {"projects", "schedules", "tasks", "webhooks"},
    "vault": set(),
    "webhooks": {"projects", "tasks"},
    "vpn": {"accounts", "projects"},
}

#: They may import the global reactor.
ROOTS = {"tap", "cli", "start"}

#: The companion's own root, which its package's arrows hold for too.
COMPANION = "vpnd.tap"


def _modules() -> Iterator[tuple[str, Path]]:
    for path in sorted(ROOT.rglob("*.py")):
        relative = path.relative_to(ROOT).with_suffix("")
        yield ".".join(relative.parts), path


def _imports(path: Path) -> Iterator[str]:
    for node in nodes(path):
        if isinstance(node, ast.Import):
            for name in node.names:
                yield name.name
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            for name in node.names:
                yield f"{node.module}.{name.name}"


class ArrowTests(SynchronousTestCase):
    """Imports follow the table."""

    #: where a library may be imported
    LIBRARIES: ClassVar[dict[str, tuple[str, ...]]] = {
        "sqlalchemy": ("persistence",),
        "alembic": ("persistence",),
        "sqlite3": (
            "persistence",
            "cli.backup",
            "cli.main",  # reports a database error without a traceback
            "cli.installation_database",
            "operations.vault.vault",
        ),
        "autobahn": ("web.websocket.endpoint", "cli"),
        "argparse": ("cli",),
        "cronsim": ("model.cron", "model.timetable"),
    }

    #: packages without Twisted: pure, or run in a database thread
    WITHOUT_TWISTED = ("common", "model", "crypto", "operations", "wireguard")

    def test_packages(self) -> None:
        """A package imports only the packages that the table allows."""
        wrong = []
        for module, path in _modules():
            package = module.split(".")[0]
            if package == "__init__":
                continue
            allowed = ALLOWED[package] | {package, "model"}
            wrong += [
                f"{module} imports {name}"
                for name in _imports(path)
                if name.startswith("semaphore_twisted.")
                and name.split(".")[1] not in {*allowed, "__version__"}
            ]
        self.assertEqual(wrong, [])

    def test_operations(self) -> None:
        """The packages in ``operations`` import each other as their table allows."""
        wrong = []
        for module, path in _modules():
            names = module.split(".")
            if names[0] != "operations" or names[1] not in OPERATIONS:
                continue
            others = set(OPERATIONS) - OPERATIONS[names[1]] - {names[1]}
            wrong += [
                f"{module} imports {name}"
                for name in _imports(path)
                if name.startswith("semaphore_twisted.operations.")
                and name.split(".")[2] in others
            ]
        self.assertEqual(wrong, [])

    def test_unused_permissions(self) -> None:
        """The tables allow nothing that is not used."""
        used: dict[str, set[str]] = {package: set() for package in ALLOWED}
        for module, path in _modules():
            for name in _imports(path):
                if name.startswith("semaphore_twisted.") and module != "__init__":
                    used[module.split(".")[0]].add(name.split(".")[1])
        unused = {
            package: allowed - used[package]
            for package, allowed in ALLOWED.items()
            if allowed - used[package]
        }
        self.assertEqual(unused, {})

    def test_libraries(self) -> None:
        """A library is imported only where the table allows it."""
        wrong = []
        for module, path in _modules():
            for name in _imports(path):
                places = self.LIBRARIES.get(name.split(".")[0])
                if places is not None and not module.startswith(places):
                    wrong.append(f"{module} imports {name}")
        self.assertEqual(sorted(set(wrong)), [])

    #: functions that create TLS contexts, and the modules that may use them
    TLS: ClassVar[dict[str, tuple[str, ...]]] = {
        "ssl.create_default_context": ("tls_client.blocking",),
        "ssl.SSLContext": ("tls_client.blocking",),
        "CertificateOptions": ("tls_client.policy",),
        "optionsForClientTLS": (),
        "SSL.Context": ("web.listener.tls",),
    }

    def test_one_place_for_tls(self) -> None:
        """Contexts of OpenSSL are made in one place for each side."""
        wrong = [
            f"{module} calls {name}"
            for module, path in _modules()
            for node in nodes(path)
            if isinstance(node, ast.Call)
            for name in [ast.unparse(node.func)]
            if module not in self.TLS.get(name, (module,))
        ]
        self.assertEqual(wrong, [])

    def test_no_twisted_in_the_core(self) -> None:
        """The functional core does not know Twisted."""
        wrong = [
            f"{module} imports {name}"
            for module, path in _modules()
            if module.split(".")[0] in self.WITHOUT_TWISTED
            for name in _imports(path)
            if name.split(".")[0] in {"twisted", "zope"}
        ]
        self.assertEqual(wrong, [])

    def test_reactor_only_in_roots(self) -> None:
        """The global reactor is imported by the roots only."""
        wrong = [
            module
            for module, path in _modules()
            for name in _imports(path)
            if name == "twisted.internet.reactor"
            and module.split(".")[0] not in ROOTS
            and module != COMPANION
        ]
        self.assertEqual(sorted(set(wrong)), [])

    def test_unseal_is_rare(self) -> None:
        """Secrets are opened in as few modules as can be counted on one hand."""
        places = {
            module
            for module, path in _modules()
            for node in nodes(path)
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "unseal"
        }
        self.assertLessEqual(len(places), 5, sorted(places))

    def test_modules_are_small(self) -> None:
        """No module has more than 500 lines."""
        long = [
            f"{module}: {count}"
            for module, path in _modules()
            if (count := len(path.read_text().splitlines())) > 500
            and "migrations.versions" not in module
        ]
        self.assertEqual(long, [])

    def test_any_is_rare(self) -> None:
        """``Any`` stays at the edges of libraries without types."""
        counts = {
            module: count
            for module, path in _modules()
            if (count := len(re.findall(r"\bAny\b", path.read_text())))
        }
        self.assertLess(sum(counts.values()), 120, str(counts))
