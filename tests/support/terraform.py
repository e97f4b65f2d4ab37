"""Releases of Terraform for tests: the oldest that is supported, and one on PATH.

``tests/run`` installs the oldest one into ``.venv-terraform``, from a package of PyPI.
This one prints a trace to standard error, and a prefix before its output.
"""

import os
import shutil
from pathlib import Path

from twisted.trial.unittest import SkipTest

ROOT = Path(__file__).parents[2]
OLDEST, NEWEST = "oldest", "newest"
_PACKAGED = "lib/python*/site-packages/cloudrail/terraform_0_15/terraform"


def _program(release: str) -> str | None:
    if release == NEWEST:
        return shutil.which("terraform") or shutil.which("tofu")
    found = sorted((ROOT / ".venv-terraform").glob(_PACKAGED))
    return str(found[0]) if found else None


def install(release: str, folder: Path) -> str:
    """Make ``terraform`` of *release* in *folder*; return a search path for jobs.

    :raises SkipTest: if the release is not installed
    """
    program = _program(release)
    if program is None:
        why = "none is on PATH" if release == NEWEST else "tests/run installs it"
        raise SkipTest(f"the {release} Terraform is not installed: {why}")
    folder.mkdir(parents=True, exist_ok=True)
    link = folder / "terraform"
    if os.access(program, os.X_OK):
        link.symlink_to(program)
    else:
        shutil.copyfile(program, link)
        link.chmod(0o755)
    return f"{folder}:/usr/local/bin:/usr/bin:/bin"
