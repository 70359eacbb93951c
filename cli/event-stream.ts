/** Reads server-sent events (HTML Living Standard, section 9.2.6). */

export interface StreamEvent {
  /** The place to go on from; as before when the event has none of its own. */
  readonly id: string | undefined;
  readonly type: string;
  readonly data: string;
}

/** The events of a stream, and places without an event as events of type "". */
export async function* readEvents(stream: AsyncIterable<Uint8Array>): AsyncGenerator<StreamEvent> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const bytes of stream) {
    const blocks = (rest + decoder.decode(bytes, { stream: true })).split("\n\n");
    rest = blocks.pop() ?? "";
    for (const block of blocks) yield readBlock(block);
  }
}

function readBlock(block: string): StreamEvent {
  const fields = block.split("\n").map((line) => /^([^:]*):? ?(.*)$/.exec(line) ?? []);
  const all = (name: string) => fields.filter(([, field]) => field === name).map(([, , value = ""]) => value);
  return { id: all("id").at(-1), type: all("event").at(-1) ?? "", data: all("data").join("\n") };
}
