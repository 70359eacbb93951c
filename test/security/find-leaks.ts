/** Looks for secrets in texts, whatever the usual encodings made of them. */

/** A text that must hold no secret, and where it was found. */
export interface Found {
  readonly where: string;
  readonly text: string;
}

/** A secret and the name under which a finding reports it. */
export interface Canary {
  readonly name: string;
  readonly value: string;
}

interface Form {
  readonly form: string;
  readonly needle: string;
}

/** A text of fewer characters stands in ordinary texts by chance. */
const SHORTEST = 8;

/**
 * Names every secret that stands in a text, and the form it has there.
 * @param canaries of 16 characters or more: their halves are looked for as well
 * @returns one line for each finding, without the secret and without the text
 */
export function findLeaks(texts: readonly Found[], canaries: readonly Canary[]): string[] {
  const wanted = canaries.map(({ name, value }) => ({ name, forms: formsOf(value) }));
  return texts.flatMap(({ where, text }) => {
    const lower = text.toLowerCase();
    return wanted.flatMap(({ name, forms }) =>
      forms
        .filter(({ form, needle }) => (form === "hex" ? lower : text).includes(needle))
        .map(({ form }) => `${where}: ${name} as ${form}`),
    );
  });
}

function formsOf(value: string): Form[] {
  const bytes = Buffer.from(value);
  const json = JSON.stringify(value).slice(1, -1);
  const half = Math.ceil(value.length / 2);
  const forms = [
    { form: "it is", needle: value },
    { form: "its first half", needle: value.slice(0, half) },
    { form: "its second half", needle: value.slice(half) },
    { form: "hex", needle: bytes.toString("hex") },
    { form: "UTF-16", needle: [...value].join("\0") },
    { form: "JSON", needle: json },
    { form: "JSON in JSON", needle: JSON.stringify(json).slice(1, -1) },
    { form: "a JavaScript text", needle: value.replaceAll("\\", "\\\\").replaceAll("'", "\\'") },
    { form: "an SQL text", needle: value.replaceAll("'", "''") },
    { form: "a URL's part", needle: encodeURIComponent(value) },
    { form: "a form's field", needle: new URLSearchParams([["", value]]).toString().slice(1) },
    ...base64Forms(bytes).flatMap((needle) => [
      { form: "base64", needle },
      { form: "base64url", needle: needle.replaceAll("+", "-").replaceAll("/", "_") },
    ]),
  ];
  return forms.filter(({ needle }) => needle.length >= SHORTEST);
}

/** Inside a longer text base64 looks different at each of three offsets; edges mix with their neighbours. */
function base64Forms(bytes: Buffer): string[] {
  return [0, 1, 2].map((before) => {
    const whole = Buffer.concat([Buffer.alloc(before), bytes])
      .toString("base64")
      .replaceAll("=", "");
    const inexact = (before + bytes.length) % 3 === 0 ? 0 : 1;
    return whole.slice(before === 0 ? 0 : before + 1, whole.length - inexact);
  });
}
