/** A row of an imported file after its cells were read, before anything is known of what is stored. */
import type { ImportColumn } from "../../../contracts/import-columns.ts";
import type { ErrorCode } from "../../../contracts/errors.ts";
import type { Secret } from "../../../contracts/secret.ts";

/** What stands in the way of a row. Rules and shapes only, never a value. */
export interface RowProblem {
  readonly column?: ImportColumn;
  readonly code: ErrorCode;
  readonly rule: string;
  readonly got?: string;
}

/** Cells of a device that are filled in; an absent one leaves what is stored. */
export interface DeviceCells {
  readonly address?: string;
  readonly port?: number | null;
  readonly manufacturer?: string;
  readonly model?: string;
  readonly type?: string;
  readonly site?: string;
  readonly domain?: string;
  readonly url?: string;
  readonly tags?: string[];
}

/** Cells of a credential that are filled in, but for its name and for the accounts it refers to. */
export interface CredentialCells {
  readonly plugin?: string;
  readonly type?: string;
  readonly tags?: string[];
  readonly active?: boolean;
  readonly notes?: string;
  readonly automaticChange?: boolean;
  /** Id or name, until it is looked up. */
  readonly templateId?: string | null;
  readonly useOwnCredential?: boolean;
  readonly reconciliationEnabled?: boolean;
  readonly reconciliationAutorun?: boolean;
  readonly reconciliationPlugin?: string | null;
  readonly reconciliationTemplateId?: string | null;
}

/** Another account that a row refers to, by its user name and its device's name. */
export interface AccountName {
  readonly username: string;
  readonly host: string;
}

/** How one credential may refer to another. */
export const RELATIONS = ["parent", "connection", "reconciliation"] as const;
export type Relation = (typeof RELATIONS)[number];

/** The account that a row is about; with its device it is what tells it from others. */
export interface Account {
  readonly username: string;
  readonly domain: string;
  readonly additionalInfo: string;
}

export interface ImportRow {
  /** Line of the file where it begins. */
  readonly line: number;
  /** The device's name; compared in any case. */
  readonly host: string;
  readonly device: DeviceCells;
  /** Absent where the row is about a device alone. */
  readonly account?: Account;
  readonly credential: CredentialCells;
  /** null empties what is stored. */
  readonly references: Readonly<Partial<Record<Relation, AccountName | null>>>;
  readonly password?: Secret;
  readonly problems: readonly RowProblem[];
}

export const DEVICE_COLUMNS = {
  address: "address",
  port: "port",
  manufacturer: "manufacturer",
  model: "model",
  type: "deviceType",
  site: "site",
  domain: "deviceDomain",
  url: "url",
  tags: "deviceTags",
} as const satisfies Record<keyof DeviceCells, ImportColumn>;

export const CREDENTIAL_COLUMNS = {
  plugin: "plugin",
  type: "credentialType",
  tags: "credentialTags",
  active: "status",
  notes: "notes",
  automaticChange: "automaticChange",
  templateId: "template",
  useOwnCredential: "useOwnCredential",
  parentCredentialId: "parentUsername",
  authenticationCredentialId: "connectionUsername",
  reconciliationCredentialId: "reconciliationUsername",
  reconciliationEnabled: "reconciliationStatus",
  reconciliationAutorun: "reconciliationAutorun",
  reconciliationPlugin: "reconciliationPlugin",
  reconciliationTemplateId: "reconciliationTemplate",
} as const satisfies Record<string, ImportColumn>;
