import { expect, test } from "vitest";
import { readEvents, type StreamEvent } from "./event-stream.ts";

async function read(pieces: readonly string[]): Promise<StreamEvent[]> {
  async function* bytes() {
    for (const piece of pieces) yield new TextEncoder().encode(piece);
  }
  const events: StreamEvent[] = [];
  for await (const event of readEvents(bytes())) events.push(event);
  return events;
}

test("events come whole, however the bytes are cut, and what is not finished does not come", async () => {
  const text = 'retry: 2000\nid: 1.2\n\n: \nid: 1.3\n\nid: 1.4\nevent: operation\ndata: {"ä":1}\n\nid: 1.5\nda';
  const expected = [
    { id: "1.2", type: "", data: "" },
    { id: "1.3", type: "", data: "" },
    { id: "1.4", type: "operation", data: '{"ä":1}' },
  ];
  expect(await read([text])).toEqual(expected);
  expect(await read([...text])).toEqual(expected);
});
