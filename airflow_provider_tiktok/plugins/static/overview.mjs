// The overview: one row a TikTok task, red first.

import { dataTable, el } from "./dom.mjs";
import { UNKNOWN, count, time } from "./format.mjs";
import { RANKS, byRank } from "./model.mjs";
import { days, inner, longName, quality, remarks, runLinks, runState, spendLines, throttledOf } from "./parts.mjs";

const START = `from airflow.sdk import DAG
from airflow_provider_tiktok.operators.report import TikTokReportOperator

with DAG("tiktok_daily", schedule="@daily"):
    TikTokReportOperator(task_id="report", preset="ad_daily")`;

const REDRAW = 500; // milliseconds between two drawings of a table that still grows

const kept = { text: "", rank: "", order: {} }; // what the viewer chose, while the page is open

/** Return the hash of a task's view. */
export function taskHash(dagId, taskId) {
  return `#/task/${encodeURIComponent(dagId)}/${encodeURIComponent(taskId)}`;
}

/** Show the overview in an element. */
export async function showOverview(view, { airflow, loader, status }) {
  const place = el("div");
  let shown = [];
  let pending = 0;
  view.replaceChildren(el("h1", {}, "TikTok tasks"), filters(() => fill()), place);
  const rows = await loader.overview(status, (some) => {
    shown = some;
    pending ||= setTimeout(() => {
      pending = 0;
      fill();
    }, REDRAW);
  });
  clearTimeout(pending);
  const tasks = await loader.tasks();
  if (!rows.length) {
    view.replaceChildren(el("h1", {}, "TikTok tasks"), welcome(tasks));
    return;
  }
  shown = rows;
  fill();
  if (tasks.problems.length) view.append(unread(tasks.problems));

  function fill() {
    const focused = place.contains(document.activeElement) ? document.activeElement.textContent : null;
    const text = kept.text.trim().toLowerCase();
    const rowsNow = shown
      .filter((row) => !kept.rank || row.rank === kept.rank)
      .filter((row) => [row.dagId, row.taskId, row.loads].some((name) => name.toLowerCase().includes(text)))
      .sort(byRank);
    place.replaceChildren(table(airflow, rowsNow, shown.length));
    const again = focused && [...place.querySelectorAll("button, a")].find((each) => each.textContent === focused);
    again?.focus();
  }
}

function filters(changed) {
  const set = (name) => (event) => {
    kept[name] = event.target.value;
    changed();
  };
  const choices = RANKS.map((rank) => el("option", { value: rank, selected: kept.rank === rank }, rank));
  return el(
    "form.filters",
    { role: "search", submit: (event) => event.preventDefault() },
    el("label", {}, "DAG, task or report ", el("input", { type: "search", value: kept.text, input: set("text") })),
    el("label", {}, "Show ", el("select", { change: set("rank") }, el("option", { value: "" }, "all"), choices)),
  );
}

function table(airflow, rows, all) {
  return dataTable({
    caption: rows.length === all ? `${all} TikTok task(s)` : `${rows.length} of ${all} TikTok task(s)`,
    order: kept.order,
    rows,
    rowClass: (row) => `rank-${row.rank.replaceAll(" ", "-")}`,
    empty: "No task is called so, or is in this state.",
    columns: [
      {
        title: "Task",
        isHeader: true,
        sort: (row) => `${row.dagId} ${row.taskId}`,
        cell: (row) => [
          el("div.note", {}, longName(row.dagId)),
          inner(taskHash(row.dagId, row.taskId), longName(row.taskId)),
          remarks(row),
        ],
      },
      { title: "Loads", sort: (row) => row.loads, cell: (row) => longName(row.loads) },
      { title: "State", sort: (row) => RANKS.indexOf(row.rank), cell: (row) => runState(row.run) },
      {
        title: "Last run",
        sort: (row) => row.run?.runAfter,
        cell: (row) =>
          row.run
            ? [el("div.time", {}, time(row.run.runAfter)), runLinks(airflow, row.dagId, row.taskId, row.run)]
            : UNKNOWN,
      },
      {
        title: "Last day",
        sort: (row) => row.loaded?.earliestEnd,
        cell: (row) => [
          days(row.loaded?.earliestEnd, row.loaded?.latestEnd),
          row.isOlder && row.loaded ? el("div.note", {}, `by the run of ${time(row.loadedRun.runAfter)}`) : null,
        ],
      },
      { title: "Rows", isNumber: true, sort: (row) => row.loaded?.rows, cell: (row) => count(row.loaded?.rows) },
      {
        title: "Spend",
        isNumber: true,
        sort: (row) => Number(Object.values(row.loaded?.spend ?? {})[0] ?? NaN) || null,
        cell: (row) => spendLines(row.loaded?.spend),
      },
      {
        title: "Skipped",
        isNumber: true,
        sort: (row) => row.loaded && Object.keys(row.loaded.skipped).length,
        cell: (row) => (row.loaded ? count(Object.keys(row.loaded.skipped).length) : UNKNOWN),
      },
      { title: "Figures", sort: (row) => quality(row.loaded), cell: (row) => quality(row.loaded) },
      { title: "Throttled", isNumber: true, sort: (row) => row.loaded?.throttled, cell: (row) => throttledOf(row.loaded) },
    ],
  });
}

function welcome(tasks) {
  return el(
    "div.box",
    {},
    el("p", {}, `${noneOf(tasks)} This is one:`),
    el("pre", {}, el("code", {}, START)),
    el("p", {}, "It needs a connection tiktok_default. Once the DAG has run, this page shows what it loaded."),
    tasks.problems.length ? unread(tasks.problems) : null,
  );
}

function noneOf({ dags, problems }) {
  if (!dags) return "Airflow shows you no DAG: there is none yet, or your role may not read any.";
  return `None of the ${dags - problems.length} DAG(s) that you may read has a TikTok task.`;
}

function unread(problems) {
  return el(
    "details.box",
    {},
    el("summary", {}, `${problems.length} DAG(s) could not be read`),
    el("ul", {}, problems.map(({ dagId, error }) => el("li", {}, `${dagId}: ${error.message}`))),
  );
}
