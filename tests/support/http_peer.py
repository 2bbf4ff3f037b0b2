"""A connection for tests of the server's HTTP: it keeps what is written."""


class Peer:
    def __init__(self):
        self.remote = "127.0.0.1"
        self.arrived = 0.0
        self.stopping = False
        self.keeps = True
        self.gone = False
        self.slow = False
        self.aborted = False
        self.written = b""
        self.unread = 0

    def took(self, size):
        self.unread -= size

    def write(self, *pieces):
        self.written += b"".join(pieces)

    async def drained(self):
        pass

    def abort(self):
        self.aborted = True
