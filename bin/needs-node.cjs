/**
 * Ends the process with one sentence where Node.js is too old for what comes next. In a syntax that every Node.js reads: newer
 * syntax, or an import, would fail before it could say why. First in every installed command and every npm script.
 */
var OLDEST = 24;
var current = process.versions.node;

if (parseInt(current, 10) < OLDEST) {
  console.error("coilgun needs Node.js %d or newer; this is %s", OLDEST, current);
  process.exit(1);
}
