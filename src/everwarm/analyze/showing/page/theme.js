"use strict";
// Text of logs reaches the page through textContent and a canvas only, so it is inert.

const $ = (id) => document.getElementById(id);
const report = JSON.parse($("report").textContent);
const root = document.documentElement;
const system = matchMedia("(prefers-color-scheme: dark)");
const calm = matchMedia("(prefers-reduced-motion: reduce)");
const redraw = []; // functions to call when colours have changed

function isDark() {
  return root.dataset.theme ? root.dataset.theme === "dark" : system.matches;
}

function repaint() {
  $("theme").textContent = isDark() ? "Light" : "Dark";
  $("theme").setAttribute("aria-label", isDark() ? "Show in light colours" : "Show in dark colours");
  for (const draw of redraw) draw();
}

function paper(begins) {
  // A canvas is printed as it was drawn, so it is drawn for paper before.
  if (begins) {
    root.dataset.before = root.dataset.theme ?? "";
    root.dataset.theme = "light";
  } else if (root.dataset.before) root.dataset.theme = root.dataset.before;
  else delete root.dataset.theme;
  repaint();
}

$("theme").addEventListener("click", () => {
  root.dataset.theme = isDark() ? "light" : "dark";
  repaint();
});
system.addEventListener("change", repaint);
addEventListener("beforeprint", () => paper(true));
addEventListener("afterprint", () => paper(false));
$("theme").hidden = false;
repaint();
