import { and, asc, eq, gt, ilike, inArray, sql } from "drizzle-orm";
import type { Device, DeviceInput, DevicePatch, DeviceQuery } from "../../contracts/devices.schema.ts";
import { ApiProblem } from "../../contracts/problem.ts";
import type { Database, Transaction } from "../client.ts";
import { newId } from "../new-id.ts";
import { devices } from "../schema/index.ts";
import { contains, type Page, readCursor, toPage } from "./cursor.ts";
import { holdCredentialsOf, resolveDevice } from "./resolve-policies.ts";
import { keepRevision } from "./device-revisions.ts";

function toDevice(row: typeof devices.$inferSelect): Device {
  const { transportFailures: _failures, breakerUntil: _breaker, ...rest } = row;
  return {
    ...rest,
    seenIdentityAt: row.seenIdentityAt?.toISOString() ?? null,
    createdAt: row.createdAt.toISOString(),
    updatedAt: row.updatedAt.toISOString(),
  };
}

export async function createDevice(tx: Transaction, input: DeviceInput): Promise<Device> {
  const [row] = await tx
    .insert(devices)
    .values({ ...input, id: newId() })
    .returning();
  if (!row) throw new Error("the device was not stored");
  return toDevice(row);
}

/** @throws ApiProblem `request.not-found` */
export async function readDevice(db: Database | Transaction, id: string): Promise<Device> {
  const [row] = await db.select().from(devices).where(eq(devices.id, id));
  if (!row) throw new ApiProblem("request.not-found", "There is no such device.");
  return toDevice(row);
}

/** Oldest first. */
export async function listDevices(db: Database, query: DeviceQuery): Promise<Page<Device>> {
  const after = readCursor(query)?.[0];
  const rows = await db
    .select()
    .from(devices)
    .where(
      and(
        query.name === undefined ? undefined : ilike(devices.name, contains(query.name)),
        query.address === undefined ? undefined : ilike(devices.address, contains(query.address)),
        query.site === undefined ? undefined : inArray(devices.site, query.site),
        query.active === undefined ? undefined : eq(devices.active, query.active),
        after === undefined ? undefined : gt(devices.id, after),
      ),
    )
    .orderBy(asc(devices.id))
    .limit(query.limit + 1);
  return toPage(rows.map(toDevice), query, (row) => [row.id]);
}

/** Fields of a device that policies' criteria look at. */
const POLICY_FIELDS = ["name", "model", "type", "site", "tags"] as const;

/**
 * Edits a device. Another address or port is another machine until somebody compares its identity: the pin goes.
 * @throws ApiProblem `request.not-found`, `request.stale`
 */
export async function editDevice(
  tx: Transaction,
  edit: { id: string; revision: number; patch: DevicePatch & { pinnedIdentity?: string | null } },
): Promise<Device> {
  const { patch } = edit;
  const matters = POLICY_FIELDS.some((field) => patch[field] !== undefined);
  if (matters) await holdCredentialsOf(tx, edit.id);
  const [before] = await tx.select().from(devices).where(eq(devices.id, edit.id)).for("update");
  if (!before) throw new ApiProblem("request.not-found", "There is no such device.");
  if (before.revision !== edit.revision) throw new ApiProblem("request.stale");
  const moved =
    (patch.address !== undefined && patch.address !== before.address) ||
    (patch.port !== undefined && patch.port !== before.port);
  await keepRevision(tx, before, patch);
  const [row] = await tx
    .update(devices)
    .set({
      ...patch,
      ...(moved ? { pinnedIdentity: null, seenIdentity: null, seenIdentityAt: null } : {}),
      revision: before.revision + 1,
      updatedAt: sql`now()`,
    })
    .where(eq(devices.id, edit.id))
    .returning();
  if (!row) throw new Error("the locked device is gone");
  if (matters) await resolveDevice(tx, edit.id);
  return toDevice(row);
}
