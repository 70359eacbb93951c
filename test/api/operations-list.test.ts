import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { randomNumbers } from "../../bench/random-numbers.ts";
import type { OperationPage } from "../../contracts/operations-list.schema.ts";
import { OPERATION_KINDS, OPERATION_STATES } from "../../contracts/states.ts";
import type { z } from "zod";
import { type Ask, openTestApi, type TestApi } from "../helpers/api.ts";
import { makeOperations, type Row } from "../helpers/operation-rows.ts";

type Page = z.infer<typeof OperationPage>;

const SEED = Math.floor(Math.random() * 2 ** 31);
const ROWS = 5000;

let api: TestApi;
let ask: Ask;
let rows: Row[];
let nextMix: () => Mix;
beforeAll(async () => {
  api = await openTestApi();
  ask = await api.as(["viewer"]);
  const random = randomNumbers(SEED);
  rows = await makeOperations(api.db, ROWS, random);
  nextMix = () => randomMix(random);
});
afterAll(() => api.close());

interface Mix {
  readonly filter: ReadonlyMap<string, readonly string[]>;
  readonly sort: string;
}

const TEXTS = ["username", "device", "manufacturer", "model", "site"] as const;
const SORTS = ["code", "-code", "scheduled", "-scheduled", "executed", "-executed"];
const MOMENTS = ["scheduledFrom", "scheduledTo", "executedFrom", "executedTo"];

function randomMix(random: () => number): Mix {
  const below = (limit: number) => Math.floor(random() * limit);
  const pick = <T>(items: readonly T[]): T => items[below(items.length)] as T;
  const part = (text: string) => {
    const from = below(text.length);
    const piece = random() < 0.3 ? text : text.slice(from, from + 1 + below(4));
    return random() < 0.3 ? piece.toUpperCase() : piece;
  };
  const value = (name: string): string => {
    const row = pick(rows);
    switch (name) {
      case "code":
        return String(row.code);
      case "state":
        return pick(OPERATION_STATES);
      case "kind":
        return random() < 0.5 ? row.kind : pick(OPERATION_KINDS);
      case "tag":
        return random() < 0.5 ? pick(["PROD", "dmz", "pci", "A,B", "none"]) : (row.tags[0] ?? "prod");
      case "requester":
        return part(row.requested_by) || "a";
      case "q":
        return part(pick([row.username, row.device, row.address, row.url, row.model])) || "e";
      case "credentialId":
        return row.credential_id;
      case "deviceId":
        return row.device_id;
      case "parentCode":
        return String(row.parent_code ?? row.code);
      default:
        if (MOMENTS.includes(name))
          return new Date(Math.floor(row.due / 1000) + (random() < 0.5 ? 0 : below(9) * 3_600_000)).toISOString();
        return part(row[name as (typeof TEXTS)[number]]) || "r";
    }
  };
  const names = [
    ...TEXTS,
    "code",
    "state",
    "state",
    "kind",
    "tag",
    "requester",
    "q",
    "credentialId",
    "deviceId",
    "parentCode",
    ...MOMENTS,
  ];
  const filter = new Map<string, string[]>();
  for (let count = below(6); count > 0; count -= 1) {
    const name = pick(names);
    const several = MOMENTS.includes(name) ? 1 : name === "code" ? 1 + below(60) : 1 + below(3);
    filter.set(
      name,
      Array.from({ length: several }, () => value(name)),
    );
  }
  return { filter, sort: pick(SORTS) };
}

const holds = (text: string, parts: readonly string[]) =>
  parts.some((part) => text.toLowerCase().includes(part.toLowerCase()));

/** What a filter means, said once more without a database. */
function matches(row: Row, name: string, values: readonly string[]): boolean {
  const moment = () => Date.parse(values[0] ?? "") * 1000;
  switch (name) {
    case "code":
      return values.includes(String(row.code));
    case "state":
      return values.includes(row.state);
    case "kind":
      return values.includes(row.kind);
    case "tag":
      return row.tags.some((tag) => values.some((value) => value.toLowerCase() === tag.toLowerCase()));
    case "requester":
      return holds(row.requested_by, values);
    case "q":
      return [row.username, row.device, row.address, row.manufacturer, row.model, row.site, row.url].some((text) =>
        holds(text, values),
      );
    case "credentialId":
      return values.includes(row.credential_id);
    case "deviceId":
      return values.includes(row.device_id);
    case "parentCode":
      return values.includes(String(row.parent_code));
    case "scheduledFrom":
      return row.due >= moment();
    case "scheduledTo":
      return row.due < moment();
    case "executedFrom":
      return row.executed !== null && row.executed >= moment();
    case "executedTo":
      return row.executed !== null && row.executed < moment();
    default:
      return holds(row[name as (typeof TEXTS)[number]], values);
  }
}

function expected({ filter, sort }: Mix): number[] {
  const keyOf = {
    code: (row: Row) => row.code,
    scheduled: (row: Row) => row.due,
    executed: (row: Row) => row.executed ?? -Infinity,
  }[sort.replace("-", "")];
  const sign = sort.startsWith("-") ? -1 : 1;
  return rows
    .filter((row) => [...filter].every(([name, values]) => matches(row, name, values)))
    .map((row) => ({ code: row.code, key: keyOf?.(row) ?? 0 }))
    .toSorted((a, b) => sign * (a.key === b.key ? a.code - b.code : a.key < b.key ? -1 : 1))
    .map(({ code }) => code);
}

function toQuery({ filter, sort }: Mix, more: Record<string, string> = {}): string {
  const pairs = [...filter].flatMap(([name, values]) => values.map((value): [string, string] => [name, value]));
  return new URLSearchParams([...pairs, ...Object.entries({ sort, ...more })]).toString();
}

async function readAll(mix: Mix, limit: number): Promise<number[]> {
  const codes: number[] = [];
  for (let cursor: string | null = ""; cursor !== null;) {
    const { status, body }: { status: number; body: Page } = await ask<Page>(
      "GET",
      `/v1/operations?${toQuery(mix, { limit: String(limit), ...(cursor ? { cursor } : {}) })}`,
    );
    expect(status, JSON.stringify(body)).toBe(200);
    codes.push(...body.items.map(({ code }) => code));
    cursor = body.nextCursor;
  }
  return codes;
}

describe(`lists of ${ROWS} random operations, seed ${SEED}`, () => {
  test.for(SORTS)("without a filter, sorted by %s, page by page", async (sort) => {
    const mix = { filter: new Map(), sort };
    expect(await readAll(mix, 199)).toEqual(expected(mix));
  });

  test("any filters: the same operations in the same order as looking at each, each once", async () => {
    let found = 0;
    for (let round = 0; round < 100; round += 1) {
      const mix = nextMix();
      const wanted = expected(mix);
      const limit = Math.min(200, Math.max(1, Math.ceil(wanted.length / 7)));
      const message = `seed ${SEED}, round ${round}: ${toQuery(mix)}`;
      expect(await readAll(mix, limit), message).toEqual(wanted);
      const { body } = await ask<Page>("GET", `/v1/operations?${toQuery(mix, { limit: "1", count: "capped" })}`);
      expect(body.total, message).toEqual({ count: wanted.length, capped: false });
      found += wanted.length > 0 ? 1 : 0;
    }
    // A generator that finds nothing would prove nothing.
    expect(found).toBeGreaterThan(20);
  });
});
