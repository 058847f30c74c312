/**
 * An agent: a loop that asks a model what to do, does it, and asks again. Each question and each tool call is a
 * step, so a crash in the tenth turn repeats neither the nine before it nor what they cost.
 *
 *   npx tsx examples/10-agent-loop/main.ts
 */
import { createEngine, FatalError, step, stepInfo, workflow } from "perdure";
import { openModel, type Message, type ToolCall } from "./model.ts";

const engine = createEngine({ store: "memory:" });
const model = await openModel();

const askModel = step(
  "ask-model",
  { timeout: "30s", retry: { maxAttempts: 6, initialDelay: "50ms" } },
  async (messages: Message[]) => {
    const response = await fetch(model.url, {
      method: "POST",
      body: JSON.stringify({ messages }),
      signal: stepInfo().signal,
    });
    if (!response.ok) {
      console.log(`model: ${response.status} ${await response.text()}`);
      throw new Error(`The model answered ${response.status}.`);
    }
    return (await response.json()) as Extract<Message, { role: "assistant" }>;
  },
);

const tools = new Map<string, (input: never) => Promise<unknown>>([
  ["weather", step("weather", async ({ city }: { city: string }) => ({ Oslo: -4, Cairo: 21 })[city])],
  ["subtract", step("subtract", async ({ from, what }: { from: number; what: number }) => from - what)],
]);

/** What goes wrong is told to the model, not thrown: it may know another way. */
async function callTool({ id, tool, input }: ToolCall): Promise<Message> {
  try {
    const call = tools.get(tool);
    if (!call) throw new FatalError(`there is no tool "${tool}"`);
    return { role: "tool", id, text: String(await call(input as never)) };
  } catch (error) {
    return { role: "tool", id, text: `error: ${(error as Error).message}` };
  }
}

const agent = workflow("agent", async (question: string) => {
  const messages: Message[] = [{ role: "user", text: question }];
  for (let turn = 1; turn <= 10; turn++) {
    const reply = await askModel(messages);
    messages.push(reply);
    if (reply.toolCalls.length === 0) return { answer: reply.text, messages };
    messages.push(...(await Promise.all(reply.toolCalls.map(callTool))));
  }
  throw new Error("The model came to no conclusion in ten turns.");
});

await engine.work();
const run = await engine.start(agent, "How much warmer is Cairo than Oslo?");
const { answer, messages } = await run.result();

for (const message of messages) {
  const calls = message.role === "assistant" ? message.toolCalls : [];
  console.log(`${message.role}: ${message.text}`);
  for (const { tool, input } of calls) console.log(`  ${tool}(${JSON.stringify(input)})`);
}
console.log(`answer: ${answer}`);
await engine.close();
model.close();
