/** What a rehearsal may send to a database that undoes nothing. */

/** How a statement begins that reads, or sets something for its own session. */
const READS = /^\s*(?:select|show|describe|desc|use|alter\s+session\s+set)\b/i;

/**
 * Words with which one changes something, or locks it, also where it stands within the statement or after it: SQL
 * Server takes several in a row without a semicolon.
 */
const CHANGES =
  /\b(?:insert|update|delete|merge|into|create|alter|drop|truncate|rename|grant|revoke|deny|set|call|exec|execute|bulk|backup|restore|dbcc|kill|shutdown|reconfigure|disable|enable|lock|openquery|openrowset)\b/i;

/**
 * Whether a statement surely changes nothing, as far as its own words tell: what a function does that it calls, they do
 * not. Values count as words, too, so the answer errs to false.
 */
export function onlyReads(sql: string): boolean {
  const begin = READS.exec(sql)?.[0];
  return begin !== undefined && !CHANGES.test(sql.slice(begin.length));
}
