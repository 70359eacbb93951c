/** A listener to server-sent events, as a program would write it. */
export interface HeardEvent {
  readonly id: string;
  readonly event: string;
  readonly data: Record<string, unknown>;
}

export interface Listener {
  readonly heard: readonly HeardEvent[];
  /** The last id that was sent, with an event or alone. */
  readonly lastId: string;
  /** Resolves when the server ended the stream; rejects when the connection broke. */
  readonly ended: Promise<void>;
  /** Reads no further until `goOn`. */
  pause(): void;
  goOn(): void;
  leave(): void;
}

/** Listens until it leaves or the stream ends; resolves with the first id, so that nothing later is missed. */
export async function listen(url: string, headers: Record<string, string>): Promise<Listener> {
  const leaving = new AbortController();
  const response = await fetch(url, { headers, signal: leaving.signal });
  if (response.status !== 200 || !response.body) throw new Error(`${response.status}: ${await response.text()}`);
  const heard: HeardEvent[] = [];
  const state = { lastId: "", pause: Promise.withResolvers<void>(), isPaused: false };
  const begun = Promise.withResolvers<void>();
  const read = async (body: ReadableStream<Uint8Array>) => {
    const decoder = new TextDecoder();
    let text = "";
    for await (const chunk of body) {
      if (state.isPaused) await state.pause.promise;
      text += decoder.decode(chunk, { stream: true });
      const blocks = text.split("\n\n");
      text = blocks.pop() ?? "";
      for (const block of blocks) {
        const fields = new Map(
          block.split("\n").map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]),
        );
        state.lastId = fields.get("id") ?? state.lastId;
        const data = fields.get("data");
        if (data !== undefined)
          heard.push({
            id: state.lastId,
            event: fields.get("event") ?? "message",
            data: JSON.parse(data) as HeardEvent["data"],
          });
        begun.resolve();
      }
    }
  };
  const ended = read(response.body);
  ended.catch(() => {});
  await Promise.race([begun.promise, ended]);
  return {
    heard,
    get lastId() {
      return state.lastId;
    },
    ended,
    pause() {
      state.isPaused = true;
      state.pause = Promise.withResolvers();
    },
    goOn() {
      state.isPaused = false;
      state.pause.resolve();
    },
    leave: () => leaving.abort(),
  };
}
