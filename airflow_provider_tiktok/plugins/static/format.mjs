// Values as text. What isn't known is a dash, and never "undefined".

import { groupDigits, isDecimal } from "./decimal.mjs";

export const UNKNOWN = "–";

const DAY = 86_400_000;

/** Return a count: `1,234`. */
export function count(value) {
  return Number.isFinite(value) ? groupDigits(String(value)) : UNKNOWN;
}

/** Return an amount with its currency; TikTok doesn't always say which that is. */
export function money(amount, currency) {
  if (!isDecimal(amount)) return UNKNOWN;
  return `${groupDigits(amount)} ${currency || "(currency not known)"}`;
}

/** Return the amounts of `{currency: total}`, one text each. */
export function spend(totals) {
  return Object.entries(totals ?? {}).map(([currency, amount]) => money(amount, currency));
}

/** Return a time of Airflow's in the viewer's zone, or in another: `2026-11-28 07:39`. */
export function time(text, zone) {
  const at = new Date(text ?? NaN);
  if (Number.isNaN(at.getTime())) return UNKNOWN;
  const parts = partsOf(at, zone);
  return `${parts.year}-${parts.month}-${parts.day} ${parts.hour}:${parts.minute}`;
}

/** Return the name of the viewer's zone. */
export function viewersZone() {
  return new Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC";
}

/** Return the day that it is in a zone, as `YYYY-MM-DD`; in UTC where the zone isn't known. */
export function dayIn(zone, now) {
  const parts = partsOf(now, zone || "UTC");
  return `${parts.year}-${parts.month}-${parts.day}`;
}

/** Return how many days there are from one day to another. */
export function daysBetween(first, last) {
  const days = (Date.parse(`${last}T00:00:00Z`) - Date.parse(`${first}T00:00:00Z`)) / DAY;
  return Number.isFinite(days) ? Math.round(days) : null;
}

/** Return seconds as `3 min 20 s`. */
export function duration(seconds) {
  if (!Number.isFinite(seconds)) return UNKNOWN;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  if (hours) return `${hours} h ${minutes} min`;
  return minutes ? `${minutes} min ${rest} s` : `${rest} s`;
}

/** Return a span of days as `2026-11-25 to 2026-11-27`, or as one day. */
export function span(first, last) {
  if (!first && !last) return UNKNOWN;
  return !first || !last || first === last ? last || first : `${first} to ${last}`;
}

/** Return a state of Airflow's in words. */
export function stateName(state) {
  return state ? state.replaceAll("_", " ") : "not started";
}

function partsOf(at, zone) {
  const options = {
    ...{ year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit" },
    hourCycle: "h23",
  };
  let format;
  try {
    format = new Intl.DateTimeFormat("en-GB", { ...options, timeZone: zone });
  } catch {
    format = new Intl.DateTimeFormat("en-GB", { ...options, timeZone: "UTC" }); // a zone that this browser lacks
  }
  return Object.fromEntries(format.formatToParts(at).map((part) => [part.type, part.value]));
}
