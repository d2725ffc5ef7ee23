"""The report step: one page that says whether the model ships, and why, from what lies in the build folder."""

from itertools import chain

from fraud import artefacts
from fraud.errors import UsageError
from fraud.report import card, evidence, history, pages
from fraud.report.charts import charts
from fraud.report.evidence import Evidence
from fraud.report.story import story
from fraud.report.tables import of_numbers
from fraud.report.why_charts import why_charts
from fraud.settings import Settings


def run(settings: Settings) -> str:
    """Write `report/` (the page, the same in Markdown, model card and datasheet) and a line of the run's history.

    Returns:
        the verdict and where the report lies.

    Raises:
        UsageError: an artefact is missing, or not of the same run as the others.
    """
    read = evidence.read(settings.build)
    told = story(read, settings.volume)
    exploration = _exploration(read)
    quality, why = charts(read), why_charts(read)
    folder = settings.build / "report"
    with artefacts.replacing(folder) as temporary:
        (temporary / "figures").mkdir(parents=True)
        for chart in chain(*quality.values(), *why.values()):
            (temporary / "figures" / f"{chart.id}.svg").write_text(chart.svg, encoding="utf-8")
        page = pages.html(told, quality, why, exploration)
        (temporary / "index.html").write_text(page, encoding="utf-8")
        (temporary / "report.md").write_text(pages.markdown(told, quality, why, exploration), encoding="utf-8")
        (temporary / "model_card.md").write_text(card.model_card(read, told), encoding="utf-8")
        (temporary / "datasheet.md").write_text(card.datasheet(read, told), encoding="utf-8")
        # Before the report gets its name: a run whose line could not be written is reported again.
        history.record(read)
    return f"{told['sentence']}\nreport: {folder / 'index.html'}"


def _exploration(read: Evidence) -> list[dict[str, object]]:
    """The exploratory figures with their pictures' bytes and the tables of their numbers."""
    figures = []
    for figure in read.explore["figures"]:
        path = read.build / figure["file"]
        if not path.is_file():
            raise UsageError(f"{path} is missing: remove {path.parent} and run `make explore`")
        figures.append({**figure, "bytes": path.read_bytes(), "tables": of_numbers(figure["numbers"])})
    return figures
