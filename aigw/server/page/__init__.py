"""The page of the gateway: what a browser shows of it. This folder has the data, as JSON under `/-/`; `static/` has
what the browser runs. Other origins get 403, because the data shows prompts and answers.

List: it comes from the rows of `usage.sqlite`, so it has what all processes answered. All readers of events share one
look at the file, a few times a second; a slow reader gets the newest requests and the number of those left out.

Details: only in memory, and only while somebody looks (`watch.py`, `recent_details.py`). A route has two chains, one
that only works and one that also records; choosing between them costs a request one look at an attribute. With several
workers each process has its own details, and the answer says so.

Views of models, templates, recordings and so on are what commands print with `--json` (`cli/page_views.py`).

Browser: `static/main.js` is the frame, and each view has a file. Whatever others wrote becomes a text node (`dom.js`).
Texts stand in English where they are used, and in Chinese in `chinese.js`. One tab reads the events for all tabs
(`tabs.js`), and no tab reads them that nobody sees. `tests/e2e/test_page.py` drives Chromium by its DevTools
protocol, with axe-core."""
