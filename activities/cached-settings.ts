import type { Settings } from "../contracts/settings.schema.ts";
import type { Database } from "../db/client.ts";
import { readSettings } from "../db/queries/settings.ts";

/** How old the settings may be. Milliseconds. */
const FRESH_MS = 2_000;

/** Reads the global settings, at most every two seconds. */
export function cachedSettings(db: Database): () => Promise<Settings> {
  let cached: { readonly at: number; readonly settings: Promise<Settings> } | undefined;
  return () => {
    if (!cached || performance.now() - cached.at > FRESH_MS) {
      const settings = readSettings(db);
      settings.catch(() => (cached = undefined));
      cached = { at: performance.now(), settings };
    }
    return cached.settings;
  };
}
