/** Ephemeral credentials on a private sshd, as a test asks for them. */
import { eq } from "drizzle-orm";
import * as schema from "../../db/schema/index.ts";
import type { Estate } from "../helpers/estate.ts";
import { type JobScene, typed } from "./jobs-scene.ts";

export const CREATE = `set-read-timeout 15
expect-regex "/# $/"
exec "useradd -m -s /bin/bash [#USERNAME#] && echo made-\\"it\\""
expect "*made-it*"
exec "passwd [#USERNAME#]"
expect "*ew password:"
exec "[#NEW_PASSWORD#]"
expect "*etype new password:"
exec "[#NEW_PASSWORD#]"
expect "*updated successfully*"
`;
export const REMOVE = typed("userdel -r [#USERNAME#]");

export interface Asked {
  readonly create?: string;
  readonly remove?: string;
  readonly lifetimeMinutes?: number;
  readonly scheduledFor?: Date;
  /** Done before with its name, which no account has. */
  readonly prepare?: (username: string) => Promise<void>;
}

/** Asks for one with a name of its own. */
export async function requestOne(scene: JobScene, estate: Estate, asked: Asked = {}) {
  const { create = CREATE, remove = REMOVE, lifetimeMinutes = 60, prepare, ...more } = asked;
  const { deviceId, rootId } = await scene.register(estate);
  const username = scene.freshName();
  await prepare?.(username);
  const removalTemplateId = await scene.addTemplate(estate, "ephemeral-credential-removal", remove);
  const opened = await scene.requestEphemeral(estate, {
    deviceId,
    authenticationCredentialId: rootId,
    templateId: await scene.addTemplate(estate, "ephemeral-credential-creation", create),
    ephemeral: { lifetimeMinutes, removalTemplateId, username },
    ...more,
  });
  return { ...opened, username, removalTemplateId };
}

/** The lifetime is over now. */
export async function endLifetime(scene: JobScene, estate: Estate, removalCode: number): Promise<void> {
  await estate.db
    .update(schema.operations)
    .set({ dueAt: new Date(), wakeAt: new Date() })
    .where(eq(schema.operations.code, removalCode));
  await scene.act(estate, "run-now", removalCode);
}

export async function readCredential(estate: Estate, id: string) {
  const [row] = await estate.db.select().from(schema.credentials).where(eq(schema.credentials.id, id));
  return row;
}
