"""TLS of a client that connected to us, without a socket: what came in, what is to go out. It never waits."""

from __future__ import annotations

import ssl

_PIECE = 64 * 1024


class TlsConnection:
    """The server's end. Methods raise ssl.SSLError for a client that does it wrong."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._in = ssl.MemoryBIO()
        self._out = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_side=True)
        self._agreed = False

    def received(self, data: bytes) -> bytes:
        """Take what came over the network; return what the client said."""
        self._in.write(data)
        said = bytearray()
        try:
            if not self._agreed:
                self._tls.do_handshake()
                self._agreed = True
            while piece := self._tls.read(_PIECE):
                said += piece
        except (ssl.SSLWantReadError, ssl.SSLZeroReturnError):
            pass
        return bytes(said)

    def sealed(self, data: bytes) -> bytes:
        """Return what to send so that the client reads this."""
        self._tls.write(data)
        return self.pending()

    def pending(self) -> bytes:
        """Return what is to be sent for the agreement itself."""
        return self._out.read()
