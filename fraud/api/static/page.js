"use strict";

const DECISIONS = { approve: "Approve", review: "Review", decline: "Decline" };
const REFUSALS = {
  400: "This is not JSON",
  401: "A key is needed",
  403: "The key is good no longer",
  413: "This is too large",
  422: "The transaction needs mending",
  429: "Too many requests",
  500: "The server made a mistake",
  503: "The server is busy",
};

const part = (id) => document.getElementById(id);
const transaction = part("transaction");
const key = part("key");
let model = null;

part("form").addEventListener("submit", (event) => {
  event.preventDefault();
  decide();
});
introduce();
offerExamples();

async function decide() {
  part("decide").setAttribute("aria-busy", "true");
  try {
    const response = await ask("predict?reasons=always", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: transaction.value,
    });
    const document = await response.json();
    if (!response.ok) refuse(document, response);
    else if (Array.isArray(document))
      refuse({ title: "One at a time", detail: "This page shows the decision on one transaction: paste one, without [ ]." });
    else {
      // It was not told yet which model answers, or another one has taken its place since.
      if (document.model.digest !== model?.digest) await introduce();
      answer(document);
    }
  } catch {
    refuse({ title: "No answer", detail: "The server can’t be reached, or did not answer as it should: try again." });
  } finally {
    part("decide").removeAttribute("aria-busy");
  }
}

function ask(address, options = {}) {
  const headers = { ...options.headers };
  if (key.value.trim()) headers.Authorization = `Bearer ${key.value.trim()}`;
  return fetch(address, { ...options, headers });
}

async function introduce() {
  const line = part("model");
  try {
    const response = await ask("model");
    if (response.status === 401 || response.status === 403) part("key-field").hidden = false;
    if (!response.ok) {
      line.textContent = (await response.json()).detail;
      return;
    }
    model = await response.json();
    line.textContent = `Model ${model.version}`;
    part("notice").textContent = model.notice ?? "";
    part("notice").hidden = !model.notice;
  } catch {
    line.textContent = "The model can’t be asked what it is.";
  }
}

async function offerExamples() {
  const examples = await (await fetch("static/examples.json")).json();
  for (const [name, example] of Object.entries(examples)) {
    const button = element("button", name[0].toUpperCase() + name.slice(1));
    button.type = "button";
    button.addEventListener("click", () => {
      transaction.value = JSON.stringify(example, null, 1);
      decide();
    });
    part("examples").append(button);
  }
}

function answer(found) {
  show("answer");
  transaction.removeAttribute("aria-invalid");
  part("answer").dataset.decision = found.decision;
  part("decision").textContent = DECISIONS[found.decision];
  part("probability").textContent = `Probability of fraud: ${percent(found.probability)}`;
  const zones = zonesOf(found);
  const marker = element("span", "", "marker");
  marker.style.left = `${found.probability * 100}%`;
  part("scale").replaceChildren(
    ...zones.map(([decision, from, to]) => {
      const zone = element("span", "", decision);
      zone.style.width = `${(to - from) * 100}%`;
      return zone;
    }),
    marker,
  );
  part("thresholds").replaceChildren(
    ...zones.flatMap(([decision, from, to]) => [
      element("dt", DECISIONS[decision], decision),
      element("dd", from === 0 ? `below ${percent(to)}` : `from ${percent(from)}`),
    ]),
  );
  const strongest = Math.max(...found.reasons.map((reason) => Math.abs(reason.contribution)));
  part("reasons").replaceChildren(...found.reasons.map((reason) => rowOf(reason, strongest)));
  part("warnings").replaceChildren(
    ...found.warnings.map(({ feature, value, detail }) => element("li", `${feature} ${number(value)}: ${detail}`)),
  );
  part("unusual").hidden = found.warnings.length === 0;
  part("answered").textContent = `Answered by ${found.model.version}; id ${found.id}`;
  part("decision").focus();
}

