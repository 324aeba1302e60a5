// Money as TikTok writes it: exact, so never a binary number.

const DECIMAL = /^-?\d+(\.\d+)?$/;

/** Return whether a value is a decimal number, as text or as a number of JSON. */
export function isDecimal(value) {
  return DECIMAL.test(String(value));
}

/** Return the sum of two decimal numbers as text, with the digits of the longer fraction. */
export function addDecimals(first, second) {
  return combined(first, second, (one, other) => one + other);
}

/** Return the first decimal number less the second, as text. */
export function subtractDecimals(first, second) {
  return combined(first, second, (one, other) => one - other);
}

/** Return a decimal number with its thousands set apart, and all its digits: `1,234.50`. */
export function groupDigits(value) {
  const [whole, fraction = ""] = String(value).split(".");
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ",");
  return fraction ? `${grouped}.${fraction.padEnd(2, "0")}` : grouped;
}

function combined(first, second, operation) {
  const digits = Math.max(fractionOf(first).length, fractionOf(second).length);
  return placed(operation(scaled(first, digits), scaled(second, digits)), digits);
}

function fractionOf(value) {
  return String(value).split(".")[1] ?? "";
}

function scaled(value, digits) {
  const [whole, fraction = ""] = String(value).split(".");
  return BigInt(whole + fraction.padEnd(digits, "0"));
}

function placed(number, digits) {
  if (!digits) return String(number);
  const sign = number < 0n ? "-" : "";
  const text = String(number < 0n ? -number : number).padStart(digits + 1, "0");
  return `${sign}${text.slice(0, -digits)}.${text.slice(-digits)}`;
}
