"""Reports: one model, and everything that is drawn from it.

`model` is the centre: what `report.json` holds. `build` makes it of a session, `timeline` of a
scenario's evidence; `render` draws Markdown, the page and the badge from it, and `matrix` sets
several side by side.
"""
