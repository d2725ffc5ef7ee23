"""The pages, as a person uses them: in a headless Chromium, by mouse and by keyboard, on a desk and on a phone."""

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from werkzeug.serving import make_server
from werkzeug.test import Client

from fraud import bundle
from fraud.api import keys, operations, pages
from fraud.api.app import create_app, create_server_app
from fraud.api.live import Model
from fraud.scorer import Scorer


def served(folder: Path, api_keys: Path | None = None) -> AbstractContextManager[str]:
    return listening(create_server_app(Scorer(folder), api_keys=api_keys))


@contextmanager
def listening(application: Any) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, application, threaded=True)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(scope="module")
def url(bundle_folder: Path) -> Iterator[str]:
    with served(bundle_folder) as address:
        yield address


def text_of(page: Page) -> Any:
    return page.get_by_label("Transaction, as JSON")


@pytest.mark.parametrize(
    ("example", "decision", "probability"),
    [
        ("A fraud", "Decline", r"(more than )?9\d\.\d\d%"),
        ("A legitimate transaction", "Approve", r"(less than )?0\.\d\d%"),
    ],
)
def test_an_example_is_decided(
    look: Callable[..., Any], url: str, bundle_folder: Path, example: str, decision: str, probability: str
) -> None:
    with look(url) as opened:
        page = opened.page
        expect(page.get_by_text(f"Model {bundle.read(bundle_folder).manifest.version}")).to_be_visible()
        expect(page.get_by_text("Fitted on the synthetic twin")).to_be_visible()
        page.get_by_role("button", name=example).click()
        expect(page.get_by_role("heading", name=decision, exact=True)).to_be_focused()
        expect(page.get_by_text("Probability of fraud")).to_have_text(re.compile(f": {probability}$"))
        told = [element.inner_text() for element in page.locator("#thresholds > *").all()]
        assert told == ["Approve", "below 50.00%", "Review", "from 50.00%", "Decline", "from 90.00%"]
        rows = page.get_by_role("row").all()
        assert len(rows) == 4
        bars = [row.locator(".bar span").bounding_box() for row in rows[1:]]
        lengths = [bar["width"] for bar in bars if bar is not None]
        # The strongest of them takes all the room on its side.
        assert lengths == sorted(lengths, reverse=True)
        room = rows[1].locator(".bar").bounding_box()
        assert room is not None
        assert lengths[0] == pytest.approx(room["width"] / 2, abs=1)
        if decision == "Decline":
            expect(rows[1]).to_contain_text(re.compile(r"^V14\s*−\d"))
    assert opened.refused == []


def test_a_broken_field_is_named_and_found(look: Callable[..., Any], url: str) -> None:
    with look(url) as opened:
        page, text = opened.page, text_of(opened.page)
        page.get_by_role("button", name="A legitimate transaction").click()
        expect(page.get_by_role("heading", name="Approve")).to_be_visible()
        changed = text.input_value().replace('"Amount": 17.89', '"Amount": -5').replace(' "V4": 0.59451,\n', "")
        text.fill(changed)
        page.get_by_role("button", name="Decide").click()
        expect(page.get_by_role("heading", name="The transaction needs mending")).to_be_focused()
        expect(page.get_by_role("heading", name="Approve")).to_be_hidden()
        expect(text).to_have_attribute("aria-invalid", "true")
        faults = page.get_by_role("listitem")
        expect(faults).to_have_text(
            ["V4 add it: a number, unit none", "Amount-5: give at least 0: an amount is never negative"]
        )
        page.get_by_role("button", name="Amount").click()
        expect(text).to_be_focused()
        selected = text.evaluate("area => area.value.slice(area.selectionStart, area.selectionEnd)")
        assert selected == '"Amount": -5'
        # Mended, it is decided.
        page.keyboard.type('"V4": 0.6, "Amount": 5')
        page.get_by_role("button", name="Decide").click()
        expect(page.get_by_role("heading", name="Approve")).to_be_visible()
        assert text.get_attribute("aria-invalid") is None
    assert opened.refused == [422]


