/** The look of a report: one style sheet, light and dark by the reader's choice, readable from a phone to a wide screen. */
export const STYLE = `
:root { color-scheme: light dark; --ground: #f6f6f3; --card: #fff; --ink: #1d2127; --soft: #5c6470; --line: #e2e2dc;
  --one: #2563a8; --two: #d9622b; --faint: #a9bcd3; --on-one: #fff; --warn: #9a4a12; --warn-ground: #fdf0e4; }
@media (prefers-color-scheme: dark) { :root { --ground: #14171b; --card: #1c2026; --ink: #e6e8eb; --soft: #9aa3af;
  --line: #2d333b; --one: #6ea8e6; --two: #f0935f; --faint: #46566a; --on-one: #0d1116; --warn: #f5b98a; --warn-ground: #33241a; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 15px/1.5 system-ui, -apple-system, "Segoe UI", sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 28px 20px 56px; }
header { margin-bottom: 20px; }
h1 { font-size: 26px; line-height: 1.2; margin: 0 0 4px; letter-spacing: -0.01em; overflow-wrap: anywhere; }
h2 { font-size: 18px; margin: 34px 0 12px; }
h3 { font-size: 14px; font-weight: 600; margin: 0 0 6px; }
p { margin: 0 0 8px; max-width: 75ch; }
.soft, figcaption, header p { color: var(--soft); }
.hero, figure, .card, .warning { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 16px 18px; margin: 0; }
.hero { display: flex; flex-wrap: wrap; gap: 18px 40px; align-items: center; }
.score b { display: block; font-size: 46px; line-height: 1.1; font-weight: 650; letter-spacing: -0.02em; font-variant-numeric: tabular-nums; }
.score small { font-size: 13px; color: var(--soft); }
.facts { display: grid; grid-template-columns: repeat(auto-fill, minmax(130px, 1fr)); gap: 12px 20px; flex: 1 1 420px; margin: 0; }
.facts dt { font-size: 12px; color: var(--soft); }
.facts dd { margin: 0; font-weight: 600; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.warning { margin-top: 14px; color: var(--warn); background: var(--warn-ground); border-color: currentColor; }
.grid { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 330px), 1fr)); gap: 14px; align-items: start; }
.wide { grid-template-columns: repeat(auto-fit, minmax(min(100%, 440px), 1fr)); }
figure { overflow: hidden; }
section > figure + figure, section > .grid + .card { margin-top: 14px; }
figure svg { width: 100%; height: auto; display: block; font-size: 11px; overflow: visible; }
figure svg [aria-label*="grid"] { stroke: var(--line); stroke-opacity: 1; }
figcaption { font-size: 13px; margin-top: 8px; }
.legend { display: flex; flex-wrap: wrap; gap: 2px 16px; font-size: 13px; color: var(--soft); margin: 0 0 6px; }
.legend i { display: inline-block; width: 10px; height: 10px; border-radius: 3px; margin-right: 6px; background: var(--one); }
.legend i.two { background: var(--two); } .legend i.faint { background: var(--faint); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 13.5px; font-variant-numeric: tabular-nums; }
th { font-weight: 500; color: var(--soft); border-bottom: 1px solid var(--line); }
th, td { padding: 3px 10px 3px 0; text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
tbody tr + tr td { border-top: 1px solid color-mix(in srgb, var(--line) 55%, transparent); }
.bar { display: inline-block; width: 56px; height: 7px; border-radius: 4px; background: color-mix(in srgb, var(--faint) 35%, transparent); margin-right: 8px; vertical-align: 1px; overflow: hidden; }
.bar i { display: block; height: 100%; background: var(--one); }
.mosaic { width: 100%; height: auto; image-rendering: pixelated; border-radius: 6px; display: block; }
.gallery { display: grid; grid-template-columns: repeat(auto-fill, minmax(92px, 1fr)); gap: 12px; }
.gallery.lines { grid-template-columns: repeat(auto-fill, minmax(180px, 1fr)); }
.gallery div { font-size: 12.5px; line-height: 1.35; color: var(--soft); }
.gallery b { color: var(--ink); }
pre.text { white-space: pre-wrap; overflow-wrap: anywhere; background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 12px 16px; }
.line { height: 42px; width: auto; max-width: 100%; object-fit: contain; object-position: left; border-radius: 6px; display: block; margin-bottom: 4px; border: 1px solid var(--line); }
.thumb { width: 100%; height: auto; image-rendering: pixelated; border-radius: 6px; display: block; margin-bottom: 4px; border: 1px solid var(--line); }
details + details { border-top: 1px solid var(--line); }
details:not(.card) { padding: 8px 0; }
summary { cursor: pointer; font-weight: 600; }
dl.record { display: grid; grid-template-columns: minmax(110px, max-content) 1fr; gap: 2px 18px; font-size: 13.5px; margin: 8px 0; }
dl.record dt { color: var(--soft); }
dl.record dd { margin: 0; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
footer { margin-top: 34px; font-size: 13px; color: var(--soft); }
@media (max-width: 560px) { main { padding: 18px 12px 40px; } .score b { font-size: 38px; } .hero, figure, .card { padding: 13px 13px; } h1 { font-size: 22px; }
  .bar { display: none; } .gallery { grid-template-columns: repeat(auto-fill, minmax(70px, 1fr)); gap: 10px; } }
@media print { body { background: none; } figure, .hero, .card { break-inside: avoid; } details { display: block; } }
`;
