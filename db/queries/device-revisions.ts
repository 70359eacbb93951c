/** What edits replaced of a device: a change in doubt is looked into where it was sent. */
import { and, asc, eq, gte } from "drizzle-orm";
import type { DevicePatch } from "../../contracts/devices.schema.ts";
import type { Transaction } from "../client.ts";
import { deviceRevisions } from "../schema/index.ts";
import type { DeviceRow } from "./stage-facts.ts";

/** The part of an edit that decides which machine answers, and how it is spoken to. */
type TargetPatch = Pick<DevicePatch, "address" | "port" | "settings"> & { pinnedIdentity?: string | null };

/** Keeps what an edit is about to replace, if it moves or re-pins the device. The transaction holds the device's row. */
export async function keepRevision(tx: Transaction, before: DeviceRow, after: TargetPatch): Promise<void> {
  const { id: deviceId, revision, address, port, settings, pinnedIdentity } = before;
  const same =
    (after.address ?? address) === address &&
    (after.port === undefined || after.port === port) &&
    (after.pinnedIdentity === undefined || after.pinnedIdentity === pinnedIdentity) &&
    (after.settings === undefined || JSON.stringify(after.settings) === JSON.stringify(settings));
  if (same) return;
  await tx.insert(deviceRevisions).values({ deviceId, revision, address, port, settings, pinnedIdentity });
}

/**
 * The device as it was at a revision; the row itself when nothing that matters was edited since. A new pin at the same
 * address was compared by a person: it holds there.
 */
export async function deviceAsOf(tx: Transaction, device: DeviceRow, revision: number): Promise<DeviceRow> {
  if (revision >= device.revision) return device;
  const [kept] = await tx
    .select()
    .from(deviceRevisions)
    .where(and(eq(deviceRevisions.deviceId, device.id), gte(deviceRevisions.revision, revision)))
    .orderBy(asc(deviceRevisions.revision))
    .limit(1);
  if (!kept) return device;
  const { deviceId: _device, ...target } = kept;
  const stayed = target.address === device.address && target.port === device.port;
  return { ...device, ...target, pinnedIdentity: stayed ? device.pinnedIdentity : target.pinnedIdentity };
}
