// Rows of the waterfall that tell more become buttons; all but the first are shut.

const SMALL = 14; // rows that are shown before the smaller ones are folded away

function shut(row, is) {
  const button = row.querySelector("button");
  button.setAttribute("aria-expanded", String(!is));
  $(row.dataset.more).classList.toggle("shut", is);
}

function openable(row) {
  const label = row.querySelector(".label");
  const button = make("button", label.textContent, "label");
  button.type = "button";
  button.setAttribute("aria-controls", row.dataset.more);
  label.replaceWith(button);
  row.addEventListener("click", () => shut(row, button.getAttribute("aria-expanded") === "true"));
}

function fold(rows) {
  const folded = rows.slice(SMALL, -1).filter((row) => row.classList.contains("lost-step"));
  if (folded.length < 3) return;
  for (const row of folded) row.classList.add("shut");
  const button = make("button", `Show ${folded.length} smaller losses`);
  button.type = "button";
  button.addEventListener("click", () => {
    for (const row of folded) row.classList.remove("shut");
    button.remove();
  });
  folded[0].closest("table").after(button);
}

const steps = [...document.querySelectorAll(".waterfall .step")];
const openables = steps.filter((row) => row.dataset.more);
openables.forEach(openable);
openables.forEach((row, index) => shut(row, index > 0));
fold(steps);
