/** The page at `/`, one text: what it looks like and what it does stand in it, and nothing else may. */
import { createHash } from "node:crypto";
import { PAGE_SCRIPT } from "./page-script.ts";
import { PAGE_STYLE } from "./page-style.ts";

const hashOf = (text: string): string => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

/** Content-Security-Policy, level 3. */
export const PAGE_POLICY = [
  "default-src 'none'",
  `script-src ${hashOf(PAGE_SCRIPT)}`,
  `style-src ${hashOf(PAGE_STYLE)}`,
  "connect-src 'self'",
  "img-src data:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const table = (id: string, caption: string, columns: readonly string[]): string => `
<section>
<h2 id="${id}-title">${caption}</h2>
<div class="wide" tabindex="0" role="region" aria-labelledby="${id}-title">
<table><thead><tr>${columns.map((name) => `<th scope="col"${name.startsWith("#") ? ' class="number"' : ""}>${name.replace("#", "")}</th>`).join("")}</tr></thead><tbody id="${id}"></tbody></table>
</div>
<p id="${id}-none" class="none">None.</p>
</section>`;

export const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>coilgun</title>
<link rel="icon" href="data:,">
<style>${PAGE_STYLE}</style>
</head>
<body>
<header>
<h1 id="program">coilgun</h1>
<p id="ready" role="status">Waiting for the first state.</p>
<button id="pause" type="button" aria-pressed="false">Pause</button>
</header>
<main>
<ul id="reasons"></ul>
<dl id="figures"></dl>
<section>
<h2 id="chart-title">Saved in the last five minutes</h2>
<p class="key"><span class="pages">pages</span> <span class="link">on the link</span>, bytes a second</p>
<svg id="chart" role="img" aria-label="No visits." viewBox="0 0 600 160" preserveAspectRatio="none"></svg>
<p id="chart-most" class="axis"></p>
</section>
${table("hosts", "Hosts, since the start", ["Host", "#Links", "#Visits", "#Pages", "#On the link", "#Saved"])}
${table("pages", "Pages, in the last minutes", ["Host and path", "#Visits", "#Pages", "#On the link", "#Saved"])}
${table("answers", "Answers, in the last five minutes", ["Answer", "Reason", "#Times"])}
${table("troubles", "Failures, in the last five minutes, and refusals since the start", ["What", "#Times"])}
${table("links", "Links", ["Key", "Address", "State", "#Up", "#Round trip", "#Streams", "#Sent", "#Received"])}
${table("dials", "Links that are kept up", ["Edge", "State", "#Tries", "#Next in", "Why the last one ended"])}
${table("events", "Events", ["Time", "Level", "Event", "More"])}
</main>
<footer><a href="metrics">Metrics</a> <a href="status">State as JSON</a></footer>
<script>${PAGE_SCRIPT}</script>
</body>
</html>
`;
