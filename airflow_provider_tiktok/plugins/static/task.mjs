// One task: what its last runs loaded, changed and cost.

import { chart } from "./charts.mjs";
import { dataTable, el, link, openInAirflow } from "./dom.mjs";
import { UNKNOWN, count, duration, money, time } from "./format.mjs";
import { groupDigits, isDecimal } from "./decimal.mjs";
import { accountsOf, figuresByDay, restated, stateOf } from "./model.mjs";
import { days, inner, problemBox, quality, runLinks, runState, spendLines, throttledOf } from "./parts.mjs";

const RUNS = 30;
const CHARTED_CURRENCIES = 4;

/** Show a task in an element. */
export async function showTask(view, context, task, runCount = RUNS) {
  const { airflow, loader, status } = context;
  status(`Reading the last ${runCount} runs of ${task.taskId}`);
  const runs = await loader.runs(task, runCount);
  const more = () => showTask(view, context, task, runCount + RUNS);
  view.replaceChildren(
    el("nav", { "aria-label": "Back" }, inner("#/", "All TikTok tasks")),
    el("h1", {}, task.taskId),
    el("p.facts", {}, "DAG ", link(airflow.page(task.dagId), task.dagId), await placeOf(airflow, runs)),
    problemBox(runs.map((run) => run.problem)) ?? "",
    ...(runs.length ? sections(airflow, task, runs) : [el("p.box", {}, "This task has not run yet.")]),
  );
  if (runs.hasMore) view.append(el("button", { type: "button", click: more }, "Show older runs"));
}

function sections(airflow, task, runs) {
  const isUnread = runs.some((run) => run.problem) && !runs.some((run) => run.loaded); // then nothing is known of these
  return [
    el("section", { "aria-label": "Charts" }, el("div.charts", {}, charts(airflow, task, runs))),
    ...(isUnread ? [] : [el("section", {}, accountTable(accountsOf(runs, new Date())))]),
    ...(isUnread ? [] : [el("section", {}, changeTable(airflow, task, restated(runs)))]),
    el("section", {}, runTable(airflow, task, runs)),
  ];
}

/** Return where the rows of the newest good run are, as a link where the output has a page. */
async function placeOf(airflow, runs) {
  const run = runs.find((each) => each.loaded?.place);
  if (!run) return null;
  try {
    const { Output: url } = await airflow.links(run.instances[0]);
    if (url) return [" · rows in ", link(url, run.loaded.place)];
  } catch {
    // the name of the place is enough
  }
  return ` · rows in ${run.loaded.place}`;
}

function charts(airflow, task, runs) {
  const days = figuresByDay(runs);
  const currencies = [...new Set(days.flatMap((day) => Object.keys(day.spend ?? {})))].sort();
  const byDay = currencies.slice(0, CHARTED_CURRENCIES).map((currency) =>
    chart({
      title: `Spend by day, ${currency || "currency not known"}`,
      points: days.map((day) => ({
        label: day.day,
        time: new Date(`${day.day}T12:00:00Z`),
        values: [isDecimal(day.spend?.[currency]) ? Number(day.spend[currency]) : null],
      })),
      series: [{ name: currency || "spend", color: "series-1" }],
      format: (value) => (value === null || value === undefined ? UNKNOWN : groupDigits(value)),
      isByDay: true,
      isBars: true,
    }),
  );
  const timed = [...runs].reverse();
  const byRun = (title, series, values, format) =>
    chart({
      title,
      points: timed.map((run) => ({
        label: `${time(run.runAfter)}, ${stateOf(run.instances) ?? "not started"}`,
        time: new Date(run.runAfter),
        values: values(run),
      })),
      series,
      format: (value) => (value === null || value === undefined ? UNKNOWN : format(value)),
      open: (index) => openInAirflow(airflow.page(task.dagId, timed[index].runId, task.taskId)),
    });
  const ofSummaries = () => [
    byRun("Rows of each run", [{ name: "rows", color: "series-1" }], (run) => [run.loaded?.rows ?? null], count),
    byRun(
      "Calls of each run",
      [{ name: "calls", color: "series-1" }, { name: "throttled", color: "series-2" }],
      (run) => [run.loaded?.calls ?? null, run.loaded?.throttled ?? null],
      count,
    ),
  ];
  return [
    ...byDay,
    ...(runs.some((run) => run.loaded) ? ofSummaries() : []),
    byRun("Duration of each run, seconds", [{ name: "seconds", color: "series-3" }], (run) => [longest(run)], duration),
  ];
}

