// Numbers as the rest of the page has them.

const count = (n) => n.toLocaleString("en-US");

function percent(part, whole) {
  if (!whole) return "–";
  const share = part / whole;
  if (share > 0 && share < 0.0005) return "<0.1%";
  if (share >= 0.9995 && share < 1) return ">99.9%";
  return `${(100 * share).toFixed(1)}%`;
}

const many = (n, name) => `${count(n)} ${name}${n === 1 ? "" : name.endsWith("ch") ? "es" : "s"}`;

function make(tag, text, className) {
  const element = document.createElement(tag);
  if (text != null) element.textContent = text;
  if (className) element.className = className;
  return element;
}
