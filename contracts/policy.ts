/** What a policy says: whom it holds for, when changes may start, how often they are tried, who must agree. */

/** Each list given must hold the credential's value; texts compare in any case, tags need one in common. */
export interface Criteria {
  /** Names of devices; `*` stands for any run of characters. */
  readonly devices?: readonly string[];
  readonly models?: readonly string[];
  readonly deviceTypes?: readonly string[];
  readonly sites?: readonly string[];
  readonly deviceTags?: readonly string[];
  readonly credentialTags?: readonly string[];
  readonly credentialTypes?: readonly string[];
  readonly additionalInfo?: readonly string[];
}

/** Weekdays (1 Monday to 7 Sunday) and hours (0 to 23, each from its minute 0 to its minute 59) of local time. */
export interface Window {
  readonly days: readonly number[];
  readonly hours: readonly number[];
}

/** When automatic changes of a policy may start, by what made them due. Absent: at any time. */
export interface Windows {
  /** IANA name, for instance `America/Sao_Paulo`. */
  readonly timeZone: string;
  readonly age?: Window;
  readonly use?: Window;
}

/** Settings that a policy has for itself; what is absent is as set globally. */
export interface Limits {
  readonly attempts?: number;
  readonly intervalMinutes?: number;
  readonly connectTimeoutSeconds?: number;
  readonly readTimeoutSeconds?: number;
  readonly coolDownDays?: number;
}

/** Who must agree before a change starts. Levels are asked one after another. */
export interface ApprovalRule {
  readonly levels: readonly ApprovalLevel[];
  /** Minutes after which an undecided operation expires. */
  readonly expiresMinutes: number;
}

export interface ApprovalLevel {
  /** Different persons that must approve. */
  readonly approvals: number;
  /** Persons who may; anybody with the role when empty. */
  readonly approvers: readonly string[];
}

/** The settings under which an operation of a policy runs. */
export function withLimits<S extends Required<Limits>>(settings: S, limits: Limits | null | undefined): S {
  return { ...settings, ...limits };
}
