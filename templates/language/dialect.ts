/** What a plugin says about the templates that it takes: how their lines are read, and which commands there are. */

/**
 * What a text is for the one who gets it, which decides how a tag's value is put into it.
 * - `typed`: typed into a session. A text of tags alone (line ends and `: \ @ /` between them do not count) answers a
 *   prompt and is sent as it is. One with other words is a command line: plain values stay, others are quoted where the
 *   line is surely a POSIX shell's, and cannot stand in any other.
 * - `pattern`: compared with output, `*` for anything; `regex`: a regular expression, `/…/` once it was read. A value
 *   matches itself: who compares takes the text apart and asks `valueOf` for the values.
 * - `sql`: a statement: quoted by where the tag stands (literal, quoted or bare identifier) and by the SQL dialect.
 * - `ldap-filter`, `ldap-dn`: RFC 4515, RFC 4514. - `json`, `url`: escaped for those. - `plain`: as it is.
 */
export type Context = "typed" | "pattern" | "regex" | "sql" | "ldap-filter" | "ldap-dn" | "json" | "url" | "plain";

/** How a dialect of SQL quotes. */
export type SqlDialect = "postgresql" | "mysql" | "oracle" | "sql-server";

export interface CommandRule {
  /** Fewest and most arguments. */
  readonly arguments: readonly [number, number];
  /** Set in a dialect of `expect` where a command's texts are those of `lines`: not Tcl's. */
  readonly lines?: true;
  /** Other spellings that occur. */
  readonly aliases?: readonly string[];
  /** What the arguments are, one for each; the last one stands for all that follow. */
  readonly contexts: readonly Context[];
  /** Of commands that say how long a device may be silent: the seconds. */
  silence?(args: readonly string[]): number | undefined;
  /** Says what is wrong with the literal arguments of one command; undefined when nothing is. */
  check?(args: readonly string[]): string | undefined;
  /** Says what is doubtful about them, in a sentence. */
  doubt?(args: readonly string[]): string | undefined;
}

/** A command as its author wrote it, tags included. */
export interface WrittenCommand {
  readonly name: string;
  readonly args: readonly string[];
}

/** What is wrong with a command because of those before it, in a sentence. */
export interface WrongCommand {
  /** Its place among the commands, from 0. */
  readonly index: number;
  readonly message: string;
}

export interface Dialect {
  /** Names of the original's folders and of its plugin that mean this one: `["SSH"]`. Compared in lower case. */
  readonly names: readonly string[];
  /**
   * How a body is cut: `lines`, one command a line; `statements`, SQL separated by `;`; `expect`, lines of Tcl's
   * Expect, whose texts know `\r` and `\n`.
   */
  readonly form: "lines" | "statements" | "expect";
  /** Of `statements`. */
  readonly sql?: SqlDialect;
  /** Of `lines` and `expect`: by name, in lower case. */
  readonly commands: Readonly<Record<string, CommandRule>>;
  /** Says which commands cannot stand where they do. */
  checkTogether?(commands: readonly WrittenCommand[]): readonly WrongCommand[];
}
