"""The table of apps."""

from msgspec.structs import replace
from twisted.trial.unittest import SynchronousTestCase

from semaphore_twisted.model.apps import (
    ANSIBLE,
    APPS,
    BASH,
    BUILT_IN,
    POWERSHELL,
    PULUMI,
    PYTHON,
    TERRAFORM,
    TERRAGRUNT,
    TOFU,
    App,
    AppFields,
    StoredApp,
    check_fields,
    check_id,
    with_settings,
)
from semaphore_twisted.model.errors import Invalid
from semaphore_twisted.start.programs import missing, needed, place_of


class AppsTests(SynchronousTestCase):
    """Rows are found, ordered and complete."""

    def test_find(self) -> None:
        """An app is found by its id; the empty name is Ansible."""
        self.assertIs(BUILT_IN.find("bash"), BASH)
        self.assertIs(BUILT_IN.find(""), ANSIBLE)
        self.assertIsNone(BUILT_IN.find("Bash"))

    def test_unknown(self) -> None:
        """An unknown app is refused, and named."""
        error = self.assertRaises(Invalid, BUILT_IN.get, "magic")
        self.assertEqual(error.message, 'The app "magic" is not supported')

    def test_order(self) -> None:
        """Clients show the highest priority first."""
        known = [ANSIBLE, TERRAFORM, TERRAGRUNT, TOFU, BASH, PYTHON, POWERSHELL, PULUMI]
        self.assertEqual(BUILT_IN.listed(), known)

    def test_rows(self) -> None:
        """Ids are the keys of the table; each program can be installed somehow."""
        for key, app in APPS.items():
            self.assertEqual(app.id, key)
            self.assertTrue(app.install, key)
            check_id(key)
            fields = AppFields(
                title=app.title,
                icon=app.icon,
                color=app.color,
                dark_color=app.dark_color,
                path=app.path,
                priority=app.priority,
                args=app.arguments,
            )
            check_fields(fields, app)

    def test_install(self) -> None:
        """A missing program is named with a package of Debian or pip, or a source."""
        self.assertEqual(ANSIBLE.install, "pip install ansible-core")
        self.assertEqual(PYTHON.install, "the package python3")
        self.assertEqual(POWERSHELL.install, "the package powershell of Microsoft")
        bare: App = replace(PYTHON, package="")
        self.assertEqual(bare.install, "")

    def test_ansible(self) -> None:
        """The rules of Ansible are for its own app only."""
        special = [each.id for each in BUILT_IN.listed() if each.is_ansible]
        self.assertEqual(special, ["ansible"])

    def test_plans(self) -> None:
        """Terraform and its relatives run in phases, without an inventory too."""
        planning = [each for each in BUILT_IN.listed() if each.plans]
        self.assertEqual(planning, [TERRAFORM, TERRAGRUNT, TOFU])
        self.assertFalse(any(each.needs_inventory for each in planning))

    def test_beside(self) -> None:
        """A program of the same installation is in the same directory, or searched."""
        self.assertEqual(ANSIBLE.beside("ansible-galaxy"), "ansible-galaxy")
        other: App = replace(ANSIBLE, program="/opt/a/bin/ansible-playbook")
        self.assertEqual(other.beside("ansible-galaxy"), "/opt/a/bin/ansible-galaxy")

    def test_needed(self) -> None:
        """The start looks for the programs that have a purpose."""
        words = ("ansible-playbook", "to run playbooks", "pip install ansible-core")
        self.assertIn(words, needed(BUILT_IN))
        self.assertNotIn("bash", [name for name, _, _ in needed(BUILT_IN)])


