"""Scripts for real: bash and python with their variables."""

import os
import re
from hashlib import sha256

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.support.execution import JobCase
from tests.support.orders import order, task, template

NASTY = "a{{ b }} $x `id` 'q' \"d\" \\ \n é 😀 %e {workspace}"
#: What a process can have in an argument.
TEXTS = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1
)
_HASH = re.compile("[0-9a-f]{64}")


class ScriptTests(JobCase):
    """Each kind of variable reaches a script, and secrets reach only the script."""

    def test_bash(self) -> None:
        """Bash gets secrets exactly, and not as arguments."""
        upstream = self.repository()
        result = self.folder / "result"
        upstream.commit(
            {
                "run.sh": f'printf %s "$SECRET" > {result}\n'
                'for each in "$@"; do echo "<$each>"; done\n'
                f"{self.photograph}"
            }
        )
        ran = self.run_job(
            replace(
                order(str(upstream.folder)),
                template=template(arguments='["--a b"]'),
                variables={"zero": 0, "text": "a  {pipe:x}"},
                secret_variables={"SECRET": NASTY, "OTHER": "quite-secret"},
            ),
            masked=False,
        )
        self.assertEqual(ran.status, "success", ran.log)
        self.assertEqual(result.read_text(), NASTY)
        self.assertIn("<--a b>\n<zero=0>\n<text=a  {pipe:x}>", ran.log)
        for path in (self.photo / "processes").glob("cmdline_*"):
            self.assertNotIn(b"quite-secret", path.read_bytes(), path.name)
        for path in self.photo.rglob("*"):
            if path.is_file() and not path.name.startswith("environ_"):
                self.assertNotIn(b"quite-secret", path.read_bytes(), str(path))

    def test_python(self) -> None:
        """Python gets secrets exactly."""
        upstream = self.repository()
        result = self.folder / "result"
        upstream.commit(
            {
                "run.py": "import os, sys, pathlib\n"
                f"pathlib.Path({str(result)!r}).write_text(os.environ['SECRET'])\n"
                "print(sys.argv[1:])\n"
            }
        )
        ran = self.run_job(
            replace(
                order(str(upstream.folder)),
                template=template(app="python", playbook="run.py"),
                variables={"on": False},
                secret_environment={"SECRET": NASTY},
            )
        )
        self.assertIn("['on=false']", ran.lines)
        self.assertEqual(result.read_text(), NASTY)

    def test_any_text(self) -> None:
        """Bash and python receive any text, compared by its SHA-256."""
        upstream = self.repository()
        upstream.commit(
            {
                "run.sh": 'hash() { printf %s "$1" | sha256sum; }\n'
                'for each in "$@"; do hash "${each#*=}"; done\n'
                'for each in $(compgen -e S_ | sort); do hash "${!each}"; done\n'
                'hash "$SEMAPHORE_TASK_DETAILS_MESSAGE"\n',
                "run.py": "import os, sys, hashlib\n"
                "texts = [each.partition('=')[2] for each in sys.argv[1:]]\n"
                "names = sorted(each for each in os.environ if each[:2] == 'S_')\n"
                "texts += [os.environ[each] for each in names]\n"
                "texts.append(os.environ['SEMAPHORE_TASK_DETAILS_MESSAGE'])\n"
                "for each in texts:\n"
                "    print(hashlib.sha256(os.fsencode(each)).hexdigest())\n",
            }
        )

        @settings(
            max_examples=2,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(st.lists(TEXTS, min_size=30, max_size=40))
        def try_texts(texts: list[str]) -> None:
            secrets = {f"S_{number:03}": text for number, text in enumerate(texts)}
            hashes = [sha256(text.encode()).hexdigest() for text in (*texts, *texts)]
            for app, script in (("bash", "run.sh"), ("python", "run.py")):
                ran = self.run_job(
                    replace(
                        order(str(upstream.folder)),
                        template=template(app=app, playbook=script),
                        task=task(message=texts[0]),
                        answers=dict(zip(secrets, texts, strict=True)),
                        secret_answers=secrets,
                    ),
                    masked=False,
                )
                self.assertEqual(ran.status, "success", ran.log)
                found = [line.split()[0] for line in ran.lines if _HASH.match(line)]
                self.assertEqual(found, [*hashes, hashes[0]])

        try_texts()

    def test_nothing_of_the_server(self) -> None:
        """A script sees none of the server's own variables."""
        os.environ["SEMAPHORE_ACCESS_KEY_ENCRYPTION"] = "c2VydmVyLXNlY3JldA=="
        self.addCleanup(os.environ.pop, "SEMAPHORE_ACCESS_KEY_ENCRYPTION")
        upstream = self.repository()
        upstream.commit({"run.sh": "env"})
        ran = self.run_job(order(str(upstream.folder)), environment={"PROXY": "p"})
        names = {line.partition("=")[0] for line in ran.lines if "=" in line}
        self.assertNotIn("SEMAPHORE_ACCESS_KEY_ENCRYPTION", names)
        self.assertNotIn("c2VydmVy", ran.log)
        self.assertIn("PROXY", names)
        foreign = {
            name
            for name in names
            if name.startswith("SEMAPHORE_") and "TASK_DETAILS" not in name
        }
        self.assertEqual(foreign, set())

    def test_failure(self) -> None:
        """A script that fails ends the task with its status."""
        upstream = self.repository()
        upstream.commit({"run.sh": "echo before; exit 3"})
        ran = self.run_job(order(str(upstream.folder)))
        self.assertEqual((ran.status, ran.step), ("error", "script"))
        self.assertIn("exit status 3", ran.reason)
