"""How a study's report looks, by day and by night, on a phone and on a desk."""

STYLE = """
:root { color-scheme: light dark; --ground: #fff; --raised: #f6f6f4; --ink: #1b1b1a; --soft: #5c5b57; --line: #dcdad4;
  --mark: #0b57d0; --warn: #fff3e0; --warn-ink: #8a3c00; --warn-line: #e0761b; --good: #d3efeb; --bad: #f4e2c4; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #141413; --raised: #1e1e1c; --ink: #ecebe7; --soft: #aaa8a1; --line: #383733; --mark: #8ab4f8;
    --warn: #2d1d0f; --warn-ink: #ffb77a; --warn-line: #b8621b; --good: #0f3a35; --bad: #46310f; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; }
.band { background: var(--warn-line); color: #1b0d00; font-weight: 600; text-align: center; padding: .5rem 1rem;
  position: sticky; top: 0; z-index: 3; }
header, main { max-width: 72rem; margin: 0 auto; padding: 0 1rem; }
header { padding-top: 1.5rem; } main { padding-bottom: 4rem; }
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 .75rem; overflow-wrap: anywhere; letter-spacing: -.01em; }
h2 { font-size: 1.25rem; margin: 2.5rem 0 .5rem; line-height: 1.3; }
h3 { font-size: 1rem; margin: 1.25rem 0 .25rem; }
p { margin: 0 0 .75rem; max-width: 46rem; color: var(--soft); }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); gap: .5rem; margin: 0; }
.facts div { background: var(--raised); border-radius: .5rem; padding: .6rem .8rem; }
.facts dt { color: var(--soft); font-size: .875rem; line-height: 1.3; } .facts dd { margin: 0; font-size: 1.35rem;
  font-weight: 600; font-variant-numeric: tabular-nums; }
.facts small { font-size: .875rem; font-weight: 400; color: var(--soft); }
.notes { background: var(--warn); border-left: 4px solid var(--warn-line); border-radius: .25rem; margin: 1rem 0 0;
  padding: .75rem 1rem .75rem 2rem; } .notes li { overflow-wrap: anywhere; }
figure { margin: 1rem 0; max-width: 56rem; } figure.whole { max-width: none; }
figcaption { color: var(--soft); font-size: .875rem; margin-top: .25rem; max-width: 46rem; }
svg { display: block; overflow: hidden; font-size: 13px; } svg text { fill: var(--ink); }
svg .axis, svg .said { fill: var(--soft); font-size: 12px; } svg .name { font-weight: 600; }
svg .inside { font-size: 12px; font-variant-numeric: tabular-nums; }
svg .said { font-variant-numeric: tabular-nums; }
svg .grid { stroke: var(--line); } svg .track { stroke: var(--line); stroke-width: 4; stroke-linecap: round; }
svg .span { stroke: var(--mark); stroke-width: 4; } svg .end { stroke: var(--mark); stroke-width: 2; }
svg .mos { fill: var(--mark); stroke: var(--ground); stroke-width: 1.5; }
svg .everyone { fill: var(--ground); stroke: var(--soft); stroke-width: 2; }
svg .part { stroke: var(--ground); stroke-width: 1; } svg .empty { fill: none; stroke: var(--line); }
.key { display: flex; flex-wrap: wrap; gap: .25rem 1rem; list-style: none; margin: .5rem 0; padding: 0;
  font-size: .875rem; color: var(--soft); }
.key i { display: inline-block; width: .85rem; height: .85rem; border-radius: .15rem; vertical-align: -.1rem;
  margin-right: .35rem; }
.key .dot, .key .ring { border-radius: 50%; } .key .dot { background: var(--mark); }
.key .ring { border: 2px solid var(--soft); } .key .bar { height: .25rem; vertical-align: .2rem;
  background: var(--mark); width: 1.25rem; }
.scroller { overflow: auto; max-width: 100%; border: 1px solid var(--line); border-radius: .5rem; margin: .75rem 0; }
.tall { max-height: 36rem; }
.heatbox { padding: .5rem; }
table { border-collapse: separate; border-spacing: 0; width: 100%; font-size: .9375rem;
  font-variant-numeric: tabular-nums; }
th, td { padding: .45rem .65rem; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line);
  font-weight: 400; }
thead th { background: var(--raised); font-weight: 600; vertical-align: bottom; position: sticky; top: 0; z-index: 1;
  line-height: 1.25; }
tbody tr:last-child > * { border-bottom: 0; }
tbody th { font-weight: 600; overflow-wrap: break-word; min-width: 7.5rem; max-width: 16rem; }
.number { text-align: right; white-space: nowrap; } thead .number { white-space: normal; }
td.number small { white-space: nowrap; } td:not(.number) small { min-width: 12rem; }
td small { color: var(--soft); display: block; }
.matrix table { width: auto; } .matrix th { min-width: 6rem; max-width: 9rem; overflow-wrap: break-word; }
.matrix td { text-align: center; min-width: 4.5rem; white-space: nowrap; }
.matrix thead th { text-align: center; } .matrix thead th:first-child { text-align: left; }
.better { background: var(--good); } .worse { background: var(--bad); } .same { color: var(--soft); }
.kept, .dropped { display: inline-block; font-size: .8125rem; line-height: 1.4; padding: 0 .55em; border-radius: 1em;
  border: 1px solid var(--line); } .dropped { background: var(--warn); color: var(--warn-ink);
  border-color: var(--warn-line); font-weight: 600; }
.why { min-width: 15rem; } .why ul { margin: 0; padding-left: 1rem; }
details { margin: .5rem 0; } summary { cursor: pointer; color: var(--mark); }
:focus-visible { outline: 3px solid var(--mark); outline-offset: 2px; }
.how li { margin: .35rem 0; max-width: 52rem; color: var(--soft); } .how b { color: var(--ink); }
@media (max-width: 40rem) { th, td { padding: .4rem .5rem; } h1 { font-size: 1.45rem; }
  .facts { grid-template-columns: repeat(2, 1fr); } }
@media print { .band { position: static; } .scroller { overflow: visible; max-height: none; } }
"""
