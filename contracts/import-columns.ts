/** The columns of an imported file: its own heading first, then the other words it is known by. */
export const IMPORT_COLUMNS = {
  device: ["Device", "Hostname", "Device name"],
  address: ["Address", "IP", "IP address"],
  port: ["Port"],
  manufacturer: ["Manufacturer", "Vendor"],
  model: ["Model", "Product"],
  deviceType: ["Device type"],
  site: ["Site", "Website"],
  deviceDomain: ["Device domain"],
  url: ["URL"],
  deviceTags: ["Device tags"],
  username: ["Username"],
  domain: ["Domain"],
  additionalInfo: ["Additional information", "Additional info"],
  credentialType: ["Credential type", "Password type"],
  credentialTags: ["Credential tags", "Tags"],
  status: ["Status"],
  notes: ["Notes"],
  password: ["Current password", "Password"],
  automaticChange: ["Automatic change", "Enable automatic change"],
  plugin: ["Change plugin", "Plugin"],
  template: ["Change template", "Template"],
  useOwnCredential: ["Use own credential", "Use own credential to connect"],
  connectionUsername: ["Connection username", "Authentication username"],
  connectionHostname: ["Connection hostname", "Authentication hostname"],
  parentUsername: ["Parent username"],
  parentHostname: ["Parent hostname"],
  reconciliationStatus: ["Reconciliation status"],
  reconciliationAutorun: ["Reconciliation autorun"],
  reconciliationUsername: ["Reconciliation username"],
  reconciliationHostname: ["Reconciliation hostname"],
  reconciliationPlugin: ["Reconciliation plugin"],
  reconciliationTemplate: ["Reconciliation template"],
} as const satisfies Record<string, readonly [string, ...string[]]>;

export type ImportColumn = keyof typeof IMPORT_COLUMNS;

/** The heading by which reports name a column. */
export function headingOf(column: ImportColumn): string {
  return IMPORT_COLUMNS[column][0];
}

/** Letters and digits alone decide, in any case. */
function plain(heading: string): string {
  return heading
    .normalize("NFKC")
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}]/gu, "");
}

const BY_HEADING = new Map(
  Object.entries(IMPORT_COLUMNS).flatMap(([column, headings]) =>
    headings.map((heading) => [plain(heading), column as ImportColumn] as const),
  ),
);

/** The column that a heading stands for, in any case and with any separators. */
export function columnOf(heading: string): ImportColumn | undefined {
  return BY_HEADING.get(plain(heading));
}
