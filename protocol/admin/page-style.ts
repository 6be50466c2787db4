/** How the page looks: light or dark as the system says, from 390 pixels on. Contrast is that of WCAG 2.2 AA. */
export const PAGE_STYLE = `
:root { color-scheme: light dark; --ink: light-dark(#1a1f24, #e7eaee); --soft: light-dark(#4d565f, #a9b2bb); --ground: light-dark(#f6f7f8, #14171a);
  --card: light-dark(#ffffff, #1d2125); --line: light-dark(#d5d9dd, #363c42); --pages: light-dark(#8a5200, #e0a030); --link: light-dark(#0b5fae, #6db3f2);
  --good: light-dark(#17692f, #6fd08c); --bad: light-dark(#a3121f, #ff8f8f); }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1400px; padding: 16px; font: 15px/1.45 system-ui, sans-serif; color: var(--ink); background: var(--ground); }
header { display: flex; flex-wrap: wrap; gap: 4px 16px; align-items: baseline; }
h1 { font-size: 20px; margin: 0; } h2 { font-size: 16px; margin: 0 0 8px; }
#ready { margin: 0; font-weight: 600; flex: 1; } .good { color: var(--good); } .bad { color: var(--bad); }
button { font: inherit; color: inherit; background: var(--card); border: 1px solid var(--soft); border-radius: 6px; padding: 4px 14px; min-height: 32px; }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
#reasons:empty { display: none; }
main { display: grid; grid-template-columns: minmax(0, 1fr); gap: 16px; margin-top: 12px; }
section, dl { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 12px; margin: 0; min-width: 0; }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(max(156px, 18%), 1fr)); gap: 12px; }
dl div { min-width: 0; } dt { color: var(--soft); font-size: 13px; } dd { margin: 0; font-size: 20px; font-variant-numeric: tabular-nums; }
.wide { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 4px 12px 4px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th { color: var(--soft); font-weight: 600; font-size: 13px; white-space: nowrap; } td { overflow-wrap: break-word; max-width: 40em; }
.number { text-align: right; white-space: nowrap; } tr:last-child td { border-bottom: 0; }
.none { margin: 0; color: var(--soft); } [hidden] { display: none; }
svg { display: block; width: 100%; height: 160px; border-bottom: 1px solid var(--line); }
.area { stroke-width: 2; vector-effect: non-scaling-stroke; fill-opacity: 0.18; }
.area.pages { fill: var(--pages); stroke: var(--pages); } .area.link { fill: var(--link); stroke: var(--link); stroke-dasharray: 6 3; }
.key, .axis { margin: 0 0 8px; color: var(--soft); font-size: 13px; } .key span { font-weight: 600; }
.key .pages { color: var(--pages); } .key .link { color: var(--link); }
.key .pages::before { content: "━ "; } .key .link::before { content: "╍ "; }
footer { display: flex; gap: 16px; margin-top: 16px; } a { color: var(--link); }
@media (max-width: 600px) { table { font-size: 13px; } th, td { padding-right: 8px; } th, th.number { font-size: 12px; white-space: normal; }
  #pages td:first-child, #events td:last-child { overflow-wrap: anywhere; } }
@media (min-width: 1100px) { main { grid-template-columns: repeat(2, minmax(0, 1fr)); } main > * { grid-column: 1 / -1; } main > section:nth-of-type(4), main > section:nth-of-type(5) { grid-column: auto; } }
`;
