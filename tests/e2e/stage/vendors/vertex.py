"""Google's Vertex AI: Gemini's API and Anthropic's at other paths, for a token that Google gives a service account for
its signature."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any, ClassVar
from urllib.parse import parse_qs

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from google.auth import jwt
from stage.upstream import Peer, Received
from stage.vendors.gemini import Gemini
from stage.vendors.gemini_check import check
from stage.vendors.messages import Messages
from stage.vendors.messages_check import Counted, check_turns
from stage.vendors.messages_check import check as check_messages
from stage.vendors.model import tokens
from stage.vendors.vendor import KEY, RefusedError, Vendor, fits

PROJECT, REGION, ACCOUNT = "my-project", "us-central1", "aigw@my-project.iam.gserviceaccount.com"
TOKEN_HOST, TOKEN_PATH = "oauth2.googleapis.com", "/token"
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_MODELS = rf"/v1/projects/{PROJECT}/locations/{REGION}/publishers"
_GEMINI = re.compile(_MODELS + r"/google/models/([^/:]+):(generateContent|streamGenerateContent|countTokens)")
_CLAUDE = re.compile(_MODELS + r"/anthropic/models/([^/:]+):(rawPredict|streamRawPredict)")
_BETAS = {"", "interleaved-thinking-2025-05-14", "context-1m-2025-08-07", "context-management-2025-06-27"}


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


class OnVertex(Vendor):
    """What is the same for the models of all makers. `models` is the form of their paths: the model, and what is asked of it."""

    host = f"{REGION}-aiplatform.googleapis.com"
    row = {"type": "vertex", "vertexProjectId": PROJECT, "vertexRegion": REGION}
    models: ClassVar[re.Pattern[str]]

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
            _check_assertion(form)
        except (KeyError, ValueError) as error:
            self.refused.append(str(error))
            await self._send(peer, {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}, 400)
            return
        await self._send(peer, {"access_token": KEY, "expires_in": 3600, "token_type": "Bearer"})

    def path_is_known(self, path: str) -> bool:
        return self.models.fullmatch(path) is not None

    def key(self, request: Received) -> str:
        return request.headers.get("authorization", "").removeprefix("Bearer ")

    def asked_of(self, request: Received) -> tuple[str, str]:
        """The model in the path, and what is asked of it."""
        found = self.models.fullmatch(request.target.partition("?")[0])
        if found is None or found[1] not in (self.model, "count-tokens"):
            raise RefusedError(f"Publisher Model {request.target} was not found.", 404)
        return found[1], found[2]


class Vertex(OnVertex, Gemini):
    name = "Vertex"
    models = _GEMINI

    def check(self, request: Received, body: Any) -> None:
        if self.asked_of(request)[1] != "countTokens":
            check(body, signs=True)


class VertexClaude(OnVertex, Messages):
    name = "Claude at Vertex"
    model = "claude-sonnet-4-5@20250929"
    models = _CLAUDE

    def check(self, request: Received, body: Any) -> None:
        model, call = self.asked_of(request)
        if body.pop("anthropic_version", None) != "vertex-2023-10-16" or "anthropic-version" in request.headers:
            raise RefusedError("anthropic_version: Field required")
        counts = model == "count-tokens"
        if not counts and "model" in body:
            raise RefusedError("model: Extra inputs are not permitted")
        if (call == "streamRawPredict") != bool(body.get("stream")):
            raise RefusedError("stream: it is asked for at another path")
        body.setdefault("model", model.replace("@", "-"))  # as it is called in the answer
        if "?" in request.target:
            raise RefusedError(f"Unknown name in {request.target}: Cannot bind query parameter.")
        betas = request.headers.get("anthropic-beta", "")
        if unknown := set(betas.split(",")) - _BETAS:
            raise RefusedError(f"Unexpected value(s) {unknown} for the `anthropic-beta` header.")
        if counts:
            check_turns(fits(body, Counted))
        else:
            check_messages(body, betas)

    def other(self, request: Received, path: str, body: Any) -> Any:
        return {"input_tokens": tokens(body)} if "/count-tokens:" in path else None


def _check_assertion(form: dict[str, list[str]]) -> None:
    """Raises ValueError for what Google would not take."""
    claims = jwt.decode(form["assertion"][0], certs={"k1": account()[1]}, audience=f"https://{TOKEN_HOST}{TOKEN_PATH}")
    if (form["grant_type"], claims["iss"], claims["scope"]) != ([GRANT], ACCOUNT, SCOPE):
        raise ValueError("the assertion is for something else")
