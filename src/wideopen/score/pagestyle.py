"""How a leaderboard's page looks, by day and by night, on a phone and on a desk."""

STYLE = """
:root { color-scheme: light dark; --ground: #fff; --raised: #f6f6f4; --ink: #1b1b1a; --soft: #5c5b57; --line: #dcdad4;
  --mark: #0b57d0; --on-mark: #fff; --paper: #fbf5e6; --paper-ink: #7a5300; --paper-line: #c9a65a;
  --fresh: #eef4fe; --fresh-ink: #0b57d0; --warn: #fff3e0; --warn-ink: #8a3c00; --warn-line: #e0761b; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #141413; --raised: #1e1e1c; --ink: #ecebe7; --soft: #aaa8a1; --line: #383733; --mark: #8ab4f8;
    --on-mark: #10131a; --paper: #262013; --paper-ink: #f0c36d; --paper-line: #8d713a; --fresh: #151f2e;
    --fresh-ink: #8ab4f8; --warn: #2d1d0f; --warn-ink: #ffb77a; --warn-line: #b8621b; }
}
* { box-sizing: border-box; }
[hidden] { display: none !important; }
body { margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 84rem; background: var(--ground); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 .25rem; overflow-wrap: anywhere; letter-spacing: -.01em; }
h2 { font-size: 1.2rem; margin: 0 0 .5rem; } h3 { font-size: .95rem; margin: 1rem 0 .25rem; }
p { margin: 0 0 .5rem; max-width: 46rem; color: var(--soft); }
small { font-size: .8em; font-weight: 400; color: var(--soft); }
button, select { font: inherit; color: inherit; background: var(--ground); border: 1px solid var(--soft);
  border-radius: .375rem; padding: .35rem .75rem; }
button { cursor: pointer; } option { background: var(--ground); color: var(--ink); }
button:disabled, select:disabled { opacity: .55; cursor: default; }
button:hover:enabled { border-color: var(--mark); color: var(--mark); }
.strong, .strong:hover:enabled { background: var(--mark); border-color: var(--mark); color: var(--on-mark); }
:focus-visible { outline: 3px solid var(--mark); outline-offset: 2px; }
.badge { display: inline-block; font-size: .75rem; line-height: 1.4; padding: 0 .5em; border-radius: 1em;
  border: 1px solid; white-space: nowrap; }
.badge.published { color: var(--paper-ink); border-style: dashed; }
.badge.measured { color: var(--on-mark); background: var(--fresh-ink); border-color: var(--fresh-ink); }
.legend { display: flex; flex-wrap: wrap; gap: .35rem; align-items: baseline; }
.legend .badge:not(:first-child) { margin-left: .75rem; }

.warnings { background: var(--warn); border-left: 4px solid var(--warn-line); border-radius: .25rem;
  padding: .75rem 1rem; margin: 1rem 0; }
.warnings h2 { font-size: 1rem; color: var(--warn-ink); margin: 0 0 .25rem; }
.warnings ul { margin: 0; padding-left: 1.2rem; } .warnings li { overflow-wrap: anywhere; }

.filter { display: none; flex-wrap: wrap; align-items: center; gap: .4rem; border: 0; margin: 1rem 0 .5rem;
  padding: 0; }
.scripted .filter { display: flex; }
.filter legend { float: left; padding: 0; margin-right: .4rem; color: var(--soft); }
.filter label { position: relative; } .filter input { position: absolute; opacity: 0; inset: 0; margin: 0;
  cursor: pointer; }
.filter span { display: block; padding: .25rem .9rem; border: 1px solid var(--soft); border-radius: 2em; }
.filter input:checked + span { background: var(--ink); border-color: var(--ink); color: var(--ground); }
.filter input:focus-visible + span { outline: 3px solid var(--mark); outline-offset: 2px; }
.filter output { margin-left: .5rem; color: var(--soft); }

.scroller { overflow-x: auto; max-width: 100%; border: 1px solid var(--line); border-radius: .5rem; }
.board { container-type: inline-size; margin: .75rem 0; }
table { border-collapse: separate; border-spacing: 0; width: 100%; font-variant-numeric: tabular-nums; }
thead th { text-align: left; vertical-align: bottom; padding: 0; background: var(--raised);
  border-bottom: 1px solid var(--line); font-weight: 600; white-space: nowrap; }
thead button { display: flex; gap: .3rem; align-items: center; width: 100%; border: 0; border-radius: 0;
  padding: .6rem .6rem;
  background: none; text-align: left; font-weight: inherit; }
thead .number button { flex-direction: row-reverse; text-align: right; }
thead button:focus-visible { outline-offset: -3px; }
thead i::before { content: "\\2195"; font-style: normal; opacity: .35; }
thead [aria-sort=ascending] i::before { content: "\\2191"; opacity: 1; color: var(--mark); }
thead [aria-sort=descending] i::before { content: "\\2193"; opacity: 1; color: var(--mark); }
thead .chosen span { text-decoration: underline; text-underline-offset: .3em; text-decoration-thickness: 2px; }
#board > tbody > tr:first-child > * { padding: .55rem .6rem; vertical-align: top; text-align: left; font-weight: 400;
  border-bottom: 1px solid var(--line); }
#board > tbody:last-child > tr > * { border-bottom: 0; }
#board > tbody:last-child.open > tr:first-child > * { border-bottom: 1px solid var(--line); }
#board > tbody > tr > td:is(.number, .rank) { text-align: right; white-space: nowrap; }
#board > tbody > tr > td.rank { font-weight: 600; }
#board > thead > tr > th:nth-child(2), #board > tbody > tr > th { position: sticky; left: 0; z-index: 1; }
.published > tr:first-child > * { background: var(--paper); }
  .measured > tr:first-child > * { background: var(--fresh); }
.published > tr > :first-child { box-shadow: inset 4px 0 var(--paper-line); }
.measured > tr > :first-child { box-shadow: inset 4px 0 var(--fresh-ink); }
#board td.text { font-size: .875rem; color: var(--soft); max-width: 16rem; overflow-wrap: break-word; }
#board td.device { min-width: 12rem; }
.contestant { display: flex; gap: .25rem; align-items: baseline; max-width: 18rem; }
.under { display: flex; flex-wrap: wrap; gap: .1rem .5rem; align-items: baseline; font-size: .8125rem;
  color: var(--soft); margin-top: .1rem; max-width: 18rem; overflow-wrap: break-word; }
.fold { display: flex; gap: .4rem; min-width: 0; border: 0; background: none; padding: 0; text-align: left;
  font-weight: 600; }
.fold span { min-width: 0; overflow-wrap: break-word; }
.fold::before { display: none; content: "\\25B8"; color: var(--soft); transition: transform .15s; }
.scripted .fold::before { display: block; } .fold[aria-expanded=true]::before { transform: rotate(90deg); }
sup { line-height: 1; white-space: nowrap; } sup a { color: var(--soft); padding: 0 .15em; }
sup a:hover { color: var(--mark); }
.scale { position: relative; display: block; width: 5.5rem; height: .35rem; margin: .35rem 0 .1rem auto;
  border-radius: 1rem;
  background: color-mix(in srgb, var(--ink) 14%, transparent); }
.scale i { position: absolute; top: 0; bottom: 0; border-radius: 1rem;
  background: var(--mark); }
.scale b { position: absolute; top: -.2rem; width: 2px; height: .75rem; margin-left: -1px; background: var(--ink); }
.details > td { padding: 0; background: var(--raised); border-bottom: 1px solid var(--line); }
.inside { position: sticky; left: 0; width: 100cqi; padding: .75rem 1rem 1.25rem 1.25rem; }
.command { display: flex; gap: .5rem; align-items: flex-start; margin-bottom: .75rem; }
.command code { flex: 1; min-width: 0; padding: .45rem .75rem; border: 1px solid var(--line); border-radius: .375rem;
  background: var(--ground); font: .875rem/1.5 ui-monospace, monospace; white-space: pre-wrap;
  overflow-wrap: anywhere; }
.copy { display: none; } .scripted .copy { display: block; }
.facts { margin: 0; display: grid; gap: .1rem 2rem;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 22rem), 1fr)); }
.facts div { display: flex; gap: .75rem; } .facts dt { flex: 0 0 9.5rem; color: var(--soft); overflow-wrap: anywhere;
  }
.facts dd { margin: 0; min-width: 0; overflow-wrap: anywhere; }
.inside .scroller { max-height: 22rem; overflow: auto; background: var(--ground); }
.pictures { font-size: .875rem; } .pictures td, .pictures th { padding: .25rem .6rem; text-align: right;
  white-space: nowrap;
  border-bottom: 1px solid var(--line); font-weight: 400; }
.pictures thead th { position: sticky; top: 0; font-weight: 600; } .pictures th:first-child { text-align: left; }
.notes { color: var(--soft); font-size: .875rem; max-width: 60rem; padding-left: 1.5rem; margin: .75rem 0; }
.notes li:target { background: var(--warn); color: var(--ink); }

#gallery { margin-top: 2.5rem; }
.panel { border: 1px solid var(--line); border-radius: .5rem; background: var(--raised); padding: 1rem; }
.controls { display: flex; flex-wrap: wrap; gap: .75rem 1rem; align-items: flex-end; margin-bottom: 1rem; }
.field { display: grid; gap: .2rem; font-size: .8125rem; color: var(--soft); min-width: 0; max-width: 100%; }
.field :is(button, select) { height: 2.4rem; }
.field select { font-size: 1rem; color: var(--ink); max-width: min(16rem, 100%); min-width: 0; }
.field button { font-size: 1rem; } .field button:not(.strong) { color: var(--ink); }
.row { display: flex; gap: .25rem; min-width: 0; } .actions { display: flex; flex-wrap: wrap; gap: .5rem; }
#stage { position: relative; margin: 0 auto; width: min(100%, var(--wide) * 1px, 78vh * var(--shape));
  overflow: hidden;
  background: #000; user-select: none; border-radius: .25rem; }
#viewport { width: 100%; overflow: hidden; touch-action: pan-y pinch-zoom; cursor: ew-resize; }
#canvas { position: relative; width: 100%; aspect-ratio: var(--shape); }
#canvas img { position: absolute; inset: 0; width: 100%; height: 100%; display: block; pointer-events: none; }
.zoomed#stage { width: min(100%, var(--wide) * var(--zoom) * 1px); }
.zoomed #viewport { overflow: auto; max-height: 78vh; touch-action: auto; cursor: grab; }
.zoomed #canvas { width: calc(var(--wide) * var(--zoom) * 1px); }
.enlarged #canvas img { image-rendering: pixelated; }
.name { position: absolute; top: .5rem; max-width: calc(50% - 1rem); padding: .1rem .6rem; border-radius: 1em;
  background: #000c;
  color: #fff; font-size: .875rem; pointer-events: none; overflow: hidden; text-overflow: ellipsis;
  white-space: nowrap; }
#left-name { left: .5rem; } #right-name { right: .5rem; }
#divider { position: absolute; top: 0; bottom: 0; width: 2.75rem; margin-left: -1.375rem; cursor: ew-resize;
  touch-action: none; }
#divider::before { content: ""; position: absolute; inset: 0 calc(50% - 1px); background: #fff;
  box-shadow: 0 0 3px #000; }
#divider span { position: absolute; top: 50%; left: 50%; transform: translate(-50%, -50%); width: 2.5rem;
  height: 2.5rem;
  border-radius: 50%; display: grid; place-items: center; background: #fff; color: #111; font-weight: 600;
  box-shadow: 0 1px 5px #0009; }
#divider:focus-visible { outline: none; } #divider:focus-visible span { outline: 3px solid #0b57d0;
  outline-offset: 2px; }
#told { margin: .75rem 0 0; min-height: 1.5rem; }
.contradictions { margin-top: 2.5rem; border-top: 1px solid var(--line); padding-top: 1rem; }
.contradictions summary { cursor: pointer; font-weight: 600; } .contradictions p { margin-top: .5rem; }
.contradictions ul { margin: 0; padding-left: 1.2rem; } .contradictions li { margin: .25rem 0; max-width: 60rem; }
cite { font-style: normal; font-size: .875rem; color: var(--soft); white-space: normal; }
  cite::before { content: "\\2014\\00a0"; }
@media (max-width: 40rem) {
  #board > tbody > tr:first-child > * { padding: .5rem .45rem; } thead button { padding: .5rem .45rem; }
  .field select { max-width: 100%; } .panel { padding: .75rem; }
  .contestant, .under { max-width: 11rem; }
  .command { flex-direction: column; align-items: stretch; } .facts dt { flex-basis: 7rem; }
}
@media (prefers-reduced-motion: reduce) { .fold::before { transition: none; } }
"""
