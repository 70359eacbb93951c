import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import type { Device, Identified } from "../api-types.ts";
import { CliError, EXIT } from "../exit-codes.ts";
import { findDevice } from "../find.ts";
import { ask } from "../io.ts";
import { collect, wholeNumber } from "../options.ts";
import { DEVICE_COLUMNS } from "../output/columns.ts";
import type { Session } from "../session.ts";
import type { Start } from "./shared.ts";

interface AddOptions {
  readonly port?: number;
  readonly site?: string;
  readonly permits?: number;
  readonly tag: readonly string[];
  readonly settings?: string;
}

async function readSettings(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, "utf8"));
  } catch (cause) {
    throw new CliError(EXIT.notFound, `${file} cannot be read as JSON.`, "", { cause });
  }
}

async function add(session: Session, name: string, address: string, options: AddOptions): Promise<void> {
  const { settings: file, tag: tags, ...rest } = options;
  const settings = file === undefined ? {} : { settings: await readSettings(file) };
  const device = await session.api.post<Device>("v1/devices", { name, address, ...rest, tags, ...settings });
  session.print.item(device, DEVICE_COLUMNS);
  session.print.hint(`Next: keyturn device trust ${device.name}`);
}

/** A person's word that this fingerprint is the device's own. */
async function confirmed(session: Session, device: Device): Promise<boolean> {
  const typed = await ask(session.io, `Type the device's name (${device.name}) to pin it: `);
  if (typed === undefined)
    throw new CliError(EXIT.usage, "Nobody is at the terminal to compare the fingerprint.", "Pass --yes to pin it.");
  return typed.trim() === device.name;
}

async function trust(session: Session, text: string, options: { yes?: boolean }): Promise<void> {
  const found = await findDevice(session.api, text);
  const { seenIdentity } = await session.api.post<Identified>(`v1/devices/${found.id}/identify`, {});
  if (seenIdentity === null)
    throw new CliError(EXIT.data, `${found.name} shows no host key or certificate: there is nothing to pin.`);
  const device = await session.api.get<Device>(`v1/devices/${found.id}`);
  session.print.hint(`${device.name} shows ${seenIdentity}`);
  if (device.pinnedIdentity === seenIdentity) {
    session.print.hint("This is what is pinned already.");
    session.print.item(device, DEVICE_COLUMNS);
    return;
  }
  session.print.hint(
    device.pinnedIdentity === null
      ? "Compare it with the device's own before you pin it."
      : `Until now ${device.pinnedIdentity} was pinned. Find out why it changed: it may be another machine.`,
  );
  if (!options.yes && !(await confirmed(session, device))) throw new CliError(EXIT.data, "Nothing was pinned.");
  const pinned = await session.api.put<Device>(
    `v1/devices/${device.id}/pin`,
    { fingerprint: seenIdentity },
    device.revision,
  );
  session.print.item(pinned, DEVICE_COLUMNS);
}

/** `keyturn device …` */
export function addDeviceCommands(program: Command, start: Start): void {
  const device = program.command("device").description("systems with accounts");
  device
    .command("add <name> <address>")
    .description("register a device")
    .option("--port <number>", "TCP port; the plugin's own when absent", wholeNumber)
    .option("--site <name>", "network zone whose workers reach it")
    .option("--permits <number>", "changes that may run on it at once", wholeNumber)
    .option("--tag <tag>", "may be repeated", collect, [])
    .option("--settings <file>", 'JSON file: {"<plugin>": {…its settings}}')
    .action(start(add));
  device
    .command("list")
    .description("list devices")
    .option("--name <text>", "part of the name")
    .option("--all", "the inactive ones, too")
    .action(
      start(async ({ api, print }, { name, all }: { name?: string; all?: boolean }) => {
        const active = all ? undefined : true;
        print.items((await api.list<Device>("v1/devices", { name, active })).items, DEVICE_COLUMNS);
      }),
    );
  device
    .command("trust <device>")
    .description("show the device's host key or certificate, and pin it after it was compared")
    .option("--yes", "pin what it shows without asking")
    .action(start(trust));
}
