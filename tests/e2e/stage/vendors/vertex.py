"""Google's Vertex AI: Gemini's API at another path, for a token that Google gives a service account for its signature."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any
from urllib.parse import parse_qs

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth import jwt
from stage.upstream import Peer, Received
from stage.vendors.gemini import Gemini
from stage.vendors.gemini_check import check
from stage.vendors.vendor import KEY, RefusedError

PROJECT, REGION, ACCOUNT = "my-project", "us-central1", "aigw@my-project.iam.gserviceaccount.com"
TOKEN_HOST, TOKEN_PATH = "oauth2.googleapis.com", "/token"
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_PATH = re.compile(
    rf"/v1/projects/{PROJECT}/locations/{REGION}/publishers/google/models/([^/:]+):(generateContent|streamGenerateContent|countTokens)"
)


@cache
def account() -> tuple[str, bytes]:
    """The key file of a service account, and the key that checks its signatures."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    told = {"type": "service_account", "client_email": ACCOUNT, "private_key_id": "k1", "private_key": private.decode()}
    return json.dumps(told), public


class Vertex(Gemini):
    name = "Vertex"
    host = f"{REGION}-aiplatform.googleapis.com"
    row = {"type": "vertex", "vertexProjectId": PROJECT, "vertexRegion": REGION}

    def config(self, url: str, **more: Any) -> dict[str, Any]:
        config = super().config(url, vertexAuthKey=account()[0], **more)
        del config["plugins"]["ai-proxy"]["provider"]["apiTokens"]
        config["services"][TOKEN_HOST] = url
        return config

    async def __call__(self, peer: Peer) -> None:
        if peer.request.target != TOKEN_PATH:
            await super().__call__(peer)
            return
        form = parse_qs((await peer.body()).decode())
        try:
            self._check_assertion(form)
        except (KeyError, ValueError) as error:
            self.refused.append(str(error))
            await self._send(peer, {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}, 400)
            return
        await self._send(peer, {"access_token": KEY, "expires_in": 3600, "token_type": "Bearer"})

    def path_is_known(self, path: str) -> bool:
        return _PATH.fullmatch(path) is not None

    def key(self, request: Received) -> str:
        return request.headers.get("authorization", "").removeprefix("Bearer ")

    def check(self, request: Received, body: Any) -> None:
        found = _PATH.fullmatch(request.target.partition("?")[0])
        if found is None or found[1] != self.model:
            raise RefusedError(f"Publisher Model {request.target} was not found.", 404)
        if found[2] != "countTokens":
            check(body, signs=True)

    def _check_assertion(self, form: dict[str, list[str]]) -> None:
        """Raises ValueError for what Google would not take."""
        claims = jwt.decode(
            form["assertion"][0], certs={"k1": account()[1]}, audience=f"https://{TOKEN_HOST}{TOKEN_PATH}"
        )
        if (form["grant_type"], claims["iss"], claims["scope"]) != ([GRANT], ACCOUNT, SCOPE):
            raise ValueError("the assertion is for something else")
