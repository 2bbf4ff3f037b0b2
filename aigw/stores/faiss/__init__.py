"""Collections of passages on this machine. FAISS tells with each start what it loads, which nobody needs to know."""

import logging

logging.getLogger("faiss.loader").setLevel(logging.WARNING)
