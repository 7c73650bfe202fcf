// The AI SDK of Vercel with each of its providers. The default of its OpenAI provider is the Responses API.

import { createAnthropic } from "@ai-sdk/anthropic";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { Output, embedMany, generateText, isStepCount, streamText, tool } from "ai";
import { z } from "zod";
import { CLAUDE, GPT, KEY, SYSTEM, all, openaiURL, take, use } from "./turns.mjs";

globalThis.AI_SDK_LOG_WARNINGS = false; // it does not know the names of our models, and says so

const settings = { baseURL: openaiURL, apiKey: KEY };
const openai = createOpenAI(settings);
const models = {
  "openai responses": openai(GPT),
  "openai chat": openai.chat(GPT),
  compatible: createOpenAICompatible({ name: "everwarm", supportsStructuredOutputs: true, ...settings })(GPT),
  anthropic: createAnthropic(settings)(CLAUDE),
};
const weather = tool({
  description: "The weather in a city.",
  inputSchema: z.object({ city: z.string() }),
  execute: async () => "rain",
});

async function seen(result) {
  const { id, modelId } = await result.response;
  return { text: await result.text, usage: await result.usage, finishReason: await result.finishReason, id, modelId };
}

async function streamed(question) {
  const result = streamText(question);
  return { pieces: await all(result.textStream), ...(await seen(result)) };
}

const structure = Output.object({ schema: z.object({ city: z.string(), rain: z.boolean() }) });
const turns = {};
for (const [provider, model] of Object.entries(models)) {
  const question = (prompt, more) => ({ model, instructions: SYSTEM, prompt, maxRetries: 0, ...more });
  const withTool = (name) => question(use(name), { tools: { weather }, stopWhen: isStepCount(3) });
  turns[`${provider} answers`] = async (name) => seen(await generateText(question(name)));
  turns[`${provider} streams`] = (name) => streamed(question(name));
  turns[`${provider} uses a tool`] = async (name) => seen(await generateText(withTool(name)));
  turns[`${provider} uses a tool in a stream`] = (name) => streamed(withTool(name));
  turns[`${provider} answers in a structure`] = async (name) =>
    (await generateText(question(name, { output: structure }))).output;
}
turns["openai embeds"] = async (name) => {
  const { embeddings, usage } = await embedMany({ model: openai.embedding("embed-fake"), values: [name, "two"] });
  return { embeddings, usage };
};

await take(turns);
