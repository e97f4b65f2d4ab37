"""Which variables a survey may ask for."""

from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.model.answers import check_answer, check_survey, check_variable
from semaphore_twisted.model.apps import ANSIBLE, BASH, PYTHON, App
from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.model.refusals import quoted
from semaphore_twisted.model.templates import (
    SurveyTarget,
    SurveyType,
    SurveyVariable,
)

STRING, INTEGER, ENUM, SECRET, TEXT, SELECT, BOOLEAN, DATE, *_ = SurveyType


def variable(
    name: str, kind: SurveyType, target: SurveyTarget = SurveyTarget.VARIABLE
) -> SurveyVariable:
    """Return a variable of a survey."""
    return SurveyVariable(name=name, type=kind, target=target)


class NameTests(SynchronousTestCase):
    """:func:`check_survey`."""

    def accepted(self, app: App, kind: SurveyType, *names: str) -> list[str]:
        """Return those of *names* that a survey may ask for."""
        found = []
        for name in names:
            try:
                check_survey((variable(name, kind),), app)
            except Invalid as error:
                self.assertIn(quoted(name), error.message)
            else:
                found.append(name)
        return found

    def test_target(self) -> None:
        """An answer in the environment is no setting of a program, of any app."""
        settings = ("PATH", "LD_PRELOAD", "ANSIBLE_STDOUT_CALLBACK", "GIT_SSH_COMMAND")
        for kind in SurveyType:
            for app in (ANSIBLE, BASH):
                for name in (*settings, "SEMAPHORE_TASK_DETAILS_ID", "BASH_ENV"):
                    asked = variable(name, kind, SurveyTarget.ENVIRONMENT)
                    error = self.assertRaises(Invalid, check_survey, (asked,), app)
                    self.assertIn("cannot have the target env", error.message)
                for name in ("REGION", "ansible_connection", "vars"):
                    asked = variable(name, kind, SurveyTarget.ENVIRONMENT)
                    check_survey((asked,), app)

    def test_connection(self) -> None:
        """Free text of a task cannot set Ansible's connection variables."""
        names = (
            *("ansible_connection", "ansible_python_interpreter", "ansible_become_exe"),
            *(
                "ansible_ssh_common_args",
                "ansible_ssh_executable",
                "ansible_shell_type",
            ),
            *("ansible_ssh_extra_args", "ansible_remote_tmp", "ansible_sudo_flags"),
            *("ansible_perl_interpreter", "ansible_docker_extra_args", "ansible_x"),
            *("ansible_ssh_private_key_file", "ansible_paramiko_proxy_command"),
            *(
                "ansible_become_method",
                "ansible_pipelining",
                "ansible_host_key_checking",
            ),
        )
        for kind in (STRING, INTEGER, SECRET, TEXT, SELECT, BOOLEAN, DATE):
            self.assertEqual(self.accepted(ANSIBLE, kind, *names), [])
        self.assertEqual(tuple(self.accepted(ANSIBLE, ENUM, *names)), names)

    def test_exceptions(self) -> None:
        """An account, a host, a port and passwords may be asked for."""
        for kind, names in (
            (STRING, ("ansible_user", "ansible_become_user", "ansible_host")),
            (INTEGER, ("ansible_port",)),
            (SECRET, ("ansible_password", "ansible_become_password")),
        ):
            self.assertEqual(tuple(self.accepted(ANSIBLE, kind, *names)), names)
            for other in {STRING, INTEGER, SECRET} - {kind}:
                self.assertEqual(self.accepted(ANSIBLE, other, *names), [])

    def test_reserved(self) -> None:
        """Names of Ansible's JSON and of its own variables are refused."""
        names = (
            *("semaphore_vars", "__ansible_unsafe", "_ansible_debug", "hostvars"),
            *("groups", "inventory_hostname", "playbook_dir", "vars", "omit"),
        )
        for kind in (STRING, SECRET, ENUM):
            self.assertEqual(self.accepted(ANSIBLE, kind, *names), [])
            for name in ("", "a b", "a-b", "1a", "a=b", "ä", "a\n", "a.b"):
                self.assertEqual(self.accepted(BASH, kind, name), [])
        usual = ("who", "_x", "environment", "hosts", "role_name", "user", "state")
        self.assertEqual(tuple(self.accepted(ANSIBLE, STRING, *usual)), usual)

    def test_environment(self) -> None:
        """An answer in the environment has no name that programs take settings from."""
        names = (
            *("LD_PRELOAD", "LD_LIBRARY_PATH", "BASH_ENV", "ENV", "PATH", "PYTHONPATH"),
            *("PYTHONSTARTUP", "GIT_SSH_COMMAND", "GIT_CONFIG_COUNT", "GIT_EXEC_PATH"),
            *("ANSIBLE_CONFIG", "ANSIBLE_VAULT_PASSWORD_FILE", "SSH_ASKPASS", "IFS"),
            *("SSH_AUTH_SOCK", "PERL5OPT", "RUBYOPT", "NODE_OPTIONS", "HOME", "PS4"),
            *("SHELLOPTS", "SEMAPHORE_TASK_TYPE", "GLIBC_TUNABLES", "XDG_CONFIG_HOME"),
            *("TF_CLI_ARGS", "TF_CLI_ARGS_plan", "TF_REATTACH_PROVIDERS", "TG_TF_PATH"),
            *("TF_HTTP_ADDRESS", "TERRAGRUNT_TFPATH", "PULUMI_HOME", "KUBECONFIG"),
            *("DOCKER_HOST", "DOTNET_STARTUP_HOOKS", "ZDOTDIR", "PIP_INDEX_URL"),
            *("npm_config_registry", "https_proxy", "ALL_PROXY", "AWS_CONFIG_FILE"),
            *("GNUMAKEFLAGS", "MAKEFILES", "CC", "RSYNC_CONNECT_PROG", "SVN_SSH"),
            *("SSH_ASKPASS_REQUIRE", "SSH_SK_HELPER", "SSH_PKCS11_HELPER"),
            *("AWS_PAGER", "SYSTEMD_EDITOR", "GH_BROWSER", "APT_CONFIG", "CLASSPATH"),
            *("DBUS_SESSION_BUS_ADDRESS", "BASH_LOADABLES_PATH", "SSLKEYLOGFILE"),
            *("NODE_TLS_REJECT_UNAUTHORIZED", "JAVA_HOME", "GOAUTH", "GOINSECURE"),
            *("BOTO_CONFIG", "HELM_PLUGINS", "COMPOSE_FILE", "RES_OPTIONS"),
            *("PGSERVICEFILE", "ERL_FLAGS", "GIT_TEXTDOMAINDIR", "JOB_MARK"),
            *("JOB_LOGIN_PIPE",),
        )
        for app in (BASH, PYTHON):
            self.assertEqual(self.accepted(app, SECRET, *names), [])
            # A plain answer is an argument NAME=value.
            self.assertEqual(tuple(self.accepted(app, STRING, *names)), names)
        for usual in (
            "TOKEN",
            "LDAP_PASSWORD",
            "GIT_TOKEN",
            "SSH_PASSWORD",
            "PASSWORD",
            "PULUMI_ACCESS_TOKEN",
            "PULUMI_CONFIG_PASSPHRASE",
            "AWS_SECRET_ACCESS_KEY",
            "TF_VAR_password",
            "path",
            "USER",
            "GIT_COMMIT",
            "GIT_AUTHOR_NAME",
            "HELM_RELEASE",
            "CONTAINER_NAME",
            "NODE_ENV",
            "PGPASSWORD",
        ):
            self.assertEqual(self.accepted(BASH, SECRET, usual), [usual])


