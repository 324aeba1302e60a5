// What the page makes of task instances and summaries.

import assert from "node:assert/strict";
import { test } from "node:test";

import * as model from "../../airflow_provider_tiktok/plugins/static/model.mjs";

const REPORT = { class_ref: { module_path: "airflow_provider_tiktok.operators.report", class_name: "TikTokReportOperator" } };

function instance(values = {}) {
  return {
    ...{ dag_id: "d", task_id: "t", dag_run_id: "r", map_index: -1, state: "success", run_after: "2026-11-28T00:00:00Z" },
    ...{ end_date: "2026-11-28T00:10:00Z", rendered_fields: {} },
    ...values,
  };
}

function summary(values = {}) {
  return {
    ...{ row_count: 10, api_calls: 4, throttled_calls: 0, retried_calls: 0, complete: true, is_final: true },
    ...{ skipped_advertisers: {}, report_start_date: "2026-11-26", report_end_date: "2026-11-27", paths: [] },
    ...values,
  };
}

function run(loaded, runAfter = "2026-11-28T00:00:00Z") {
  return { runId: runAfter, runAfter, instances: [instance()], loaded: loaded && model.combine([loaded]) };
}

function account(values = {}) {
  return { ...{ name: "Acme", currency: "EUR", timezone: "Europe/Berlin", rows: 5, spend: "1.10", start: "2026-11-26", end: "2026-11-27" }, ...values };
}

test("tasks of the package are found, and those of subclasses, and no others", () => {
  assert.ok(model.isTikTok(REPORT));
  assert.ok(model.isTikTok({ class_ref: { module_path: "my.dags" }, template_fields: ["tiktok_conn_id", "preset"] }));
  assert.ok(!model.isTikTok({ class_ref: { module_path: "airflow.operators.empty" }, template_fields: ["bash_command"] }));
  assert.ok(!model.isTikTok({ class_ref: null, template_fields: null }));
});

test("what a task loads comes from its preset, its report, its entity or its kind", () => {
  const of = (fields, told, task = REPORT) => model.loads(task, instance({ rendered_fields: fields }), told);
  assert.equal(of({ preset: "ad_daily" }), "ad_daily");
  assert.equal(of({ report_type: "AUDIENCE", dimensions: ["age", "gender"] }), "AUDIENCE by age, gender");
  assert.equal(of({ dimensions: "['ad_id', 'stat_time_day']", report_type: "None" }), "BASIC by ad_id, stat_time_day");
  assert.equal(of({}, summary({ entity: "smart_plus_ad" })), "smart plus ad list");
  assert.equal(of({}, null, { class_ref: { class_name: "TikTokListAdvertisersOperator" } }), "account IDs");
  assert.equal(of({ preset: "ad_daily" }, null, { class_ref: { class_name: "TikTokReportReadySensor" } }), "waits for ad_daily");
  assert.equal(model.loads(REPORT, undefined, null), "report");
  assert.equal(model.loads({ class_ref: { class_name: "TikTokEntitiesOperator" } }, undefined, null), "entity list");
});

test("spend is added up exactly, currency by currency", () => {
  const total = model.combine([
    summary({ spend: { EUR: "0.10", JPY: "900719925474099312345" } }),
    summary({ spend: { EUR: "0.2", "": "7" } }),
    summary({ spend: { EUR: null } }),
  ]);
  assert.deepEqual(total.spend, { EUR: "0.30", JPY: "900719925474099312345", "": "7" });
  assert.equal(total.rows, 30);
});

test("summaries of earlier versions, which lack keys, show nothing wrong", () => {
  const total = model.combine([{ row_count: 3 }]);
  assert.deepEqual([total.spend, total.accounts, total.days, total.skipped], [{}, {}, {}, {}]);
  assert.deepEqual([total.isFinal, total.isComplete, total.earliestEnd, total.calls], [null, true, null, 0]);
});

test("what is no summary is passed over: rows, IDs, addresses of a backend", () => {
  assert.equal(model.combine([null, ["7100"], "s3://xcoms/1", { rows: [] }]), null);
});

test("a mapped task whose parts left no summary all is partial", () => {
  assert.ok(model.combine([summary(), null], 2).isPartial);
  assert.ok(!model.combine([summary(), summary()], 2).isPartial);
});

test("the last day is each account's own", () => {
  const accounts = { 1: account(), 2: account({ end: "2026-11-26" }) };
  const total = model.combine([summary({ accounts })]);
  assert.deepEqual([total.earliestEnd, total.latestEnd], ["2026-11-26", "2026-11-27"]);
});

