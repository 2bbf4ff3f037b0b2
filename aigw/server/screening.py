"""The screen of the configuration that is in force, and the stand-in that answers with it for Content Security."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from aigw.clients import green_cip
from aigw.config.load import Loaded
from aigw.guard.screen import Screen
from aigw.guard.settings import GuardSettings
from aigw.standins.green_cip import GreenCipStandin, SignedStandin
from aigw.upstream.standin import Standin


class Screening:
    """Built at the first text, since most configurations have no guard."""

    def __init__(self) -> None:
        self._settings = GuardSettings()
        self._screen: Screen | None = None

    def take(self, loaded: Loaded) -> None:
        """From now on, texts are screened by this configuration."""
        if loaded.config.guard != self._settings:
            self._settings, self._screen = loaded.config.guard, None

    def screen(self) -> Screen:
        if self._screen is None:
            self._screen = Screen(self._settings)
        return self._screen

    def keys(self) -> Mapping[str, str]:
        return self._settings.access_keys

    def standins(self, new_id: Callable[[], str]) -> Mapping[str, Standin]:
        """That for the plugins of this gateway, and the one for callers over HTTP, who must sign."""
        inner = GreenCipStandin(self.screen, new_id)
        return {green_cip.STANDIN: inner, green_cip.SIGNED_STANDIN: SignedStandin(inner, self.keys, new_id)}
