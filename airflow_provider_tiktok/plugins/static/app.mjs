// The app: what all tasks together take of TikTok's limit.

import { chart } from "./charts.mjs";
import { dataTable, el } from "./dom.mjs";
import { count, time } from "./format.mjs";
import { callsByConnection } from "./model.mjs";
import { inner, problemBox } from "./parts.mjs";
import { taskHash } from "./overview.mjs";

const DAY = 86_400_000;
const MORE = 300;
const LEVELS = { Basic: 864_000, Advanced: 1_728_000, Premium: 2_592_000, Ultimate: 4_320_000 }; // calls a day, of TikTok's documentation

let level = "Basic";

/** Show the app in an element. */
export async function showApp(view, context, most = MORE) {
  const { loader, status } = context;
  const now = new Date();
  status("Reading what ended in the last 24 hours");
  const items = await loader.endedSince(new Date(now - DAY), most);
  const read = items.filter((item) => !item.problem);
  const problem = problemBox(items.map((item) => item.problem));
  const isUnread = problem && !read.some((item) => item.summary); // then no number of calls is known
  const connections = Object.entries(callsByConnection(read)).sort(([one], [other]) => one.localeCompare(other));
  const again = () => showApp(view, context, most);
  view.replaceChildren(
    el("h1", {}, "Calls of the last 24 hours"),
    el(
      "p",
      {},
      "By the summaries of tasks that ended well. TikTok limits an app, so connections with the same app share one limit. Calls of " +
        "failed attempts, and of tasks that still run, are in no summary.",
    ),
    levelChoice(again),
    problem ?? "",
    ...(isUnread ? [] : connections.map((each) => section(each, now))),
    items.length ? "" : el("p.box", {}, "No TikTok task ended in the last 24 hours."),
  );
  if (items.read < items.total) {
    view.append(
      el("p.box", {}, `Only the newest ${count(items.read)} of ${count(items.total)} task instances are counted. `,
        el("button", { type: "button", click: () => showApp(view, context, most + MORE) }, "Count more")),
    );
  }
}

function levelChoice(changed) {
  const choose = (event) => {
    level = event.target.value;
    changed();
  };
  const options = Object.entries(LEVELS).map(([name, calls]) =>
    el("option", { value: name, selected: name === level }, `${name}: ${count(calls)} calls a day`),
  );
  return el("form.filters", {}, el("label", {}, "TikTok's level of the app ", el("select", { change: choose }, options)));
}

function section([connection, sums], now) {
  const share = (sums.calls / LEVELS[level]) * 100;
  return el(
    "section",
    { "aria-label": `Connection ${connection}` },
    el("h2", {}, connection),
    el(
      "dl.figures",
      {},
      figure("Calls", count(sums.calls), `${share < 0.1 && share > 0 ? "under 0.1" : share.toFixed(1)} % of ${count(LEVELS[level])}`),
      figure("Refused by the limit", count(sums.throttled), sums.throttled ? "TikTok was asked too often" : "none"),
      figure("Suspensions", count(sums.suspensions), sums.suspensions ? "five minutes each, for too many calls in one" : "none"),
      figure("Repeated", count(sums.retried), "after an error or a refusal"),
      figure("Without a summary", count(sums.unknown), "failed, or of another kind"),
    ),
    el("div.charts", {}, hourChart(sums.hours, now)),
    taskTable(Object.values(sums.tasks)),
  );
}

function figure(name, value, note) {
  return el("div", {}, el("dt", {}, name), el("dd", {}, el("strong", {}, value), el("span.note", {}, note)));
}

function hourChart(hours, now) {
  const points = Array.from({ length: 25 }, (_, index) => {
    const at = new Date(Math.floor(now / 3_600_000) * 3_600_000 - (24 - index) * 3_600_000);
    const sums = hours[at.toISOString().slice(0, 13)] ?? { calls: 0, throttled: 0 };
    return { label: time(at), time: at, values: [sums.calls, sums.throttled] };
  });
  return chart({
    title: "Calls by the hour in which their task ended",
    points,
    series: [{ name: "calls", color: "series-1" }, { name: "refused", color: "series-2" }],
    format: count,
    isBars: true,
  });
}

function taskTable(tasks) {
  return dataTable({
    caption: "Tasks, by calls",
    order: { title: "Calls", isDown: true },
    rows: tasks,
    columns: [
      {
        title: "Task",
        isHeader: true,
        sort: (task) => `${task.dagId} ${task.taskId}`,
        cell: (task) => [el("div.note", {}, task.dagId), inner(taskHash(task.dagId, task.taskId), task.taskId)],
      },
      { title: "Ended", isNumber: true, sort: (task) => task.runs, cell: (task) => count(task.runs) },
      { title: "Calls", isNumber: true, sort: (task) => task.calls, cell: (task) => count(task.calls) },
      { title: "Refused", isNumber: true, sort: (task) => task.throttled, cell: (task) => count(task.throttled) },
      { title: "Repeated", isNumber: true, sort: (task) => task.retried, cell: (task) => count(task.retried) },
      { title: "No summary", isNumber: true, sort: (task) => task.unknown, cell: (task) => count(task.unknown) },
    ],
  });
}
