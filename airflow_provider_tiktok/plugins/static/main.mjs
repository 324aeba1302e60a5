// The page: which view the address names, the colours of Airflow, and what is said while it reads.

import { Airflow } from "./airflow.mjs";
import { showApp } from "./app.mjs";
import { el, outerDocument } from "./dom.mjs";
import { time, viewersZone } from "./format.mjs";
import { Loader } from "./load.mjs";
import { showOverview } from "./overview.mjs";
import { errorBox } from "./parts.mjs";
import { showTask } from "./task.mjs";

const airflow = new Airflow(new URL("..", document.baseURI).href, window.fetch.bind(window));
let loader = new Loader(airflow);
let turn = 0; // a view that is slower than the viewer shows nothing any more

const status = el("p.status", { role: "status" });
const tabs = { "#/": "Tasks", "#/app": "The app" };
const links = Object.entries(tabs).map(([hash, name]) => el("a", { href: hash }, name));
const content = el("div.view");

function start() {
  followColours();
  document.getElementById("page").replaceChildren(
    el("header", {}, el("nav", { "aria-label": "TikTok" }, links), el("button", { type: "button", click: refresh }, "Refresh")),
    status,
    content,
  );
  if (!location.hash) location.replace(outerHash() || "#/");
  window.addEventListener("hashchange", show);
  show();
}

async function show() {
  const hash = location.hash || "#/";
  const mine = ++turn;
  rememberHash(hash);
  for (const link of links) {
    if (link.getAttribute("href") === hash) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  const view = el("div");
  content.replaceChildren(view);
  const say = (text) => {
    if (mine === turn) status.textContent = text;
  };
  say("Reading …");
  try {
    await viewOf(hash)(view, { airflow, loader, status: say });
    say(`Read at ${time(new Date())}. Times are in ${viewersZone()}; days are those of each account.`);
  } catch (error) {
    if (!error.status && error.status !== 0) throw error; // a fault of this page belongs in the console
    say("");
    view.replaceChildren(errorBox(error, refresh));
  }
}

function viewOf(hash) {
  const [, name, dagId, taskId] = hash.split("/");
  if (name === "app") return showApp;
  if (name === "task" && taskId) {
    const task = { dagId: decodeURIComponent(dagId), taskId: decodeURIComponent(taskId) };
    return (view, context) => showTask(view, context, task);
  }
  return showOverview;
}

function refresh() {
  loader = new Loader(airflow);
  show();
}

/** Take over Airflow's choice of light or dark, now and when it changes; shown alone, the browser's. */
function followColours() {
  const outer = outerDocument().documentElement;
  const isFramed = window.parent !== window;
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const apply = () => {
    const isDark = isFramed ? outer.classList.contains("dark") : dark.matches;
    document.documentElement.classList.toggle("dark", isDark);
  };
  apply();
  const changed = () => {
    apply();
    show(); // charts have their colours from when they were drawn
  };
  if (isFramed) new MutationObserver(changed).observe(outer, { attributeFilter: ["class"] });
  else dark.addEventListener("change", changed);
}

/** Return the view that the address of Airflow's own page names, so that it can be reloaded and shared. */
function outerHash() {
  const { hash } = window.parent.location;
  return hash.startsWith("#/") ? hash : "";
}

function rememberHash(hash) {
  if (window.parent === window) return;
  const address = new URL(window.parent.location.href); // a hash alone would be resolved against Airflow's <base>
  address.hash = hash;
  window.parent.history.replaceState(window.parent.history.state, "", address);
}

start();
