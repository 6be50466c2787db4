/**
 * How the demo site looks: style sheet, icon sprite and the start script, inline in every page as many real sites
 * have them. Constant text: the part of a page that crosses a link once.
 */

import { ABOUT_SCRIPT, ABOUT_STYLE } from "./about.ts";

export const STYLE = `${ABOUT_STYLE}
:root{--ink:#14212b;--muted:#5a6b78;--line:#d9e1e6;--paper:#fff;--sand:#f5f1ea;--sea:#0b4f6c;--sea-light:#e4f0f5;--coral:#c8452f;--leaf:#2c7a4b;--gap:24px;--serif:Georgia,"Times New Roman",serif;--sans:system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
*,*::before,*::after{box-sizing:border-box}html{scroll-behavior:smooth}body{margin:0;font:16px/1.55 var(--sans);color:var(--ink);background:var(--sand)}
a{color:inherit;text-decoration-color:var(--line);text-underline-offset:3px}a:hover{color:var(--sea)}h1,h2,h3{font-family:var(--serif);line-height:1.2;margin:0 0 .4em}h1{font-size:2.4rem}h2{font-size:1.5rem}h3{font-size:1.1rem}
.icon{vertical-align:-4px;fill:none;stroke:currentColor;stroke-width:1.6;stroke-linecap:round;stroke-linejoin:round;margin-right:6px}.sprite{display:none}
.masthead{background:var(--paper);border-bottom:1px solid var(--line);position:sticky;top:0;z-index:2}.masthead__top{display:flex;align-items:baseline;gap:var(--gap);max-width:1180px;margin:0 auto;padding:18px 24px 6px}.masthead__name{font:700 1.9rem var(--serif);color:var(--sea);text-decoration:none;letter-spacing:-.02em}.masthead__time{color:var(--muted);font-size:.9rem;font-variant-numeric:tabular-nums}.masthead__account{margin-left:auto;font-size:.95rem;text-decoration:none;white-space:nowrap}
.nav__list{display:flex;flex-wrap:wrap;gap:4px 22px;max-width:1180px;margin:0 auto;padding:6px 24px 12px;list-style:none}.nav__link{text-decoration:none;font-weight:600;font-size:.95rem;padding:4px 0;border-bottom:2px solid transparent}.nav__link:hover{border-color:var(--coral)}
.ticker{margin:0;background:var(--sea);color:#fff;padding:6px 24px;font-size:.9rem;text-align:center;overflow:hidden;white-space:nowrap;text-overflow:ellipsis}.ticker a{color:#fff}.ticker b{color:#ffd3a8;text-transform:uppercase;font-size:.75rem;letter-spacing:.08em;margin-right:8px}
.page{max-width:1180px;margin:0 auto;padding:32px 24px 64px}.grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(260px,1fr));gap:var(--gap)}.split{display:grid;grid-template-columns:minmax(0,1fr) 320px;gap:40px}
@media (max-width:860px){.split{grid-template-columns:1fr}h1{font-size:1.8rem}.masthead__time{display:none}}
.card{background:var(--paper);border:1px solid var(--line);border-radius:10px;overflow:hidden;display:flex;flex-direction:column;transition:box-shadow .2s,transform .2s}.card:hover{box-shadow:0 8px 24px rgb(11 79 108/.14);transform:translateY(-2px)}.card__body{padding:16px 18px;display:flex;flex-direction:column;gap:6px;flex:1}.card__meta{color:var(--muted);font-size:.82rem;margin-top:auto;display:flex;gap:12px;flex-wrap:wrap}.card__section{color:var(--coral);font-weight:700;font-size:.75rem;text-transform:uppercase;letter-spacing:.06em}.card__teaser{margin:0;color:#33444f;font-size:.95rem}.card--lead{grid-column:1/-1;flex-direction:row}.card--lead .picture{width:52%;height:auto}.card--lead h2{font-size:2rem}@media (max-width:600px){.card--lead{flex-direction:column}.card--lead .picture{width:auto}.card--lead h2{font-size:1.5rem}}
.picture{width:100%;aspect-ratio:16/9;display:block}.heading{display:flex;align-items:center;justify-content:space-between;margin:40px 0 16px;border-top:3px solid var(--sea);padding-top:10px}.heading small{color:var(--muted);font-weight:400}
.story{background:var(--paper);border:1px solid var(--line);border-radius:10px;padding:36px 44px}.story p{font:1.12rem/1.7 var(--serif);max-width:66ch}.story .byline{font:.9rem var(--sans);color:var(--muted)}.story__lead{font-weight:600}@media (max-width:600px){.story{padding:20px}}
.comment{border-top:1px solid var(--line);padding:14px 0;display:grid;grid-template-columns:40px 1fr;gap:12px}.comment__face{width:40px;height:40px;border-radius:50%;display:grid;place-items:center;color:#fff;font-weight:700}.comment__text{margin:4px 0 8px}.comment__tools{display:flex;gap:16px;color:var(--muted);font-size:.82rem}.comment__tools button,.button{font:inherit;border:0;background:none;color:inherit;cursor:pointer;padding:0}
.button{background:var(--sea);color:#fff;border-radius:8px;padding:9px 16px;font-weight:600;text-align:center}.button:hover{background:#083c53}.button--quiet{background:var(--sea-light);color:var(--sea)}.price{font:700 1.25rem var(--sans);font-variant-numeric:tabular-nums}.price del{color:var(--muted);font-weight:400;font-size:.95rem;margin-left:8px}.stock{font-size:.85rem;color:var(--leaf)}.stock--low{color:var(--coral)}.stars{color:#b7791f;font-size:.9rem}
.side{display:flex;flex-direction:column;gap:var(--gap)}.box{background:var(--paper);border:1px solid var(--line);border-radius:10px;padding:18px 20px}.box ol{padding-left:22px;margin:0}.box li{margin:6px 0}.filters label{display:flex;gap:8px;align-items:center;padding:3px 0}.filters output{margin-left:auto;color:var(--muted);font-size:.85rem}
table{border-collapse:collapse;width:100%;background:var(--paper);font-variant-numeric:tabular-nums}th,td{text-align:left;padding:10px 12px;border-bottom:1px solid var(--line)}th{font-size:.8rem;text-transform:uppercase;letter-spacing:.05em;color:var(--muted)}.badge{border-radius:999px;padding:2px 10px;font-size:.8rem;background:var(--sea-light);color:var(--sea)}.badge--late{background:#fdeae6;color:var(--coral)}
form.settings{display:grid;gap:12px}form.settings label{display:grid;gap:4px;font-size:.9rem}input,select{font:inherit;border:1px solid var(--line);border-radius:8px;padding:8px 10px;background:#fff}
.footer{background:#0a2b3a;color:#cfe0e8;padding:40px 24px}.footer__columns{max-width:1180px;margin:0 auto;display:grid;grid-template-columns:repeat(auto-fit,minmax(180px,1fr));gap:var(--gap)}.footer__columns ul{list-style:none;padding:0}.footer__title{font-size:1rem;color:#fff}.footer__link{text-decoration:none;font-size:.9rem;line-height:1.9}.footer__small{max-width:1180px;margin:24px auto 0;font-size:.8rem;color:#8fb0bf}
@media print{.masthead,.footer,.side{display:none}}@media (prefers-reduced-motion:reduce){*{transition:none!important;scroll-behavior:auto!important}}
`;

