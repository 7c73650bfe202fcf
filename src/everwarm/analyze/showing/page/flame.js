// The prefix flame graph on a canvas of the height of its box: five thousand stretches need no five thousand elements.

const ROW = 24; // pixels
const TALLEST = 480; // of the box; deeper trees scroll
const THIN = 0.4; // what is thinner is not drawn, and nothing inside it
const TIME = 220; // ms of a zoom

const flame = report.flame.length ? new (class {
  tree = treeOf(report.flame);
  canvas = $("flame-canvas");
  box = $("flame-box");
  pen = this.canvas.getContext("2d");
  focus = 0; // what fills the width
  at = 0; // what the keyboard is on
  over = -1; // what the pointer is on
  found = null; // a set of numbers, or null where nothing is searched
  view = [0, this.tree.total[0] || 1]; // what is seen, in tokens times calls
  colours = [];
  frame = 0;

  levels() {
    let deepest = 0;
    for (let i = this.focus; i < this.tree.end[this.focus]; i++) deepest = Math.max(deepest, this.tree.depth[i]);
    return deepest - this.tree.depth[this.focus] + 1;
  }

  fit() {
    const height = this.levels() * ROW;
    const scale = devicePixelRatio || 1;
    this.width = this.box.clientWidth;
    this.height = Math.min(height, TALLEST);
    this.box.style.height = `${this.height}px`;
    this.canvas.style.height = `${this.height}px`;
    this.canvas.style.marginBottom = `${height - this.height}px`;
    this.canvas.width = Math.round(this.width * scale);
    this.canvas.height = Math.round(this.height * scale);
    this.pen.setTransform(scale, 0, 0, scale, 0, 0);
    this.draw();
  }

  paint() {
    const of = (name, what) => getComputedStyle($(name))[what];
    this.colours = ["tone-read", "tone-lost", "tone-new"].map((name) => of(name, "backgroundColor"));
    this.ink = of("stretch", "color");
    this.mark = of("flame-box", "outlineColor");
    this.font = `12px ${getComputedStyle(document.body).fontFamily}`;
    this.draw();
  }

  draw() {
    const { tree, pen } = this;
    const scale = this.width / (this.view[1] - this.view[0]);
    pen.clearRect(0, 0, this.width, this.height);
    pen.textBaseline = "middle";
    pen.font = this.font; // a canvas that changes its size forgets it
    for (let i = this.focus; i < tree.end[this.focus]; ) {
      const x = (tree.x[i] - this.view[0]) * scale;
      const wide = tree.total[i] * scale;
      const y = this.top(i);
      if (wide < THIN || x > this.width || x + wide < 0 || y > this.height) i = tree.end[i];
      else {
        if (y > -ROW) this.bar(i, x, y, wide);
        i += 1;
      }
    }
  }

  top(i) {
    return (this.tree.depth[i] - this.tree.depth[this.focus]) * ROW - this.box.scrollTop;
  }

  bar(i, x, y, wide) {
    const { pen } = this;
    const [left, right] = [Math.max(x, 0), Math.min(x + wide, this.width)];
    const inner = Math.max(right - left - (wide > 4 ? 1 : 0), THIN);
    pen.globalAlpha = this.found && !this.found.has(i) ? 0.28 : 1;
    let from = left;
    shares(this.tree, i).forEach((share, tone) => {
      pen.fillStyle = this.colours[tone];
      pen.fillRect(from, y, share * inner, ROW - 1);
      from += share * inner;
    });
    if (inner > 34) this.write(this.tree.rows[i][TEXT], left + 6, y + ROW / 2, inner - 12);
    pen.globalAlpha = 1;
    if (i === this.over || (i === this.at && document.activeElement === this.canvas)) {
      pen.strokeStyle = this.mark;
      pen.lineWidth = 2;
      pen.strokeRect(left + 1, y + 1, Math.max(inner - 2, 1), ROW - 3);
    }
  }

  write(text, x, y, room) {
    const { pen } = this;
    let words = text.slice(0, Math.ceil(room / 3)).replace(/\s+/g, " ");
    const wide = pen.measureText(words).width;
    if (wide > room) words = `${words.slice(0, Math.max(Math.floor((words.length * room) / wide) - 1, 1))}…`;
    pen.fillStyle = this.ink;
    pen.fillText(words, x, y, room);
  }

  under(event) {
    const { left, top } = this.canvas.getBoundingClientRect();
    const at = this.view[0] + ((event.clientX - left) / this.width) * (this.view[1] - this.view[0]);
    const depth = Math.floor((event.clientY - top + this.box.scrollTop) / ROW) + this.tree.depth[this.focus];
    for (let i = this.focus; i < this.tree.end[this.focus]; ) {
      const within = at >= this.tree.x[i] && at < this.tree.x[i] + this.tree.total[i];
      if (within && this.tree.depth[i] === depth) return i;
      i = within ? i + 1 : this.tree.end[i];
    }
    return -1;
  }

  zoom(i) {
    const before = this.view;
    const after = [this.tree.x[i], this.tree.x[i] + (this.tree.total[i] || 1)];
    this.focus = this.at = i;
    this.over = -1;
    this.box.scrollTop = 0;
    this.view = after;
    this.fit();
    this.tell(i);
    this.crumbs();
    if (!calm.matches) this.glide(before, after, performance.now());
  }

  glide(before, after, began) {
    cancelAnimationFrame(this.frame);
    const step = (now) => {
      const part = Math.min(Math.max((now - began) / TIME, 0), 1);
      const eased = 1 - (1 - part) ** 3;
      this.view = after.map((end, side) => before[side] + (end - before[side]) * eased);
      this.draw();
      if (part < 1) this.frame = requestAnimationFrame(step);
    };
    this.frame = requestAnimationFrame(step);
  }

  back() {
    if (this.focus) this.zoom(this.tree.parent[this.focus]);
  }

  crumbs() {
    const way = ancestors(this.tree, this.focus);
    const shown = way.length > 6 ? [way[0], -1, ...way.slice(-4)] : way;
    $("crumbs").replaceChildren(...shown.map((i) => this.crumb(i)));
    $("back").disabled = $("whole").disabled = this.focus === 0;
  }

  crumb(i) {
    const item = make("li", i < 0 ? "…" : null);
    if (i < 0) return item;
    const button = make("button", this.tree.rows[i][TEXT].slice(0, 32));
    button.type = "button";
    if (i === this.focus) button.setAttribute("aria-current", "true");
    button.addEventListener("click", () => this.zoom(i));
    item.append(button);
    return item;
  }

  tell(i) {
    const { tree } = this;
    const row = tree.rows[i];
    const [read, lost, rest] = shares(tree, i).map((share) => percent(share, 1));
    const size = i ? `${row[TIER]} · ${many(row[TOKENS], "token")} × ${many(row[CALLS], "call")} = ${count(tree.own[i])}; with what follows ` : "";
    const all = `${count(tree.total[i])} tokens, ${percent(tree.total[i], tree.total[0])} of all`;
    const parts = [make("code", row[TEXT]), make("p", size + all)];
    parts.push(make("p", `read ${read} · lost ${lost} · new ${rest}`));
    if (row[CAUSE]) parts.push(make("p", `Lost to: ${row[CAUSE]}`, "lost-ink"));
    $("stretch").replaceChildren(...parts);
  }

  search(words) {
    this.found = matches(this.tree, words);
    let sum = 0;
    for (const i of this.found ?? []) sum += this.tree.own[i];
    const share = percent(sum, this.tree.total[0]);
    const said = this.found && `${many(this.found.size, "stretch")}, ${count(sum)} tokens × calls: ${share} of all`;
    $("found").textContent = said ?? "";
    this.draw();
  }
})() : null;
