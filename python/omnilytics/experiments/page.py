"""Findings as one page of HTML that needs nothing else: tables, and figures within it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape

from omnilytics.experiments.findings import Findings
from omnilytics.experiments.tables import source, table

STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; color: #1b1b1b; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .7rem; border-bottom: 1px solid #ddd; text-align: right; }
th:first-child, td:first-child { text-align: left; }
svg { max-width: 100%; height: auto; }
.small { color: #666; font-size: .85em; }
"""


def render(found: Sequence[Findings], figures: Mapping[str, bytes]) -> str:
    """The page.

    Args:
        found: in the order of the page.
        figures: SVG by the name of the findings; a name may be missing.
    """
    parts = [_section(findings, figures.get(findings.name)) for findings in found]
    links = " · ".join(f'<a href="#{f.name}">{escape(f.name)}</a>' for f in found)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>OmniLytics: experiments</title>'
        f"<style>{STYLE}</style></head>\n<body><h1>Experiments</h1><p>{links}</p>\n{''.join(parts)}</body></html>\n"
    )


def _section(findings: Findings, svg: bytes | None) -> str:
    head, rows = table(findings)
    cells = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>\n" for row in rows)
    title = escape(findings.question) + (
        f" <span class=small>{escape(findings.paper)}</span>" if findings.paper else ""
    )
    made = ", ".join(f"{name} {value}" for name, value in {**findings.machine, **findings.versions}.items())
    return (
        f'<section id="{findings.name}"><h2>{title}</h2>\n'
        + (f"<p>{escape(findings.reading)}</p>\n" if findings.reading else "")
        + f"<table><tr>{''.join(f'<th>{escape(name)}</th>' for name in head)}</tr>\n{cells}</table>\n"
        + (_inline(svg, findings.name) if svg else "")
        + f"<p class=small>{escape(source(findings))} Seeds {', '.join(map(str, findings.seeds))}. {escape(made)}.</p>"
        + "</section>\n"
    )


def _inline(svg: bytes, name: str) -> str:
    """The picture itself, its names made the page's own."""
    picture = svg.decode()[svg.decode().index("<svg") :]
    return re.sub(r'( id="|href="#|url\(#)', rf"\g<1>{name}-", picture)
