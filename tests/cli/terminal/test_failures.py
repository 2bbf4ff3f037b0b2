"""How a command ends for each of the errors that are raised on purpose."""

import pytest
import typer

from aigw.cli.terminal.failures import failing
from aigw.core.errors import AddressError, ConfigError
from aigw.core.retrieval import NoCollectionError
from aigw.core.stores import StoreError
from aigw.traffic.format.folder import RecordingError


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (ConfigError(["aigw.yaml:1 a", "aigw.yaml:2 b"]), 2, ["aigw.yaml:1 a", "aigw.yaml:2 b"]),
        (ValueError("there is no recipe 'x'"), 2, ["there is no recipe 'x'"]),
        (AddressError("the port is taken"), 1, ["the port is taken"]),
        (RecordingError("recs is empty"), 1, ["recs is empty"]),
        (NoCollectionError("there is no collection docs"), 1, ["there is no collection docs"]),
        (StoreError("redis.static is down"), 1, ["redis.static is down"]),
    ],
)
def test_an_error_ends_the_command(error, code, said, capsys):
    with pytest.raises(typer.Exit) as ended, failing("try"):
        raise error
    assert ended.value.exit_code == code
    assert capsys.readouterr().err.splitlines() == [f"aigw try: {line}" for line in said]


@pytest.mark.parametrize("error", [KeyError("a bug"), BrokenPipeError(), typer.Exit(3)])
def test_all_else_goes_on(error):
    with pytest.raises(type(error)) as raised, failing("try"):
        raise error
    assert raised.value is error
