// What the pointer and the keys do to the flame graph.

function moved(key) {
  const { tree, at, focus } = flame;
  if (key === "ArrowDown") return children(tree, at)[0];
  if (at === focus) return undefined;
  if (key === "ArrowUp") return tree.parent[at];
  const beside = children(tree, tree.parent[at]);
  return beside[beside.indexOf(at) + (key === "ArrowRight" ? 1 : -1)];
}

function intoView(i) {
  const y = flame.top(i);
  if (y < 0) flame.box.scrollTop += y;
  else if (y + ROW > flame.height) flame.box.scrollTop += y + ROW - flame.height;
}

const acts = {
  Enter: () => flame.zoom(flame.at),
  Escape: () => flame.back(),
  Backspace: () => flame.back(),
  Home: () => flame.zoom(0),
};

function press(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key in acts) acts[event.key]();
  else if (event.key.startsWith("Arrow")) {
    flame.at = moved(event.key) ?? flame.at;
    intoView(flame.at);
    flame.tell(flame.at);
    flame.draw();
  } else return;
  event.preventDefault();
}

function point(i) {
  if (i === flame.over) return;
  flame.over = i;
  if (i >= 0) flame.tell(i);
  flame.canvas.classList.toggle("hand", i >= 0);
  flame.draw();
}

if (flame) {
  $("flame-room").hidden = false;
  flame.canvas.addEventListener("pointermove", (event) => point(flame.under(event)));
  flame.canvas.addEventListener("pointerleave", () => point(-1));
  flame.canvas.addEventListener("click", (event) => {
    const i = flame.under(event);
    if (i >= 0) flame.zoom(i === flame.focus && i ? flame.tree.parent[i] : i);
  });
  flame.canvas.addEventListener("keydown", press);
  for (const name of ["focus", "blur"]) flame.canvas.addEventListener(name, () => flame.draw());
  flame.box.addEventListener("scroll", () => flame.draw());
  $("find").addEventListener("input", () => flame.search($("find").value));
  $("back").addEventListener("click", () => flame.back());
  $("whole").addEventListener("click", () => flame.zoom(0));
  new ResizeObserver(() => flame.box.clientWidth !== flame.width && (flame.fit(), flame.paint())).observe(flame.box);
  redraw.push(() => flame.paint());
  flame.zoom(0);
  flame.paint();
}
