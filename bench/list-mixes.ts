/** Random filters as people and programs might combine them, each drawn from what the data holds. */
import type postgres from "postgres";
import type { OperationFilter, OperationSort } from "../contracts/operation-filter.schema.ts";
import { OPERATION_KINDS, OPERATION_STATES } from "../contracts/states.ts";

export interface Mix {
  readonly filter: OperationFilter;
  readonly sort: OperationSort;
  /** Pages turned before the one that is measured. */
  readonly pages: number;
}

/** Values to draw from: what a thousand operations of all ages have. */
export interface Samples {
  readonly rows: readonly {
    readonly code: string;
    readonly credential_id: string;
    readonly device_id: string;
    readonly parent_code: string | null;
    readonly requested_by: string;
    readonly username: string;
    readonly device: string;
    readonly manufacturer: string;
    readonly model: string;
    readonly site: string;
    readonly url: string;
    readonly tags: string[];
  }[];
  readonly now: number;
}

export async function readSamples(sql: postgres.Sql): Promise<Samples> {
  const rows = await sql<Samples["rows"][number][]>`
    select o.code, o.credential_id, o.device_id, o.parent_code, o.requested_by, t.username, t.device, t.manufacturer,
      t.model, t.site, t.url, t.tags
    from (select 1 + (hashint8extended(n, 77) & 9223372036854775807) % (select max(code) from operations) as code from generate_series(1::bigint, 1000) n) drawn
    join operations o using (code) join target_snapshots t on t.id = o.target_id order by o.code`;
  return { rows: [...rows], now: Date.now() };
}

const DAY_MS = 86_400_000;
const TEXTS = ["username", "device", "manufacturer", "model", "site", "requester", "q"] as const;
const SORTS: readonly OperationSort[] = [
  "-code",
  "-code",
  "-code",
  "-executed",
  "-executed",
  "-scheduled",
  "-scheduled",
  "code",
  "executed",
  "scheduled",
];

/** One mix: none to six filters with one to four values each, any sort, the first page or a later one. */
export function randomMix(random: () => number, samples: Samples): Mix {
  const draw = drawFrom(random, samples);
  const filter: Record<string, unknown> = {};
  for (let count = draw.below(7); count > 0; count -= 1) Object.assign(filter, draw.pick(FILTERS)(draw));
  return { filter, sort: draw.pick(SORTS), pages: random() < 0.8 ? 0 : 1 + draw.below(3) };
}

type Draw = ReturnType<typeof drawFrom>;

/** Each makes values of one filter, or none. The state is asked for more often than others. */
const FILTERS: readonly ((draw: Draw) => Record<string, unknown>)[] = [
  ...TEXTS.map((name) => (draw: Draw) => draw.several(name, () => draw.text(name))),
  (draw) => draw.several("tag", () => draw.pick(draw.row().tags)),
  (draw) => draw.several("state", () => draw.pick(OPERATION_STATES)),
  (draw) => draw.several("state", () => draw.pick(OPERATION_STATES)),
  (draw) => draw.several("kind", () => draw.pick(OPERATION_KINDS)),
  (draw) => draw.range("scheduled"),
  (draw) => draw.range("executed"),
  (draw) => draw.several("credentialId", () => draw.row().credential_id),
  (draw) => draw.several("deviceId", () => draw.row().device_id),
  (draw) => draw.rarely(() => draw.several("code", () => Number(draw.row().code))),
  (draw) => draw.rarely(() => draw.several("parentCode", () => Number(draw.row().parent_code) || undefined)),
];

function drawFrom(random: () => number, { rows, now }: Samples) {
  const below = (count: number) => Math.floor(random() * count);
  const pick = <T>(items: readonly T[]): T => items[below(items.length)] as T;
  const row = () => pick(rows);
  /** All of it, or a few letters in capitals. */
  const part = (text: string) => {
    const style = random();
    if (style < 0.4 || text.length < 3) return text;
    const start = below(Math.max(1, text.length - 2));
    return text.slice(start, start + (style < 0.5 ? 2 : 3 + below(5))).toUpperCase();
  };
  return {
    below,
    pick,
    row,
    text(name: (typeof TEXTS)[number]): string {
      if (random() < 0.03) return "no such text";
      const { requested_by: requester, ...of } = row();
      if (name === "q") return part(pick([of.device, of.username, of.url]));
      return part(name === "requester" ? requester : of[name]);
    },
    several<Value>(name: string, make: () => Value): Record<string, Value[]> {
      const values = Array.from({ length: 1 + Math.floor(random() ** 3 * 4) }, make).filter(Boolean);
      return values.length > 0 ? { [name]: values } : {};
    },
    range(name: string): Record<string, Date> {
      const length = pick([1, 7, 30, 90, 365]) * DAY_MS;
      if (random() < 0.2) return { [`${name}To`]: new Date(now - below(600) * DAY_MS) };
      const from = random() < 0.6 ? now - length : now - length - below(600) * DAY_MS;
      const to = random() < 0.5 ? {} : { [`${name}To`]: new Date(from + length) };
      return { [`${name}From`]: new Date(from), ...to };
    },
    rarely: (make: () => Record<string, unknown>) => (random() < 0.3 ? make() : {}),
  };
}
