// From Airflow's task instances and the operators' summaries to what the page shows. Nothing here touches the page.

import { addDecimals, isDecimal, subtractDecimals } from "./decimal.mjs";
import { dayIn, daysBetween } from "./format.mjs";

const OURS = "airflow_provider_tiktok.";
const LEFT_A_SUMMARY = new Set(["success", "skipped"]); // `on_empty="skip"` leaves one, too
const FAILED = new Set(["failed", "upstream_failed"]);
const RETRIES = new Set(["up_for_retry", "up_for_reschedule"]);

/** What needs attention, the worst first; also the order of rows. */
export const RANKS = ["failed", "attention", "running", "not run yet", "good"];

/** Return whether a task of a DAG is one of this package's, or of a subclass of its operators. */
export function isTikTok(task) {
  return Boolean(
    task.class_ref?.module_path?.startsWith(OURS) || task.template_fields?.includes("tiktok_conn_id"),
  );
}

/** Return whether an instance may have left a summary. */
export function mayHaveSummary(instance) {
  return LEFT_A_SUMMARY.has(instance.state);
}

/** Return whether a value is a summary, and not what a user's own operator or a list of accounts returned. */
export function isSummary(value) {
  return Boolean(value) && typeof value === "object" && !Array.isArray(value) && "row_count" in value;
}

/** Return what a task loads, in a few words, from its rendered fields and its summary. */
export function loads(task, instance, summary) {
  const fields = instance?.rendered_fields ?? {};
  const name = String(task.class_ref?.class_name ?? task.operator_name ?? "");
  const entity = summary?.entity ?? fields.entity;
  if (entity) return `${text(entity).replaceAll("_", " ")} list`;
  if (name.includes("ListAdvertisers")) return "account IDs";
  if (name.includes("Entities")) return "entity list"; // has not run yet
  const what = text(fields.preset) || reportName(fields);
  if (name.includes("Sensor")) return what ? `waits for ${what}` : "waits for final figures";
  return what || "report";
}

/** Return where the rows of a summary are. */
export function placeOf(summary) {
  if (!isSummary(summary)) return "";
  if (summary.table) return `table ${text(summary.table)}`;
  const [path] = summary.paths ?? [];
  if (!path) return "XCom";
  const more = (summary.path_count ?? summary.paths.length) - 1;
  return more > 0 ? `${path} and ${more} more` : path;
}

/**
 * Return the newest runs of one task, the newest first: `[{runId, runAfter, instances}]`.
 *
 * @param instances of one task, mapped or not, in any order.
 */
export function runsOf(instances) {
  const runs = new Map();
  for (const instance of instances) {
    const runId = instance.dag_run_id;
    if (!runs.has(runId)) runs.set(runId, { runId, runAfter: instance.run_after, instances: [] });
    runs.get(runId).instances.push(instance);
  }
  for (const run of runs.values()) run.instances.sort((one, other) => one.map_index - other.map_index);
  return [...runs.values()].sort((one, other) => Date.parse(other.runAfter) - Date.parse(one.runAfter));
}

/** Return the state of a run's instances: of a mapped task, the one that needs attention most. */
export function stateOf(instances) {
  const states = instances.map((instance) => instance.state);
  const rank = (state) => {
    if (FAILED.has(state)) return 0;
    if (RETRIES.has(state)) return 1;
    return LEFT_A_SUMMARY.has(state) ? 3 : 2;
  };
  return states.sort((one, other) => rank(one) - rank(other))[0] ?? null;
}

/**
 * Add up the summaries of a run's instances.
 *
 * @param summaries of the instances that left one; anything else among them is passed over.
 * @param expected how many there would be if all instances had left one.
 * @return null where there is none; `isPartial` where some are missing.
 */
