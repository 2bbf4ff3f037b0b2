"""Takes in the body of a request as the edge needs it: within its bounds, decoded, and not whole where it is a large
upload."""

from __future__ import annotations

from functools import partial

from aigw.core.model import Request
from aigw.dialects.form import is_form
from aigw.server import bodies
from aigw.server.http1.request import HttpRequest
from aigw.server.process_limits import SMALL, Space

AS_SENT = ("expect",)
DECODED = ("expect", "content-encoding")
"""The headers that are no longer true of a body that was read, and of one that was decoded, too."""


class Intake:
    """Uploads of more than `kept` bytes are passed on piece by piece. `reads_any_label`: JSON is read whatever its
    content type says."""

    def __init__(self, bounds: bodies.Bounds, kept: int, space: Space, *, reads_any_label: bool) -> None:
        self._bounds = bounds
        self._kept = kept
        self._space = space
        self._reads_any_label = reads_any_label

    async def read(
        self, http: HttpRequest, request: Request, request_id: str, api: str, *, bare: bool
    ) -> tuple[str, ...]:
        """Reads the body, and decodes it unless nobody will read it (`bare`, and uploads that are neither a form nor a
        JSON object). Returns the names of the headers that are no longer true."""
        headers = request.headers
        self._check_length(headers.get("content-length", ""), request_id)
        http.let_body_come()
        if http.body.complete and not http.body.size:
            return DECODED
        sized = "content-length" in headers
        bounds = self._bounds if sized else self._bounds._replace(note=partial(self._space.take, request_id))
        if bodies.is_upload(headers.get("content-type", "")) or (bare and "content-encoding" in headers):
            request.body, request.upload = await bodies.Incoming(http, bounds).begin(0 if bare else self._kept)
            if request.upload is not None or not is_form(request):
                reads = request.upload is None and api and not bare and self._reads_any_label
                return DECODED if reads and await self._unpacks_object(request) else AS_SENT
        else:
            request.body = await bodies.read(http, bounds)
        if "content-encoding" not in headers:
            return AS_SENT if "expect" in headers else ()
        coding = ",".join(headers.getall("content-encoding"))
        request.body = await bodies.decode(request.body, coding, self._bounds.largest)
        return DECODED

    def _check_length(self, length: str, request_id: str) -> None:
        """Refuses a body that says to be too large, and takes the space for a large one."""
        if not length.isdecimal():
            return
        if len(length) > 18 or int(length) > self._bounds.largest:
            raise bodies.too_large(self._bounds.largest)
        if int(length) > SMALL:
            self._space.take(request_id, int(length))

    async def _unpacks_object(self, request: Request) -> bool:
        return "content-encoding" in request.headers and await bodies.unpack_object(request, self._bounds.largest)
