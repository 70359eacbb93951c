/** Templates as administrators write them for devices of all makes: none is refused, and nothing is said without a reason. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { PLUGINS } from "../../plugins/registry.ts";
import { checkTemplate } from "../../templates/language/check.ts";
import type { Dialect } from "../../templates/language/dialect.ts";
import { guessFromPath } from "../../templates/language/template-file.ts";

const FOLDER = join(import.meta.dirname, "devices");
const dialects: Record<string, Dialect> = Object.fromEntries(
  PLUGINS.flatMap(({ kind, language }) => (language === undefined ? [] : [[kind, language]])),
);

/** `rule line` by file; files that are not here have none. */
const SAID: Readonly<Record<string, readonly string[]>> = {
  "AIX chpasswd": ["password.argument 2"],
  "Cisco ASA": ["password.argument 9"],
  "Cisco IOS enable secret": ["password.argument 12"],
  "Cisco NX-OS": ["password.argument 4"],
  "Cisco line vty": ["password.literal 6", "password.argument 12"],
  "Cisco no username": ["pattern.absence 9"],
  "Cisco telnet expect": ["password.argument 13"],
  "ESXi esxcli": ["password.argument 2"],
  "Extreme in clear": ["password.literal 4"],
  "F5 tmsh": ["password.argument 4"],
  "FortiGate admin": ["password.argument 8"],
  Fortinet: ["quote.inner 4", "password.argument 6"],
  "Huawei VRP": ["password.argument 7"],
  "Linux su with root in clear": ["password.literal 4"],
  MikroTik: ["password.argument 2"],
  "MikroTik own": ["password.argument 2"],
  iDRAC: ["password.argument 2"],
  "iDRAC admin1": ["password.argument 2"],
  iLO: ["password.argument 2"],
};

const files = readdirSync(FOLDER, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => join(entry.parentPath, entry.name).slice(FOLDER.length + 1));

it.each(files)("%s", (file) => {
  const { plugin = "", kind, name } = guessFromPath(file, dialects);
  const dialect = dialects[plugin];
  if (dialect === undefined || kind === undefined) throw new Error("no plugin or kind");
  const body = readFileSync(join(FOLDER, file), "utf8");
  const { complaints } = checkTemplate({ body, dialect, kind, longestSeconds: 30 });
  expect(complaints.map(({ rule, line }) => `${rule} ${line}`)).toEqual(SAID[name] ?? []);
});

it("has a file for each of them", () => {
  const names = new Set(files.map((file) => guessFromPath(file, dialects).name));
  expect(Object.keys(SAID).filter((name) => !names.has(name))).toEqual([]);
  expect(names.size).toBeGreaterThan(30);
});
