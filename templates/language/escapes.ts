/** Escapes of Tcl's texts, and back. */
const TCL: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", a: "\u0007", b: "\b", f: "\f", v: "\v" };

/** What the text of a quoted argument of a line means. */
export function unescapeLine(raw: string): string {
  return raw.replaceAll(/\\(["\\])/g, "$1");
}

/** What a text of Tcl means. */
export function unescapeTcl(raw: string): string {
  return raw.replaceAll(/\\(?:x([0-9a-f]{1,2})|u([0-9a-f]{1,4})|([^]))/gi, (_, hex, unicode, char: string) => {
    const code: unknown = hex ?? unicode;
    return typeof code === "string" ? String.fromCharCode(Number.parseInt(code, 16)) : (TCL[char] ?? char);
  });
}
