/** Stands in for a hosted language model: the same HTTP, a script instead of weights, and as overloaded as the real ones. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";

export interface ToolCall {
  id: string;
  tool: string;
  input: unknown;
}

export type Message =
  | { role: "user"; text: string }
  | { role: "assistant"; text: string; toolCalls: ToolCall[] }
  | { role: "tool"; id: string; text: string };

export interface Model {
  url: string;
  close: () => void;
}

export async function openModel(): Promise<Model> {
  let calls = 0;
  const server = createServer((request, response) => {
    void json(request).then((body) => {
      // Every third call is one too many.
      if (++calls % 3 === 2) response.writeHead(529).end("overloaded");
      else response.end(JSON.stringify(answer((body as { messages: Message[] }).messages)));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** Asks for two temperatures, then for a conversion, tries a tool that does not exist, and concludes. */
function answer(messages: Message[]): Message {
  const results = messages.filter((message) => message.role === "tool").map(({ text }) => text);
  const call = (text: string, ...toolCalls: ToolCall[]): Message => ({ role: "assistant", text, toolCalls });
  switch (results.length) {
    case 0:
      return call(
        "I need both temperatures.",
        { id: "t1", tool: "weather", input: { city: "Oslo" } },
        { id: "t2", tool: "weather", input: { city: "Cairo" } },
      );
    case 2:
      return call("Now the difference.", {
        id: "t3",
        tool: "subtract",
        input: { from: Number(results[1]), what: Number(results[0]) },
      });
    case 3:
      return call("Is that a record?", { id: "t4", tool: "almanac", input: {} });
    default:
      return call(`Cairo is ${results[2]} degrees warmer than Oslo. I could not look up records.`);
  }
}
