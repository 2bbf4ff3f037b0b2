"""Signs requests to Amazon Web Services (Signature Version 4), with AWS's own library."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from io import BytesIO
from typing import Any, NamedTuple

from multidict import CIMultiDict

from aigw.core.extras import to_install
from aigw.core.model import Request

SIGNED = ("content-type",)
"""The client's headers that are signed, beside Host and those that the library adds. A proxy may change others."""
Sign = Callable[[Request, str], None]


class Keys(NamedTuple):
    """The keys of an account. `session_token` is that of temporary keys, "" for others. It is a header of each request,
    and signed."""

    access_key: str
    secret_key: str
    session_token: str = ""


def signer(keys: Keys, region: str, service: str, now: Callable[[], float]) -> Sign:
    """Returns what signs a request, whose body is complete, to a host: it adds the headers. `now` is in seconds since
    1970. Raises ValueError if the library is not installed."""
    try:
        from awscrt import auth, http
    except ImportError:
        raise ValueError(f"awsAccessKey needs a package that is not installed: {to_install('bedrock')}") from None
    credentials = auth.AwsCredentialsProvider.new_static(keys.access_key, keys.secret_key, keys.session_token or None)

    def sign(request: Request, host: str) -> None:
        config = auth.AwsSigningConfig(
            algorithm=auth.AwsSigningAlgorithm.V4,
            signature_type=auth.AwsSignatureType.HTTP_REQUEST_HEADERS,
            credentials_provider=credentials,
            region=region,
            service=service,
            date=datetime.fromtimestamp(now(), UTC),
            signed_body_header_type=auth.AwsSignedBodyHeaderType.X_AMZ_CONTENT_SHA_256,
        )
        given = [("host", host), *((name, request.headers[name]) for name in SIGNED if name in request.headers)]
        unsigned = http.HttpRequest(request.method, request.target, http.HttpHeaders(given), BytesIO(request.body))
        signed = auth.aws_sign_request(unsigned, config).result()
        _add(request.headers, signed.headers)

    return sign


def _add(headers: CIMultiDict[str], signed: Any) -> None:
    headers.popall("authorization", None)
    for name, value in signed:
        if name.lower().startswith(("x-amz-", "authorization")):
            headers[name] = value