@pytest.mark.parametrize(
    ("text", "title", "detail"),
    [
        ('{"Time": 1,\n}', "This is not JSON", "Line "),
        ("", "This is not JSON", "Line 1"),
        ("[]", "One at a time", "[ ]"),
    ],
)
def test_what_is_no_transaction_is_told(look: Callable[..., Any], url: str, text: str, title: str, detail: str) -> None:
    with look(url) as opened:
        text_of(opened.page).fill(text)
        opened.page.get_by_role("button", name="Decide").click()
        expect(opened.page.get_by_role("heading", name=title)).to_be_visible()
        expect(opened.page.locator("#refusal-detail")).to_contain_text(detail)


def test_a_server_that_is_gone_is_told(look: Callable[..., Any], bundle_folder: Path) -> None:
    with served(bundle_folder) as address:
        opening = look(address)
        opened = opening.__enter__()
        expect(opened.page.get_by_role("button", name="A fraud")).to_be_visible()
    opened.page.get_by_role("button", name="Decide").click()
    expect(opened.page.get_by_role("heading", name="No answer")).to_be_visible()
    opened.faults.clear()
    opening.__exit__(None, None, None)


def test_the_keyboard_is_enough(look: Callable[..., Any], url: str) -> None:
    with look(url) as opened:
        page = opened.page
        fraud = page.get_by_role("button", name="A fraud")
        expect(fraud).to_be_visible()
        for focused in (page.get_by_role("button", name="A legitimate transaction"), fraud):
            page.keyboard.press("Tab")
            expect(focused).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Decline")).to_be_focused()
        # Back, over the form: what was decided stands behind it.
        page.keyboard.press("Shift+Tab")
        expect(page.get_by_role("button", name="Decide")).to_be_focused()
        page.keyboard.press("Shift+Tab")
        expect(text_of(page)).to_be_focused()
        page.keyboard.press("Control+A")
        page.keyboard.type("{}")
        page.keyboard.press("Tab")
        page.keyboard.press("Space")
        expect(page.get_by_role("heading", name="The transaction needs mending")).to_be_focused()
        assert page.get_by_role("listitem").count() == 30


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_it_without_scrolling_sideways(look: Callable[..., Any], url: str, scheme: str) -> None:
    with look(url, viewport={"width": 360, "height": 740}, color_scheme=scheme) as opened:
        page = opened.page

        def fits() -> None:
            assert page.evaluate("document.documentElement.scrollWidth") == 360
            # Nothing is cut off within what holds it, either; the transaction scrolls, the marker may jut out.
            cut = """
                [...document.querySelectorAll("body *:not(textarea, .scale)")]
                    .filter((each) => each.clientWidth > 0 && getComputedStyle(each).display !== "inline")
                    .filter((each) => each.scrollWidth > each.clientWidth + 1)
                    .map((each) => each.outerHTML)
            """
            assert page.evaluate(cut) == []

        fits()
        for example, decision in (("A fraud", "Decline"), ("A legitimate transaction", "Approve")):
            page.get_by_role("button", name=example).click()
            expect(page.get_by_role("heading", name=decision)).to_be_in_viewport()
            fits()
        text_of(page).fill('{"' + "x" * 500 + '": "' + "y" * 500 + '"}')
        page.get_by_role("button", name="Decide").click()
        expect(page.get_by_role("heading", name="The transaction needs mending")).to_be_in_viewport()
        fits()
        dark = page.evaluate("getComputedStyle(document.body).backgroundColor") != "rgb(255, 255, 255)"
        assert dark == (scheme == "dark")


def test_a_key_is_asked_for_where_one_is_needed(look: Callable[..., Any], bundle_folder: Path, tmp_path: Path) -> None:
    secret = keys.add(tmp_path / "keys", "person", 1)
    with served(bundle_folder, tmp_path / "keys") as address, look(address) as opened:
        page = opened.page
        page.get_by_role("button", name="A fraud").click()
        expect(page.get_by_role("heading", name="A key is needed")).to_be_visible()
        key = page.get_by_label("API key")
        expect(key).to_be_focused()
        page.keyboard.type(secret)
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Decline")).to_be_visible()
        expect(page.get_by_text("Fitted on the synthetic twin")).to_be_visible()
        assert page.context.storage_state() == {"cookies": [], "origins": []}
    assert set(opened.refused) == {401}