const PATHS: Readonly<Record<string, string>> = {
  harbour: "M10 3v14M6 7h8M3 12c0 4 4 5 7 5s7-1 7-5M10 3a1.5 1.5 0 1 0 0-.01",
  town: "M3 17V9l5-4 5 4v8M13 17V7h4v10M6 17v-4h4v4M2 17h16",
  weather: "M6 13a4 4 0 1 1 1-7.8A5 5 0 0 1 16.5 8 2.8 2.8 0 0 1 15 13zM7 16l-1 2M11 16l-1 2M15 16l-1 2",
  business: "M3 7h14v9H3zM7 7V4h6v3M3 11h14",
  culture: "M4 4h5v12H4zM11 4h5v12h-5zM4 8h5M11 8h5",
  sport: "M10 2a8 8 0 1 0 0 16 8 8 0 0 0 0-16M2 10h16M10 2c4 4 4 12 0 16M10 2c-4 4-4 12 0 16",
  cart: "M2 3h3l2 10h9l2-7H6M8 17a1 1 0 1 0 0-.01M15 17a1 1 0 1 0 0-.01",
  person: "M10 10a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7M3 18c0-4 3-6 7-6s7 2 7 6",
  heart: "M10 17S3 12.5 3 7.5A3.7 3.7 0 0 1 10 6a3.7 3.7 0 0 1 7 1.5C17 12.5 10 17 10 17z",
  reply: "M8 5 3 10l5 5M3 10h8c4 0 6 2 6 6",
};

