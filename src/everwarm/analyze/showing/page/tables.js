// Columns of tables that can be sorted: by the key of a cell, or by its text.

function keyOf(row, column) {
  const cell = row.cells[column];
  return cell.dataset.key === undefined ? cell.textContent : Number(cell.dataset.key);
}

function order(a, b) {
  return typeof a === "number" ? a - b : a.localeCompare(b, "en", { numeric: true });
}

function sort(table, heading) {
  const down = heading.classList.contains("n") !== (heading.getAttribute("aria-sort") === "descending");
  const rows = [...table.tBodies[0].rows];
  rows.sort((a, b) => order(keyOf(a, heading.cellIndex), keyOf(b, heading.cellIndex)) * (down ? -1 : 1));
  for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
  heading.setAttribute("aria-sort", down ? "descending" : "ascending");
  table.tBodies[0].append(...rows);
}

for (const table of document.querySelectorAll("table.sortable")) {
  if (table.tBodies[0].rows.length < 2) continue;
  for (const heading of table.tHead.rows[0].cells) {
    const button = make("button", heading.textContent);
    button.type = "button";
    heading.replaceChildren(button);
    button.addEventListener("click", () => sort(table, heading));
  }
}
