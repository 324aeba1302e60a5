// Charts by uPlot, each with its figures as a table for those who don't see it.

import uPlot from "./vendor/uPlot.esm.js";

import { dataTable, el } from "./dom.mjs";
import { time } from "./format.mjs";

const HEIGHT = 170;
const DAY = 86_400;
const STEPS = [60, 300, 900, 3600, 7200, 10_800, 21_600, 43_200, DAY, 2 * DAY, 7 * DAY, 14 * DAY, 30 * DAY, 91 * DAY, 365 * DAY];

/**
 * Return a chart with its table.
 *
 * @param options.title what it shows; also its text alternative.
 * @param options.points `[{label, time, values}]` from left to right: `time` is a Date; `values` are numbers or null.
 * @param options.series `[{name, color}]`: `color` is the name of a CSS variable.
 * @param options.format writes a value.
 * @param options.isByDay whether its points are days.
 * @param options.isBars whether it shows bars.
 * @param options.open called with the index of a point that is clicked.
 */
export function chart({ title, points, series, format, isByDay = false, isBars = false, open = null }) {
  const box = el("div.chart", { role: "img", "aria-label": `${title}. The figures are in the table below.` });
  const figures = dataTable({
    caption: title,
    columns: [
      { title: "When", cell: (point) => point.label, isHeader: true },
      ...series.map(({ name }, index) => ({ title: name, cell: (point) => format(point.values[index]), isNumber: true })),
    ],
    rows: points,
  });
  const figure = el("figure", {}, el("figcaption", {}, title), box, el("details", {}, el("summary", {}, "Figures"), figures));
  if (points.length) draw(box, { points, series, format, isByDay, isBars, open });
  return figure;
}

function draw(box, { points, series, format, isByDay, isBars, open }) {
  const style = getComputedStyle(document.body);
  const color = (name) => style.getPropertyValue(`--${name}`).trim();
  const data = [
    points.map((point) => point.time.getTime() / 1000),
    ...series.map((_, index) => points.map((point) => point.values[index])),
  ];
  const axis = { stroke: color("muted"), grid: { stroke: color("line"), width: 1 }, ticks: { show: false }, font: "12px system-ui" };
  const options = {
    width: 300,
    height: HEIGHT,
    legend: { markers: { width: 0, fill: (plot, index) => color(series[index - 1].color) } },
    padding: [8, 20, 0, 0],
    cursor: { drag: { x: false, y: false }, points: { size: 7 } },
    scales: { x: { range: padded(points) }, y: { range: (_, __, high) => [0, high > 0 ? high * 1.1 : 1] } },
    axes: [
      { ...axis, size: 30, incrs: STEPS.filter((step) => !isByDay || step >= DAY), values: tickLabels },
      { ...axis, size: 64, values: (_, values) => values.map((value) => (Number.isInteger(value) || value < 10 ? value.toLocaleString("en") : "")) },
    ],
    series: [
      { label: "When", value: (_, __, ___, index) => points[index]?.label ?? "" },
      ...series.map(({ name, color: variable }) => ({
        label: name,
        stroke: color(variable),
        fill: isBars ? color(variable) : null,
        width: isBars ? 0 : 2, // the line around a bar of nothing would look like something
        points: { show: !isBars, size: 6, fill: color(variable) },
        paths: isBars ? uPlot.paths.bars({ size: [0.6, 28] }) : undefined,
        value: (_, value) => format(value),
      })),
    ],
  };
  const plot = new uPlot(options, data, box);
  new ResizeObserver(() => plot.setSize({ width: Math.max(box.clientWidth, 200), height: HEIGHT })).observe(box);
  if (open) {
    box.classList.add("opens");
    plot.over.addEventListener("click", () => plot.cursor.idx !== null && plot.cursor.idx !== undefined && open(plot.cursor.idx));
  }
}

/** Return what stands below the chart: days, or hours where these are less than a day apart. */
function tickLabels(_, times, __, ___, step) {
  return times.map((at) => time(new Date(at * 1000))).map((text) => (step < DAY ? text.slice(11) : text.slice(5, 10)));
}

/** Return the range of the times, with room for the first and the last bar. */
function padded(points) {
  const [first, last] = [points[0].time.getTime() / 1000, points.at(-1).time.getTime() / 1000];
  const room = points.length > 1 ? ((last - first) / (points.length - 1)) * 0.6 : 43_200;
  return [first - room, last + room];
}
