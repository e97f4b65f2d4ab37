"""Other releases of ansible-core than the one of the tests' own environment.

``tests/run`` installs each into ``.venv-ansible-MINOR`` in the project's directory;
that between oldest and newest, 2.18, only with ``--soak``. ``newest`` is the newest
release for the newest Python that is installed.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SkipTest

ROOT = Path(__file__).parents[2]

_HOSTS = {
    "all": {
        "hosts": {
            "localhost": {
                "ansible_connection": "local",
                "ansible_python_interpreter": sys.executable,
            }
        }
    }
}


def folder_of(minor: str) -> Path:
    """Return the directory of the programs of ansible-core *minor*.

    :raises SkipTest: if it is not installed
    """
    found = ROOT / f".venv-ansible-{minor}" / "bin"
    if not (found / "ansible-playbook").exists():
        why = found.parent / "missing"
        program = "tests/run --soak" if minor == "2.18" else "tests/run"
        reason = why.read_text().strip() if why.exists() else f"{program} installs it"
        raise SkipTest(f"ansible-core {minor} is not installed: {reason}")
    return found


def play(
    folder: Path, minor: str, playbook: list[dict[str, Any]], *arguments: str
) -> str:
    """Run *playbook* on this machine in *folder*, and return the output."""
    (folder / "play.yml").write_text(json.dumps(playbook))
    (folder / "hosts.yml").write_text(json.dumps(_HOSTS))
    ran = subprocess.run(
        [
            str(folder_of(minor) / "ansible-playbook"),
            *("-i", "hosts.yml"),
            *arguments,
            "play.yml",
        ],
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "ANSIBLE_LOCALHOST_WARNING": "False",
            "ANSIBLE_INVENTORY_UNPARSED_WARNING": "False",
        },
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    if ran.returncode:
        raise AssertionError(f"ansible-core {minor}: {ran.stdout[-3000:]}{ran.stderr}")
    return ran.stdout