class SettingsTests(SynchronousTestCase):
    """The settings of an administrator hold for all that use the table."""

    def test_known(self) -> None:
        """Stored fields replace those of a known app; the rest stays."""
        table = with_settings(
            [StoredApp(id="bash", title="Shell", path="/opt/bash", args=("-e",))]
        )
        app = table.get("bash")
        self.assertEqual(
            app,
            replace(
                BASH,
                title="Shell",
                path="/opt/bash",
                program="/opt/bash",
                arguments=("-e",),
            ),
        )
        self.assertIs(table.get("python"), PYTHON)

    def test_custom(self) -> None:
        """A custom app has its id as title and program until they are set."""
        table = with_settings(
            [
                StoredApp(id="perl"),
                StoredApp(id="awk", path="/usr/bin/awk", args=("-f",), priority=950),
            ]
        )
        perl, awk = table.get("perl"), table.get("awk")
        self.assertEqual(
            (perl.title, perl.program, perl.active), ("perl", "perl", True)
        )
        self.assertEqual((awk.program, awk.arguments), ("/usr/bin/awk", ("-f",)))
        self.assertEqual([each.id for each in table.listed()][:2], ["ansible", "awk"])
        self.assertEqual((perl.install, perl.file), ("", "script"))

    def test_arguments_of_ansible(self) -> None:
        """Stored arguments of an app with steps of its own are ignored."""
        table = with_settings([StoredApp(id="ansible", args=("-x",))])
        self.assertEqual(table.get("ansible").arguments, ())

    def test_usable(self) -> None:
        """An app that is switched off is refused for a run, and says who can help."""
        table = with_settings(
            [StoredApp(id="bash", active=False), StoredApp(id="pulumi", active=True)]
        )
        error = self.assertRaises(Invalid, table.usable, "bash")
        self.assertEqual(
            error.message,
            'The app "bash" is switched off; an administrator can switch it on in the '
            "administration, under Applications",
        )
        self.assertEqual(table.usable("pulumi").id, "pulumi")
        self.assertRaises(Invalid, BUILT_IN.usable, "powershell")

    def test_programs(self) -> None:
        """The search for programs takes a stored path, and skips what is off."""
        nowhere = "/no/such/ansible-playbook"
        table = with_settings([StoredApp(id="ansible", path=nowhere)])
        self.assertIn(f"{nowhere} is missing", " ".join(missing("/bin", apps=table)))
        off = with_settings([StoredApp(id="ansible", active=False)])
        self.assertNotIn("playbook", " ".join(missing("/nowhere", apps=off)))

    def test_places(self) -> None:
        """A program is found by its name, by its path, or among those brought along."""
        self.assertEqual(place_of("sh", path="/bin:/usr/bin"), "/bin/sh")
        self.assertEqual(place_of("/bin/sh", path=""), "/bin/sh")
        self.assertEqual(place_of("sh", path="/no"), "")
        self.assertEqual(
            place_of("ansible", path="/no", brought=("/o/ansible",)), "/o/ansible"
        )
        self.assertEqual(place_of("/no/sh", path="/bin"), "")


class CheckTests(SynchronousTestCase):
    """Settings are data: an id, a path, words, a color, and no markup."""

    def test_ids(self) -> None:
        """An id fits into a key of an option, and into a path."""
        for name in ("perl", "My-App_2", "7", "a" * 50):
            check_id(name)
        for name in ("", "a.b", "a/b", "-a", "_a", "a b", "<b>", "ä", "a" * 51, "a\n"):
            error = self.assertRaises(Invalid, check_id, name)
            self.assertIn("id: invalid value", error.message)

    def test_accepted(self) -> None:
        """Absolute paths, names of programs, and usual colors are accepted."""
        for fields in (
            AppFields(path="/usr/bin/perl"),
            AppFields(path="/opt/my tools/run"),
            AppFields(path="g++"),
            AppFields(path="perl5.36"),
            AppFields(color="#3776ab", dark_color="#fff"),
            AppFields(color="", dark_color="white", icon=""),
            AppFields(icon="mdi-bash"),
            AppFields(title="<b>Perl</b> & more"),  # a text, shown as such
            AppFields(priority=-1_000_000, args=("", "-e", "a b", "<x>")),
        ):
            check_fields(fields, BASH)

    def test_refused(self) -> None:
        """Each field that is wrong is named with the accepted values."""
        for fields, name in (
            (AppFields(path="bin/perl"), "path"),
            (AppFields(path="../perl"), "path"),
            (AppFields(path="-perl"), "path"),
            (AppFields(path="perl -x"), "path"),
            (AppFields(path="/usr/bin/"), "path"),
            (AppFields(path="//usr/bin/perl"), "path"),
            (AppFields(path="/usr/../bin/perl"), "path"),
            (AppFields(path="/usr/bin/pe\nrl"), "path"),
            (AppFields(path="/"), "path"),
            (AppFields(color="red;background:url(x)"), "color"),
            (AppFields(color="#12345"), "color"),
            (AppFields(dark_color="var(--x)"), "dark_color"),
            (AppFields(icon='"><img src=x>'), "icon"),
            (AppFields(title=" "), "title"),
            (AppFields(title="a\u202eb"), "title"),
            (AppFields(priority=1_000_001), "priority"),
            (AppFields(args=("a\0b",)), "args"),
            (AppFields(args=("a",) * 101), "args"),
        ):
            error = self.assertRaises(Invalid, check_fields, fields, BASH)
            self.assertTrue(error.message.startswith(f"{name}: "), error.message)

    def test_arguments_of_ansible(self) -> None:
        """An app with steps of its own takes no arguments here."""
        error = self.assertRaises(
            Invalid, check_fields, AppFields(args=("-v",)), ANSIBLE
        )
        self.assertIn("arguments of its templates", error.message)
        check_fields(AppFields(args=()), ANSIBLE)
