/**
 * The box beside an article that says what Coilgun is, and what this very visit took: as it is, with gzip, and with Coilgun.
 * The page cannot know that when it is made, so its script asks for the figures once it is there.
 */

/** Bytes of one page, three ways. */
export interface VisitCost {
  readonly rawBytes: number;
  /** By gzip -6, as web servers set it. */
  readonly gzipBytes: number;
  /** Of the answer on the link, before framing and TLS. */
  readonly coilgunBytes: number;
  /** How it travelled: same, delta, whole or passed. */
  readonly answer: string;
}

/** Where a page asks for its VisitCost in JSON, with its request id behind it. */
export const COST_PATH = "/coilgun/visits/";

const row = (name: string, title: string): string =>
  `<tr data-cost="${name}"><th scope="row">${title}</th><td class="cost__bytes">…</td><td class="cost__bar"><i></i></td></tr>`;

export const ABOUT = `<section class="box cost" data-component="coilgun"><h2>This page came through Coilgun</h2>
<p>Coilgun is two daemons, one beside the web server and one near you. Both remember the pages that crossed the link between them, so a page that changes all the time crosses it as what is new.</p>
<table><caption>Bytes of this visit</caption><tbody>${row("raw", "As it is")}${row("gzip", "With gzip")}${row("coilgun", "With Coilgun")}</tbody></table>
<p class="cost__note" role="status">Asking what it took …</p></section>`;

export const ABOUT_STYLE = `
.cost{border-color:var(--sea)}.cost p{margin:0 0 10px;font-size:.92rem;line-height:1.45}.cost table{width:100%;border-collapse:collapse;font-size:.9rem;margin-bottom:10px}.cost caption{text-align:left;font-weight:700;padding-bottom:4px}.cost th{text-align:left;font-weight:400;padding:3px 8px 3px 0;white-space:nowrap}.cost__bytes{text-align:right;padding:3px 8px;font-variant-numeric:tabular-nums;white-space:nowrap}.cost__bar{width:40%}.cost__bar i{display:block;height:12px;min-width:2px;width:0;border-radius:3px;background:var(--line)}.cost [data-cost=coilgun] i{background:var(--coral)}.cost [data-cost=coilgun] .cost__bytes{font-weight:700}.cost .cost__note{color:var(--muted);margin:0}
`;

/** Part of the page's start script, where `d` is the document, `w` the window and `all` finds elements. */
export const ABOUT_SCRIPT = `var box=d.querySelector("[data-component=coilgun]");if(box)fetch("${COST_PATH}"+w.__boot.request).then(function(reply){return reply.status===200?reply.json():Promise.reject()}).then(function(cost){var bytes={raw:cost.rawBytes,gzip:cost.gzipBytes,coilgun:cost.coilgunBytes};Object.keys(bytes).forEach(function(name){var line=box.querySelector("[data-cost="+name+"]");line.querySelector(".cost__bytes").textContent=bytes[name].toLocaleString("en");line.querySelector("i").style.width=100*bytes[name]/bytes.raw+"%"});box.querySelector(".cost__note").textContent=cost.answer==="whole"?"The first of its kind crosses whole. Reload: the next one will not.":"It crossed as "+(cost.answer==="same"?"the name of a page that the edge had":"what is new")+": "+(cost.gzipBytes/Math.max(1,cost.coilgunBytes)).toFixed(0)+" times smaller than with gzip."}).catch(function(){box.querySelector(".cost__note").textContent="What it took is not known here: this page did not come through the demo's pair."});
`;
