"""The configuration: precedence, types, names, and errors for wrong values."""

import json
import os
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.config import parsing
from semaphore_twisted.config.names import OPTIONS, VARIABLES
from semaphore_twisted.config.options import Config
from semaphore_twisted.config.parsing import LoadedConfig, setting
from semaphore_twisted.config.values import MASK, WrongOption
from semaphore_twisted.start import operator_files

KEY = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="


def parsed(
    tree: Any = None,
    *,
    environ: dict[str, str] | None = None,
    files: dict[str, bytes] | None = None,
    name: str = "config.json",
) -> LoadedConfig:
    """Parse *tree* (an object, or bytes) with in-memory *files*."""

    def read(path: str) -> bytes:
        if files is None or path not in files:
            raise FileNotFoundError(2, "No such file or directory", path)
        return files[path]

    content = tree if tree is None or isinstance(tree, bytes) else json.dumps(tree)
    if isinstance(content, str):
        content = content.encode()
    return parsing.parse(content, name=name, environ=environ or {}, read=read)


class PrecedenceTests(SynchronousTestCase):
    """Where a value comes from."""

    def test_defaults(self) -> None:
        """Without a file and variables every option has its default."""
        settings = parsed()
        self.assertEqual(settings.config, Config())
        self.assertEqual(settings.origin("port"), "default")
        self.assertEqual(settings.warnings, ())

    def test_environment_wins(self) -> None:
        """The environment wins over the file, the file over the default."""
        settings = parsed(
            {"port": ":4000", "max_parallel_tasks": 3},
            environ={"SEMAPHORE_PORT": "5000"},
        )
        self.assertEqual(settings.config.port_number, 5000)
        self.assertEqual(settings.config.max_parallel_tasks, 3)
        self.assertEqual(settings.origin("port"), "SEMAPHORE_PORT")
        self.assertEqual(settings.origin("max_parallel_tasks"), "config.json")
        self.assertEqual(settings.origin("tls.enabled"), "default")

    def test_text_with_spaces(self) -> None:
        """A value with blanks, commas and equals signs survives as it is."""
        text = "CN=Bind User,OU=A B,DC=x"
        settings = parsed(environ={"SEMAPHORE_METRICS_USERNAME": text})
        self.assertEqual(settings.config.metrics.username, text)

    def test_empty_variable_is_unset(self) -> None:
        """An empty variable counts as unset."""
        settings = parsed({"port": "4000"}, environ={"SEMAPHORE_PORT": ""})
        self.assertEqual(settings.config.port_number, 4000)

    def test_range_of_the_shipped_unit(self) -> None:
        """An older drop-in that names the jobs' user, or none, goes on to decide."""
        users = {"SEMAPHORE_PROCESS_UID_RANGE": "1900000000-1900000063"}
        self.assertEqual(len(parsed(environ=users).config.process.uids), 64)
        for user in ("", "deploy"):
            settings = parsed(environ={**users, "SEMAPHORE_PROCESS_USER": user})
            self.assertEqual(settings.config.process.user, user)
            self.assertEqual(len(settings.config.process.uids), 0)
            (warning,) = settings.warnings
            self.assertIn("SEMAPHORE_PROCESS_UID_RANGE has no effect", warning)

    def test_file_variable(self) -> None:
        """A variable with _FILE names a file whose content counts, less a newline."""
        settings = parsed(
            environ={"SEMAPHORE_ACCESS_KEY_ENCRYPTION_FILE": "/run/key"},
            files={"/run/key": KEY.encode() + b"\n"},
        )
        self.assertEqual(settings.config.access_key_encryption, KEY)

    def test_both_forms(self) -> None:
        """A variable and its _FILE form together are refused."""
        error = self.assertRaises(
            WrongOption,
            parsed,
            environ={"SEMAPHORE_PORT": "1", "SEMAPHORE_PORT_FILE": "/x"},
        )
        self.assertIn("SEMAPHORE_PORT_FILE", str(error))

    def test_both_forms_of_the_first_account(self) -> None:
        """So are those of the first account, whether it is still to be made or not."""
        for name in ("ADMIN", "ADMIN_PASSWORD", "ADMIN_NAME", "ADMIN_EMAIL"):
            variable = f"SEMAPHORE_{name}"
            environ = {variable: "marker", f"{variable}_FILE": "/x"}
            error = self.assertRaises(WrongOption, parsed, environ=environ)
            self.assertEqual(
                str(error), f"{variable} and {variable}_FILE are both set; expected one"
            )
            for empty in (variable, f"{variable}_FILE"):
                self.assertEqual(parsed(environ={**environ, empty: ""}).warnings, ())

    def test_named_pipe(self) -> None:
        """A named pipe is refused at once as the file of the first password."""
        pipe = self.mktemp()
        os.mkfifo(pipe)
        environ = {"SEMAPHORE_ADMIN_PASSWORD_FILE": pipe}
        error = self.assertRaises(
            WrongOption, setting, environ, "ADMIN_PASSWORD", operator_files.read_file
        )
        self.assertIn("SEMAPHORE_ADMIN_PASSWORD_FILE", str(error))
        self.assertIn("Not a regular file", str(error))

    def test_tls_cert_file_is_an_option(self) -> None:
        """TLS_CERT_FILE is an option of its own, not the _FILE form of another."""
        settings = parsed(
            environ={
                "SEMAPHORE_TLS_CERT_FILE": "/c.pem",
                "SEMAPHORE_TLS_KEY_FILE": "/k.pem",
            }
        )
        self.assertEqual(settings.config.tls.cert_file, "/c.pem")

    def test_file_reference(self) -> None:
        """A secret in the file may be a reference to another file."""
        settings = parsed(
            {"access_key_encryption": "file:/run/key"},
            files={"/run/key": KEY.encode() + b"\n"},
        )
        self.assertEqual(settings.config.access_key_encryption, KEY)

    def test_unreadable_file(self) -> None:
        """A _FILE that cannot be read is named, with the reason."""
        error = self.assertRaises(
            WrongOption, parsed, environ={"SEMAPHORE_PORT_FILE": "/nowhere"}
        )
        self.assertEqual(
            str(error), "SEMAPHORE_PORT_FILE: /nowhere: No such file or directory"
        )


