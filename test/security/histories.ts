import { Client, Connection } from "@temporalio/client";
import { historyToJSON } from "@temporalio/common/lib/proto-utils.js";
import type { Found } from "./find-leaks.ts";

/** Everything Temporal shows of a namespace, payloads decoded: histories, what is pending, memos, attributes. */
export async function temporalTexts({ address, namespace }: { address: string; namespace: string }): Promise<Found[]> {
  const connection = await Connection.connect({ address });
  const client = new Client({ connection, namespace });
  const texts: Found[] = [];
  try {
    for await (const { workflowId, runId } of client.workflow.list()) {
      const handle = client.workflow.getHandle(workflowId, runId);
      const where = `Temporal workflow ${workflowId}`;
      texts.push(...decoded(`${where}, history`, historyToJSON(await handle.fetchHistory())));
      const { raw } = await handle.describe();
      texts.push(...decoded(`${where}, description`, JSON.stringify(raw, bytesAsBase64)));
    }
    for await (const schedule of client.schedule.list())
      texts.push(...decoded(`Temporal schedule ${schedule.scheduleId}`, JSON.stringify(schedule, bytesAsBase64)));
  } finally {
    await connection.close();
  }
  return texts;
}

/** The text as it is, and what its base64 strings hold. */
function decoded(where: string, json: string): Found[] {
  const inside = [...json.matchAll(/"([A-Za-z0-9+/_-]{8,}={0,2})"/g)].map(([, text]) =>
    Buffer.from(text ?? "", "base64").toString(),
  );
  return [
    { where, text: json },
    { where: `${where}, payloads`, text: inside.join("\n") },
  ];
}

/** Buffers and long numbers in a form that is text. */
function bytesAsBase64(_key: string, value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString("base64");
  if (typeof value !== "object" || value === null || !("type" in value) || value.type !== "Buffer") return value;
  return "data" in value && Array.isArray(value.data) ? Buffer.from(value.data as number[]).toString("base64") : value;
}