export const ICONS = `<svg class="sprite" xmlns="http://www.w3.org/2000/svg">${Object.entries(PATHS)
  .map(([name, path]) => `<symbol id="icon-${name}" viewBox="0 0 20 20"><path d="${path}"/></symbol>`)
  .join("")}</svg>`;

export const LOADER = `
(function(w,d){"use strict";var boot=w.__boot,state=JSON.parse(d.getElementById("state").textContent);
function on(target,type,run,options){target.addEventListener(type,run,options);return function(){target.removeEventListener(type,run,options)}}
function all(selector,root){return Array.prototype.slice.call((root||d).querySelectorAll(selector))}
function once(run){var done=false;return function(){if(!done){done=true;return run.apply(this,arguments)}}}
function store(key,value){try{if(value===undefined)return JSON.parse(w.localStorage.getItem("tw:"+key));w.localStorage.setItem("tw:"+key,JSON.stringify(value))}catch(_){return null}}
var queue=[],sent=0;function track(name,fields){queue.push({name:name,at:Math.round(performance.now()-boot.start),request:boot.request,fields:fields||{}});if(queue.length>50)queue.shift()}
on(d,"click",function(event){var link=event.target.closest&&event.target.closest("[data-track]");if(link)track("click",{what:link.getAttribute("data-track"),path:w.location.pathname})},{passive:true});
on(d,"visibilitychange",function(){if(d.visibilityState==="hidden"){track("leave",{seconds:Math.round((performance.now()-boot.start)/1000)});sent+=queue.length;queue=[]}});
if("IntersectionObserver"in w){var seen=new IntersectionObserver(function(entries){entries.forEach(function(entry){if(entry.isIntersecting){entry.target.setAttribute("data-seen","");seen.unobserve(entry.target)}})},{rootMargin:"0px 0px -10% 0px",threshold:.2});all("[data-component]").forEach(function(node){seen.observe(node)})}
all("[data-like]").forEach(function(button){var key="like:"+button.getAttribute("data-like");if(store(key))button.setAttribute("aria-pressed","true");on(button,"click",function(){var pressed=button.getAttribute("aria-pressed")==="true";button.setAttribute("aria-pressed",String(!pressed));store(key,!pressed);track("like",{id:button.getAttribute("data-like"),on:!pressed})})});
all("[data-cart]").forEach(function(button){on(button,"click",function(){var cart=store("cart")||{},sku=button.getAttribute("data-cart");cart[sku]=(cart[sku]||0)+1;store("cart",cart);button.textContent="In the basket ("+cart[sku]+")";track("cart",{sku:sku,count:cart[sku]})})});
all("form[data-guard]").forEach(function(form){on(form,"submit",function(event){event.preventDefault();track("submit",{form:form.getAttribute("data-guard")})})});
var dark=w.matchMedia&&w.matchMedia("(prefers-color-scheme: dark)").matches;d.documentElement.setAttribute("data-scheme",dark?"dark":"light");
${ABOUT_SCRIPT}w.tidewater={state:state,track:track,on:on,all:all,once:once,store:store,version:"5.12.3"};track("view",{path:w.location.pathname,kind:state.kind,dark:dark});
})(window,document);
`;