class FormatTests(SynchronousTestCase):
    """The file."""

    def test_toml(self) -> None:
        """TOML with the same names is read as well."""
        settings = parsed(
            b'port = "4000"\n[tls]\nenabled = false\n', name="config.toml"
        )
        self.assertFalse(settings.config.tls.enabled)
        self.assertEqual(settings.config.port_number, 4000)

    def test_keys_fold(self) -> None:
        """Keys are found without regard to case, as Semaphore finds them."""
        self.assertEqual(parsed({"TLS": {"Enabled": False}}).config.tls.enabled, False)

    def test_not_json(self) -> None:
        """A broken file is refused with its place and without its content."""
        error = self.assertRaises(WrongOption, parsed, b'{"a": "secret-text"\n x}')
        self.assertIn("config.json: the file is not valid JSON (line 2", str(error))
        self.assertNotIn("secret-text", str(error))

    def test_not_an_object(self) -> None:
        """A list is refused."""
        error = self.assertRaises(WrongOption, parsed, b"[]")
        self.assertIn(
            "the file has a list; expected an object with options", str(error)
        )

    def test_yaml(self) -> None:
        """YAML is refused by name."""
        error = self.assertRaises(WrongOption, parsed, b"port: 1", name="c.yaml")
        self.assertIn("the file is YAML; expected JSON or TOML", str(error))

    def test_null_is_unset(self) -> None:
        """A null counts as unset."""
        self.assertEqual(parsed({"port": None, "tls": None}).config, Config())

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(),
            lambda inner: (
                st.lists(inner)
                | st.dictionaries(
                    st.sampled_from(["port", "tls", "enabled", "env_vars", "x"]), inner
                )
            ),
        )
    )
    def test_anything(self, tree: object) -> None:
        """Any content of the file gives settings or one sentence."""
        try:
            settings = parsed(json.dumps(tree).encode())
        except WrongOption as error:
            self.assertNotIn("\n", str(error))
        else:
            self.assertIsInstance(settings.config, Config)


