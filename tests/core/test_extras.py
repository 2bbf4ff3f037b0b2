"""What a message tells people to install is an extra that there is, and comes from the clone."""

import re
import tomllib
from pathlib import Path

from aigw.core.extras import to_install

ROOT = Path(__file__).parents[2]
EXTRAS = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
TEXTS = [*ROOT.glob("aigw/**/*.py"), *ROOT.glob("recipes/*.yaml"), ROOT / "README.md", ROOT / "aigw/README.md"]


def test_it_names_the_clone():
    assert to_install("rag") == "pip install '.[rag]' in the clone of aigw"


def test_every_extra_that_is_named_is_there_and_from_the_clone():
    named = [found for path in TEXTS for found in re.findall(r"pip install (?:-e )?'([^']*\[[^']*)'", path.read_text())]
    assert named
    for each in named:
        place, extras = re.fullmatch(r"(\.?)\[(.+)\]", each).groups()
        assert place == "."
        assert extras == "{extra}" or set(extras.split(",")) <= EXTRAS.keys()
