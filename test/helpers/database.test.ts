import postgres from "postgres";
import { expect, test } from "vitest";
import { freshDatabase } from "./database.ts";
import { freshNamespace } from "./temporal.ts";

test("each test has a migrated database and a namespace of its own", async () => {
  const [one, other] = await Promise.all([freshDatabase(), freshDatabase()]);
  const sql = postgres(one.url);
  const [row] = await sql`select count(*)::int as strengths from strengths`;
  await sql`update settings set values = '{"a":1}'`;
  expect(row).toEqual({ strengths: 1 });
  const second = postgres(other.url);
  expect((await second`select values from settings`)[0]).toEqual({ values: {} });
  await Promise.all([sql.end(), second.end()]);
  await Promise.all([one.drop(), other.drop()]);
  const namespaces = await Promise.all([freshNamespace(), freshNamespace()]);
  expect(new Set(namespaces.map(({ namespace }) => namespace)).size).toBe(2);
});
