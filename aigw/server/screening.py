"""The screen of the configuration that is in force, and the stand-in that answers with it for Content Security."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from aigw.clients import green_cip
from aigw.config.load import Loaded
from aigw.core.env import Ask, Env
from aigw.guard.settings import GuardSettings
from aigw.standins.green_cip import GreenCipStandin, SignedStandin
from aigw.standins.judge import Judge
from aigw.upstream.standin import Standin

if TYPE_CHECKING:
    from aigw.guard.screen import Screen


class Screening:
    """Most configurations have no guard: patterns are compiled for the first text, or before by `prepare`."""

    def __init__(self) -> None:
        self._settings = GuardSettings()
        self._screen: Screen | None = None
        self._prepared: tuple[GuardSettings, Screen | None] = (self._settings, None)
        self._judge: Judge | None = None

    async def prepare(self, loaded: Loaded) -> None:
        """Compiles the patterns of a configuration, which takes a tenth of a second, while others are answered."""
        if self._screen is None or loaded.guard != self._settings:
            screen = _screen(loaded.guard)
            self._prepared = loaded.guard, screen
            await asyncio.to_thread(screen.screen, "中")  # beyond ASCII, so that all patterns are looked for

    def take(self, loaded: Loaded, env: Env) -> None:
        """Lets texts be screened by this configuration from now on, and judged by a model of its gateway."""
        settings, screen = self._prepared
        if loaded.guard != self._settings or self._screen is None:
            self._settings, self._screen = loaded.guard, screen if settings == loaded.guard else None
        judge, models = self._settings.judge, env.models
        self._judge = Judge(judge, models, env.clock) if judge.model and models is not None else None

    def screen(self) -> Screen:
        if self._screen is None:
            self._screen = _screen(self._settings)
        return self._screen

    def keys(self) -> Mapping[str, str]:
        return self._settings.access_keys

    def beside(self, new_id: Callable[[], str]) -> Mapping[str, Ask]:
        """Returns the stand-ins that plugins of this gateway may ask without a request."""
        return {green_cip.STANDIN: self._standin(new_id).moderate}

    def _standin(self, new_id: Callable[[], str]) -> GreenCipStandin:
        return GreenCipStandin(self.screen, new_id, lambda: self._judge)

    def standins(self, new_id: Callable[[], str]) -> Mapping[str, Standin]:
        """Returns the stand-in for the plugins of this gateway, and the one for callers over HTTP, who must sign their
        requests."""
        inner = self._standin(new_id)
        return {green_cip.STANDIN: inner, green_cip.SIGNED_STANDIN: SignedStandin(inner, self.keys, new_id)}


def _screen(settings: GuardSettings) -> Screen:
    """Its patterns are loaded where they are used."""
    from aigw.guard.screen import Screen

    return Screen(settings)