export function combine(summaries, expected = summaries.length) {
  const found = summaries.filter(isSummary);
  if (!found.length) return null;
  const ends = found.flatMap(endsOf);
  const total = {
    rows: sum(found.map((each) => each.row_count)),
    calls: sum(found.map((each) => each.api_calls)),
    throttled: sum(found.map((each) => each.throttled_calls)),
    retried: sum(found.map((each) => each.retried_calls)),
    spend: {},
    accounts: {},
    finalDays: {},
    days: {},
    skipped: Object.assign({}, ...found.map((each) => each.skipped_advertisers ?? {})),
    isComplete: found.every((each) => each.complete !== false),
    isFinal: verdict(found.map((each) => each.is_final)),
    isPartial: found.length < expected,
    firstDay: smallest(found.map((each) => each.report_start_date)),
    earliestEnd: smallest(ends),
    latestEnd: largest(ends),
    place: placeOf(found[0]),
    restatements: found.map((each) => each.restatement).filter(Boolean),
  };
  for (const each of found) {
    addSpend(total.spend, each.spend);
    Object.assign(total.accounts, each.accounts ?? {});
    for (const [id, day] of Object.entries(finalDaysOf(each))) total.finalDays[id] = largest([total.finalDays[id], day]);
    for (const [day, figures] of Object.entries(each.days ?? {})) {
      const sums = (total.days[day] ??= { rows: 0, spend: {} });
      sums.rows += figures.rows ?? 0;
      addSpend(sums.spend, figures.spend);
    }
  }
  return total;
}

/**
 * Return one line of the overview.
 *
 * @param task `{dagId, task}`.
 * @param run the newest run, as `runsOf` makes it; null if there is none.
 * @param loaded what `combine` says of the newest run that left summaries; null if none did.
 * @param loadedRun that run.
 * @param problem why a summary couldn't be read; empty if it could.
 */
export function overviewRow({ dagId, task }, run, loaded, loadedRun, problem = "") {
  const state = run ? stateOf(run.instances) : null;
  const newest = run?.instances[0];
  const row = {
    dagId,
    taskId: task.task_id,
    loads: loads(task, newest, loaded),
    state,
    run,
    loadedRun,
    isOlder: Boolean(loadedRun && run && loadedRun.runId !== run.runId),
    loaded,
    problem,
  };
  return { ...row, rank: rankOf(row) };
}

/** Compare two rows of the overview: red first, then by name. */
export function byRank(one, other) {
  return (
    RANKS.indexOf(one.rank) - RANKS.indexOf(other.rank) ||
    one.dagId.localeCompare(other.dagId) ||
    one.taskId.localeCompare(other.taskId)
  );
}

/** Return what needs attention about a row, in words. */
export function remarksOf(row) {
  const remarks = [];
  const { loaded } = row;
  if (row.problem) remarks.push(row.problem);
  if (!loaded) return remarks;
  const skipped = Object.keys(loaded.skipped).length;
  if (skipped) remarks.push(`${skipped} account(s) skipped`);
  if (!loaded.isComplete && !skipped) remarks.push("not every row is here");
  if (loaded.isPartial) remarks.push("some mapped tasks left no summary");
  return remarks;
}

/**
 * Return spend and rows of each day, `[{day, rows, spend}]`, the first day first.
 *
 * Runs re-read days, so the newest run that has a day of all its accounts counts. Where none has, because accounts were
 * skipped or their time zones give them other days, the newest figures of each account are added up.
 *
 * @param runs `[{loaded}]`, the newest first.
 */
export function figuresByDay(runs) {
  const found = new Map();
  for (const whole of [true, false]) {
    for (const { loaded } of runs) {
      if (!loaded) continue;
      for (const [day, figures] of Object.entries(loaded.days)) {
        if (isWholeDay(loaded, day) !== whole) continue;
        const accounts = accountsOn(loaded, day);
        const known = found.get(day);
        if (!known) {
          found.set(day, { sums: { day, ...figures, spend: { ...figures.spend } }, accounts: new Set(accounts), whole });
        } else if (!known.whole && accounts.length && !accounts.some((account) => known.accounts.has(account))) {
          known.sums.rows += figures.rows ?? 0;
          addSpend(known.sums.spend, figures.spend);
          accounts.forEach((account) => known.accounts.add(account));
        }
      }
    }
  }
  return [...found.values()].map(({ sums }) => sums).sort((one, other) => one.day.localeCompare(other.day));
}

