// What several views show in the same way.

import { el, link } from "./dom.mjs";
import { UNKNOWN, count, span, spend, stateName } from "./format.mjs";
import { remarksOf, stateOf } from "./model.mjs";

/** Return a state as a badge with its name, so that its colour alone says nothing. */
export function stateBadge(state) {
  return el(`span.badge.state-${state ?? "none"}`, {}, stateName(state));
}

/** Return the states of a run's instances; of a mapped task also how many of them are good. */
export function runState(run) {
  if (!run) return el("span.badge.state-none", {}, "not run yet");
  const good = run.instances.filter((instance) => instance.state === "success").length;
  const mapped = run.instances.length > 1 ? el("span.note", {}, ` ${good} of ${run.instances.length}`) : null;
  return [stateBadge(stateOf(run.instances)), mapped];
}

/** Return a span of days, which breaks between its words and in no day. */
export function days(first, last) {
  return span(first, last).split(" ").flatMap((word) => [el("span.time", {}, word), " "]);
}

/** Return a name that breaks after its underscores. */
export function longName(name) {
  return name.split(/(?<=_)/).flatMap((part) => [part, el("wbr")]);
}

/** Return amounts, one line a currency. */
export function spendLines(totals) {
  const lines = spend(totals);
  return lines.length ? lines.map((line) => el("div", {}, line)) : UNKNOWN;
}

/** Return whether figures are complete and final, in words. */
export function quality(loaded) {
  if (!loaded) return UNKNOWN;
  const complete = loaded.isComplete && !loaded.isPartial ? "complete" : "incomplete";
  const final = { true: "final", false: "not final yet" }[loaded.isFinal];
  return [complete, final].filter(Boolean).join(", ");
}

/** Return what needs attention, one line each. */
export function remarks(row) {
  return remarksOf(row).map((remark) => el("div.remark", {}, remark));
}

/** Return throttled calls of all calls. */
export function throttledOf(loaded) {
  return loaded ? `${count(loaded.throttled)} of ${count(loaded.calls)}` : UNKNOWN;
}

/** Return an error as a message with a button that tries again. */
export function errorBox(error, retry) {
  return el(
    "div.box.error",
    { role: "alert" },
    el("p", {}, error.message),
    el("button", { type: "button", click: retry }, "Try again"),
  );
}

/** Return what couldn't be read, each reason once; null if everything was. */
export function problemBox(problems) {
  const said = [...new Set(problems.filter(Boolean))];
  return said.length ? el("div.box.error", { role: "alert" }, said.map((problem) => el("p", {}, problem))) : null;
}

/** Return a link within this page. */
export function inner(hash, text) {
  return el("a", { href: hash }, text);
}

/** Return links to a run's pages in Airflow: of a mapped task, to the list of its instances. */
export function runLinks(airflow, dagId, taskId, run) {
  const isMapped = run.instances.length > 1 || run.instances[0].map_index >= 0;
  const task = (tab) => airflow.page(dagId, run.runId, taskId, -1, isMapped ? "mapped" : tab);
  return el(
    "span.links",
    {},
    link(airflow.page(dagId, run.runId), "run", { "aria-label": `Run ${run.runId}` }),
    link(task(""), isMapped ? "logs" : "log", { "aria-label": `Log of run ${run.runId}` }),
    isMapped ? null : link(task("xcom"), "output", { "aria-label": `Output of run ${run.runId}` }),
  );
}
