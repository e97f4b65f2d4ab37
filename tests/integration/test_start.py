"""The start as an operator meets it: real processes, from an empty folder on."""

import base64
import http.client
import json
import os
import pty
import shutil
import signal
import socket
import sqlite3
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.web.page.files import installed_page
from tests.support import warm
from tests.support.pace import in_time
from tests.support.product import (
    ADMIN_PASSWORD,
    Product,
    clean_environment,
    free_port,
)

PROGRAMS = Path(sys.executable).parent


def resident(pid: int) -> int:
    """Return the memory of a process, in KiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0])


class StartTestCase(SynchronousTestCase):
    """A folder for one installation."""

    #: whether servers start from imported modules (:mod:`tests.support.warm`)
    is_warm = True

    def setUp(self) -> None:
        """Make the folder; a product in it is started by the test."""
        # a short path: a socket's name has 107 bytes at most
        self.folder = Path(tempfile.mkdtemp(prefix="semaphore-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.state = self.folder / "state"

    def product(self, *arguments: str, **environ: str) -> Product:
        """Return a server on the folder, stopped at the end."""
        product = Product(self.state, *arguments, is_warm=self.is_warm)
        product.environ.update(environ)
        self.addCleanup(product.stop)
        return product

    def run_to_end(
        self, *words: str, **environ: str
    ) -> "subprocess.CompletedProcess[str]":
        """Run a program to its end, at most a minute, under the widest umask."""
        return warm.run(
            [str(PROGRAMS / words[0]), *words[1:]],
            cwd=self.folder,
            env=clean_environment(**environ),
            umask=0,
        )

    def refused(self, code: int, *arguments: str, **environ: str) -> str:
        """Start, which must be refused with one line; return the line."""
        began = time.monotonic()
        done = self.run_to_end(
            "twistd",
            *("-n", "semaphore", "--state", str(self.state)),
            *arguments,
            **{"SEMAPHORE_INTERFACE": "127.0.0.1", "SEMAPHORE_PORT": "0", **environ},
        )
        in_time(time.monotonic() - began, 5)
        self.assertEqual(done.returncode, code, done.stderr + done.stdout)
        (line,) = done.stderr.strip().splitlines()
        self.assertNotIn("Traceback", done.stdout)
        return line


class FirstStartTests(StartTestCase):
    """A start without any files."""

    is_warm = False

    def test_setup_from_nothing(self) -> None:
        """The first start creates all files, private under any umask."""
        done = self.run_to_end("semaphore", "setup", "--state", "state")
        self.assertEqual(done.returncode, 0, done.stderr)
        config = json.loads((self.state / "config.json").read_text())
        key = base64.b64decode(config["access_key_encryption"])
        self.assertEqual(len(key), 32)
        for path in [self.state, *self.state.rglob("*")]:
            mode = stat.S_IMODE(path.stat().st_mode)
            if path.is_dir():
                self.assertEqual(mode, 0o700, str(path))
            elif path.name not in {"root.pem", "chain.pem"}:
                self.assertEqual(mode, 0o600, str(path))

    def test_existing_secrets(self) -> None:
        """A second set-up leaves configuration and secrets byte by byte."""
        self.state.mkdir()
        key = base64.b64encode(os.urandom(32)).decode()
        text = (
            f'{{"access_key_encryption":   "{key}\\n",\n\n'
            '"cookie_hash": "a", "cookie_encryption" : "b"}'
        )
        (self.state / "config.json").write_text(text)
        for _ in range(2):
            done = self.run_to_end("semaphore", "setup", "--state", "state")
            self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual((self.state / "config.json").read_text(), text)

    def test_key_is_added(self) -> None:
        """A configuration without a key gets one, and stays as it is otherwise."""
        self.state.mkdir()
        (self.state / "config.json").write_text('{ "max_parallel_tasks" :  3 }')
        done = self.run_to_end("semaphore", "setup", "--state", "state")
        self.assertEqual(done.returncode, 0, done.stderr)
        text = (self.state / "config.json").read_text()
        self.assertTrue(text.endswith('"max_parallel_tasks" :  3 }'), text)
        self.assertIn("access_key_encryption", json.loads(text))

    def test_key_of_the_environment(self) -> None:
        """A key from the environment is written to no file."""
        key = base64.b64encode(os.urandom(32)).decode()
        done = self.run_to_end(
            *("semaphore", "setup", "--state", "state"),
            SEMAPHORE_ACCESS_KEY_ENCRYPTION=key,
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        for path in self.state.rglob("*"):
            if path.is_file():
                self.assertNotIn(key.encode(), path.read_bytes(), str(path))
        line = self.refused(78)
        self.assertIn("access_key_encryption", line)
        self.assertIn("none is configured", line)

    def test_drawn_password(self) -> None:
        """Without a terminal the password is in a file, until it is changed."""
        product = self.product()
        for name in ("SEMAPHORE_ADMIN", "SEMAPHORE_ADMIN_PASSWORD"):
            del product.environ[name]
        product.start()
        path = self.state / "initial-admin-password"
        password = path.read_text().strip()
        said = product.log.read_text()
        self.assertIn(str(path), said)
        self.assertNotIn(password, said)
        answer = product.call(
            "POST", "/api/auth/login", {"auth": "admin", "password": password}
        )
        self.assertEqual(answer.status, 204)
        cookie = answer.headers["set-cookie"].split(";")[0]
        made = product.call("POST", "/api/user/tokens", {}, {"Cookie": cookie})
        product.token = made.json["id"]
        product.stop()
        product.start()
        self.assertTrue(path.exists())
        number = product.api("GET", "/user")["id"]
        product.call(
            "POST",
            f"/api/users/{number}/password",
            {"password": "another long password", "current_password": password},
            {"Cookie": cookie},
        )
        self.assertFalse(path.exists())

    def test_password_on_a_terminal(self) -> None:
        """On a terminal the password is shown, and no file holds it."""
        master, slave = pty.openpty()
        with subprocess.Popen(
            [str(PROGRAMS / "semaphore"), "setup", "--state", str(self.state)],
            env=clean_environment(),
            stdin=subprocess.DEVNULL,
            stdout=slave,
            stderr=subprocess.PIPE,
        ) as child:
            os.close(slave)
            said = b""
            while True:
                try:
                    part = os.read(master, 4096)
                except OSError:  # how a terminal says that the other side is gone
                    break
                if not part:
                    break
                said += part
        os.close(master)
        self.assertEqual(child.returncode, 0)
        self.assertIn(b"shown this once", said)
        self.assertFalse((self.state / "initial-admin-password").exists())

    def test_first_account_once(self) -> None:
        """The variables of the first account matter only while no user exists."""
        for password in (ADMIN_PASSWORD, "something else entirely"):
            done = self.run_to_end(
                *("semaphore", "setup", "--state", "state"),
                SEMAPHORE_ADMIN="chief",
                SEMAPHORE_ADMIN_PASSWORD=password,
            )
            self.assertEqual(done.returncode, 0, done.stderr)
        with sqlite3.connect(self.state / "semaphore.db") as database:
            rows = database.execute("SELECT username, admin FROM user").fetchall()
        self.assertEqual(rows, [("chief", 1)])

    def test_says_what_to_do(self) -> None:
        """The start prints its address, the certificate to trust, and the next step."""
        product = self.product()
        product.start()
        said = product.log.read_text()
        self.assertIn(f"https://localhost:{product.port}", said)
        self.assertIn("SHA-256", said)
        self.assertIn("curl", said)
        # of root and of other users without process.user
        self.assertRegex(said, "Jobs run as (root|the server's own user)")

    def test_missing_programs(self) -> None:
        """Each start names programs that are missing, and how to install them."""
        product = self.product(PATH=str(self.folder))
        product.start()
        said = product.log.read_text()
        if not Path("/usr/bin/git").exists():
            self.assertIn("apt install git", said)
        product.stop()
        # What is on the usual folders is found even without a PATH.
        self.assertNotIn("ssh-agent is missing", said)


class RefusalTests(StartTestCase):
    """One line, an exit code, and nothing changed."""

    def test_options(self) -> None:
        """For a wrong option the error states the value found and those accepted."""
        line = self.refused(78, SEMAPHORE_TLS_ENABLED="perhaps")
        self.assertIn('tls.enabled: invalid value "perhaps" (from', line)
        self.assertFalse(self.state.exists())

    def test_no_such_config(self) -> None:
        """A configuration that was named has to exist."""
        line = self.refused(78, "--config", "nowhere.json")
        self.assertIn("nowhere.json: no such file", line)

    def test_plain_http(self) -> None:
        """Plain HTTP on other addresses is refused with three ways out."""
        environ = {"SEMAPHORE_TLS_ENABLED": "false", "SEMAPHORE_INTERFACE": "0.0.0.0"}
        line = self.refused(78, **environ)
        for word in ("tls.enabled", "proxy", "VPN"):
            self.assertIn(word, line)

    def test_busy_port(self) -> None:
        """A busy port is exit 1, and no password was drawn for nothing."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
            line = self.refused(1, SEMAPHORE_PORT=str(port))
        self.assertIn(f"port {port} is in use", line)
        self.assertFalse((self.state / "initial-admin-password").exists())

    def test_second_server(self) -> None:
        """A second server on the same directory names the first, on any port."""
        product = self.product()
        product.start()
        assert product.process is not None
        line = self.refused(1)
        self.assertIn(f"in use by pid {product.process.pid}", line)

    def test_foreign_folder(self) -> None:
        """A directory with foreign files is refused as a state directory."""
        self.state.mkdir()
        (self.state / "thesis.txt").touch()
        self.assertIn("expected an empty directory", self.refused(78))

    def test_certificate_files(self) -> None:
        """A missing or invalid certificate is refused with the option's name."""
        missing = {
            "SEMAPHORE_TLS_CERT_FILE": "/nowhere.pem",
            "SEMAPHORE_TLS_KEY_FILE": "/nowhere.key",
        }
        self.assertIn("tls.cert_file: /nowhere.pem", self.refused(78, **missing))
        (self.folder / "odd.pem").write_text("no certificate")
        odd = dict.fromkeys(missing, str(self.folder / "odd.pem"))
        self.assertIn("tls.cert_file", self.refused(78, **odd))

    def test_no_regular_files(self) -> None:
        """A named pipe, a device or a folder is not waited for where a file belongs."""
        pipe = self.folder / "pipe"
        os.mkfifo(pipe)
        for option, variable in (
            ("SEMAPHORE_ADMIN_PASSWORD_FILE", "SEMAPHORE_ADMIN_PASSWORD_FILE"),
            ("ssh_config_path", "SEMAPHORE_SSH_PATH"),
            ("ssh.known_hosts_file", "SEMAPHORE_SSH_KNOWN_HOSTS_FILE"),
        ):
            line = self.refused(78, **{variable: str(pipe)})
            self.assertIn(f"{option}: {pipe}: ", line)
            self.assertIn("ot a regular file", line)
        key = {"SEMAPHORE_ACCESS_KEY_ENCRYPTION_FILE": "/dev/zero"}
        self.assertIn("/dev/zero: Not a regular file", self.refused(78, **key))
        folder = {"SEMAPHORE_SSH_PATH": str(self.folder)}
        self.assertIn("not a regular file", self.refused(78, **folder))
        self.assertIn("--config: ", self.refused(78, "--config", str(pipe)))

    def test_empty_paths(self) -> None:
        """An empty path is refused, and does not mean the usual or current folder."""
        for option in ("--state", "--config"):
            line = self.refused(78, option, "")
            self.assertIn(f"{option}: empty value", line)

    def test_unknown_user(self) -> None:
        """A user that does not exist is refused by the option."""
        line = self.refused(78, SEMAPHORE_PROCESS_USER="nobody-of-that-name")
        self.assertIn("process.user", line)


