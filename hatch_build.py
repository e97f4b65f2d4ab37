"""Puts the built web page into the wheel and the sdist; see ``tools/page_build.py``."""

import os
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).parent
sys.path.insert(0, str(ROOT))

from tools import page_build  # noqa: E402 - found only now


class PageHook(BuildHookInterface[Any]):
    """Builds the page before the files of a distribution are collected."""

    def _is_wanted(self) -> bool:
        return not (
            os.environ.get(page_build.WITHOUT_PAGE) or page_build.is_current(ROOT)
        )

    def dependencies(self) -> list[str]:
        """Return what provides Node, if it is needed and not there."""
        if self._is_wanted() and not page_build.has_node():
            return [page_build.NODE_PACKAGE]
        return []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Build the page, also for an installation as editable."""
        if self._is_wanted():
            page_build.build(ROOT)