test("of a mapped task the state that needs attention most counts", () => {
  const of = (...states) => model.stateOf(states.map((state) => instance({ state })));
  assert.equal(of("success", "failed", "running"), "failed");
  assert.equal(of("success", "deferred"), "deferred");
  assert.equal(of("success", "up_for_retry", "running"), "up_for_retry");
  assert.equal(of("success", null), null);
});

test("runs are grouped and sorted, the newest first", () => {
  const runs = model.runsOf([
    instance({ dag_run_id: "old", run_after: "2026-11-26T00:00:00Z" }),
    instance({ dag_run_id: "new", map_index: 1 }),
    instance({ dag_run_id: "new", map_index: 0 }),
  ]);
  assert.deepEqual(runs.map((each) => [each.runId, each.instances.map((one) => one.map_index)]), [["new", [0, 1]], ["old", [-1]]]);
});

test("rows are red first, and a row without a run is no error", () => {
  const item = (name) => ({ dagId: name, task: { ...REPORT, task_id: "t" } });
  const row = (name, state, loaded, problem) => {
    const found = { ...run(loaded), instances: [instance({ state })] };
    return model.overviewRow(item(name), found, found.loaded, found, problem);
  };
  const rows = [
    row("good", "success", summary()),
    model.overviewRow(item("never"), null, null, null),
    row("busy", "deferred", summary()),
    row("skipping", "success", summary({ skipped_advertisers: { 7: "no permission" }, complete: false })),
    row("unread", "success", null, "The summary can't be read."),
    row("bad", "failed", summary()),
  ];
  assert.deepEqual(rows.sort(model.byRank).map((each) => [each.dagId, each.rank]), [
    ...[["bad", "failed"], ["skipping", "attention"], ["unread", "attention"], ["busy", "running"]],
    ...[["never", "not run yet"], ["good", "good"]],
  ]);
  assert.deepEqual(model.remarksOf(rows[1]), ["1 account(s) skipped"]);
  assert.deepEqual(model.remarksOf(rows[2]), ["The summary can't be read."]);
});

test("of days that several runs read, the newest complete run's figures count", () => {
  const day = (spend, rows = 1) => ({ rows, spend: { EUR: spend } });
  const runs = [
    run(summary({ complete: false, days: { "2026-11-27": day("9"), "2026-11-28": day("1") } })),
    run(summary({ days: { "2026-11-26": day("5"), "2026-11-27": day("7") } })),
    run(summary({ days: { "2026-11-25": day("2"), "2026-11-26": day("4") } })),
    run(null),
  ];
  assert.deepEqual(model.figuresByDay(runs).map((each) => [each.day, each.spend.EUR]), [
    ...[["2026-11-25", "2"], ["2026-11-26", "5"], ["2026-11-27", "7"], ["2026-11-28", "1"]],
  ]);
});

/** A run of an account in Los Angeles and one in Berlin, whose last day is a day later. */
function runOfTwoZones(first, last, lookback, days) {
  const [day, next] = [(offset) => `2026-11-${first + offset}`, (offset) => `2026-11-${last + offset}`];
  const accounts = { 1: account({ start: day(-lookback), end: day(0) }), 2: account({ start: next(-lookback), end: next(0) }) };
  const sums = days.map(([name, spend]) => [name, { rows: Object.keys(spend).length, spend }]);
  return run(summary({ accounts, days: Object.fromEntries(sums) }));
}

test("a day that a run has of some accounts only, because of their time zones, hides no other account's figures", () => {
  const [both, america, europe] = [{ USD: "1", EUR: "2" }, { USD: "1" }, { EUR: "2" }];
  const again = [
    runOfTwoZones(13, 14, 2, [["2026-11-11", america], ["2026-11-12", both], ["2026-11-13", both], ["2026-11-14", europe]]),
    runOfTwoZones(12, 13, 2, [["2026-11-10", america], ["2026-11-11", both], ["2026-11-12", both], ["2026-11-13", europe]]),
  ];
  const once = [
    runOfTwoZones(13, 14, 0, [["2026-11-13", america], ["2026-11-14", europe]]),
    runOfTwoZones(12, 13, 0, [["2026-11-12", america], ["2026-11-13", europe]]),
  ];
  const spend = (runs) => Object.fromEntries(model.figuresByDay(runs).map((each) => [each.day.slice(-2), each.spend]));
  assert.deepEqual(spend(again), { 10: america, 11: both, 12: both, 13: both, 14: europe });
  assert.deepEqual(spend(once), { 12: america, 13: both, 14: europe });
  assert.deepEqual(model.restated(again), []);
  assert.deepEqual(model.restated(once), []);
  assert.deepEqual(again[0].loaded.days["2026-11-13"].spend, both); // what was combined is as it was
});

