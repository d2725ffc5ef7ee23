"""What a person opens in a browser: `GET /` and `GET /docs`, and the files of both. None of it asks for a key."""

import json
from functools import cache, partial
from pathlib import Path

import flask_swagger_ui
from flask import Flask, Response, request

_STATIC = Path(__file__).parent / "static"
_SWAGGER = Path(flask_swagger_ui.__file__).parent / "dist"
_EXAMPLES = _STATIC / "examples.json"

# Every address with its file: a browser can ask for no other.
FILES = {
    "/": _STATIC / "index.html",
    "/docs": _STATIC / "docs.html",
    **{f"/static/{name}": _STATIC / name for name in ("page.css", "page.js", "docs.js", "icon.svg", "examples.json")},
    **{f"/docs/{name}": _SWAGGER / name for name in ("swagger-ui.css", "swagger-ui-bundle.js")},
}

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
}

_POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'"
_NOWHERE = "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_POLICIES = {
    "/": f"{_POLICY}; {_NOWHERE}",
    # Its style sheet holds pictures.
    "/docs": f"{_POLICY.replace('img-src', 'img-src data:')}; {_NOWHERE}",
}


def init_app(app: Flask) -> None:
    for address, path in FILES.items():
        app.add_url_rule(address, address.lstrip("/").replace(".", "-") or "page", partial(_file, address, path))


@cache
def examples() -> dict[str, dict[str, float]]:
    """Transactions to try, drawn from the synthetic twin, by what they are; `python -m fraud examples` writes them."""
    found: dict[str, dict[str, float]] = json.loads(_EXAMPLES.read_text(encoding="utf-8"))
    return found


def _file(address: str, path: Path) -> Response:
    response = Response(path.read_bytes(), content_type=_TYPES[path.suffix])
    response.cache_control.no_cache = True
    if address in _POLICIES:
        response.headers["Content-Security-Policy"] = _POLICIES[address]
        response.headers["Referrer-Policy"] = "no-referrer"
    else:
        # Swagger UI is large: who has it asks whether it is still the same.
        response.add_etag()
        response.make_conditional(request)
    return response
