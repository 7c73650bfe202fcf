// The prefix tree as arrays: how wide every stretch is, and where it lies. Number 0 is all prompts together.

const [PARENT, TEXT, TIER, TOKENS, CALLS, READ, LOST, CAUSE] = [0, 1, 2, 3, 4, 5, 6, 7];

function treeOf(rows) {
  const top = rows.filter((row) => row[PARENT] < 0);
  const calls = top.reduce((sum, row) => sum + row[CALLS], 0);
  const tree = {
    rows: [[-1, "All prompts", "", 0, calls, 0, 0, ""], ...rows],
    parent: [-1, ...rows.map((row) => row[PARENT] + 1)],
    own: [], // tokens times calls of the stretch itself
    total: [], // with all that goes on from it
    read: [], // of the total
    lost: [],
    end: [], // the number after the last one inside
    depth: [],
    x: [], // where it begins, in tokens times calls
  };
  tree.own = tree.rows.map((row) => row[TOKENS] * row[CALLS]);
  sumUp(tree);
  place(tree);
  return tree;
}

function sumUp(tree) {
  tree.total = [...tree.own];
  tree.read = tree.rows.map((row) => row[READ]);
  tree.lost = tree.rows.map((row) => row[LOST]);
  tree.end = tree.rows.map((_, index) => index + 1);
  for (let i = tree.rows.length - 1; i > 0; i--) {
    const above = tree.parent[i];
    tree.total[above] += tree.total[i];
    tree.read[above] += tree.read[i];
    tree.lost[above] += tree.lost[i];
    tree.end[above] = Math.max(tree.end[above], tree.end[i]);
  }
}

function place(tree) {
  const next = []; // where the next one inside begins
  tree.rows.forEach((_, i) => {
    const above = tree.parent[i];
    tree.depth[i] = i ? tree.depth[above] + 1 : 0;
    tree.x[i] = i ? next[above] : 0;
    next[i] = tree.x[i];
    if (i) next[above] += tree.total[i];
  });
}

function shares(tree, i) {
  // Read, lost and new of the stretch itself; of all prompts for what has no tokens of its own.
  const row = tree.rows[i];
  const own = tree.own[i];
  const [read, lost, whole] = own ? [row[READ], row[LOST], own] : [tree.read[i], tree.lost[i], tree.total[i]];
  return whole ? [read / whole, lost / whole, Math.max(whole - read - lost, 0) / whole] : [0, 0, 1];
}

function children(tree, i) {
  const inside = [];
  for (let j = i + 1; j < tree.end[i]; j = tree.end[j]) inside.push(j);
  return inside;
}

function ancestors(tree, i) {
  const above = [];
  for (let j = i; j >= 0; j = tree.parent[j]) above.unshift(j);
  return above;
}

function matches(tree, words) {
  const wanted = words.trim().toLowerCase();
  if (!wanted) return null;
  return new Set(tree.rows.flatMap((row, i) => (i && row[TEXT].toLowerCase().includes(wanted) ? [i] : [])));
}
