// Elements. All text becomes text nodes, so that no name of TikTok's is ever read as HTML.

let tables = 0; // made so far, for their IDs

/**
 * Return a new element.
 *
 * @param name of the element, and a class after a dot: `td.number`.
 * @param attributes functions are listeners; null and false leave an attribute out.
 * @param children elements, text, or lists of them; null is left out.
 */
export function el(name, attributes = {}, ...children) {
  const [tag, ...classes] = name.split(".");
  const made = document.createElement(tag);
  if (classes.length) made.className = classes.join(" ");
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") made.addEventListener(key, value);
    else if (value !== null && value !== false && value !== undefined) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.flat(3).filter((child) => child !== null && child !== undefined));
  return made;
}

/**
 * Return a link to a page of Airflow's, or to another site's.
 *
 * Airflow's frame lets a page neither leave it nor open a window. The link is followed in Airflow's own document, which
 * belongs to the same origin.
 */
export function link(url, text, attributes = {}) {
  const safe = /^https?:/.test(new URL(url, location.href).protocol) ? url : "#";
  return el("a", { ...attributes, href: safe, click: follow }, text);
}

/** Open an address as a click on a link of Airflow's own would. */
export function openInAirflow(url, inNewWindow = false) {
  const outer = outerDocument();
  const anchor = outer.createElement("a");
  anchor.href = url;
  if (inNewWindow) Object.assign(anchor, { target: "_blank", rel: "noopener" });
  outer.body.append(anchor);
  anchor.click();
  anchor.remove();
}

/** Return the document that the page is shown in, or its own where it is shown alone. */
export function outerDocument() {
  return window.parent.document;
}

function follow(event) {
  const url = new URL(event.currentTarget.href);
  const isElsewhere = url.origin !== location.origin;
  event.preventDefault();
  openInAirflow(url.href, isElsewhere || event.ctrlKey || event.metaKey || event.shiftKey);
}

/**
 * Return a table that its viewer can sort.
 *
 * @param options.caption what the table shows.
 * @param options.columns `[{title, cell, sort, isNumber, isHeader}]`: `cell(row)` returns children, `sort(row)` a number or text; a
 *   column without `sort` can't be sorted.
 * @param options.rows the rows, in the order in which they are shown first.
 * @param options.order `{title, isDown}`, which is kept up to date, so that a table that is made again keeps its order.
 * @param options.rowClass returns a row's class.
 * @param options.empty said where there are no rows.
 */
export function dataTable({ caption, columns, rows, order = {}, rowClass = () => "", empty = "Nothing to show." }) {
  tables += 1;
  const id = `table-${tables}`;
  const body = el("tbody");
  const headers = columns.map((column) => header(column, () => sortBy(column)));
  const table = el(
    "table",
    {},
    el("caption", { id }, caption),
    el("thead", {}, el("tr", {}, headers)),
    body,
  );
  fill();
  // tables wider than a small screen scroll, also with the keyboard
  return el("div.scroll", { role: "region", "aria-labelledby": id, tabindex: "0" }, table);

  function sortBy(column) {
    order.isDown = order.title === column.title ? !order.isDown : Boolean(column.isNumber);
    order.title = column.title;
    fill();
  }

  function fill() {
    const column = columns.find((each) => each.sort && each.title === order.title);
    columns.forEach((each, index) => {
      const direction = order.isDown ? "descending" : "ascending";
      if (each.sort) headers[index].setAttribute("aria-sort", each === column ? direction : "none");
    });
    const shown = column ? [...rows].sort((one, other) => compared(column.sort(one), column.sort(other), order.isDown)) : rows;
    body.replaceChildren(
      ...(shown.length ? shown.map(line) : [el("tr", {}, el("td.empty", { colspan: columns.length }, empty))]),
    );
  }

  function line(row) {
    const cells = columns.map((column) =>
      el(column.isHeader ? "th" : "td", { scope: column.isHeader ? "row" : null, class: column.isNumber ? "number" : null }, column.cell(row)),
    );
    return el("tr", { class: rowClass(row) || null }, cells);
  }
}

function header(column, sort) {
  const attributes = { scope: "col", class: column.isNumber ? "number" : null };
  if (!column.sort) return el("th", attributes, column.title);
  return el("th", attributes, el("button.sort", { type: "button", click: sort }, column.title));
}

/** Compare two values; what isn't known is last in either direction. */
function compared(one, other, isDown) {
  const [isOne, isOther] = [one, other].map((value) => value !== null && value !== undefined && value !== "");
  if (!isOne || !isOther) return Number(isOther) - Number(isOne);
  const order = typeof one === "number" && typeof other === "number" ? one - other : String(one).localeCompare(String(other));
  return isDown ? -order : order;
}
