// Conversations of an npm SDK with several gateways: `node conversations.mjs CLIENT '{"name": "URL"}'`. Prints for each gateway
// what was said in each scenario, or how it failed, as JSON.

const SCHEMA = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const SYSTEM = "Be brief.";
const weather = ({ city }) => `sunny in ${city}`;
const about = { name: "weather", description: "Says what the weather is like." };
const common = { maxRetries: 0, timeout: 10_000 };

// Each client has `turn`, which asks until no tool is called, adds to the history, and tells each piece of text to `hear`.
const clients = {
  "openai chat": async (url) => {
    const { default: OpenAI } = await import("openai");
    const sdk = new OpenAI({ baseURL: `${url}/v1`, apiKey: "k", ...common });
    const tools = [{ type: "function", function: { ...about, parameters: SCHEMA } }];
    return async (history, prompt, hear, streamed) => {
      if (!history.length) history.push({ role: "system", content: SYSTEM });
      history.push({ role: "user", content: prompt });
      for (;;) {
        const asked = { model: "gpt-4o", messages: history, tools };
        let message;
        if (streamed) {
          const stream = sdk.chat.completions.stream(asked);
          stream.on("content", hear);
          ({ message } = (await stream.finalChatCompletion()).choices[0]);
        } else {
          ({ message } = (await sdk.chat.completions.create(asked)).choices[0]);
          hear(message.content ?? "");
        }
        history.push(message);
        if (!message.tool_calls?.length) return;
        for (const call of message.tool_calls)
          history.push({ role: "tool", tool_call_id: call.id, content: weather(JSON.parse(call.function.arguments)) });
      }
    };
  },
  "openai responses": async (url) => {
    const { default: OpenAI } = await import("openai");
    const sdk = new OpenAI({ baseURL: `${url}/v1`, apiKey: "k", ...common });
    const tools = [{ type: "function", ...about, parameters: SCHEMA, strict: false }];
    return async (history, prompt, hear, streamed) => {
      history.push({ role: "user", content: prompt });
      for (;;) {
        const asked = { model: "gpt-5.6", input: history, instructions: SYSTEM, tools, store: false };
        let answer;
        if (streamed) {
          for await (const event of await sdk.responses.create({ ...asked, stream: true })) {
            if (event.type === "response.output_text.delta") hear(event.delta);
            if (event.type === "response.completed") answer = event.response;
            if (event.type === "response.failed") throw new Error(event.response.error.message);
          }
          if (!answer) throw new Error("no response.completed");
        } else {
          answer = await sdk.responses.create(asked);
          hear(answer.output_text);
        }
        history.push(...answer.output);
        const calls = answer.output.filter((item) => item.type === "function_call");
        if (!calls.length) return;
        for (const { call_id, arguments: text } of calls)
          history.push({ type: "function_call_output", call_id, output: weather(JSON.parse(text)) });
      }
    };
  },
  anthropic: async (url) => {
    const { default: Anthropic } = await import("@anthropic-ai/sdk");
    const sdk = new Anthropic({ baseURL: url, apiKey: "k", ...common });
    const tools = [{ ...about, input_schema: SCHEMA }];
    return async (history, prompt, hear, streamed) => {
      history.push({ role: "user", content: prompt });
      for (;;) {
        const asked = { model: "claude-sonnet-latest", max_tokens: 2000, system: SYSTEM, messages: history, tools };
        let message;
        if (streamed) {
          const stream = sdk.messages.stream(asked);
          stream.on("text", hear);
          message = await stream.finalMessage();
        } else {
          message = await sdk.messages.create(asked);
          for (const block of message.content) if (block.type === "text") hear(block.text);
        }
        history.push({ role: "assistant", content: message.content });
        const uses = message.content.filter((block) => block.type === "tool_use");
        if (!uses.length) return;
        const results = uses.map(({ id, input }) => ({ type: "tool_result", tool_use_id: id, content: weather(input) }));
        history.push({ role: "user", content: results });
      }
    };
  },
  "google-genai": async (url) => {
    const { GoogleGenAI } = await import("@google/genai");
    const sdk = new GoogleGenAI({ apiKey: "k", httpOptions: { baseUrl: url, timeout: 10_000 } });
    const tools = [{ functionDeclarations: [{ ...about, parametersJsonSchema: SCHEMA }] }];
    return async (history, prompt, hear, streamed) => {
      history.push({ role: "user", parts: [{ text: prompt }] });
      for (;;) {
        const config = { systemInstruction: SYSTEM, tools };
        const asked = { model: "gemini-3-pro-preview", contents: history, config };
        const answers = streamed ? await sdk.models.generateContentStream(asked) : [await sdk.models.generateContent(asked)];
        const parts = [];
        for await (const answer of answers)
          for (const part of answer.candidates?.[0].content?.parts ?? []) {
            if (part.text && !part.thought) hear(part.text);
            if (part.text !== "") parts.push(part);
          }
        history.push({ role: "model", parts });
        const calls = parts.filter((part) => part.functionCall).map((part) => part.functionCall);
        if (!calls.length) return;
        const results = calls.map(({ id, name, args }) => ({ functionResponse: { id, name, response: { output: weather(args) } } }));
        history.push({ role: "user", parts: results });
      }
    };
  },
};

const TWO_CALLS = 'stage: call weather {"city": "Paris"}\nstage: call weather {"city": "Rome"}';
const scenarios = {
  plain: [false, "Hello!"],
  stream: [true, "Hello!"],
  tools: [true, TWO_CALLS, "stage: call", "Thanks"],
  plain_tools: [false, TWO_CALLS, "stage: call", "Thanks"],
  key: [true, "stage: fail with key"],
  rate: [false, "stage: fail with rate"],
  too_long: [true, "stage: fail with context"],
  late: [true, "stage: fail late with overloaded"],
  broken: [true, "stage: break off"],
};

async function converse(turn, [streamed, ...prompts]) {
  const history = [];
  const said = [];
  for (const prompt of prompts) {
    let text = "";
    try {
      await turn(history, prompt, (piece) => (text += piece), streamed);
    } catch (error) {
      return { said, before: text, status: error.status ?? null, message: error.message };
    }
    said.push(text);
  }
  return { said };
}

const [name, gateways] = process.argv.slice(2);
const told = {};
for (const [vendor, url] of Object.entries(JSON.parse(gateways))) {
  told[vendor] = {};
  for (const [scenario, how] of Object.entries(scenarios)) told[vendor][scenario] = await converse(await clients[name](url), how);
}
console.log(JSON.stringify(told));
process.exit(0);