// Which probabilities lead to which decision. Where thresholds depend on the amount, or are those of another model than
// answered, the one applied is all that is told.
function zonesOf({ decision, threshold, model: { digest } }) {
  const { review, decline, by_amount: byAmount } = model?.thresholds ?? {};
  if (byAmount || digest !== model?.digest)
    return split(decision === "decline" ? ["review", "decline"] : ["approve", "review"], [threshold]);
  if (decline === null) return split(["approve", "review"], [review]);
  if (decline <= review) return split(["approve", "decline"], [review]);
  return split(["approve", "review", "decline"], [review, decline]);
}

function split(decisions, limits) {
  const edges = [0, ...limits, 1];
  return decisions.map((decision, i) => [decision, edges[i], edges[i + 1]]);
}

function rowOf({ feature, value, contribution }, strongest) {
  const row = element("tr");
  const name = element("th", feature);
  name.scope = "row";
  const about = model?.features[feature];
  if (about && about.unit !== "none") name.append(element("span", about.unit, "soft"));
  if (about) name.title = about.meaning;
  const effect = element("td", signed(contribution));
  const bar = element("span", "", "bar");
  const length = element("span", "", contribution > 0 ? "towards" : "");
  length.style.width = `${(Math.abs(contribution) / strongest) * 50}%`;
  bar.append(length);
  effect.append(bar);
  row.append(name, element("td", number(value)), effect);
  return row;
}

function refuse(problem, response) {
  show("refusal");
  if (response?.status === 401 || response?.status === 403) {
    part("key-field").hidden = false;
    model = null;
  }
  const wait = response?.headers.get("Retry-After");
  part("refusal-title").textContent = REFUSALS[response?.status] ?? problem.title;
  part("refusal-detail").textContent = [
    problem.detail ?? `Its log tells of it under the id ${problem.id}.`,
    wait ? `Try again in ${wait} s.` : "",
  ].join(" ");
  const faults = (problem.errors ?? []).map(faultOf);
  part("faults").replaceChildren(...faults);
  const body = response?.status === 400 || faults.length > 0;
  transaction.toggleAttribute("aria-invalid", false);
  if (body) transaction.setAttribute("aria-invalid", "true");
  if (response?.status === 401) key.focus();
  else part("refusal-title").focus();
}

function faultOf({ pointer, value, mend }) {
  const item = element("li");
  const name = pointer.slice(1).replaceAll("~1", "/").replaceAll("~0", "~");
  const place = placeOf(name);
  if (place) {
    const button = element("button", name);
    button.type = "button";
    button.title = "Go there";
    button.addEventListener("click", () => {
      transaction.focus();
      transaction.setSelectionRange(...place);
    });
    item.append(button);
  } else item.append(element("strong", name ? `${name} ` : ""));
  item.append(value === undefined ? mend : `${value}: ${mend}`);
  return item;
}

// Start and end of a member of the object that was sent, where it stands there as one would write it.
function placeOf(name) {
  const start = transaction.value.indexOf(JSON.stringify(name));
  if (!name || start < 0) return null;
  const end = transaction.value.slice(start).search(/[,\n}]/);
  return [start, end < 0 ? transaction.value.length : start + end];
}

function show(id) {
  for (const each of ["answer", "refusal"]) part(each).hidden = each !== id;
}

function element(name, text = "", kind = "") {
  const made = document.createElement(name);
  made.textContent = text;
  if (kind) made.className = kind;
  return made;
}

function percent(share) {
  if (share > 0 && share < 0.0001) return "less than 0.01%";
  if (share < 1 && share > 0.9999) return "more than 99.99%";
  return `${(share * 100).toFixed(2)}%`;
}

function number(value) {
  return value.toLocaleString("en", { maximumSignificantDigits: 7 }).replace("-", "−");
}

function signed(value) {
  return `${value > 0 ? "+" : "−"}${Math.abs(value).toFixed(2)}`;
}
