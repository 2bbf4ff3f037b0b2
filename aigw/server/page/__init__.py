"""The page of the gateway: what a browser shows of it. `static/` has the files of the browser's side."""
