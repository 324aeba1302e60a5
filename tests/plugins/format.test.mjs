// Values as text, and money without a lost digit.

import assert from "node:assert/strict";
import { test } from "node:test";

import { addDecimals, groupDigits, isDecimal, subtractDecimals } from "../../airflow_provider_tiktok/plugins/static/decimal.mjs";
import * as format from "../../airflow_provider_tiktok/plugins/static/format.mjs";

test("decimals are added and subtracted exactly", () => {
  assert.equal(addDecimals("0.1", "0.2"), "0.3");
  assert.equal(addDecimals("9007199254740993.01", "0.99"), "9007199254740994.00");
  assert.equal(addDecimals("-1.5", "0.25"), "-1.25");
  assert.equal(subtractDecimals("0.05", "0.1"), "-0.05");
  assert.equal(addDecimals("3", 4), "7");
  assert.ok(!isDecimal("1e3") && !isDecimal(null) && !isDecimal("") && !isDecimal("-"));
});

test("digits are grouped, and none is lost", () => {
  assert.equal(groupDigits("1234567.5"), "1,234,567.50");
  assert.equal(groupDigits("-1234.123456"), "-1,234.123456");
  assert.equal(groupDigits(999), "999");
});

test("what isn't known is a dash", () => {
  for (const text of [format.count(undefined), format.money(null, "EUR"), format.time(null), format.duration(undefined), format.span()]) {
    assert.equal(text, format.UNKNOWN);
  }
  assert.deepEqual(format.spend(undefined), []);
});

test("amounts have their currency, and say where it isn't known", () => {
  assert.deepEqual(format.spend({ EUR: "1234.5", "": "7" }), ["1,234.50 EUR", "7 (currency not known)"]);
});

test("times are those of a zone, days those of an account", () => {
  assert.equal(format.time("2026-11-28T23:30:00Z", "Asia/Tokyo"), "2026-11-29 08:30");
  assert.equal(format.dayIn("Asia/Tokyo", new Date("2026-11-28T23:30:00Z")), "2026-11-29");
  assert.equal(format.dayIn("Not/AZone", new Date("2026-11-28T23:30:00Z")), "2026-11-28");
  assert.equal(format.daysBetween("2026-10-24", "2026-10-26"), 2);
});

test("durations and spans are short", () => {
  assert.deepEqual([4.24, 75, 3725].map(format.duration), ["4.2 s", "1 min 15 s", "1 h 2 min"]);
  assert.equal(format.span("2026-11-25", "2026-11-27"), "2026-11-25 to 2026-11-27");
  assert.equal(format.span("2026-11-27", "2026-11-27"), "2026-11-27");
});
