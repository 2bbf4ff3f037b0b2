"""Options of the test command. They stand here so that pytest knows them wherever it is started."""

from __future__ import annotations

from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--cases", type=Path, help="play this file of conformance cases instead of the project's own")
