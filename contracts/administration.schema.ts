import { z } from "zod";
import { Id, line, Moment, name, OperationCode, pageOf, paging, Timestamp } from "./common.schema.ts";
import { ROLES } from "./roles.ts";
import { Settings } from "./settings.schema.ts";

const Address = z
  .union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()])
  .describe("An address, or a network as address/bits.");

export const TokenInput = z
  .strictObject({
    name: name(100),
    owner: name(200).describe("The person who holds the token."),
    roles: z.array(z.enum(ROLES)).min(1).max(ROLES.length),
    allowedAddresses: z.array(Address).max(50).optional(),
    expiresAt: Moment.optional(),
  })
  .meta({ id: "TokenRequest" });
export type TokenInput = z.infer<typeof TokenInput>;

const tokenFields = {
  id: Id,
  name: z.string(),
  owner: z.string(),
  roles: z.array(z.enum(ROLES)),
  allowedAddresses: z.array(z.string()),
  expiresAt: Timestamp.nullable(),
  revokedAt: Timestamp.nullable(),
  lastUsedAt: Timestamp.nullable(),
  createdAt: Timestamp,
};

export const Token = z.object(tokenFields).meta({ id: "Token" });
export type Token = z.infer<typeof Token>;

export const TokenPage = pageOf(Token, "TokenPage");

export const NewToken = z
  .object({ ...tokenFields, value: z.string().describe("Shown this once; only its SHA-256 is stored.") })
  .meta({ id: "NewToken" });

export const PageQuery = z.strictObject(paging);

export const SettingsView = z.object(Settings.shape).meta({ id: "Settings" });

/** One setting each may be left out; none has a default here, so that what is absent stays as it is. */
export const SettingsPatch = z
  .strictObject(
    Object.fromEntries(Object.entries(Settings.shape).map(([name, rule]) => [name, rule.unwrap()])) as {
      [Name in keyof typeof Settings.shape]: ReturnType<(typeof Settings.shape)[Name]["unwrap"]>;
    },
  )
  .partial()
  .meta({ id: "SettingsPatch" });
export type SettingsPatch = z.infer<typeof SettingsPatch>;

export const PluginList = z
  .object({
    items: z.array(
      z.object({
        kind: z.string(),
        title: z.string(),
        capabilities: z.object({
          template: z.enum(["none", "optional", "required"]),
          ownAccount: z.boolean(),
          otherAccount: z.boolean(),
          operations: z.array(z.string()),
          propagationMs: z.number(),
          settleMs: z.number(),
          heavy: z.boolean(),
        }),
        experimental: z.boolean().describe("Whether no real server has proven it yet."),
        settings: z.record(z.string(), z.unknown()).describe("JSON Schema of a device's settings for it."),
        template: z
          .object({
            form: z.enum(["lines", "statements", "expect"]),
            commands: z.array(
              z.object({
                name: z.string(),
                aliases: z.array(z.string()),
                leastArguments: z.int(),
                mostArguments: z.int().nullable().describe("null: any number."),
              }),
            ),
          })
          .nullable()
          .describe("The language of its templates; null when it takes none."),
      }),
    ),
  })
  .meta({ id: "PluginList" });

export const AuditEntry = z
  .object({
    id: z.int(),
    at: Timestamp,
    actor: z.string(),
    person: z.string(),
    action: z.string(),
    objectType: z.string(),
    objectId: z.string(),
    operationCode: OperationCode.nullable(),
    requestId: z.string(),
    address: z.string(),
    details: z.record(z.string(), z.unknown()),
  })
  .meta({ id: "AuditEntry" });
export type AuditEntry = z.infer<typeof AuditEntry>;

export const AuditPage = pageOf(AuditEntry, "AuditPage");

export const AuditQuery = z.strictObject({
  ...paging,
  action: line(100).optional(),
  actor: line(100).optional(),
  objectType: line(100).optional(),
  objectId: line(100).optional(),
  operationCode: z.coerce.number<string>().int().min(1).optional(),
});
export type AuditQuery = z.infer<typeof AuditQuery>;

export const Readiness = z
  .object({ status: z.enum(["ready", "not-ready"]), database: z.boolean(), temporal: z.boolean() })
  .meta({ id: "Readiness" });
