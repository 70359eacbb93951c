/** From rows to what plugins understand: device, accounts and opened passwords. */
import type { Secret } from "../contracts/secret.ts";
import type { Vault } from "../crypto/envelope.ts";
import type { DeviceRow, VersionRow } from "../db/queries/stage-facts.ts";
import type { Account, Device, Plugin } from "../plugins/plugin.ts";

/** Per row as it was read: parsing settings may mean parsing certificates. */
const parsed = new WeakMap<DeviceRow, Map<string, Device | undefined>>();

/** The device as a plugin sees it; undefined when its settings do not fit the plugin. */
export function pluginDevice(plugin: Plugin, row: DeviceRow): Device | undefined {
  const known = parsed.get(row) ?? new Map<string, Device | undefined>();
  parsed.set(row, known);
  if (!known.has(plugin.kind)) known.set(plugin.kind, parseDevice(plugin, row));
  return known.get(plugin.kind);
}

function parseDevice(plugin: Plugin, row: DeviceRow): Device | undefined {
  const settings = plugin.settings.safeParse(row.settings[plugin.kind] ?? {});
  if (!settings.success) return undefined;
  return {
    address: row.address,
    settings: settings.data,
    ...(row.port === null ? {} : { port: row.port }),
    ...(row.pinnedIdentity === null ? {} : { pinnedIdentity: row.pinnedIdentity }),
  };
}

export function account({ username, domain, additionalInfo }: Account): Account {
  return { username, domain, additionalInfo };
}

/** Whether a password may go on logging in on the device after it was replaced. */
export function lingers(plugin: Plugin, { settings }: Device): boolean {
  return (plugin.lingerMs?.(settings) ?? 0) > 0;
}

/** Opens a sealed version. @throws SecretUnreadable when the key does not fit, Error when it was purged */
export function openVersion(vault: Vault, version: VersionRow): Secret {
  if (!version.sealed) throw new Error("the version's value was purged");
  return vault.open(version.sealed, {
    versionId: version.id,
    credentialId: version.credentialId,
    version: version.version,
  });
}
