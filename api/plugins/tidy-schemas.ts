/**
 * The type provider writes each schema as what may be sent (`ThingInput`) and as what is answered (`Thing`), used or
 * not. Clients generated from that get twin types; here each schema is left with one name.
 */
export interface OpenApiDocument {
  paths?: Record<string, Record<string, { responses?: Record<string, { content?: unknown }> }>>;
  components?: { schemas?: Record<string, unknown> };
}

const SENT = /Input$/;

/** The same document with equal twins merged, unused schemas gone, and what is only sent under its plain name. */
export function tidySchemas(document: OpenApiDocument): OpenApiDocument {
  const schemas = document.components?.schemas ?? {};
  const twins = Object.keys(schemas).filter((name) => SENT.test(name) && isTwin(schemas, name));
  const tidy = dropUnused(rename(document, twins));
  const kept = tidy.components?.schemas ?? {};
  const alone = Object.keys(kept).filter((name) => SENT.test(name) && !(name.replace(SENT, "") in kept));
  return dropEmptyContent(rename(tidy, alone));
}

/** An answer without a body has no content type. */
function dropEmptyContent(document: OpenApiDocument): OpenApiDocument {
  for (const path of Object.values(document.paths ?? {}))
    for (const operation of Object.values(path)) delete operation.responses?.["204"]?.content;
  return document;
}

function reference(name: string): string {
  return `"#/components/schemas/${name}"`;
}

/** Gives the schemas their plain names; one that has the plain name already is the same schema. */
function rename(document: OpenApiDocument, names: readonly string[]): OpenApiDocument {
  let text = JSON.stringify(document);
  for (const name of names) text = text.replaceAll(reference(name), reference(name.replace(SENT, "")));
  const renamed = JSON.parse(text) as OpenApiDocument;
  const schemas = renamed.components?.schemas ?? {};
  for (const name of names) {
    schemas[name.replace(SENT, "")] ??= schemas[name];
    delete schemas[name];
  }
  return renamed;
}

function dropUnused(document: OpenApiDocument): OpenApiDocument {
  const schemas = document.components?.schemas ?? {};
  const text = JSON.stringify(document);
  const unused = Object.keys(schemas).filter((name) => !text.includes(reference(name)));
  for (const name of unused) delete schemas[name];
  return unused.length === 0 ? document : dropUnused(document);
}

/** Whether what is sent and what is answered differ only in what a reader may ignore: whether further fields may come. */
function isTwin(schemas: Readonly<Record<string, unknown>>, name: string): boolean {
  const plain = (schema: unknown) =>
    JSON.stringify(schema, (key, value: unknown) =>
      key === "additionalProperties" && value === false ? undefined : value,
    ).replaceAll(/Input"/g, '"');
  return plain(schemas[name]) === plain(schemas[name.replace(SENT, "")]);
}
