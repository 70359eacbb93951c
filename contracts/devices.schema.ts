import { z } from "zod";
import { Flag, Id, line, name, pageOf, paging, several, Tags, Timestamp } from "./common.schema.ts";

export const Fingerprint = z
  .string()
  .regex(/^SHA256:[A-Za-z0-9+/]{43}$/, "must be SHA256: and 43 characters of base64")
  .describe("SHA-256 of the host key or certificate, as ssh-keygen -lf prints it.");

export const SiteName = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, "must be lower-case letters, digits and hyphens");

const fields = {
  name: name(200),
  address: z
    .string()
    .max(253)
    .regex(
      /^(?:[A-Za-z0-9._-]+|[\dA-Fa-f.]*:[\dA-Fa-f.]*:[\dA-Fa-f:.]*)$/,
      "must be a host name or an address, without a port",
    ),
  port: z.int().min(1).max(65_535).nullable(),
  manufacturer: line(200),
  model: line(200),
  type: line(200),
  site: SiteName,
  domain: line(253),
  url: line(2000),
  tags: Tags,
  settings: z
    .record(line(100), z.record(z.string(), z.unknown()))
    .describe("Per plugin, its settings for this device; GET /v1/plugins lists the plugins."),
  permits: z.int().min(1).max(1000).describe("Changes that may run on the device at once."),
};

export const DeviceInput = z
  .strictObject({ ...fields, pinnedIdentity: Fingerprint })
  .partial()
  .required({ name: true, address: true })
  .meta({ id: "NewDevice" });
export type DeviceInput = z.infer<typeof DeviceInput>;

export const DevicePatch = z
  .strictObject({ ...fields, active: z.boolean() })
  .partial()
  .meta({ id: "DevicePatch" });
export type DevicePatch = z.infer<typeof DevicePatch>;

export const Device = z
  .object({
    id: Id,
    name: z.string(),
    address: z.string(),
    port: z.int().nullable(),
    manufacturer: z.string(),
    model: z.string(),
    type: z.string(),
    site: z.string(),
    domain: z.string(),
    url: z.string(),
    tags: z.array(z.string()),
    settings: z.record(z.string(), z.record(z.string(), z.unknown())),
    pinnedIdentity: z.string().nullable(),
    seenIdentity: z.string().nullable().describe("What the device showed when last asked; nothing trusts it."),
    seenIdentityAt: Timestamp.nullable(),
    permits: z.int(),
    active: z.boolean(),
    revision: z.int(),
    createdAt: Timestamp,
    updatedAt: Timestamp,
  })
  .meta({ id: "Device" });
export type Device = z.infer<typeof Device>;

export const DevicePage = pageOf(Device, "DevicePage");

export const DeviceQuery = z.strictObject({
  ...paging,
  name: line(200).optional().describe("Part of the name, in any case."),
  address: line(253).optional().describe("Part of the address."),
  site: several(z.string()),
  active: Flag.optional(),
});
export type DeviceQuery = z.infer<typeof DeviceQuery>;

export const PinInput = z.strictObject({ fingerprint: Fingerprint.nullable() }).meta({ id: "Pin" });

export const SeenIdentity = z
  .object({
    seenIdentity: z.string().nullable(),
    seenIdentityAt: Timestamp.nullable(),
    pinnedIdentity: z.string().nullable(),
  })
  .meta({ id: "SeenIdentity" });
