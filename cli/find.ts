import type { Credential, Device, Template } from "./api-types.ts";
import type { Client } from "./client.ts";
import { CliError, EXIT } from "./exit-codes.ts";

const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i;

function same(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

/** Splits at the last `@`, so that user names may hold one. @throws CliError when there is none */
export function splitAccount(text: string): { username: string; device: string } {
  const at = text.lastIndexOf("@");
  if (at < 1 || at === text.length - 1) throw new CliError(EXIT.usage, `"${text}" is neither an id nor user@device.`);
  return { username: text.slice(0, at), device: text.slice(at + 1) };
}

function only<Item extends { readonly id: string }>(found: readonly Item[], what: string): Item {
  const [first, ...others] = found;
  if (!first) throw new CliError(EXIT.notFound, `There is no ${what}.`);
  if (others.length > 0)
    throw new CliError(
      EXIT.data,
      `There are ${found.length} of ${what}.`,
      `Name one by its id: ${found.map((item) => item.id).join(", ")}`,
    );
  return first;
}

/** @param text id or name of an active device */
export async function findDevice(api: Client, text: string): Promise<Device> {
  if (UUID.test(text)) return api.get<Device>(`v1/devices/${text}`);
  const { items } = await api.list<Device>("v1/devices", { name: text, active: true });
  return only(
    items.filter((device) => same(device.name, text)),
    `active device "${text}"`,
  );
}

/** @param text id, or `user@device`, of an active credential */
export async function findCredential(api: Client, text: string): Promise<Credential> {
  if (UUID.test(text)) return api.get<Credential>(`v1/credentials/${text}`);
  const { username, device } = splitAccount(text);
  const { items } = await api.list<Credential>("v1/credentials", { username, device, active: true });
  return only(
    items.filter((credential) => credential.username === username && same(credential.device, device)),
    `active credential "${text}"`,
  );
}

/** @param text id or name, in any case */
export async function findNamed<Item extends { readonly id: string; readonly name: string }>(
  text: string,
  what: string,
  read: { byId(id: string): Promise<Item>; all(): Promise<readonly Item[]> },
): Promise<Item> {
  if (UUID.test(text)) return read.byId(text);
  const found = (await read.all()).filter(({ name }) => same(name, text));
  return only(found, `${what} "${text}"`);
}

/** @param text id or name of an active template @param filters to tell those of one name apart */
export async function findTemplate(
  api: Client,
  text: string,
  filters: { plugin?: string; kind?: string } = {},
): Promise<Template> {
  const meant = [filters.plugin && `of ${filters.plugin}`, filters.kind && `for ${filters.kind}`].filter(Boolean);
  return findNamed<Template>(text, ["active template", ...meant].join(" "), {
    byId: (id) => api.get(`v1/templates/${id}`),
    all: async () => (await api.list<Template>("v1/templates", { ...filters, name: text, active: true })).items,
  });
}