/**
 * Return what later runs changed about days that earlier ones had loaded, the newest change first:
 * `[{day, what, before, after, difference, run}]`.
 *
 * A run that compared its files (`restatement`) says it itself; of others, the spend of two runs over the same accounts is
 * compared.
 *
 * @param runs `[{runId, loaded}]`, the newest first.
 */
export function restated(runs) {
  const changes = [];
  const known = new Map(); // day -> the spend that the last run had
  for (const run of [...runs].reverse()) {
    if (!run.loaded) continue;
    const told = run.loaded.restatements.flatMap(changesOf);
    const seen = run.loaded.restatements.length ? told : changesBetween(known, run.loaded);
    changes.push(...seen.map((change) => ({ ...change, run })));
    const accounts = accountsKey(run.loaded);
    for (const [day, figures] of Object.entries(run.loaded.days)) {
      if (isWholeDay(run.loaded, day)) known.set(day, { spend: figures.spend, accounts });
    }
  }
  return changes.reverse();
}

/**
 * Return the accounts of the runs, `[{id, name, currency, zone, rows, spend, lastDay, finalDay, finalAge, skipped}]`.
 *
 * @param runs `[{loaded}]`, the newest first; figures are those of the newest run that has the account.
 * @param now decides the age of days, in the account's own zone.
 */
export function accountsOf(runs, now) {
  const found = new Map();
  const of = (id) => {
    if (!found.has(id)) found.set(id, { id, name: "", currency: "", zone: "", lastDay: "", finalDay: "", skipped: "" });
    return found.get(id);
  };
  const newest = runs.find((run) => run.loaded)?.loaded;
  for (const { loaded } of runs) {
    for (const [id, told] of Object.entries(loaded?.accounts ?? {})) {
      const account = of(id);
      if (account.rows === undefined) {
        Object.assign(account, { name: told.name, currency: told.currency, zone: told.timezone, rows: told.rows, spend: told.spend });
      }
      account.lastDay = largest([account.lastDay, told.end ?? loaded.latestEnd]) ?? "";
      account.finalDay = largest([account.finalDay, loaded.finalDays[id]]) ?? "";
    }
  }
  for (const [id, reason] of Object.entries(newest?.skipped ?? {})) of(id).skipped = String(reason ?? "") || "skipped";
  return [...found.values()].map((account) => ({
    ...account,
    finalAge: account.finalDay ? daysBetween(account.finalDay, dayIn(account.zone, now)) : null,
  }));
}

/**
 * Return the calls of each connection: `{conn: {calls, throttled, suspensions, retried, unknown, tasks, hours}}`.
 *
 * @param items `[{instance, summary}]` of task instances that have ended.
 */
export function callsByConnection(items) {
  const found = {};
  for (const { instance, summary } of items) {
    const connection = text(instance.rendered_fields?.tiktok_conn_id) || "tiktok_default";
    const sums = (found[connection] ??= { calls: 0, throttled: 0, suspensions: 0, retried: 0, unknown: 0, tasks: {}, hours: {} });
    const name = `${instance.dag_id} / ${instance.task_id}`;
    const ofTask = (sums.tasks[name] ??= {
      ...{ dagId: instance.dag_id, taskId: instance.task_id, calls: 0, throttled: 0, retried: 0, runs: 0, unknown: 0 },
    });
    ofTask.runs += 1;
    if (!isSummary(summary)) {
      sums.unknown += 1;
      ofTask.unknown += 1;
      continue;
    }
    sums.suspensions += summary.suspensions ?? 0;
    const hour = String(instance.end_date ?? instance.run_after).slice(0, 13);
    const ofHour = (sums.hours[hour] ??= { calls: 0, throttled: 0 });
    for (const target of [sums, ofTask, ofHour]) {
      target.calls += summary.api_calls ?? 0;
      target.throttled += summary.throttled_calls ?? 0;
      if ("retried" in target) target.retried += summary.retried_calls ?? 0;
    }
  }
  return found;
}

