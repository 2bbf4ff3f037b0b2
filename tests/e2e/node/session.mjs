// One thing that a Node.js program does with OpenAI's SDK: `node session.mjs BASE_URL SCENARIO`. Prints what it saw as JSON.

import OpenAI, { APIError, toFile } from "openai";

const [baseURL, scenario] = process.argv.slice(2);
const client = new OpenAI({ baseURL, apiKey: "sk-client", maxRetries: 2, timeout: 10_000 });
const messages = [{ role: "user", content: "Hello!" }];
const tools = [
  {
    type: "function",
    function: { name: "weather", parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] } },
  },
];

async function deltas(stream) {
  const seen = [];
  let error = null;
  try {
    for await (const event of stream) seen.push(event.choices[0]?.delta?.content ?? null);
  } catch (caught) {
    error = shown(caught);
  }
  return { seen, error };
}

function shown(error) {
  if (!(error instanceof APIError)) throw error;
  const { status, code, type, param, requestID, message } = error;
  return { name: error.constructor.name, status, code, type, param, requestID, message };
}

const scenarios = {
  chat: async () => {
    const { data, response, request_id } = await client.chat.completions.create({ model: "echo", messages }).withResponse();
    return { text: data.choices[0].message.content, usage: data.usage, request_id, own: response.headers.get("x-aigw-request-id") };
  },
  stream: async () => deltas(await client.chat.completions.create({ model: "echo", messages, stream: true })),
  usage: async () => {
    const options = { include_usage: true };
    const stream = client.chat.completions.stream({ model: "mock", messages, stream_options: options });
    return { usage: await stream.totalUsage(), text: await stream.finalContent() };
  },
  tools: async () => {
    const stream = client.chat.completions.stream({ model: "mock", messages, tools, tool_choice: "required" });
    const { finish_reason, message } = (await stream.finalChatCompletion()).choices[0];
    return { finish_reason, calls: message.tool_calls.map((call) => call.function) };
  },
  embeddings: async () => {
    const asked = { model: "mock", input: ["a", "b"], dimensions: 8 };
    const unasked = await client.embeddings.create(asked);
    const floats = await client.embeddings.create({ ...asked, encoding_format: "float" });
    return { unasked: unasked.data.map((row) => row.embedding), floats: floats.data.map((row) => row.embedding) };
  },
  models: async () => {
    const listed = [];
    for await (const model of client.models.list()) listed.push(model.id);
    return { listed, one: await client.models.retrieve("echo") };
  },
  error: async () => client.chat.completions.create({ model: "gpt-9", messages }).then(() => null, shown),
  abort: async () => {
    const stream = await client.chat.completions.create({ model: "echo", messages, stream: true });
    for await (const event of stream) return event.choices[0].delta;
  },
  upload: async () => client.files.create({ file: await toFile(Buffer.alloc(3_000_000, 7), "a.bin"), purpose: "batch" }),
};

console.log(JSON.stringify(await scenarios[scenario]()));
