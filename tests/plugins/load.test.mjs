// What is asked of Airflow's API: how much, and how many requests side by side.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Airflow } from "../../airflow_provider_tiktok/plugins/static/airflow.mjs";
import { Loader } from "../../airflow_provider_tiktok/plugins/static/load.mjs";

const CLASS = { module_path: "airflow_provider_tiktok.operators.report", class_name: "TikTokReportOperator" };

/** An Airflow of so many DAGs with a TikTok task each, and so many runs; answers may be replaced by path. */
class FakeAirflow {
  constructor(dags, runs, { page = 100, mapped = 0, replace = () => undefined, state = () => "success" } = {}) {
    Object.assign(this, { page, replace, mapped, paths: [], running: 0, most: 0 });
    this.dags = Array.from({ length: dags }, (_, index) => ({ dag_id: `dag ${index}` }));
    this.instances = this.dags.flatMap(({ dag_id }, index) =>
      Array.from({ length: runs }, (_, age) =>
        Array.from({ length: mapped || 1 }, (_, part) => ({
          ...{ id: `${index}-${age}-${part}`, dag_id, task_id: "report", dag_run_id: `run+${age}`, map_index: mapped ? part : -1 },
          ...{ state: state(index, age), run_after: new Date(Date.UTC(2026, 10, 28 - age)).toISOString(), try_number: 1 },
        })),
      ),
    ).flat();
    this.instances.sort((one, other) => other.run_after.localeCompare(one.run_after));
    this.api = new Airflow("http://airflow/base/", this.fetch.bind(this));
    this.loader = new Loader(this.api);
  }

  async fetch(url) {
    const { pathname, searchParams } = new URL(url);
    const path = pathname.replace("/base/api/v2/", "");
    this.paths.push(path);
    this.running += 1;
    this.most = Math.max(this.most, this.running);
    await new Promise((resolve) => setTimeout(resolve, 1));
    this.running -= 1;
    const answer = this.replace(path, searchParams) ?? this.answer(path.split("/").map(decodeURIComponent), searchParams);
    return typeof answer === "number" ? { ok: false, status: answer } : { ok: true, json: async () => answer };
  }

  answer(path, query) {
    const limited = (items) => items.slice(Number(query.get("offset"))).slice(0, Math.min(this.page, Number(query.get("limit"))));
    if (path.length === 1) return { dags: limited(this.dags), total_entries: this.dags.length };
    if (path[2] === "tasks") return { tasks: [{ task_id: "report", class_ref: CLASS, is_mapped: this.mapped > 0 }] };
    if (path.at(-1) === "return_value") return { value: JSON.stringify({ row_count: 1, spend: { EUR: "1.5" } }) };
    const found = this.instances.filter(
      (each) =>
        (path[1] === "~" || each.dag_id === path[1]) &&
        (path[3] === "~" || each.dag_run_id === path[3]) &&
        (!query.get("state") || each.state === query.get("state")),
    );
    return { task_instances: limited(found), total_entries: found.length };
  }

  count(what) {
    return this.paths.filter((path) => what.test(path)).length;
  }
}

const silent = [() => {}, () => {}];

test("the overview of 50 tasks with 30 runs each takes few requests, six side by side", async () => {
  const airflow = new FakeAirflow(50, 30);
  const rows = await airflow.loader.overview(...silent);
  assert.equal(rows.length, 50);
  assert.ok(rows.every((row) => row.rank === "good" && row.loaded.spend.EUR === "1.5"));
  assert.equal(airflow.most, 6);
  assert.equal(airflow.count(/return_value$/), 50);
  assert.ok(airflow.paths.length <= 50 + 50 + 5, `${airflow.paths.length} requests`);
});

test("where lists lack rendered fields, they are asked for once a task", async () => {
  const fields = { preset: "ad_daily", tiktok_conn_id: "other" };
  for (const mapped of [0, 3]) {
    const replace = (path) => (/taskInstances\/report(\/0)?$/.test(path) ? { rendered_fields: fields } : undefined);
    const airflow = new FakeAirflow(2, 2, { mapped, replace });
    airflow.instances.forEach((each) => Object.assign(each, { start_date: each.run_after, end_date: each.run_after, rendered_fields: {} }));
    const rows = await airflow.loader.overview(...silent);
    assert.deepEqual(rows.map((row) => row.loads), ["ad_daily", "ad_daily"]);
    const ended = await airflow.loader.endedSince(new Date(0));
    assert.ok(ended.length >= 4 && ended.every(({ instance }) => instance.rendered_fields.tiktok_conn_id === "other"));
    assert.equal(airflow.count(/taskInstances\/report(\/0)?$/), 2);
  }
});

test("rendered fields that can't be read are a remark, and the rest is shown", async () => {
  const replace = (path) => (path.includes("dag%200") && /taskInstances\/report$/.test(path) ? 500 : undefined);
  const airflow = new FakeAirflow(2, 1, { replace });
  airflow.instances.forEach((each) => Object.assign(each, { start_date: each.run_after, end_date: each.run_after, rendered_fields: {} }));
  const ended = await airflow.loader.endedSince(new Date(0));
  assert.deepEqual(ended.map((item) => /error 500/.test(item.problem)).sort(), [false, true]);
});