@pytest.mark.parametrize(
    ("thresholds", "told"),
    [
        ({"review": 0.2, "decline": None}, ["Approve", "below 20.00%", "Review", "from 20.00%"]),
        ({"review": 0.6, "decline": 0.4}, ["Approve", "below 60.00%", "Decline", "from 60.00%"]),
    ],
)
def test_the_scale_has_the_thresholds_that_there_are(
    look: Callable[..., Any], bundle_folder: Path, tmp_path: Path, thresholds: dict[str, Any], told: list[str]
) -> None:
    with served(with_thresholds(bundle_folder, tmp_path, thresholds)) as address, look(address) as opened:
        for example, decision in (("A fraud", re.compile("Review|Decline")), ("A legitimate transaction", "Approve")):
            opened.page.get_by_role("button", name=example).click()
            expect(opened.page.locator("#decision")).to_have_text(decision)
            expect(opened.page.locator("#thresholds > *")).to_have_text(told)


def with_thresholds(bundle_folder: Path, tmp_path: Path, thresholds: dict[str, Any]) -> Path:
    genuine = bundle.read(bundle_folder)
    manifest = genuine.manifest.model_copy(update={"thresholds": bundle.Thresholds(**thresholds)})
    bundle.write(tmp_path / "model", genuine.model, manifest)
    return tmp_path / "model"


def test_the_scale_is_that_of_the_model_that_answered(
    look: Callable[..., Any], bundle_folder: Path, tmp_path: Path
) -> None:
    other = Model(Scorer(with_thresholds(bundle_folder, tmp_path, {"review": 0.2, "decline": 0.7})))
    app = create_app(Scorer(bundle_folder))
    live = operations.live(app)

    def in_the_midst_of_an_exchange(environ: dict[str, Any], start_response: Any) -> Any:
        # Another worker has exchanged its model already, and the page's requests go now to this one, now to that.
        if environ["PATH_INFO"] == "/predict":
            environ["fraud.model"] = other
        return app(environ, start_response)

    def thresholds(page: Page) -> Any:
        page.get_by_role("button", name="A legitimate transaction").click()
        expect(page.locator("#answered")).to_contain_text(other.version)
        return expect(page.locator("#thresholds > *"))

    with listening(in_the_midst_of_an_exchange) as address, look(address) as opened:
        thresholds(opened.page).to_have_text(["Approve", "below 20.00%", "Review", "from 20.00%"])
        expect(opened.page.locator("#model")).to_have_text(f"Model {live.current.version}")
        live.current = other
        told = ["Approve", "below 20.00%", "Review", "from 20.00%", "Decline", "from 70.00%"]
        thresholds(opened.page).to_have_text(told)
        expect(opened.page.locator("#model")).to_have_text(f"Model {other.version}")


def test_the_documentation_lets_a_person_try(look: Callable[..., Any], url: str) -> None:
    with look(f"{url}/docs") as opened:
        page = opened.page
        page.get_by_role("button", name="/predict").first.click()
        page.get_by_role("button", name="Try it out").click()
        page.locator(".opblock-section-request-body").get_by_role("combobox").last.select_option("a fraud")
        page.get_by_role("button", name="Execute").click()
        answered = page.locator(".live-responses-table .response").first
        expect(answered).to_contain_text("200")
        expect(answered).to_contain_text('"decline"')
    assert opened.refused == []


def test_every_file_is_there_and_harmless(client: Client) -> None:
    for address in pages.FILES:
        response = client.get(address)
        assert (response.status_code, response.headers["X-Content-Type-Options"]) == (200, "nosniff")
        assert response.headers["Cache-Control"] == "no-cache"
        if response.mimetype == "text/html":
            policy = dict(rule.split(" ", 1) for rule in response.headers["Content-Security-Policy"].split("; "))
            assert (policy["default-src"], policy["frame-ancestors"]) == ("'none'", "'none'")
            assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
            assert response.headers["Referrer-Policy"] == "no-referrer"
        else:
            known = client.get(address, headers={"If-None-Match": response.headers["ETag"]})
            assert (known.status_code, known.data) == (304, b"")


@pytest.mark.parametrize("address", ["/static/", "/static/../app.py", "/docs/index.css", "/static/docs.html"])
def test_there_is_no_other_file(client: Client, address: str) -> None:
    assert client.get(address).status_code == 404


def test_no_copy_of_an_answer_is_kept(client: Client, blog_transaction: dict[str, float]) -> None:
    for response in (client.post("/predict", json=blog_transaction), client.post("/predict"), client.get("/model")):
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
