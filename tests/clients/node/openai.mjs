// The OpenAI SDK for Node: chat completions, the Responses API, completions, embeddings.

import OpenAI from "openai";
import { zodResponseFormat, zodTextFormat } from "openai/helpers/zod";
import { z } from "zod";
import { GPT, KEY, PARAMETERS, SYSTEM, all, openaiURL, take, use } from "./turns.mjs";

const client = new OpenAI({ baseURL: openaiURL, apiKey: KEY, maxRetries: 0 });
const Weather = z.object({ city: z.string(), rain: z.boolean() });
const messages = (text) => [
  { role: "system", content: SYSTEM },
  { role: "user", content: text },
];
const described = { name: "weather", description: "The weather in a city.", parameters: PARAMETERS };
const chatTool = { type: "function", function: described };
const tool = { type: "function", strict: true, ...described };
const chat = (messages, more) => client.chat.completions.create({ model: GPT, messages, ...more });
const respond = (input, more) => client.responses.create({ model: GPT, input, ...more });

await take({
  "chat answers": (text) => chat(messages(text)),
  "chat streams": async (text) =>
    all(await chat(messages(text), { stream: true, stream_options: { include_usage: true } })),
  "chat gathers a stream": (text) =>
    client.chat.completions.stream({ model: GPT, messages: messages(text) }).finalChatCompletion(),
  "chat uses a tool": async (text) => {
    const asked = messages(use(text));
    const first = (await chat(asked, { tools: [chatTool] })).choices[0].message;
    const result = { role: "tool", tool_call_id: first.tool_calls[0].id, content: "rain" };
    return [first, await chat([...asked, first, result], { tools: [chatTool] })];
  },
  "chat calls a tool in a stream": (text) =>
    client.chat.completions
      .stream({ model: GPT, messages: messages(use(text)), tools: [chatTool] })
      .finalChatCompletion(),
  "chat answers in a structure": (text) =>
    client.chat.completions.parse({
      model: GPT,
      messages: messages(text),
      response_format: zodResponseFormat(Weather, "weather"),
    }),
  "responses answers": (text) => respond(text),
  "responses streams": async (text) => all(await respond(text, { stream: true })),
  "responses gathers a stream": (text) => client.responses.stream({ model: GPT, input: text }).finalResponse(),
  "responses uses a tool": async (text) => {
    const asked = [{ role: "user", content: use(text) }];
    const first = await respond(asked, { tools: [tool] });
    const result = { type: "function_call_output", call_id: first.output[0].call_id, output: "rain" };
    return [first, await respond([...asked, ...first.output, result], { tools: [tool] })];
  },
  "responses answers in a structure": (text) =>
    client.responses.parse({ model: GPT, input: text, text: { format: zodTextFormat(Weather, "weather") } }),
  "completions answers": (text) => client.completions.create({ model: GPT, prompt: text }),
  "embeddings answers": (text) => client.embeddings.create({ model: "embed-fake", input: [text, "two"] }),
});
