/** Style and script of the HTML report. The script draws what stands in `#figures`; without it the tables say the same. */

export const STYLE = `
:root { --back: #fff; --ink: #1b1f24; --soft: #59636e; --rule: #d1d9e0; --tile: #f6f8fa;
  --c0: #6e7781; --c1: #9a6700; --c2: #8250df; --c3: #1a7f37; --c4: #0969da; }
@media (prefers-color-scheme: dark) { :root { --back: #0d1117; --ink: #e6edf3; --soft: #9198a1; --rule: #3d444d; --tile: #151b23;
  --c0: #9198a1; --c1: #d29922; --c2: #ab7df8; --c3: #3fb950; --c4: #4493f8; } }
body { margin: 0; background: var(--back); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 70rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.6rem; line-height: 1.2; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin-top: 2rem; }
figure { margin: 0; }
figcaption, footer, header p { color: var(--soft); font-size: .9rem; }
.chart { min-height: 320px; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(13rem, 1fr)); gap: .75rem; padding: 0; list-style: none; }
.tiles li { background: var(--tile); border: 1px solid var(--rule); border-radius: 6px; padding: .75rem 1rem; font-size: .9rem; color: var(--soft); }
.tiles strong { display: block; font-size: 1.6rem; color: var(--ink); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .6rem; border-bottom: 1px solid var(--rule); text-align: right; white-space: nowrap; }
tr > :first-child { text-align: left; }
tbody th { font-weight: normal; overflow-wrap: anywhere; white-space: normal; min-width: 12rem; }
details table tbody th { min-width: 3rem; }
td:last-child { white-space: normal; }
summary { cursor: pointer; padding: .5rem 0; }
li { overflow-wrap: anywhere; }
footer { margin-top: 2rem; border-top: 1px solid var(--rule); padding-top: .75rem; }
.u-legend { font-size: .9rem; }
.u-legend th, .u-legend td { border: 0; }
`;

export const CHART_SCRIPT = `
"use strict";
const figures = JSON.parse(document.getElementById("figures").textContent);
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const bytes = (value) => value == null ? "-" : value < 1e3 ? Math.round(value) + " B"
  : value < 1e6 ? (value / 1e3).toPrecision(3) + " KB" : (value / 1e6).toPrecision(3) + " MB";
const ms = (value) => value == null ? "-" : value.toFixed(value < 10 ? 1 : 0) + " ms";
const DASHES = [[2, 4], [8, 4], [12, 4, 2, 4], [4, 2], undefined];
let shown = [];
const chart = (id, lines, { print, distr, colours }) => {
  const place = document.getElementById(id);
  const axis = { stroke: colour("--soft"), grid: { stroke: colour("--rule"), width: 1 }, ticks: { stroke: colour("--rule") } };
  const every = lines.flatMap(({ values }) => values).filter((value) => value > 0);
  // Without a pointer on it, and in print, the legend has the last visit's figures.
  const last = (plot) => plot.cursor.idx == null && plot.setLegend({ idx: figures.visits.length - 1 });
  return new uPlot({
    width: place.clientWidth, height: 300,
    scales: { x: { time: false }, y: distr === 3
      ? { distr, range: [10 ** Math.floor(Math.log10(Math.min(...every))), 10 ** Math.ceil(Math.log10(Math.max(...every) + 1))] }
      : { range: [0, Math.max(...every, 1) * 1.1] } },
    axes: [
      { ...axis, label: "visit", incrs: [1, 2, 5, 10, 20, 50, 100, 200], labelSize: 20 },
      { ...axis, size: 70, values: (_, ticks) => ticks.map((tick) => tick == null ? "" : print(tick)) },
    ],
    series: [
      { label: "visit" },
      ...lines.map(({ name }, at) => ({ label: name, stroke: colour(colours[at]), width: 2,
        dash: DASHES[at + 5 - lines.length], points: { show: true, size: 6 }, value: (_, value) => print(value) })),
    ],
    legend: { live: true },
    hooks: { ready: [last], setCursor: [last] },
  }, [figures.visits, ...lines.map(({ values }) => values.map((value) => value === 0 ? null : value))], place);
};
const draw = () => {
  for (const one of shown) one.destroy();
  shown = [
    chart("bytes", figures.bytes, { print: bytes, distr: 3, colours: ["--c0", "--c1", "--c2", "--c3", "--c4"] }),
    chart("times", figures.times, { print: ms, distr: 1, colours: ["--c1", "--c4"] }),
  ];
};
draw();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
let width = innerWidth;
addEventListener("resize", () => { if (innerWidth !== width) { width = innerWidth; draw(); } });
`;
