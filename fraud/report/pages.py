"""From the story and its pictures to pages: HTML for a browser, Markdown for a job's summary."""

import base64
import re
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from fraud.report import words
from fraud.report.canvas import Chart

_TEMPLATES = Path(__file__).with_name("templates")

# What could start markup. An underscore inside a word can't, and names of metrics read better without a backslash.
_MARKUP = re.compile(r"[\\`*~\[\]<>|&]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")


def html(
    story: dict[str, Any],
    charts: dict[str, list[Chart]],
    why: dict[str, list[Chart]],
    exploration: list[dict[str, Any]],
) -> str:
    """One self-contained page.

    Args:
        story: as `story.story` returns it.
        charts: of the model's quality, by protocol.
        why: of what it goes by, by protocol.
        exploration: the figures of `explore.json`, each with its PNG under "bytes" and its numbers under "tables".
    """
    return render("index.html.j2", **story, charts=charts, why=why, exploration=exploration)


def render(template: str, **parts: Any) -> str:
    """An HTML page of a template, its pictures inside it."""
    environment = _environment()
    environment.filters["data_uri"] = _data_uri
    return environment.get_template(template).render(parts)


def markdown(
    story: dict[str, Any],
    charts: dict[str, list[Chart]],
    why: dict[str, list[Chart]],
    exploration: list[dict[str, Any]],
) -> str:
    """The same story in GitHub's Markdown, its pictures linked: the charts' by their ids below `figures/`."""
    return render_markdown("report.md.j2", **story, charts=charts, why=why, exploration=exploration)


def render_markdown(template: str, **parts: Any) -> str:
    """A page of a template in GitHub's Markdown, in which no part can be markup."""
    environment = _environment()
    environment.finalize = _escape_markdown
    return environment.get_template(template).render(parts)


def front_matter(metadata: dict[str, Any]) -> Markup:
    """Metadata as YAML between two lines of dashes, which stands before a page's Markdown."""
    # Wide enough that no value is folded.
    text = yaml.safe_dump(metadata, sort_keys=False, allow_unicode=True, width=10_000)
    return Markup(f"---\n{text}---")  # noqa: S704  what YAML quotes can't end it


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(number=words.number, percent=words.percent)
    return environment


def _data_uri(content: str | bytes, kind: str) -> Markup:
    encoded = base64.b64encode(content.encode() if isinstance(content, str) else content).decode()
    return Markup(f"data:{kind};base64,{encoded}")  # noqa: S704  base64 holds no markup


def _escape_markdown(value: object) -> Markup:
    """`value` as text that Markdown leaves alone; what is markup already, such as a macro's answer, stays."""
    if isinstance(value, Markup):
        return value
    escaped = _MARKUP.sub(lambda found: "\\" + found[0], " ".join(str(value).split()))
    return Markup(escaped)  # noqa: S704  this is the escaping
