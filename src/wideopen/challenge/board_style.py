"""How exported boards look: what a leaderboard's page has, and what the report's columns need besides."""

from wideopen.score.pagestyle import STYLE

BOARD_STYLE = (
    STYLE
    + """
.band { background: var(--warn-line); color: #1b0d00; font-weight: 600; text-align: center; padding: .5rem 1rem;
  position: sticky; top: 0; z-index: 3; border-radius: .375rem; margin: 0 0 1rem; max-width: none; }
a { color: var(--mark); text-underline-offset: .15em; }
.about { white-space: pre-line; overflow-wrap: anywhere; }
.phase { margin-top: 2.5rem; } .phase > h2 { font-size: 1.4rem; margin-bottom: .1rem; }
.standing { margin-top: 1.5rem; } .standing > h3 { font-size: 1.1rem; margin: 0 0 .2rem; }
.standing :is(h3, p), .sheet { overflow-wrap: anywhere; }
.ranking :is(td, tbody th) { padding: .55rem .6rem; vertical-align: top; text-align: left; font-weight: 400;
  border-bottom: 1px solid var(--line); }
.ranking tbody:last-child > tr > * { border-bottom: 0; }
.ranking td:is(.number, .rank) { text-align: right; white-space: nowrap; } .ranking td.rank { font-weight: 600; }
.ranking td.text { font-size: .875rem; color: var(--soft); min-width: 7rem; max-width: 15rem; overflow-wrap: anywhere; }
.ranking td.links { font-size: .875rem; min-width: 7rem; } .ranking td.links a { white-space: nowrap;
  margin-right: .5rem; }
.ranking tbody th { position: sticky; left: 0; z-index: 1; background: var(--ground); min-width: 11rem;
  max-width: 18rem; overflow-wrap: anywhere; } .ranking thead th:nth-child(2) { position: sticky; left: 0; z-index: 1; }
.ranking tbody th a { font-weight: 600; } .ranking .method { display: block; font-size: .8125rem; color: var(--soft); }
.ranking .first > tr > * { background: var(--fresh); } .ranking .out > tr > * { color: var(--soft); }
.ranking thead th.plain { padding: .6rem; }
.marks { list-style: none; padding: 0; color: var(--soft); font-size: .875rem; max-width: 60rem; margin: .75rem 0 0; }
.marks li { display: flex; gap: .5rem; overflow-wrap: anywhere; } .marks b { flex: 0 0 1.25rem; text-align: right; }
.marks li > span { min-width: 0; } .marks li:target { background: var(--warn); color: var(--ink); }
.figures { display: flex; flex-wrap: wrap; gap: .5rem; margin: 1rem 0; padding: 0; }
.figures div { background: var(--raised); border-radius: .5rem; padding: .6rem 1rem; min-width: 7rem; }
.figures dt { color: var(--soft); font-size: .875rem; }
.figures dd { margin: 0; font-size: 1.35rem; font-weight: 600; font-variant-numeric: tabular-nums; }
.figures .scale { margin-left: 0; }
.sheet { border: 1px solid var(--line); border-radius: .5rem; padding: 1rem 1.25rem; margin: 1rem 0; }
.sheet > h2 { margin-bottom: .75rem; } .description { white-space: pre-wrap; color: var(--ink); margin: 1rem 0 0; }
.controls > .field { max-width: 18rem; }
.sheet .scroller { max-height: 24rem; overflow: auto; }
@media (max-width: 40rem) {
  .ranking :is(td, tbody th) { padding: .5rem .45rem; } .ranking tbody th { min-width: 7rem; max-width: 9rem; }
}
"""
)
