"""Asks whether an aigw listens at an address, for those who find it taken."""

from __future__ import annotations

import http.client
import json

PROBE_SECONDS = 1.0


def aigw_at(host: str, port: int) -> str:
    """The version of the gateway that answers there; "" if none does."""
    local = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  where a wildcard can be asked
    connection = http.client.HTTPConnection(local, port, timeout=PROBE_SECONDS)
    try:
        connection.request("GET", "/-/health")
        with connection.getresponse() as response:
            answer = json.loads(response.read(4096))
        return str(answer["version"]) if answer["status"] == "ok" else ""
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
        return ""
    finally:
        connection.close()


def taken(host: str, port: int) -> str:
    """Returns what to say about an address that is taken, "" if it is not an aigw that listens there."""
    version = aigw_at(host, port)
    if not version:
        return ""
    at = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return f"an aigw {version} serves at http://{at} already; use it, or start another: --port {port % 65535 + 1}"