function longest(run) {
  const known = run.instances.map((instance) => instance.duration).filter(Number.isFinite);
  return known.length ? Math.max(...known) : null;
}

function accountTable(accounts) {
  return dataTable({
    caption: "Accounts, by the newest run that has them",
    rows: accounts,
    rowClass: (account) => (account.skipped ? "rank-attention" : ""),
    empty: "The summaries of these runs name no accounts.",
    columns: [
      {
        title: "Account",
        isHeader: true,
        sort: (account) => account.name || account.id,
        cell: (account) => [
          el("div", {}, account.name || account.id),
          account.name ? el("div.note", {}, account.id) : null,
          account.skipped ? el("div.remark", {}, `Skipped: ${account.skipped}`) : null,
        ],
      },
      { title: "Currency", sort: (account) => account.currency, cell: (account) => account.currency || UNKNOWN },
      {
        title: "Time zone",
        sort: (account) => account.zone,
        cell: (account) => (account.zone ? [el("div", {}, account.zone), el("div.note", {}, `now ${time(new Date(), account.zone)}`)] : UNKNOWN),
      },
      { title: "Rows", isNumber: true, sort: (account) => account.rows, cell: (account) => count(account.rows) },
      {
        title: "Spend",
        isNumber: true,
        sort: (account) => (isDecimal(account.spend) ? Number(account.spend) : null),
        cell: (account) => money(account.spend, account.currency),
      },
      { title: "Last day loaded", sort: (account) => account.lastDay, cell: (account) => account.lastDay || UNKNOWN },
      {
        title: "Last final day",
        sort: (account) => account.finalDay,
        cell: (account) => account.finalDay || UNKNOWN,
      },
      {
        title: "Its age, days",
        isNumber: true,
        sort: (account) => account.finalAge,
        cell: (account) => (account.finalAge === null ? UNKNOWN : count(account.finalAge)),
      },
    ],
  });
}

function changeTable(airflow, task, changes) {
  const amount = (value) => (isDecimal(value) ? groupDigits(value) : UNKNOWN);
  return dataTable({
    caption: "Restated: what a run changed about days that were loaded before",
    rows: changes,
    empty: "No run changed a day that was loaded before.",
    columns: [
      { title: "Day", isHeader: true, sort: (change) => change.day, cell: (change) => change.day },
      { title: "What", sort: (change) => change.what, cell: (change) => change.what },
      { title: "Before", isNumber: true, cell: (change) => amount(change.before) },
      { title: "After", isNumber: true, cell: (change) => amount(change.after) },
      {
        title: "Change",
        isNumber: true,
        sort: (change) => Math.abs(Number(change.difference)),
        cell: (change) => amount(change.difference),
      },
      {
        title: "By the run of",
        sort: (change) => change.run.runAfter,
        cell: (change) => link(airflow.page(task.dagId, change.run.runId, task.taskId), time(change.run.runAfter)),
      },
    ],
  });
}

function runTable(airflow, task, runs) {
  return dataTable({
    caption: `The last ${runs.length} run(s)`,
    rows: runs,
    rowClass: (run) => (["failed", "upstream_failed"].includes(stateOf(run.instances)) ? "rank-failed" : ""),
    columns: [
      { title: "Run", isHeader: true, sort: (run) => run.runAfter, cell: (run) => time(run.runAfter) },
      {
        title: "State",
        sort: (run) => stateOf(run.instances),
        cell: (run) => [runState(run), run.problem ? el("div.remark", {}, "summary not read") : null],
      },
      { title: "Days", sort: (run) => run.loaded?.latestEnd, cell: (run) => days(run.loaded?.firstDay, run.loaded?.latestEnd) },
      { title: "Rows", isNumber: true, sort: (run) => run.loaded?.rows, cell: (run) => count(run.loaded?.rows) },
      { title: "Spend", isNumber: true, cell: (run) => spendLines(run.loaded?.spend) },
      { title: "Figures", sort: (run) => quality(run.loaded), cell: (run) => quality(run.loaded) },
      { title: "Throttled", isNumber: true, sort: (run) => run.loaded?.throttled, cell: (run) => throttledOf(run.loaded) },
      { title: "Duration", isNumber: true, sort: longest, cell: (run) => duration(longest(run)) },
      { title: "In Airflow", cell: (run) => runLinks(airflow, task.dagId, task.taskId, run) },
    ],
  });
}
