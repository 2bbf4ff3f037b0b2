"""The fields of Higress's resources, as their CRDs have them. What these do not name is unknown to a cluster, too."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct


class MatchRule(Struct, frozen=True, rename="camel", omit_defaults=True, kw_only=True):
    """The configuration of a plugin for some routes, hosts or services."""

    config: dict[str, Any] | None = None
    config_disable: bool = False
    ingress: list[str] = []
    domain: list[str] = []
    service: list[str] = []
    route_type: Literal["HTTP", "GRPC"] | None = None


class EnvVar(Struct, frozen=True, rename="camel", omit_defaults=True, kw_only=True):
    name: str = ""
    value: str = ""
    value_from: Literal["INLINE", "HOST"] | None = None


class VmConfig(Struct, frozen=True, omit_defaults=True, kw_only=True):
    env: list[EnvVar] = []


class WasmPluginSpec(Struct, frozen=True, rename="camel", omit_defaults=True, kw_only=True):
    """extensions.higress.io/v1alpha1. With `pluginConfig`, the default configuration and the rules are ignored."""

    url: str = ""
    phase: Literal["UNSPECIFIED_PHASE", "AUTHN", "AUTHZ", "STATS"] = "UNSPECIFIED_PHASE"
    priority: int | None = None
    fail_strategy: Literal["FAIL_CLOSE", "FAIL_OPEN"] | None = None
    default_config: dict[str, Any] | None = None
    default_config_disable: bool = False
    match_rules: list[MatchRule] = []
    plugin_config: dict[str, Any] | None = None
    plugin_name: str = ""
    sha256: str = ""
    image_pull_policy: Literal["UNSPECIFIED_POLICY", "IfNotPresent", "Always"] | None = None
    image_pull_secret: str = ""
    verification_key: str = ""
    vm_config: VmConfig | None = None


class Registry(Struct, frozen=True, rename="camel", omit_defaults=True, kw_only=True):
    """A registry of services; of the types `dns` and `static` it is one service."""

    name: str = ""
    type: str = ""
    domain: str = ""
    port: int = 0
    protocol: str = ""
    sni: str = ""
    auth_secret_name: str = ""


class McpBridgeSpec(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """networking.higress.io/v1. Registries of other types have more fields."""

    registries: list[dict[str, Any]] = []
    proxies: list[dict[str, Any]] = []


class ServicePort(Struct, frozen=True, omit_defaults=True, kw_only=True):
    number: int = 0
    name: str = ""


class BackendService(Struct, frozen=True, omit_defaults=True, kw_only=True):
    name: str = ""
    port: ServicePort = ServicePort()


class Backend(Struct, frozen=True, omit_defaults=True, kw_only=True):
    resource: dict[str, Any] | None = None
    service: BackendService | None = None


class IngressPath(Struct, frozen=True, rename="camel", omit_defaults=True, kw_only=True):
    path: str = "/"
    path_type: Literal["Prefix", "Exact", "ImplementationSpecific"] = "Prefix"
    backend: Backend = Backend()


class IngressHttp(Struct, frozen=True, omit_defaults=True, kw_only=True):
    paths: list[IngressPath] = []


class IngressRule(Struct, frozen=True, omit_defaults=True, kw_only=True):
    host: str = ""
    http: IngressHttp = IngressHttp()


class IngressSpec(Struct, frozen=True, rename="camel", omit_defaults=True, kw_only=True):
    """networking.k8s.io/v1."""

    ingress_class_name: str = ""
    rules: list[IngressRule] = []
    tls: list[dict[str, Any]] = []
    default_backend: Backend | None = None
