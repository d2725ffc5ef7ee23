"""What frauds cost and when they come."""

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from fraud import schema
from fraud.explore.chart import FRAUD, LEGITIMATE, NEUTRAL, Chart, canvas
from fraud.explore.view import View
from fraud.metrics.weights import weighted_share

_HOUR = 3600
_HOURS = schema.SECONDS_PER_DAY // _HOUR
_QUIET = 6

# Below a cent there is only 0, which a logarithmic scale can't show: it gets a bin of its own at the left end.
_CENT = 0.01
_BINS_PER_DECADE = 4

_OF_CLASS = {False: ("legitimate", LEGITIMATE, "-"), True: ("fraud", FRAUD, "--")}


def amount_and_time(view: View) -> Chart:
    """The distributions of `Amount` and of `Time`, each class for itself."""
    amount, time = schema.AMOUNT.name, schema.TIME.name
    medians = {name: float(np.median(view.of(amount, fraud))) for fraud, (name, *_) in _OF_CLASS.items()}
    quiet = _quiet_hours(view)
    at_night = {
        name: float(np.isin(_hour_of_day(view.of(time, fraud)), quiet).mean())
        for fraud, (name, *_) in _OF_CLASS.items()
    }
    title = (
        f"Half the frauds are of €{medians['fraud']:,.2f} or less (legitimate: €{medians['legitimate']:,.2f}); "
        f"{at_night['fraud']:.0%} of them, {at_night['legitimate']:.0%} of the others, come in the {_QUIET} quietest "
        "hours"
    )
    finding = (
        f"The quietest {_QUIET} hours of the day, counted from the file's first row, are {_listed(quiet)}: they hold "
        f"{at_night['legitimate']:.1%} of the legitimate transactions and {at_night['fraud']:.1%} of the frauds."
    )

    amount_edges = _amount_edges(view)
    last = max(1, int(np.ceil((view.frame[time].max() + 1) / _HOUR)))
    time_edges = np.arange(last + 1, dtype=np.float64)
    figure = canvas(title, "Each class for itself: its bins add up to 100%. Dashed: frauds.", 4.6)
    left, right = figure.subplots(1, 2)
    numbers: dict[str, object] = {"median_amount": medians, "quiet_hours": quiet, "share_in_quiet_hours": at_night}
    for axes, key, edges in ((left, "amount", amount_edges), (right, "time", time_edges)):
        shares = {}
        for fraud, (name, colour, line) in _OF_CLASS.items():
            values = np.maximum(view.of(amount, fraud), _CENT / 2) if key == "amount" else view.of(time, fraud) / _HOUR
            share = 100 * np.histogram(values, edges)[0] / len(values)
            axes.stairs(share, edges, color=colour, linestyle=line, linewidth=1.8, label=name)
            if not fraud:
                axes.stairs(share, edges, color=colour, alpha=0.15, fill=True)
            shares[name] = np.round(share, 4).tolist()
        axes.set(ylabel="% of the class's rows", ylim=(0, None))
        numbers[key] = {"edges": np.round(edges, 6).tolist(), "percent": shares}
    left.set(xscale="log", xlabel="Amount, euros (logarithmic; leftmost: 0)", title="Amount")
    ticks = [tick for tick in (0.1, 1, 10, 100, 1_000, 10_000, 100_000) if tick < amount_edges[-1]]
    left.set_xticks([_CENT / 1.4, *ticks], ["0", *(f"{tick:,g}" for tick in ticks)])
    left.minorticks_off()
    right.set(xlabel="hours since the first row", title="Time", xlim=(0, last))
    right.set_xticks(np.arange(0, last + 1, 6 if last > 12 else 1))
    left.legend(loc="upper right")
    alt = f"Two step histograms by class: amounts on a logarithmic scale, and transactions by hour. {title}."
    return Chart("amount-and-time", title, finding, alt, numbers, figure)


