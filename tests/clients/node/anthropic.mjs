// The Anthropic SDK for Node.

import Anthropic from "@anthropic-ai/sdk";
import { zodOutputFormat } from "@anthropic-ai/sdk/helpers/zod";
import { z } from "zod";
import { CLAUDE, KEY, PARAMETERS, SYSTEM, all, anthropicURL, take, use } from "./turns.mjs";

const client = new Anthropic({ baseURL: anthropicURL, apiKey: KEY, maxRetries: 0 });
const user = (content) => ({ role: "user", content });
const tools = [{ name: "weather", description: "The weather in a city.", input_schema: PARAMETERS }];
const common = { model: CLAUDE, max_tokens: 100, system: SYSTEM };
const Weather = z.object({ city: z.string(), rain: z.boolean() });
const ask = (messages, more) => client.messages.create({ ...common, messages, ...more });

await take({
  answers: (text) => ask([user(text)]),
  streams: async (text) => all(await ask([user(text)], { stream: true })),
  "gathers a stream": (text) => client.messages.stream({ ...common, messages: [user(text)] }).finalMessage(),
  "uses a tool": async (text) => {
    const first = await ask([user(use(text))], { tools });
    const result = { type: "tool_result", tool_use_id: first.content.at(-1).id, content: "rain" };
    const said = { role: "assistant", content: first.content };
    return [first, await ask([user(use(text)), said, user([result])], { tools })];
  },
  "calls a tool in a stream": (text) =>
    client.messages.stream({ ...common, messages: [user(use(text))], tools }).finalMessage(),
  "answers in a structure": (text) =>
    client.messages.parse({
      ...common,
      messages: [user(text)],
      output_config: { format: zodOutputFormat(Weather) },
    }),
});
