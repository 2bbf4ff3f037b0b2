"""The command `aigw`, from its start to its end.

Rule: as soon as Python runs this module, Ctrl-C ends the command quietly, also during imports, which are the longest
part of some commands."""

import sys


def main() -> None:
    try:
        from aigw.cli.main import main as command

        command()
    except KeyboardInterrupt:
        sys.exit(130)  # what a shell says of a command that Ctrl-C has ended


if __name__ == "__main__":
    main()