test("where lists have rendered fields, or nothing has begun, nothing more is asked for", async () => {
  for (const values of [{ start_date: "2026-11-28T00:00:00Z", rendered_fields: { preset: "ad_daily" } }, { start_date: null }]) {
    const airflow = new FakeAirflow(2, 2);
    airflow.instances.forEach((each) => Object.assign(each, values));
    await airflow.loader.overview(...silent);
    assert.equal(airflow.count(/taskInstances\/report$/), 0);
  }
});

test("a server that allows smaller pages is read to the end", async () => {
  const airflow = new FakeAirflow(50, 1, { page: 7 });
  assert.equal((await airflow.loader.overview(...silent)).length, 50);
});

test("a failed task shows what its last good run loaded", async () => {
  const airflow = new FakeAirflow(1, 3, { state: (_, age) => (age < 2 ? "failed" : "success") });
  const [row] = await airflow.loader.overview(...silent);
  assert.deepEqual([row.state, row.rank, row.isOlder, row.loadedRun.runId, row.loaded.rows], ["failed", "failed", true, "run+2", 1]);
});

test("a task shows its last 30 runs, then more", async () => {
  const airflow = new FakeAirflow(1, 40);
  const runs = await airflow.loader.runs({ dagId: "dag 0", taskId: "report" }, 30);
  assert.deepEqual([runs.length, runs.hasMore], [30, true]);
  const all = await airflow.loader.runs({ dagId: "dag 0", taskId: "report" }, 60);
  assert.deepEqual([all.length, all.hasMore], [40, false]);
  assert.equal(airflow.count(/return_value$/), 40); // what is known isn't read again
});

test("runs of a mapped task are complete, and their summaries added up", async () => {
  const airflow = new FakeAirflow(1, 10, { mapped: 70 });
  const runs = await airflow.loader.runs({ dagId: "dag 0", taskId: "report" }, 30);
  assert.deepEqual([runs.length, runs.hasMore, runs[0].loaded.rows], [4, true, 70]);
  assert.ok(runs.every((run) => run.instances.length === 70 && !run.loaded.isPartial));
});

test("an overview of a large mapped task says that it adds up only some", async () => {
  const airflow = new FakeAirflow(1, 1, { mapped: 70 });
  const [row] = await airflow.loader.overview(...silent);
  assert.deepEqual([row.loaded.rows, row.loaded.isPartial], [50, true]);
});

test("what a role may not read is said, and the rest is shown", async () => {
  const airflow = new FakeAirflow(3, 1, { replace: (path) => (path.startsWith("dags/dag%201/") && /return_value$|tasks$/.test(path) ? 403 : undefined) });
  const rows = await airflow.loader.overview(...silent);
  assert.equal(rows.length, 2);
  const { problems } = await airflow.loader.tasks();
  assert.match(problems[0].error.message, /Your role in Airflow may not read task instances\./);
});

test("a summary that can't be read is a remark on its row", async () => {
  const airflow = new FakeAirflow(1, 1, { replace: (path) => (path.endsWith("return_value") ? 403 : undefined) });
  const [row] = await airflow.loader.overview(...silent);
  assert.equal(row.rank, "attention");
  assert.match(row.problem, /^The summary can't be read\. Your role in Airflow may not read XComs\. Ask /);
  const [{ problem }] = await airflow.loader.endedSince(new Date(0));
  assert.equal(problem, row.problem);
});

test("a summary that isn't there any more is no error", async () => {
  const airflow = new FakeAirflow(1, 1, { replace: (path) => (path.endsWith("return_value") ? 404 : undefined) });
  const [row] = await airflow.loader.overview(...silent);
  assert.deepEqual([row.problem, row.loaded], ["", null]);
});

test("a refusal says which permission is missing", async () => {
  for (const [refused, said] of [[/^dags$/, "DAGs"], [/tasks$/, "task instances"], [/taskInstances$/, "DAG runs and task instances"]]) {
    const airflow = new FakeAirflow(1, 1, { replace: (path) => (refused.test(path) ? 403 : undefined) });
    const message = `Your role in Airflow may not read ${said}. Ask whoever manages roles for that permission.`;
    await assert.rejects(airflow.loader.overview(...silent), { message });
  }
});

test("errors say what to do", async () => {
  for (const [status, said] of [[401, /Log in again/], [403, /Your role/], [500, /the error 500/]]) {
    const airflow = new FakeAirflow(1, 1, { replace: () => status });
    await assert.rejects(airflow.loader.overview(...silent), (error) => error.status === status && said.test(error.message));
  }
  const away = new Loader(new Airflow("http://airflow/", () => Promise.reject(new TypeError("no network"))));
  await assert.rejects(away.overview(...silent), /can't be reached/);
});

test("names are encoded in addresses", () => {
  const { api } = new FakeAirflow(0, 0);
  assert.equal(api.page("a b", "run+1", "t/1", 2, "xcom"), "http://airflow/base/dags/a%20b/runs/run%2B1/tasks/t%2F1/mapped/2/xcom");
});