class ServingTests(StartTestCase):
    """A server that runs."""

    is_warm = False

    def test_after_a_kill(self) -> None:
        """Port and folder can be used again at once after ``kill -9``."""
        product = self.product()
        product.start()
        for _ in range(3):
            product.log_in()  # connections that were open when it ended
            product.kill()
            product.start()

    def test_idle(self) -> None:
        """The first answer takes two seconds at most, an idle server under 90 MB."""
        product = self.product()
        product.start()
        product.stop()
        times, sizes = [], []
        for _ in range(3):
            began = time.monotonic()
            product.start()
            times.append(time.monotonic() - began)
            assert product.process is not None
            sizes.append(resident(product.process.pid))
            product.stop()
        self.assertLess(max(sizes), 90 * 1024)
        # Twice the goal, since other tests may share the machine.
        in_time(min(times), 4)

    def test_stop(self) -> None:
        """SIGTERM ends it in good order, and the database is closed."""
        product = self.product()
        product.start()
        process = product.process
        product.stop()
        assert process is not None
        # twistd passes the signal on to itself at the very end.
        self.assertEqual(process.returncode, -signal.SIGTERM, product.log.read_text())
        self.assertFalse((self.state / "semaphore.db-wal").exists())
        self.assertNotIn("Traceback", product.log.read_text())

    def test_signals_while_stopping(self) -> None:
        """More signals while it stops change nothing, and are no fault."""
        product = self.product()
        product.start()
        process = product.process
        assert process is not None
        while process.poll() is None:
            process.send_signal(signal.SIGTERM)
            time.sleep(0.005)
        said = product.log.read_text()
        self.assertEqual(process.returncode, -signal.SIGTERM, said)
        self.assertNotIn("Traceback", said)
        self.assertNotIn("Error", said)
        self.assertFalse((self.state / "semaphore.db-wal").exists())

    def test_page(self) -> None:
        """The web page is at the root; if it is not built, the CA's fingerprint is."""
        product = self.product()
        product.start()
        page = product.call("GET", "/")
        self.assertEqual(page.status, 200)
        if installed_page() is not None:
            self.assertIn(b"<script", page.content)
            return
        said = product.log.read_text().split("SHA-256: ")[1].split()[0]
        self.assertIn(said, page.content.decode().replace("<wbr>", ""))

    def test_plain_http_on_loopback(self) -> None:
        """A proxy on this machine may reach it over plain HTTP, or a UNIX socket."""
        port = free_port()
        with self.server("semaphore", "server", SEMAPHORE_PORT=str(port)):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
            connection.request("GET", "/api/ping")
            self.assertEqual(connection.getresponse().read(), b"pong")
            connection.close()
        path = self.folder / "socket"
        interface = f"unix:{path}"
        with self.server("twist", "semaphore", SEMAPHORE_INTERFACE=interface):
            with socket.socket(socket.AF_UNIX) as client:
                client.connect(os.path.relpath(path))
                client.sendall(b"GET /api/ping HTTP/1.0\r\n\r\n")
                answer = b""
                while part := client.recv(4096):
                    answer += part
            self.assertTrue(answer.endswith(b"pong"), answer)

    @contextmanager
    def server(self, *words: str, **environ: str) -> Iterator[None]:
        """Run a server without TLS; wait until it prints its address."""
        with subprocess.Popen(
            [str(PROGRAMS / words[0]), *words[1:], "--state", str(self.state)],
            cwd=self.folder,
            env=clean_environment(
                **{
                    "SEMAPHORE_TLS_ENABLED": "false",
                    "SEMAPHORE_INTERFACE": "127.0.0.1",
                    **environ,
                }
            ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as child:
            try:
                assert child.stdout is not None
                said = b""
                while b"state: " not in said:
                    line = child.stdout.readline()
                    self.assertTrue(line, said.decode())
                    said += line
                yield
            finally:
                child.terminate()
                child.communicate(timeout=30)

    def test_secrets_of_the_environment(self) -> None:
        """Neither log, environment nor argv of the server holds a secret."""
        key = base64.b64encode(os.urandom(32)).decode()
        marker = "Zx9-marker"
        product = self.product(
            SEMAPHORE_ACCESS_KEY_ENCRYPTION=key,
            SEMAPHORE_DB_PASS=marker,
            SEMAPHORE_ADMIN_PASSWORD=ADMIN_PASSWORD,
        )
        product.start()
        product.log_in()
        assert product.process is not None
        environ = Path(f"/proc/{product.process.pid}/environ")
        self.assertEqual(environ.stat().st_uid, 0)  # not dumpable: root's own
        said = product.log.read_text()
        for secret in (key, marker, ADMIN_PASSWORD):
            self.assertNotIn(secret, said)


class CommandTests(StartTestCase):
    """Commands while a server runs."""

    def test_beside_the_server(self) -> None:
        """Commands work while a server runs, or name the server as the obstacle."""
        product = self.product()
        product.start()
        assert product.process is not None
        product.log_in()
        health = product.api("GET", "/admin/health")
        subjects = {each["subject"] for each in health["findings"]}
        self.assertLessEqual({"tls", "disk", "key store", "versions"}, subjects)
        for words in (
            ("config", "show"),
            ("user", "list"),
            ("vault", "check"),
            ("migrate", "--dry-run"),
            ("backup", str(self.folder / "copy.db")),
        ):
            began = time.monotonic()
            done = self.run_to_end("semaphore", *words, "--state", str(self.state))
            self.assertEqual(done.returncode, 0, f"{words}: {done.stderr}")
            in_time(time.monotonic() - began, 5)
        done = self.run_to_end("semaphore", "setup", "--state", str(self.state))
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"in use by pid {product.process.pid}", done.stderr)

    def test_config_show(self) -> None:
        """Each option is shown with value and origin, secrets masked."""
        self.run_to_end("semaphore", "setup", "--state", "state")
        key = json.loads((self.state / "config.json").read_text())
        done = self.run_to_end(
            *("semaphore", "config", "show", "--state", "state"),
            SEMAPHORE_PORT="4000",
            SEMAPHORE_METRICS_USERNAME="CN=Bind User,OU=A B,DC=x",
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        rows = {line.split("  ")[0]: line for line in done.stdout.splitlines()}
        self.assertIn("SEMAPHORE_PORT", rows["port"])
        self.assertIn("CN=Bind User,OU=A B,DC=x", rows["metrics.username"])
        self.assertIn("config.json", rows["access_key_encryption"])
        self.assertIn("default", rows["tls.enabled"])
        self.assertNotIn(key["access_key_encryption"], done.stdout)

    def test_backup_and_restore(self) -> None:
        """A copy made while the server runs restores the same data."""
        product = self.product()
        product.start()
        product.log_in()
        kept = product.api("POST", "/projects", {"name": "Kept"})["id"]
        copy = self.folder / "copy.db"
        done = self.run_to_end(
            "semaphore", "backup", str(copy), "--state", str(self.state)
        )
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(stat.S_IMODE(copy.stat().st_mode), 0o600)
        product.api("POST", "/projects", {"name": "Later"})
        again = self.run_to_end(
            "semaphore", "backup", str(copy), "--state", str(self.state)
        )
        self.assertEqual(again.returncode, 1)
        self.assertIn("--force", again.stderr)
        product.stop()
        for name in ("semaphore.db-wal", "semaphore.db-shm"):
            (self.state / name).unlink(missing_ok=True)
        (self.state / "semaphore.db").write_bytes(copy.read_bytes())
        product.start()
        projects = product.api("GET", "/projects")
        self.assertEqual([each["id"] for each in projects], [kept])
        done = self.run_to_end("semaphore", "vault", "check", "--state", "state")
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_nothing_there(self) -> None:
        """Commands on a directory without an installation fail and create nothing."""
        for words in (("user", "list"), ("vault", "check"), ("backup", "x.db")):
            done = self.run_to_end("semaphore", *words, "--state", "state")
            self.assertEqual(done.returncode, 78, f"{words}: {done.stderr}")
            self.assertIn("there is no installation", done.stderr)
        self.assertFalse(self.state.exists())

    def test_version(self) -> None:
        """The version is printed."""
        done = self.run_to_end("semaphore", "version")
        self.assertRegex(done.stdout, r"^\d+\.\d+\.\d+")