class KindTests(SynchronousTestCase):
    """Values of the wrong kind, and impossible ones."""

    def refusal(self, tree: object = None, **environ: str) -> str:
        """Return the sentence of the refusal."""
        variables = {f"SEMAPHORE_{name}": text for name, text in environ.items()}
        return str(self.assertRaises(WrongOption, parsed, tree, environ=variables))

    def test_flag(self) -> None:
        """The sentence has the option, its value, the origin and what is accepted."""
        self.assertEqual(
            self.refusal(TLS_ENABLED="perhaps"),
            'tls.enabled: invalid value "perhaps" (from SEMAPHORE_TLS_ENABLED); '
            "expected true or false",
        )

    def test_flags(self) -> None:
        """Words for true and false are taken in any case."""
        for text, value in (("YES", True), ("1", True), ("False", False), ("0", False)):
            settings = parsed(environ={"SEMAPHORE_TLS_ENABLED": text})
            self.assertIs(settings.config.tls.enabled, value)

    def test_number(self) -> None:
        """A number is whole and not negative."""
        for text in ("-1", "1.5", "ten", "9" * 40):
            self.assertIn("max_parallel_tasks", self.refusal(MAX_PARALLEL_TASKS=text))
        self.assertIn("invalid value true", self.refusal({"max_parallel_tasks": True}))

    def test_port(self) -> None:
        """A port is a number up to 65535, with or without a colon."""
        for text in ("70000", "x", ":", "-1", "127.0.0.1:3000", "hello:3000", "٣"):
            self.assertIn("port", self.refusal({"port": text}))
        self.assertEqual(parsed({"port": 443}).config.port_number, 443)
        self.assertEqual(parsed({"port": ":0"}).config.port_number, 0)

    def test_choices(self) -> None:
        """Words outside their list are refused."""
        self.assertIn(
            "ssh.strict_host_key_checking",
            self.refusal(SSH_STRICT_HOST_KEY_CHECKING="ask"),
        )
        self.assertIn(
            '"mysql" (from config.json); expected sqlite',
            self.refusal({"dialect": "mysql"}),
        )

    def test_pairs(self) -> None:
        """A certificate without its key is refused, and the other way round."""
        self.assertIn("tls.key_file is not set", self.refusal(TLS_CERT_FILE="/c"))
        self.assertIn("tls.cert_file is not set", self.refusal(TLS_KEY_FILE="/k"))

    def test_web_host(self) -> None:
        """The public address is an http or https URL."""
        for text in ("example.org", "ftp://x", "https://", "https://u@h/", "http://[x"):
            self.assertIn("web_host", self.refusal(WEB_ROOT=text))
        for text in (
            "https://a b.example",
            "https://a%20b",
            "https://a..b",
            "https://",
        ):
            self.assertIn("HOST", self.refusal(WEB_ROOT=text))
        for base in ("/a/../b", "/a/./b", "/..", "//b", "/a b", "/a;b", "/a%2fb", "/ä"):
            said = self.refusal(WEB_ROOT=f"https://h.example{base}")
            self.assertIn("a BASE of letters", said)
        for base in ("", "/", "/base", "/a/b-c_d.e~f/", "/..a/.b"):
            text = f"https://ci.example.org:8443{base}"
            found = parsed(environ={"SEMAPHORE_WEB_ROOT": text}).config.web_host
            self.assertEqual(found, text)

    def test_web_host_as_browsers_send_it(self) -> None:
        """An internationalized name is converted to its ASCII form."""
        for text, plain in (
            ("https://München.example:8443/b", "https://xn--mnchen-3ya.example:8443/b"),
            ("https://bücher.example", "https://xn--bcher-kva.example"),
            ("https://[2001:db8::1]:3000", "https://[2001:db8::1]:3000"),
        ):
            found = parsed(environ={"SEMAPHORE_WEB_ROOT": text}).config.web_host
            self.assertEqual(found, plain)

    def test_vpn(self) -> None:
        """The VPN's options are checked, each by its name."""
        for name, text in (
            ("PORT", "0"),
            ("PORT", "65536"),
            ("ENROLL_PORT", "65536"),
            ("DNS", "on"),
            ("DOMAIN", "semaphore"),
            ("DOMAIN", "-a.internal"),
            ("DOMAIN", "a..internal"),
            ("DOMAIN", "x.internal\n"),
            ("PUBLISH", "22"),
            ("PUBLISH", "tcp/0"),
            ("PUBLISH", "tcp/22;drop"),
            ("RECONCILE_SEC", "0"),
        ):
            self.assertIn(f"vpn.{name.lower()}", self.refusal(**{f"VPN_{name}": text}))
        both = {"vpn": {"only": True}, "interface": "unix:/run/x"}
        self.assertIn("vpn.only: invalid value true", self.refusal(both))
        plain = {"vpn": {"enroll_port": 8443}, "tls": {"enabled": False}}
        self.assertIn("vpn.enroll_port", self.refusal(plain))
        vpn = parsed({"vpn": {"publish": ["tcp/22", "udp/161"]}}).config.vpn
        self.assertEqual(vpn.published, (("tcp", 22), ("udp", 161)))

    def test_forms_of_lists(self) -> None:
        """A list is JSON or texts with commas; anything else names the option."""
        for text in ('["A", "B"]', "A,B", " A , B "):
            settings = parsed(environ={"SEMAPHORE_FORWARDED_ENV_VARS": text})
            self.assertEqual(settings.config.forwarded_env_vars, ("A", "B"))
        self.assertIn("forwarded_env_vars", self.refusal(FORWARDED_ENV_VARS="[1"))

    def test_maps(self) -> None:
        """A map is JSON; anything else names the option and shows no value."""
        settings = parsed(environ={"SEMAPHORE_ENV_VARS": '{"A": "x y", "N": 1}'})
        self.assertEqual(settings.config.env_vars, {"A": "x y", "N": "1"})
        sentence = self.refusal(ENV_VARS="PASS=hunter2")
        self.assertIn("env_vars: a text (from SEMAPHORE_ENV_VARS)", sentence)
        self.assertNotIn("hunter2", sentence)


