"""`python -m tests.clients`: real/command.py. The test files beside this one are those of aigw/clients."""

import sys

from tests.clients.real.command import main

sys.exit(main())
