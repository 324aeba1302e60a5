// What the views need, from as few requests as Airflow's API allows: it hands out summaries one by one.

import { combine, isTikTok, mayHaveSummary, overviewRow, runsOf } from "./model.mjs";

const NEWEST = 300; // instances among which the newest runs are looked for, before tasks are asked for one by one
const PARTS = 50; // summaries of one run of a mapped task that the overview adds up
const RUNS = 30;
const SUMMARIES = 300; // of one task, or of the last day, that are read before the viewer asks for more

/** Loads and remembers; a new one forgets. */
export class Loader {
  constructor(airflow) {
    this.airflow = airflow;
    this._tasks = null;
    this._summaries = new Map();
    this._fields = new Map();
  }

  /** Return all TikTok tasks, `[{dagId, task}]`, and in `.problems` the DAGs that couldn't be read. */
  tasks(report = () => {}) {
    this._tasks ??= this._findTasks(report);
    return this._tasks;
  }

  /**
   * Return the rows of the overview.
   *
   * @param show called with all rows as often as one is there.
   */
  async overview(report, show) {
    const tasks = await this.tasks(report);
    if (!tasks.length) return [];
    report(`Reading the newest runs of ${tasks.length} task(s)`);
    const newest = groupedByTask(await this._newest(tasks));
    const rows = new Map();
    await Promise.all(
      tasks.map(async (item) => {
        const row = await this._row(item, newest.get(keyOf(item.dagId, item.task.task_id)));
        rows.set(row, row);
        show([...rows.values()]);
      }),
    );
    return [...rows.values()];
  }

  /**
   * Return the newest runs of a task, with their summaries added up: `[{runId, runAfter, instances, loaded, problem}]`.
   *
   * @param count how many runs.
   * @return `.hasMore` says whether there are older ones.
   */
  async runs({ dagId, taskId }, count = RUNS) {
    const most = Math.max(count, SUMMARIES);
    const isMapped = (await this.airflow.tasks(dagId)).some((task) => task.task_id === taskId && task.is_mapped);
    const instances = await this.airflow.instances({ task_id: taskId }, isMapped ? most : count, { dagId });
    const all = runsOf(instances);
    const isCut = instances.total > instances.length;
    // the oldest run of a mapped task may be cut in the middle
    const whole = isMapped && isCut && all.length > 1 ? all.slice(0, -1) : all;
    const runs = await Promise.all(whole.slice(0, count).map((run) => this._withSummaries(run)));
    runs.hasMore = isCut || whole.length > runs.length;
    return runs;
  }

  /** Return what ended since a time, `[{instance, summary, problem}]`; `.total` says how many there are. */
  async endedSince(since, count = SUMMARIES) {
    const tasks = await this.tasks();
    if (!tasks.length) return Object.assign([], { total: 0 });
    const wanted = new Set(tasks.map((item) => keyOf(item.dagId, item.task.task_id)));
    const query = { operator: operatorsOf(tasks), end_date_gte: since.toISOString(), order_by: "-end_date" };
    const ended = await this.airflow.instances(query, count);
    const ours = ended.filter((instance) => wanted.has(keyOf(instance.dag_id, instance.task_id)));
    const items = await Promise.all(
      ours.map(async (listed) => {
        const { value, problem } = await this._summary(listed);
        try {
          return { instance: await this._withFields(listed), summary: value, problem };
        } catch (error) {
          return { instance: listed, summary: null, problem: error.message };
        }
      }),
    );
    return Object.assign(items, { total: ended.total, read: ended.length });
  }

  async _findTasks(report) {
    const dags = await this.airflow.dags();
    const found = [];
    const problems = [];
    let done = 0;
    await Promise.all(
      dags.map(async ({ dag_id: dagId }) => {
        try {
          const tasks = await this.airflow.tasks(dagId);
          found.push(...tasks.filter(isTikTok).map((task) => ({ dagId, task })));
        } catch (error) {
          problems.push({ dagId, error });
        }
        done += 1;
        report(`Looking for TikTok tasks: ${done} of ${dags.length} DAGs`);
      }),
    );
    if (problems.length && problems.length === dags.length) throw problems[0].error;
    return Object.assign(found, { problems, dags: dags.length });
  }

  _newest(tasks) {
    return this.airflow.instances({ operator: operatorsOf(tasks) }, Math.min(NEWEST, 4 * tasks.length + 20));
  }

  async _row(item, seen = []) {
    const { dagId, task } = item;
    try {
      const [run] = runsOf(seen.length ? seen : await this._of(item, {}, 1));
      if (!run) return overviewRow(item, null, null, null);
      if (task.is_mapped) run.instances = await this._of(item, {}, NEWEST, run.runId);
      run.instances[0] = await this._withFields(run.instances[0]);
      const loadedRun = run.instances.some(mayHaveSummary) ? run : await this._lastGood(item, seen);
      const { loaded, problem } = loadedRun ? await this._withSummaries(loadedRun, PARTS) : {};
      return overviewRow(item, run, loaded ?? null, loadedRun, problem);
    } catch (error) {
      return overviewRow({ dagId, task }, null, null, null, error.message);
    }
  }

  /** Return the newest run of a task that may have left summaries. */
  async _lastGood(item, seen) {
    const good = seen.filter(mayHaveSummary);
    const [run] = runsOf(good.length ? good : await this._of(item, { state: "success" }, 1));
    if (run && item.task.is_mapped) run.instances = await this._of(item, {}, NEWEST, run.runId);
    return run;
  }

  _of({ dagId, task }, query, most, runId) {
    return this.airflow.instances({ task_id: task.task_id, ...query }, most, { dagId, runId });
  }

  async _withSummaries(run, most = SUMMARIES) {
    const read = await Promise.all(
      run.instances.filter(mayHaveSummary).slice(0, most).map((instance) => this._summary(instance)),
    );
    const problem = read.find((each) => each.problem)?.problem ?? "";
    return { ...run, loaded: combine(read.map((each) => each.value), run.instances.length), problem };
  }

  /** Return an instance with its rendered fields. Airflow 3.1's lists lack them: there, those of one instance stand for its task's. */
  async _withFields(instance) {
    if (!instance.start_date || Object.keys(instance.rendered_fields ?? {}).length) return instance;
    const key = keyOf(instance.dag_id, instance.task_id);
    if (!this._fields.has(key)) this._fields.set(key, this.airflow.instance(instance));
    return { ...instance, rendered_fields: (await this._fields.get(key)).rendered_fields };
  }

  /** Return `{value, problem}` of an instance; an error is no reason to show nothing of the others. */
  _summary(instance) {
    const key = [instance.id, instance.try_number, instance.end_date].join();
    if (!this._summaries.has(key)) this._summaries.set(key, this._readSummary(instance));
    return this._summaries.get(key);
  }

  async _readSummary(instance) {
    if (!mayHaveSummary(instance)) return { value: null, problem: "" };
    try {
      return { value: await this.airflow.summary(instance), problem: "" };
    } catch (error) {
      return { value: null, problem: `The summary can't be read. ${error.message}` };
    }
  }
}

function operatorsOf(tasks) {
  return [...new Set(tasks.map(({ task }) => task.class_ref?.class_name ?? task.operator_name))];
}

function groupedByTask(instances) {
  const found = new Map();
  for (const instance of instances) {
    const key = keyOf(instance.dag_id, instance.task_id);
    found.set(key, [...(found.get(key) ?? []), instance]);
  }
  return found;
}

function keyOf(dagId, taskId) {
  return JSON.stringify([dagId, taskId]);
}
