"""The report's look: colours for day, night and paper; nothing that must be fetched."""

from typing import Final

STYLE: Final = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1b1f24; --dim: #5d6673; --line: #d9dee4; --fill: #f4f6f8;
  --good: #14713b; --bad: #b3261e; --warn: #8a5a00;
  --c0: #1f5fbf; --c1: #b8500b; --c2: #14713b; --c3: #8e3bb0; --c4: #00707c; --c5: #a8324e; --c6: #5c6b00;
  --c7: #4b4f57; }
@media (prefers-color-scheme: dark) { :root { --paper: #14171a; --ink: #e6e9ed; --dim: #9aa4b0; --line: #333a42;
  --fill: #1d2226; --good: #5fce8b; --bad: #ff8a80; --warn: #f0b95a; --c0: #7db0ff; --c1: #ff9f5a; --c2: #5fce8b;
  --c3: #d49bf0; --c4: #5cd3df; --c5: #ff8fa8; --c6: #c5d65a; --c7: #b5bcc6; } }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.45 system-ui, sans-serif; }
main { max-width: 62rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.5rem; } h3 { font-size: 1.05rem; overflow-wrap: anywhere; }
article { border-top: 1px solid var(--line); margin-top: 2rem; }
a { color: var(--c0); }
table { border-collapse: collapse; margin: 1rem 0; width: 100%; font-size: .9rem; }
caption { text-align: left; font-weight: 600; padding: .3rem 0; }
th, td { text-align: left; vertical-align: top; padding: .2rem .6rem .2rem 0; border-bottom: 1px solid var(--line);
  overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
th { color: var(--dim); font-weight: 500; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; } dt { color: var(--dim); }
dd { margin: 0; overflow-wrap: anywhere; }
pre, code { font: .85rem/1.4 ui-monospace, monospace; }
pre { background: var(--fill); padding: .6rem; white-space: pre-wrap; overflow-wrap: anywhere; }
.verdict { color: var(--dim); font-weight: 600; white-space: nowrap; } .verdict.passed { color: var(--good); }
.verdict.failed, .verdict.error { color: var(--bad); } .verdict.not-exercised { color: var(--warn); }
figure { margin: 1rem 0; } figcaption { font-weight: 600; }
.key { font-weight: 400; font-size: .85rem; margin-left: 1rem; white-space: nowrap; }
.key i { display: inline-block; width: 1.2rem; border-top: 3px solid; vertical-align: middle; margin-right: .3rem; }
svg { width: 100%; height: auto; } svg text { fill: var(--dim); font: 11px system-ui, sans-serif; }
.grid { stroke: var(--line); } line.limit { stroke: var(--bad); stroke-dasharray: 5 4; } i.limit { color: var(--bad);
  border-top-style: dashed; }
.curve { fill: none; stroke-width: 1.6; stroke-linejoin: round; stroke-linecap: round; }
.c0 { stroke: var(--c0); color: var(--c0); } .c1 { stroke: var(--c1); color: var(--c1); }
.c2 { stroke: var(--c2); color: var(--c2); } .c3 { stroke: var(--c3); color: var(--c3); }
.c4 { stroke: var(--c4); color: var(--c4); } .c5 { stroke: var(--c5); color: var(--c5); }
.c6 { stroke: var(--c6); color: var(--c6); } .c7 { stroke: var(--c7); color: var(--c7); }
.curve.c1, .curve.c5 { stroke-dasharray: 7 2; } .curve.c2, .curve.c6 { stroke-dasharray: 2 2; }
.dot { fill: currentColor; stroke: none; }
summary { cursor: pointer; }
@media print { main { max-width: none; } article { break-inside: avoid-page; } }
"""