class AnswerTests(SynchronousTestCase):
    """:func:`check_answer`."""

    def test_forms(self) -> None:
        """An account and a host have the form of one."""
        for name, good, bad in (
            ("ansible_user", "root", ("-oProxyCommand=x", "{{ x }}", "a b", "$(id)")),
            ("ansible_host", "10.0.0.1", ("-x", "{{ x }}", "a b", "a;b", "", "a-")),
            ("ansible_ssh_host", "[fe80::1%eth0]", ("@x", "a\n")),
        ):
            check_answer(variable(name, STRING), good, ANSIBLE)
            check_answer(variable(name, STRING), "{{ x }}", BASH)
            for value in bad:
                if value:
                    self.assertRaises(
                        Invalid,
                        check_answer,
                        variable(name, STRING),
                        value,
                        ANSIBLE,
                    )
        check_answer(variable("who", STRING), "{{ x }}", ANSIBLE)

    def test_nul(self) -> None:
        """A script cannot receive a NUL character, in a secret neither."""
        for kind in (STRING, SECRET):
            check_answer(variable("who", kind), "a\0b", ANSIBLE)
            error = self.assertRaises(
                Invalid, check_answer, variable("who", kind), "a\0b", BASH
            )
            self.assertIn("who: has a NUL", error.message)

    def test_nul_in_environment(self) -> None:
        """Neither can a process of Ansible, in its environment."""
        asked = variable("who", STRING, SurveyTarget.ENVIRONMENT)
        error = self.assertRaises(Invalid, check_answer, asked, "a\0b", ANSIBLE)
        self.assertIn("who: has a NUL", error.message)
        check_answer(
            variable("ansible_user", STRING, SurveyTarget.ENVIRONMENT),
            "{{ x }}",
            ANSIBLE,
        )

    def test_names_of_groups(self) -> None:
        """A group's names are its author's, but for those of Ansible's JSON."""
        for name in ("ansible_connection", "PATH", "a b", "_x"):
            check_variable(name, "json")
        for name in ("__ansible_unsafe", "__ansible_vault", "__ansible_type"):
            self.assertRaises(Invalid, check_variable, name, "json")
