"""The report's style sheet: Okabe and Ito's colours, system fonts, light and dark by the reader's setting."""

CSS = """
:root { --page: #fbfbf9; --card: #ffffff; --ink: #1d2126; --soft: #5d6670; --rule: #dfe2e6;
  --accept: #0072b2; --refuse: #d55e00; --fail: #a3467d; --alone: #b07500; --open: #8a8f98; --gas: #0072b2; }
@media (prefers-color-scheme: dark) {
  :root { --page: #14171b; --card: #1c2026; --ink: #e8eaed; --soft: #a2abb5; --rule: #333a43;
    --accept: #56b4e9; --refuse: #e69f00; --fail: #cc79a7; --alone: #f0e442; --open: #8a8f98; --gas: #56b4e9; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 2rem 1rem 3rem; }
h1 { margin: 0; font-size: 1.9rem; letter-spacing: -0.01em; }
h2 { margin: 0 0 0.8rem; font-size: 1.1rem; }
header p { color: var(--soft); margin: 0.4rem 0 1.4rem; max-width: 48rem; }
section { background: var(--card); border: 1px solid var(--rule); border-radius: 10px; padding: 1.1rem 1.2rem;
  margin: 0 0 1rem; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(12rem, 1fr)); gap: 0.8rem; padding: 0;
  background: none; border: 0; }
.tile { background: var(--card); border: 1px solid var(--rule); border-radius: 10px; padding: 0.8rem 1rem;
  display: flex; flex-direction: column; }
.tile span, .tile small, figcaption, .note, footer { color: var(--soft); font-size: 0.85rem; }
.tile b { font-size: 1.5rem; font-variant-numeric: tabular-nums; }
figure { margin: 0; }
figure svg { width: 100%; height: auto; display: block; }
.narrow { max-width: 36rem; }
figcaption, .note { margin: 0.7rem 0 0; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 0.88rem; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 0.3rem 0.9rem 0.3rem 0; border-bottom: 1px solid var(--rule); white-space: nowrap; }
td:last-child { white-space: normal; }
th { color: var(--soft); font-weight: 600; }
tbody tr:last-child td { border-bottom: 0; }
.n { text-align: right; }
ul { margin: 0; padding-left: 1.2rem; }
li { margin: 0.25rem 0; }
footer { margin-top: 1.5rem; text-align: center; }
svg .label { font-size: 12px; fill: var(--soft); }
svg .number { font-size: 11px; }
svg .letter { font-size: 11px; fill: var(--card); font-weight: 700; }
svg .grid { stroke: var(--rule); stroke-width: 1; }
svg .alone { stroke: var(--alone); stroke-width: 2; stroke-dasharray: 6 4; }
svg .limit { stroke: var(--refuse); stroke-width: 1.5; stroke-dasharray: 3 3; }
svg .curve { fill: none; stroke-width: 2.5; stroke-linejoin: round; }
svg .owner { stroke: var(--accept); }
svg .public { stroke: var(--fail); stroke-dasharray: 2 3; }
svg .dot, svg .accept { fill: var(--accept); }
svg .refuse { fill: var(--refuse); }
svg .stroke { fill: none; stroke: var(--refuse); stroke-width: 2.2; }
svg .fail { fill: var(--fail); }
svg .open { fill: var(--open); }
svg .gas { fill: var(--gas); }
svg .ink-alone { fill: var(--alone); }
svg .ink-public { fill: var(--fail); }
svg .ink-owner { fill: var(--accept); font-weight: 700; }
svg .ink-limit { fill: var(--refuse); }
svg .cell { rx: 3px; }
@media print { section, .tile { break-inside: avoid; } }
"""
