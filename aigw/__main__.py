"""The command `aigw`, from its start to its end.

Rule: once Python runs it, Ctrl-C ends it quietly, also while it imports, which takes longest of what some commands
do."""

import sys


def main() -> None:
    try:
        from aigw.cli.main import main as command

        command()
    except KeyboardInterrupt:
        sys.exit(130)  # what a shell says of a command that Ctrl-C has ended


if __name__ == "__main__":
    main()
