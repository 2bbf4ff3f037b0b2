"""Recordings of what left the gateway and what came back: their format, their folder, how a request finds its
recording, and how two runs differ."""
