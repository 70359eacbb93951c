/** Whether a name can be one line, no option of a command, and stand before a colon as in `/etc/passwd`. */
export function isLegalUsername(name: string): boolean {
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  return name.length <= 256 && /^[^\s:/\x00-\x1f\x7f-][^\s:\x00-\x1f\x7f]*$/.test(name);
}