function rankOf({ run, state, loaded, problem }) {
  if (!run) return "not run yet";
  if (FAILED.has(state)) return "failed";
  if (RETRIES.has(state) || problem) return "attention";
  if (!LEFT_A_SUMMARY.has(state)) return "running";
  const lacksRows = loaded && (Object.keys(loaded.skipped).length || !isWhole(loaded));
  return lacksRows ? "attention" : "good";
}

function reportName(fields) {
  const type = text(fields.report_type);
  const dimensions = listText(fields.dimensions);
  if (!type && !dimensions) return "";
  return [type || "BASIC", dimensions && `by ${dimensions}`].filter(Boolean).join(" ");
}

/** Return a rendered list, or its text, with commas. */
function listText(value) {
  if (Array.isArray(value)) return value.join(", ");
  return text(value).replace(/[[\]'"]/g, "");
}

function text(value) {
  return value === null || value === undefined || value === "None" ? "" : String(value);
}

/** Return the last days that a summary has: each account's own, or the report's. */
function endsOf(summary) {
  const own = Object.values(summary.accounts ?? {}).map((account) => account.end).filter(Boolean);
  return own.length ? own : [summary.report_end_date].filter(Boolean);
}

/** Return the last final day of each account; summaries of earlier versions only say whether the last day of all is final. */
function finalDaysOf(summary) {
  const { accounts = {}, is_final: isFinal, report_end_date: end, final_day: usual, final_days: others = {} } = summary;
  const ofAll = ([id, account]) => [id, usual === undefined ? (isFinal ? (account.end ?? end) : null) : usual];
  return { ...Object.fromEntries(Object.entries(accounts).map(ofAll)), ...others };
}

function isWhole(loaded) {
  return loaded.isComplete && !loaded.isPartial;
}

/** Return whether a run's figures of a day are of all its accounts. */
function isWholeDay(loaded, day) {
  return isWhole(loaded) && accountsOn(loaded, day).length === Object.keys(loaded.accounts).length;
}

/** Return the accounts that a run loaded a day of: their time zones can give them different days. */
function accountsOn({ accounts }, day) {
  return Object.keys(accounts).filter((id) => {
    const { start, end } = accounts[id];
    return !start || !end || (start <= day && day <= end);
  });
}

function accountsKey(loaded) {
  return Object.keys(loaded.accounts).sort().join();
}

function changesOf(restatement) {
  return Object.entries(restatement.days ?? {}).flatMap(([day, said]) =>
    Object.entries(said)
      .filter(([, sums]) => typeof sums === "object" && sums !== null && sums.before !== sums.after)
      .map(([what, sums]) => change(day, what, sums.before, sums.after)),
  );
}

function changesBetween(known, loaded) {
  const changes = [];
  for (const [day, figures] of Object.entries(loaded.days)) {
    if (!isWholeDay(loaded, day)) continue;
    const before = known.get(day);
    if (!before || before.accounts !== accountsKey(loaded)) continue;
    for (const [currency, amount] of Object.entries(figures.spend ?? {})) {
      const old = before.spend?.[currency] ?? "0";
      const made = change(day, currency ? `spend, ${currency}` : "spend", old, amount);
      if (isDecimal(made.difference) && Number(made.difference) !== 0) changes.push(made);
    }
  }
  return changes;
}

function change(day, what, before, after) {
  const areNumbers = isDecimal(before) && isDecimal(after);
  return { day, what, before, after, difference: areNumbers ? subtractDecimals(after, before) : "" };
}

function addSpend(totals, more) {
  for (const [currency, amount] of Object.entries(more ?? {})) {
    if (isDecimal(amount)) totals[currency] = addDecimals(totals[currency] ?? "0", amount);
  }
}

/** Return true if all are true, false if any is false, and null where none says it, as lists of entities don't. */
function verdict(values) {
  const said = values.filter((value) => typeof value === "boolean");
  return said.length ? said.every(Boolean) : null;
}

function sum(values) {
  return values.reduce((total, value) => total + (Number.isFinite(value) ? value : 0), 0);
}

function smallest(values) {
  return values.filter(Boolean).sort()[0] ?? null;
}

function largest(values) {
  return values.filter(Boolean).sort().at(-1) ?? null;
}
