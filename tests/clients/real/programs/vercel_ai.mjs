// A streamed agent on Vercel's AI SDK: `vercel_ai.mjs URL DIALECT PROMPT`.

import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { stepCountIs, streamText, tool } from "ai";
import { z } from "zod";

const [url, , prompt] = process.argv.slice(2);
const provider = createOpenAICompatible({ name: "aigw", baseURL: `${url}/v1`, apiKey: "sk-client", includeUsage: true });
let text = "";
let failure = null;
const result = streamText({
  model: provider("gpt-4o"),
  system: "Be brief.",
  prompt,
  maxRetries: 0,
  stopWhen: stepCountIs(5),
  tools: {
    look: tool({
      description: "Looks at a page.",
      inputSchema: z.object({ page: z.number().int() }),
      execute: async () => "marmalade",
    }),
  },
  onError: ({ error }) => {
    failure = error;
  },
});
try {
  for await (const part of result.fullStream) {
    if (part.type === "text-delta") text += part.text;
    if (part.type === "error") failure = part.error;
  }
} catch (error) {
  failure = error;
}
console.log(JSON.stringify(failure ? { error: String(failure.responseBody ?? failure.message ?? JSON.stringify(failure)), before: text } : { text }));