test("what a later run changed is found by comparing spend, over the same accounts only", () => {
  const told = (spend, accounts = { 1: account() }) => summary({ accounts, days: { "2026-11-26": { rows: 1, spend: { EUR: spend } } } });
  const changes = model.restated([run(told("12.50")), run(told("12.5", { 1: account(), 2: account() })), run(told("10.00")), run(told("10.0"))]);
  assert.deepEqual(changes, []);
  const [change, ...others] = model.restated([run(told("12.50"), "2026-11-28T00:00:00Z"), run(told("10.1"), "2026-11-27T00:00:00Z")]);
  assert.equal(others.length, 0);
  assert.deepEqual([change.day, change.what, change.before, change.after, change.difference], ["2026-11-26", "spend, EUR", "10.1", "12.50", "2.40"]);
  assert.equal(change.run.runAfter, "2026-11-28T00:00:00Z");
});

test("a comparison of files is believed as it is", () => {
  const days = { "2026-11-26": { rows_added: 1, spend: { before: 1.5, after: 2 }, conversion: { before: 3, after: 3 } } };
  const changes = model.restated([run(summary({ restatement: { days } }))]);
  assert.deepEqual(changes.map((each) => [each.day, each.what, each.before, each.after]), [["2026-11-26", "spend", 1.5, 2]]);
});

test("accounts have the newest figures, and the age of their last final day in their own zone", () => {
  const now = new Date("2026-11-28T20:00:00Z"); // 29 November in Tokyo
  const zone = { timezone: "Asia/Tokyo" };
  const runs = [
    run(summary({ is_final: false, accounts: { 1: account({ ...zone, end: "2026-11-28", spend: "3" }) }, skipped_advertisers: { 2: "gone" } })),
    run(summary({ is_final: true, accounts: { 1: account({ ...zone, end: "2026-11-26", spend: "2" }), 2: account() } })),
  ];
  const [first, second] = model.accountsOf(runs, now);
  assert.deepEqual([first.spend, first.lastDay, first.finalDay, first.finalAge], ["3", "2026-11-28", "2026-11-26", 3]);
  assert.deepEqual([second.name, second.skipped], ["Acme", "gone"]);
});

test("where one account lags, each has its own last final day", () => {
  const now = new Date("2026-11-28T20:00:00Z");
  const accounts = { 1: account({ end: "2026-11-27" }), 2: account({ end: "2026-11-27" }) };
  const told = summary({ is_final: false, accounts, final_day: "2026-11-27", final_days: { 2: "2026-11-26" } });
  const found = (...runs) => model.accountsOf(runs, now).map((each) => [each.finalDay, each.finalAge]);
  assert.deepEqual(found(run(told)), [["2026-11-27", 1], ["2026-11-26", 2]]);
  const none = summary({ is_final: false, accounts, final_day: null, final_days: {} });
  assert.deepEqual(found(run(none)), [["", null], ["", null]]);
  assert.deepEqual(found(run(none), run(told)), found(run(told))); // what an earlier run had final remains so
  const [mapped, other] = [1, 2].map((id) =>
    summary({ is_final: id === 1, accounts: { [id]: accounts[id] }, final_day: id === 1 ? "2026-11-27" : null, final_days: {} }),
  );
  const together = { ...run(null), loaded: model.combine([mapped, other]) };
  assert.deepEqual(found(together), [["2026-11-27", 1], ["", null]]);
  const before = { ...run(null), loaded: model.combine([summary({ accounts }), summary({ is_final: false, accounts: { 3: account() } })]) };
  assert.deepEqual(found(before), [["2026-11-27", 1], ["2026-11-27", 1], ["", null]]);
});

test("calls are added up for each connection, task and hour; what has no summary is counted apart", () => {
  const fields = { tiktok_conn_id: "other" };
  const found = model.callsByConnection([
    { instance: instance(), summary: summary({ api_calls: 4, throttled_calls: 1, suspensions: 1 }) },
    { instance: instance({ end_date: "2026-11-28T01:00:00Z" }), summary: summary({ api_calls: 2 }) },
    { instance: instance({ state: "failed" }), summary: null },
    { instance: instance({ rendered_fields: fields }), summary: summary({ api_calls: 9 }) },
  ]);
  const { tiktok_default: first, other } = found;
  assert.deepEqual([first.calls, first.throttled, first.unknown, other.calls], [6, 1, 1, 9]);
  assert.deepEqual([first.suspensions, other.suspensions], [1, 0]);
  assert.deepEqual(first.hours, { "2026-11-28T00": { calls: 4, throttled: 1 }, "2026-11-28T01": { calls: 2, throttled: 0 } });
  assert.deepEqual(Object.values(first.tasks).map((task) => [task.calls, task.runs, task.unknown]), [[6, 3, 1]]);
});
