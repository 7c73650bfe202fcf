// Takes turns at one server, in order, and prints what the user of the client saw, as JSON: name -> seen.
// Each turn asks its own question, its name, so that no turn can be answered with what another was told.
// Run as: node FILE URL

export const GPT = "gpt-fake";
export const CLAUDE = "claude-fake";
export const KEY = "sk-test";
export const SYSTEM = "Be brief.";
export const use = (name) => `use the tool for ${name}`;
export const PARAMETERS = {
  type: "object",
  properties: { city: { type: "string" } },
  required: ["city"],
  additionalProperties: false,
};

export const server = process.argv[2];
export const openaiURL = `${server}/v1`;
export const anthropicURL = server;

export async function all(stream) {
  const pieces = [];
  for await (const piece of stream) pieces.push(piece);
  return pieces;
}

export async function take(turns) {
  const seen = {};
  for (const [name, turn] of Object.entries(turns)) seen[name] = await turn(name);
  console.log(JSON.stringify(seen));
}
