/**
 * What a change template is once it was read: commands with arguments, in which tags stand for values.
 *
 * Source of the language: the change templates of senhasegura/Segura; see `docs/templates.md`.
 */
import type { Secret } from "../../contracts/secret.ts";

/** Tags that stand for a password. */
export const PASSWORD_TAGS = ["NEW_PASSWORD", "PASSWORD", "CURRENT_PASSWORD", "AUTH_PASSWORD", "COE_SENHA"] as const;

/** Tags that stand for a new password: whatever carries one comes after the point of no return. */
export const NEW_PASSWORD_TAGS = ["NEW_PASSWORD", "PASSWORD"] as const satisfies readonly PasswordTag[];

/** Tags of every kind of operation, besides the passwords'. */
export const PLAIN_TAGS = [
  "USERNAME",
  "AUTH_USER",
  "AUTH_DOMAIN",
  "ADD_INFO",
  "IP",
  "CONNECT_IP",
  "CONNECT_PORT",
  "HOSTNAME",
  "DOMAIN",
  "SERVER_PATH",
  "TOTP_TOKEN",
  "OPERACAO_COD",
  "CODIGO_GOVERNANCA",
] as const;

/** Tags of the parameters that a request of some kinds of operation gives. */
export const PARAMETER_TAGS = ["GRUPO_NOME", "UID", "HOME", "SHELL"] as const;

export type PasswordTag = (typeof PASSWORD_TAGS)[number];
/** A tag's name, in upper case. Tags that begin with `APP_`, `SECRET_`, `ACCESS_KEY_` or `CREDENTIAL_` are open-ended. */
export type TagName =
  | PasswordTag
  | (typeof PLAIN_TAGS)[number]
  | (typeof PARAMETER_TAGS)[number]
  | `${"APP" | "SECRET" | "ACCESS_KEY" | "CREDENTIAL"}_${string}`;

/** A place where a value is put in. */
export interface Tag {
  readonly tag: TagName;
}

/** Literal text and tags, in order. */
export type Text = readonly (string | Tag)[];

export interface Command {
  /** As the dialect names it, in lower case: an alias is resolved. `statement` in a template of statements. */
  readonly name: string;
  /** Escapes resolved, quotes removed, tags found. One SQL statement is one argument. */
  readonly args: readonly Text[];
  /** From 1. */
  readonly line: number;
}

/** Commands whose text is typed. */
export const SENDS: ReadonlySet<string> = new Set(["exec", "write", "send"]);

export interface Script {
  readonly commands: readonly Command[];
}

/**
 * A tag's value: a token that changes with time is made when it is used.
 * A password is a {@link Secret}, so that nothing prints it on the way.
 */
export type TagValue = string | Secret | (() => Secret);

export type TagValues = Readonly<Partial<Record<TagName, TagValue>>>;

/** A script with the values of one execution. */
export interface BoundScript {
  readonly script: Script;
  readonly values: TagValues;
}

/** Something wrong with a template, or doubtful. */
export interface Complaint {
  readonly severity: "refusal" | "warning";
  /** Stable name of the rule: `tag.unknown`, `command.unknown`, `password.argument`, ... */
  readonly rule: string;
  /** What is wrong and what was made of it, without the line's own text. */
  readonly message: string;
  /** From 1. */
  readonly line: number;
  readonly column: number;
}
