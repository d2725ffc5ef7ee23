// The explorer of operating points: another threshold, and what it would have brought on the rows that judged.
// It looks figures up in the table that the evaluation wrote, and computes none.
"use strict";

for (const form of document.querySelectorAll(".explorer")) {
  const told = JSON.parse(form.querySelector("script").textContent);
  const { points, capacity } = told;
  const last = points.threshold.length - 1;
  const slider = form.elements.namedItem("place");
  const limits = {
    capacity: form.elements.namedItem("capacity"),
    precision: form.elements.namedItem("precision"),
  };
  const note = form.querySelector("[role=status]");
  const mark = form.querySelector(".mark");

  // As the page's other numbers: whole ones whole, others with four digits, shares with three.
  const number = (value) => Number.isInteger(value) || Math.abs(value) >= 10000
    ? Math.round(value).toLocaleString("en-US")
    : Number(value.toPrecision(4)).toLocaleString("en-US", { maximumSignificantDigits: 4 });
  const shown = {
    number,
    share: (value) => String(Number(value.toPrecision(4))),
    percent: (value) => `${Number((100 * value).toPrecision(3))}%`,
  };

  function show(place) {
    for (const cell of form.querySelectorAll("[data-key]")) {
      cell.textContent = shown[cell.dataset.kind](points[cell.dataset.key][place]);
    }
    slider.value = place;
    slider.setAttribute("aria-valuetext", `alert at ${shown.share(points.threshold[place])}: `
      + `precision ${shown.percent(points.precision[place])}, recall ${shown.percent(points.recall[place])}`);
    mark.style.insetInlineStart = `${(100 * place) / last}%`;
  }

  // The most frauds that are found within a limit: thresholds fall from the first to the last.
  function within(column, allowed, words) {
    const place = points[column].findLastIndex(allowed);
    note.textContent = place < 0 ? `No threshold keeps to ${words}.` : "";
    if (place >= 0) show(place);
  }

  function clear(...others) {
    note.textContent = "";
    for (const name of others) limits[name].value = "";
  }

  slider.addEventListener("input", () => { clear("capacity", "precision"); show(slider.valueAsNumber); });
  limits.capacity.addEventListener("input", () => {
    const most = limits.capacity.valueAsNumber;
    clear("precision");
    if (!Number.isNaN(most)) within(capacity, (alerts) => alerts <= most, `${most} alerts`);
  });
  limits.precision.addEventListener("input", () => {
    const least = limits.precision.valueAsNumber / 100;
    clear("capacity");
    if (!Number.isNaN(least)) within("precision", (precision) => precision >= least, `a precision of ${100 * least}%`);
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => { clear("capacity", "precision"); setTimeout(() => show(told.start)); });
  form.hidden = false;
  show(told.start);
}
