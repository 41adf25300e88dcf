"""Style sheet of the HTML report: one column, light colors, for small and large screens."""

STYLESHEET = """
:root {
  color-scheme: light;
  --ink: #1f2933; --muted: #5f6c7b; --line: #e3e7ec; --wash: #f6f8fa; --accent: #d55e00;
}
* { box-sizing: border-box; }
html { scroll-behavior: smooth; }
body {
  margin: 0; background: #fff; color: var(--ink); overflow-wrap: break-word;
  font: 17px/1.6 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
}
main { max-width: 56rem; margin: 0 auto; padding: 2.5rem 1.25rem 5rem; }
h1 { font-size: 2.1rem; line-height: 1.2; letter-spacing: -0.015em; margin: 0 0 1rem; }
h2 { font-size: 1.5rem; line-height: 1.3; margin: 4rem 0 0.5rem; padding-top: 1rem;
     border-top: 1px solid var(--line); }
h3 { font-size: 1.1rem; margin: 2.25rem 0 0.25rem; }
p { margin: 0.5rem 0 1rem; max-width: 44rem; }
a { color: #0059a3; }
code { font: 0.88em ui-monospace, "SF Mono", Menlo, Consolas, monospace; }
.lead { font-size: 1.2rem; line-height: 1.55; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(10.5rem, 1fr));
         gap: 0.75rem; margin: 1.75rem 0; padding: 0; list-style: none; }
.tiles li { background: var(--wash); border-radius: 10px; padding: 1rem 1.1rem; }
.tiles b { display: block; font-size: 1.9rem; line-height: 1.2; color: var(--accent);
           font-variant-numeric: tabular-nums; }
.tiles span { display: block; font-size: 0.88rem; line-height: 1.4; color: var(--muted); }
nav { display: flex; flex-wrap: wrap; gap: 0.35rem 1.1rem; font-size: 0.88rem;
      border-block: 1px solid var(--line); padding: 0.7rem 0; }
nav a { text-decoration: none; }
nav a:hover { text-decoration: underline; }
figure { margin: 1.5rem 0 2rem; }
figure img { display: block; width: 100%; height: auto; }
figcaption strong { color: var(--ink); font-weight: 600; }
figcaption { color: var(--muted); font-size: 0.92rem; line-height: 1.5; margin-top: 0.5rem;
             max-width: 44rem; }
.videos { display: grid; grid-template-columns: repeat(3, 1fr); gap: 0.5rem; }
.videos video { display: block; width: 100%; aspect-ratio: 1; border-radius: 6px;
               background: var(--wash); }
/* Shadows at an edge beyond which there is more to see, where a table or figure is too wide. */
.scroll { overflow-x: auto; scrollbar-width: thin; background:
  linear-gradient(to right, #fff 1.5rem, transparent) left / 3rem 100% no-repeat local,
  linear-gradient(to left, #fff 1.5rem, transparent) right / 3rem 100% no-repeat local,
  linear-gradient(to right, #1f293366, transparent) left / 0.9rem 100% no-repeat scroll,
  linear-gradient(to left, #1f293366, transparent) right / 0.9rem 100% no-repeat scroll; }
.figure img { mix-blend-mode: multiply; }
table { border-collapse: collapse; font-size: 0.92rem; line-height: 1.4; min-width: 100%;
        font-variant-numeric: tabular-nums; }
th, td { padding: 0.45rem 0.9rem 0.45rem 0; text-align: right; white-space: nowrap; }
th:first-child { text-align: left; font-weight: 500; }
thead th { color: var(--muted); font-weight: 500; border-bottom: 1px solid var(--muted);
           vertical-align: bottom; white-space: normal; }
tbody th { white-space: normal; }
tbody tr + tr > * { border-top: 1px solid var(--line); }
td small { color: var(--muted); }
.words td, .words th { white-space: normal; text-align: left; }
.stacked td small { display: block; }
.key { display: inline-block; width: 0.7em; height: 0.7em; border-radius: 50%;
       margin-right: 0.5em; }
.best { font-weight: 700; }
.note { background: #fff7e6; border-left: 4px solid #e69f00; padding: 0.6rem 1rem;
        border-radius: 0 6px 6px 0; }
details { margin: 0.4rem 0; }
summary { cursor: pointer; }
pre { background: var(--wash); border-radius: 6px; padding: 0.9rem 1rem; overflow-x: auto;
      font: 0.82rem/1.5 ui-monospace, "SF Mono", Menlo, Consolas, monospace; }
@media (max-width: 36rem) {
  body { font-size: 16px; }
  main { padding-top: 1.5rem; }
  h1 { font-size: 1.7rem; }
  .figure img { width: 46rem; max-width: none; }  /* labels stay legible: the figure scrolls */
}
@media print { nav { display: none; } video { display: none; } figure { break-inside: avoid; } }
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
""".strip()