class WarningTests(SynchronousTestCase):
    """Names that are no options."""

    def test_unknown_key(self) -> None:
        """An unknown key is a warning with the nearest name, and the start goes on."""
        settings = parsed({"max_paralel_tasks": 3, "tls": {"enable": True}})
        self.assertEqual(
            settings.warnings,
            (
                "max_paralel_tasks is not an option; did you mean max_parallel_tasks?",
                "tls.enable is not an option; did you mean tls.enabled?",
            ),
        )

    def test_unknown_variable(self) -> None:
        """An unknown variable of ours is a warning."""
        settings = parsed(environ={"SEMAPHORE_PROT": "1", "OTHER": "x"})
        self.assertEqual(
            settings.warnings,
            ("SEMAPHORE_PROT is not an option; did you mean SEMAPHORE_PORT?",),
        )

    def test_not_served(self) -> None:
        """Each option that is known but not served gives one warning, never silence."""
        tree = {"telegram_alert": True, "ldap_enable": False}
        settings = parsed(tree, environ={"SEMAPHORE_USE_REMOTE_RUNNER": "true"})
        self.assertEqual(len(settings.warnings), 2, settings.warnings)
        self.assertIn("telegram_alert has no effect", settings.warnings[0])
        self.assertIn("use_remote_runner has no effect", settings.warnings[1])

    def test_zone_of_schedules(self) -> None:
        """The time zone of schedules is one that exists."""
        environ = {"SEMAPHORE_SCHEDULE_TIMEZONE": "Europe/Berlin"}
        self.assertEqual(
            parsed(environ=environ).config.schedule.timezone, "Europe/Berlin"
        )

    def test_cookie_keys(self) -> None:
        """Cookie keys, short or missing, are not needed, and that is said."""
        settings = parsed({"cookie_hash": "short"})
        self.assertEqual(len(settings.warnings), 1)
        self.assertIn("cookies need no key", settings.warnings[0])

    def test_first_account_is_no_option(self) -> None:
        """The variables of the first account and of places give no warning."""
        environ = {
            "SEMAPHORE_ADMIN": "root",
            "SEMAPHORE_ADMIN_PASSWORD_FILE": "/x",
            "SEMAPHORE_CONFIG_PATH": "/y",
        }
        self.assertEqual(parsed(environ=environ).warnings, ())


class SecretTests(SynchronousTestCase):
    """Secrets are never shown."""

    def test_masked(self) -> None:
        """Shown options mask secrets, and no repr holds one."""
        marker = "Zx9-marker"
        settings = parsed(
            {
                "access_key_encryption": marker,
                "access_key_encryption_old": [marker],
                "metrics": {"password": marker},
                "env_vars": {"A": marker},
                "telegram_token": marker,
            }
        )
        shown = {each.option.path: each.shown for each in settings.effective}
        self.assertEqual(shown["access_key_encryption"], MASK)
        self.assertEqual(shown["telegram_token"], MASK)
        self.assertNotIn(marker, repr(settings))
        self.assertNotIn(marker, repr(settings.config.metrics))
        self.assertNotIn(marker, "".join(settings.warnings))

    def test_variables_to_forget(self) -> None:
        """Variables with secrets are known by name, the first password's too."""
        names = parsing.secret_variables()
        self.assertIn("SEMAPHORE_ACCESS_KEY_ENCRYPTION", names)
        self.assertIn("SEMAPHORE_ADMIN_PASSWORD", names)
        self.assertIn("SEMAPHORE_DB_PASS", names)
        self.assertNotIn("SEMAPHORE_PORT", names)


class TableTests(SynchronousTestCase):
    """The table of names."""

    def test_counts(self) -> None:
        """Every option of the reference is known."""
        self.assertGreater(len(OPTIONS), 170)
        self.assertGreater(len(VARIABLES), 140)

    def test_served_ones_exist(self) -> None:
        """Each served option is a field of the configuration."""
        for path, option in OPTIONS.items():
            value: Any = Config()
            if option.served:
                for part in path.split("."):
                    self.assertTrue(hasattr(value, part), path)
                    value = getattr(value, part)

    def test_example(self) -> None:
        """The shipped example is read without a warning."""
        path = Path(parsing.__file__).parents[2] / "etc" / "config.json"
        settings = parsed(path.read_bytes())
        self.assertEqual(settings.warnings, ())
