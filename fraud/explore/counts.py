"""How many rows there are of each class, and how many values are missing."""

from matplotlib import ticker

from fraud import schema
from fraud.explore.chart import FRAUD, LEGITIMATE, NEUTRAL, Chart, canvas
from fraud.explore.view import View


def class_counts(view: View) -> Chart:
    """Rows by class on a logarithmic scale, and what they stand for in production."""
    one_in = round((view.frauds + view.legitimate) / view.frauds)
    title = f"One row in {one_in:,} is a fraud: {view.frauds:,} against {view.legitimate:,} legitimate rows"
    weighted = view.weight * view.legitimate
    numbers = {
        "legitimate": view.legitimate,
        "fraud": view.frauds,
        "share_in_file": view.frauds / len(view.frame),
        "share_weighted": view.share,
        "legitimate_weight": view.weight,
    }
    finding = f"Frauds are {numbers['share_in_file']:.3%} of the rows of the file"
    if view.prevalence is not None:
        title += f"; in production, one in {round(1 / view.share):,}"
        finding += f" and {view.share:.4%} in production, where each legitimate row counts for {view.weight:.3g}"
    finding += f": a model that calls every row legitimate is right {1 - view.share:.2%} of the time, and worthless."

    figure = canvas(title, "Logarithmic scale: each gridline is ten times the one before. " + view.note, 3.4)
    axes = figure.subplots()
    rows = {"fraud": view.frauds, "legitimate": view.legitimate}
    axes.barh(0, view.frauds, color=FRAUD, hatch="//", edgecolor="white")
    axes.barh(1, view.legitimate, color=LEGITIMATE)
    if view.prevalence is not None:
        rows["legitimate, weighted\nto production"] = round(weighted)
        axes.barh(2, weighted, color="white", edgecolor=LEGITIMATE, linewidth=1.5)
    for place, count in enumerate(rows.values()):
        axes.annotate(f"{count:,}", (count, place), (6, 0), textcoords="offset points", va="center")
    axes.set_yticks(range(len(rows)), list(rows))
    axes.set(xscale="log", xlabel="rows", xlim=(1, 12 * max(weighted, view.legitimate)))
    axes.xaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:,.0f}"))
    axes.grid(visible=False, axis="y")
    return Chart("class-counts", title, finding, f"Horizontal bars on a logarithmic scale. {title}.", numbers, figure)


def missing_values(view: View) -> Chart:
    """The share of values that are present, by column."""
    missing = {column: int(view.frame[column].isna().sum()) for column in schema.COLUMNS}
    total, rows = sum(missing.values()), len(view.frame)
    if total:
        worst = max(missing, key=lambda column: missing[column])
        title = f"{total:,} values are missing, most of them in {worst}: {missing[worst] / rows:.2%} of its rows"
    else:
        title = f"No value is missing in any of the {len(missing)} columns"
    finding = (
        f"{rows:,} rows in {len(missing)} columns hold {rows * len(missing) - total:,} values; {total:,} are missing."
    )

    figure = canvas(title, f"Of {rows:,} rows. Bars reach 100% where every value is there.", 3.8)
    axes = figure.subplots()
    present = [100 * (1 - count / rows) for count in missing.values()]
    axes.bar(list(missing), present, color=LEGITIMATE, label="present")
    absent = [100 - share for share in present]
    axes.bar(list(missing), absent, bottom=present, color=FRAUD, hatch="//", label="missing")
    for place, count in enumerate(missing.values()):
        axes.annotate(
            f"{count:,}", (place, 100), (0, 3), textcoords="offset points", ha="center", fontsize=9, color=NEUTRAL
        )
    axes.tick_params("x", rotation=90)
    axes.set(ylabel="values present, % of rows", ylim=(0, 109), xlim=(-0.7, len(missing) - 0.3))
    axes.set_yticks(range(0, 101, 25))
    axes.annotate("missing values:", (0, 1.02), xycoords="axes fraction", fontsize=9.5, color=NEUTRAL)
    axes.grid(visible=False, axis="x")
    alt = f"Bars of the share of values present in each column, with the count of missing values above. {title}."
    return Chart("missing-values", title, finding, alt, {"rows": rows, "missing": missing}, figure)
