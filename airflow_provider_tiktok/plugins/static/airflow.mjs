// Airflow's REST API, with the viewer's own login. At most six requests are under way at once.

const AT_ONCE = 6;
const PAGE = 100; // a server may allow less, so what comes back is counted

const SAID = {
  401: "Airflow doesn't know who you are. Log in again, then reload this page.",
  404: "Airflow has nothing here: it may have been deleted, or your role may not see it.",
};

// what a role needs to read, by the end of the path that was refused, in the words of Airflow's own lists of permissions
const NEEDED = [
  [/\/xcomEntries\//, "XComs"],
  [/\/taskInstances\b/, "DAG runs and task instances"],
  [/\/tasks$/, "task instances"],
  [/./, "DAGs"],
];

/** A request that failed; `message` is for the viewer. */
export class AirflowError extends Error {
  constructor(status, path) {
    super(SAID[status] ?? messageOf(status, path));
    this.status = status;
    this.path = path;
  }
}

/** Reads Airflow's API. */
export class Airflow {
  /**
   * @param base the address of Airflow's UI, with a slash at its end.
   * @param fetch the browser's.
   */
  constructor(base, fetch) {
    this.base = base;
    this.requests = 0;
    this._fetch = fetch;
    this._running = 0;
    this._waiting = [];
  }

  /** Return all DAGs that the viewer may see. */
  dags() {
    return this._pages("dags", {}, "dags", Infinity);
  }

  /** Return the tasks of a DAG. */
  async tasks(dagId) {
    return (await this._get(`dags/${part(dagId)}/tasks`)).tasks;
  }

  /**
   * Return task instances, the newest run's first.
   *
   * @param query filters of the API.
   * @param most how many at most; `.total` of the answer says how many there are.
   */
  instances(query, most, { dagId = "~", runId = "~" } = {}) {
    const path = `dags/${part(dagId)}/dagRuns/${part(runId)}/taskInstances`;
    return this._pages(path, { order_by: "-run_after", ...query }, "task_instances", most);
  }

  /** Return all of a task instance, of which a list may say less. */
  instance(listed) {
    return this._get(pathOf(listed) + (listed.map_index >= 0 ? `/${listed.map_index}` : ""));
  }

  /** Return what a task instance returned, or null if it left nothing. */
  async summary(instance) {
    try {
      const query = { map_index: instance.map_index, deserialize: false, stringify: false };
      return parsed((await this._get(`${pathOf(instance)}/xcomEntries/return_value`, query)).value);
    } catch (error) {
      if (error.status === 404) return null;
      throw error;
    }
  }

  /** Return the links of a task instance, by name. */
  async links(instance) {
    return (await this._get(`${pathOf(instance)}/links`, { map_index: instance.map_index })).extra_links ?? {};
  }

  /** Return the address of a page of Airflow's UI. */
  page(dagId, runId, taskId, mapIndex = -1, tab = "") {
    let path = `dags/${part(dagId)}`;
    if (runId) path += `/runs/${part(runId)}`;
    if (taskId) path += `/tasks/${part(taskId)}`;
    if (taskId && runId && mapIndex >= 0) path += `/mapped/${mapIndex}`;
    return this.base + path + (tab ? `/${tab}` : "");
  }

  async _pages(path, query, key, most) {
    const found = [];
    let total = Infinity;
    while (found.length < Math.min(most, total)) {
      const limit = Math.min(PAGE, most - found.length);
      const page = await this._get(path, { ...query, limit, offset: found.length });
      if (!page[key].length) break;
      found.push(...page[key]);
      total = page.total_entries ?? total;
    }
    found.total = Math.max(total === Infinity ? 0 : total, found.length);
    return found;
  }

  async _get(path, query = {}) {
    await this._turn();
    try {
      this.requests += 1;
      const url = `${this.base}api/v2/${path}?${queryOf(query)}`;
      const answer = await this._fetch(url, { credentials: "same-origin", headers: { Accept: "application/json" } });
      if (!answer.ok) throw new AirflowError(answer.status, path);
      return await answer.json();
    } catch (error) {
      throw error instanceof AirflowError ? error : new AirflowError(0, path);
    } finally {
      this._running -= 1;
      this._waiting.shift()?.();
    }
  }

  async _turn() {
    while (this._running >= AT_ONCE) await new Promise((resolve) => this._waiting.push(resolve));
    this._running += 1;
  }
}

function messageOf(status, path) {
  if (!status) return "Airflow's API server can't be reached.";
  if (status !== 403) return `Airflow's API server answered with the error ${status}.`;
  const [, what] = NEEDED.find(([end]) => end.test(path));
  return `Your role in Airflow may not read ${what}. Ask whoever manages roles for that permission.`;
}

function pathOf(instance) {
  return `dags/${part(instance.dag_id)}/dagRuns/${part(instance.dag_run_id)}/taskInstances/${part(instance.task_id)}`;
}

function part(name) {
  return name === "~" ? name : encodeURIComponent(name);
}

function queryOf(query) {
  const pairs = Object.entries(query).flatMap(([name, value]) => [value].flat().map((one) => [name, String(one)]));
  return new URLSearchParams(pairs).toString();
}

/** Return an XCom's value; some of Airflow's versions and backends hand out JSON as text. */
function parsed(value) {
  if (typeof value !== "string") return value;
  try {
    return JSON.parse(value);
  } catch {
    return value; // of a backend that stores it elsewhere: its address
  }
}
