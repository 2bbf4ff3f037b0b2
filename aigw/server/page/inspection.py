"""What the page has of a gateway, whatever configuration is in force: the requests, their details, and who reads
them."""

from __future__ import annotations

from aigw.books.books import Books
from aigw.server.page.details import Details
from aigw.server.page.events import Events
from aigw.server.page.numbers import Numbers
from aigw.server.page.own_views import own_views
from aigw.server.page.page import Page
from aigw.server.page.recent_details import RecentDetails
from aigw.server.page.requests import Requests
from aigw.server.page.views import Inside, Views
from aigw.server.page.watch import Watch

OF_SEVERAL = (
    "This gateway has several processes. The list has the requests of all of them, the details only those of the "
    "process that answers the page; with --trace, what plugins did is found for all of them."
)


class Inspection:
    """What the page has of a gateway. `always`: details are kept also while nobody looks. `alone` is false if other
    processes answer at this address."""

    def __init__(self, books: Books, views: Views, *, always: bool, alone: bool) -> None:
        self._books = books
        self.watch = Watch(RecentDetails(), always=always)
        self._requests = Requests(books.usage, self.watch.kept)
        self._views = views
        self._numbers = Numbers(books.usage)
        self._events = Events(self._requests, self.watch)
        self._note = "" if alone else OF_SEVERAL

    def page(self, inside: Inside) -> Page:
        """The data of the page for a configuration."""
        details = Details(self._requests, self._books.folder)
        views = own_views(self._numbers)
        views = Views({**self._views.shown, **views.shown}, {**self._views.tried, **views.tried})
        return Page(self._requests, details, self._events, self.watch, views, inside, self._note)

    async def aclose(self) -> None:
        """Ends all readers, before the gateway waits for its answers."""
        await self._events.aclose()
        await self._numbers.aclose()
        self.watch.close()
