/** Children of credentials and of operations, as the API shows them. */
import { and, asc, count, eq, gt, type SQL, sql } from "drizzle-orm";
import { alias } from "drizzle-orm/pg-core";
import type { Child, ChildQuery, OperationChildren } from "../../contracts/children.schema.ts";
import { ApiProblem } from "../../contracts/problem.ts";
import { OPERATION_STATES } from "../../contracts/states.ts";
import type { Database } from "../client.ts";
import { credentials, devices, operations, secretVersions } from "../schema/index.ts";
import { type Page, readCursor, toPage } from "./cursor.ts";

const parents = alias(credentials, "parents");
const parentDevices = alias(devices, "parent_devices");
const had = alias(secretVersions, "had");
const parentsHad = alias(secretVersions, "parents_had");
const taken = alias(secretVersions, "taken");

/** It should have its parent's current password, and has another. */
const stale = sql<boolean>`(${credentials.active} and ${credentials.childValue} = 'parent' and ${parentsHad.id} is not null
  and ${had.parentVersionId} is distinct from ${parentsHad.id})`;

const since = (version: typeof had | typeof parentsHad) =>
  sql<Date | null>`coalesce(${version.promotedAt}, ${version.createdAt})`.mapWith(version.createdAt);

function selectChildren(db: Database) {
  return db
    .select({
      credentialId: credentials.id,
      device: devices.name,
      username: credentials.username,
      domain: credentials.domain,
      currentVersion: had.version,
      currentSince: since(had),
      active: credentials.active,
      childValue: credentials.childValue,
      takenVersion: taken.version,
      stale,
      openCode: operations.code,
      parent: {
        credentialId: parents.id,
        device: parentDevices.name,
        username: parents.username,
        domain: parents.domain,
        currentVersion: parentsHad.version,
        currentSince: since(parentsHad),
      },
    })
    .from(credentials)
    .innerJoin(devices, eq(devices.id, credentials.deviceId))
    .innerJoin(parents, eq(parents.id, credentials.parentCredentialId))
    .innerJoin(parentDevices, eq(parentDevices.id, parents.deviceId))
    .leftJoin(had, and(eq(had.credentialId, credentials.id), eq(had.status, "current")))
    .leftJoin(parentsHad, and(eq(parentsHad.credentialId, parents.id), eq(parentsHad.status, "current")))
    .leftJoin(taken, and(eq(taken.id, had.parentVersionId), eq(taken.credentialId, parents.id)))
    .leftJoin(operations, eq(operations.openCredentialId, credentials.id));
}

async function page(db: Database, query: ChildQuery, filter: SQL): Promise<Page<Child>> {
  const after = readCursor(query)?.[0];
  const rows = await selectChildren(db)
    .where(and(filter, after === undefined ? undefined : gt(credentials.id, after)))
    .orderBy(asc(credentials.id))
    .limit(query.limit + 1);
  const items = rows.map(({ currentSince, parent, ...row }) => ({
    ...row,
    currentSince: currentSince?.toISOString() ?? null,
    parent: { ...parent, currentSince: parent.currentSince?.toISOString() ?? null },
  }));
  return toPage(items, query, (row) => [row.credentialId]);
}

/** Inactive ones too. @throws ApiProblem `credential.not-found` */
export async function listChildren(db: Database, parentId: string, query: ChildQuery): Promise<Page<Child>> {
  const [parent] = await db.select({ id: credentials.id }).from(credentials).where(eq(credentials.id, parentId));
  if (!parent) throw new ApiProblem("credential.not-found");
  return page(db, query, eq(credentials.parentCredentialId, parentId));
}

/** Children that are behind their parents, whoever these are. */
export async function listStaleChildren(db: Database, query: ChildQuery): Promise<Page<Child>> {
  return page(db, query, stale);
}

/** Children a list of an operation's details names. */
const NAMED = 200;

/** The operations that an operation's success made. */
export async function readOperationChildren(db: Database, code: number): Promise<OperationChildren> {
  const ofParent = eq(operations.parentCode, code);
  const [counted, items] = await Promise.all([
    db.select({ state: operations.state, count: count() }).from(operations).where(ofParent).groupBy(operations.state),
    db
      .select({
        code: operations.code,
        state: operations.state,
        outcome: operations.outcome,
        credentialId: operations.credentialId,
      })
      .from(operations)
      .where(ofParent)
      .orderBy(asc(operations.code))
      .limit(NAMED),
  ]);
  const counts = new Map(counted.map((row) => [row.state, row.count]));
  return {
    counts: Object.fromEntries(
      OPERATION_STATES.map((state) => [state, counts.get(state) ?? 0]),
    ) as OperationChildren["counts"],
    items,
  };
}
