"""Reports: one model, and everything that is drawn from it.

`model` is the centre: what `report.json` holds. `timeline` is a part of
it. `render` draws Markdown, the page and the badge, `matrix` sets several reports side by side, and
`baseline` compares a session with an earlier one.
"""
