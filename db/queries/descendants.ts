/** Who will take a credential's new value after it. */
import { sql } from "drizzle-orm";
import type { Transaction } from "../client.ts";
import { credentials, devices } from "../schema/index.ts";
import type { DeviceRow } from "./stage-facts.ts";
import { type TemplateText, templateText } from "./template-text.ts";

export interface SameValueDescendant {
  readonly plugin: string;
  /** One of the devices on which it is so. */
  readonly device: DeviceRow;
  /** Whether the account changes its own password. */
  readonly own: boolean;
  readonly template: TemplateText | null;
}

/**
 * The active credentials that take this one's value, their children that take it from them, and so on. What a device
 * can take hangs on plugin, settings, template and whose account makes the change, so each such mix comes once, however many
 * descendants share it.
 */
export async function readSameValueDescendants(tx: Transaction, credentialId: string): Promise<SameValueDescendant[]> {
  // `union` drops what was found before: a circle, refused at save, would not hang here either.
  return tx
    .selectDistinctOn(
      [
        credentials.plugin,
        credentials.useOwnCredential,
        credentials.templateId,
        sql`${devices.settings} -> ${credentials.plugin}`,
      ],
      {
        plugin: credentials.plugin,
        device: devices,
        own: credentials.useOwnCredential,
        template: templateText(credentials.templateId),
      },
    )
    .from(
      sql`(with recursive down as (
          select id from credentials where parent_credential_id = ${credentialId} and active and child_value = 'parent'
          union
          select c.id from credentials c join down on c.parent_credential_id = down.id
          where c.active and c.child_value = 'parent')
        select id from down) as down`,
    )
    .innerJoin(credentials, sql`${credentials.id} = down.id`)
    .innerJoin(devices, sql`${devices.id} = ${credentials.deviceId}`);
}