def fraud_share_by_hour(view: View) -> Chart:
    """The share of fraud in each hour of the day, with 95% Wilson intervals."""
    hours = _hour_of_day(np.asarray(view.frame[schema.TIME.name], dtype=np.float64))
    everything = np.bincount(hours, minlength=_HOURS)
    frauds = np.bincount(hours[view.fraud], minlength=_HOURS)
    rows = [
        _share(hour, int(k), int(n), view.weight)
        for hour, (k, n) in enumerate(zip(frauds, everything, strict=True))
        if n
    ]
    top = max(rows, key=lambda row: row["low"])
    clear = [int(row["hour"]) for row in rows if row["low"] > view.share]
    title = (
        f"Fraud share is most surely high in hour {top['hour']}: "
        f"{top['share']:.2%}, {top['share'] / view.share:.1f} times the average of {view.share:.2%}"
    )
    finding = (
        f"In {len(clear)} of {len(rows)} hours ({_listed(clear)}) the whole interval lies above the average. "
        "Of 95% intervals, one in twenty misses by chance."
    )

    figure = canvas(
        title,
        "Hours of the day from the file's first row: its clock is not published. Bars: 95% Wilson intervals. "
        "Filled: the interval lies above the average. " + view.note,
        4.6,
    )
    axes = figure.subplots()
    for row in rows:
        low, share, high = 100 * row["low"], 100 * row["share"], 100 * row["high"]
        above = row["hour"] in clear
        axes.errorbar(
            row["hour"],
            share,
            yerr=[[max(0, share - low)], [max(0, high - share)]],
            fmt="D" if above else "o",
            color=FRAUD if above else LEGITIMATE,
            markerfacecolor=FRAUD if above else "white",
            capsize=4,
            markersize=7,
        )
    axes.axhline(100 * view.share, color=NEUTRAL, linestyle="--", linewidth=1.2)
    axes.annotate(
        "average",
        (_HOURS - 0.4, 100 * view.share),
        va="center",
        color=NEUTRAL,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
    )
    highest = 100 * max(row["high"] for row in rows)
    axes.set(xlabel="hour of the day, and its number of frauds", ylabel="fraud, % of transactions")
    axes.set(xlim=(-0.7, _HOURS + 1), ylim=(0, 1.05 * highest))
    axes.set_xticks(range(_HOURS), [f"{hour}\n({count:,})" for hour, count in enumerate(frauds)])
    axes.grid(visible=False, axis="x")
    alt = f"Points with error bars, one for each hour of the day, and a line at the average. {title}."
    return Chart("fraud-share-by-hour", title, finding, alt, {"average": view.share, "hours": rows}, figure)


def _share(hour: int, frauds: int, rows: int, weight: float) -> dict[str, float]:
    """The weighted share of fraud and its interval.

    The interval is Wilson's of the stored rows; a constant weight of legitimate rows divides its odds, which keeps
    order and coverage.
    """
    interval = binomtest(frauds, rows).proportion_ci(0.95, "wilson")
    shares = {"share": frauds / rows, "low": float(interval.low), "high": float(interval.high)}
    weighted = {name: weighted_share(share, weight) for name, share in shares.items()}
    return {"hour": hour, "frauds": frauds, "rows": rows, **weighted}


def _hour_of_day(seconds: NDArray[np.float64]) -> NDArray[np.int64]:
    return (np.mod(seconds, schema.SECONDS_PER_DAY) // _HOUR).astype(np.int64)


def _quiet_hours(view: View) -> list[int]:
    """The hours of the day with the fewest legitimate transactions for the time that the file covers of them."""
    time = view.of(schema.TIME.name, fraud=False)
    counts = np.bincount(_hour_of_day(time), minlength=_HOURS)
    covered = np.bincount(_hour_of_day(np.arange(0, view.frame[schema.TIME.name].max() + 1, 60)), minlength=_HOURS)
    rate = np.divide(counts, covered, out=np.full(_HOURS, np.inf), where=covered > 0)
    return sorted(int(hour) for hour in np.argsort(rate, kind="stable")[:_QUIET] if np.isfinite(rate[hour]))


def _amount_edges(view: View) -> NDArray[np.float64]:
    high = max(1.0, float(view.frame[schema.AMOUNT.name].max()) * 1.0001)
    decades = int(np.ceil(np.log10(high) * _BINS_PER_DECADE)) / _BINS_PER_DECADE
    above = np.logspace(-1, decades, round((decades + 1) * _BINS_PER_DECADE) + 1)
    return np.concatenate([[_CENT / 2, _CENT], above])


def _listed(hours: list[int]) -> str:
    return ", ".join(map(str, hours)) or "none"
