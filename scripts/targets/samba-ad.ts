/**
 * An Active Directory domain controller (Samba) on loopback, of which only LDAP runs.
 *
 * Its ports cannot be chosen, so it listens on a loopback address of its own, and a port of 127.0.0.1 leads there.
 */
import { execFile } from "node:child_process";
import { randomBytes, randomInt } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { Attribute, Change, type Client, type Entry } from "ldapts";
import { makeCertificates } from "../engine/certificates.ts";
import { answers } from "../engine/ports.ts";
import { makeFolder, removeFolder, startDaemon } from "./daemon.ts";
import { withDirectory } from "./openldap.ts";

const run = promisify(execFile);
const LDAPS_PORT = 636;
const LDAP_PORT = 389;
const BASE = "DC=kt,DC=test";
const PEOPLE = `CN=Users,${BASE}`;
/** NORMAL_ACCOUNT, and what switches one off. */
const NORMAL = 512;
export const DISABLED = 2;

export interface SambaAdTarget {
  readonly address: string;
  /** Of LDAPS. */
  readonly port: number;
  /** Without TLS, and for StartTLS. */
  readonly clearPort: number;
  /** PEM of the authority: the plugin's setting `caCertificate`. */
  readonly ca: string;
  readonly administrator: { readonly username: string; readonly password: string };
  readonly domain: string;
  readonly base: string;
  /** Makes a user; the name is both `cn` and `sAMAccountName`. */
  addUser(username: string, password: string): Promise<void>;
  /** Makes a group. */
  addGroup(name: string): Promise<void>;
  /** Replaces attributes of a user. */
  set(username: string, attributes: Readonly<Record<string, string>>): Promise<void>;
  /** All that a user's or a group's entry holds. */
  entry(name: string): Promise<Entry>;
  stop(): Promise<void>;
}

/**
 * Provisions and starts a domain; needs root and the Debian packages samba, samba-ad-provision, samba-dsdb-modules and
 * samba-vfs-modules.
 * @throws Error with what it said when it does not come up
 */
export async function startSambaAdTarget(): Promise<SambaAdTarget> {
  const folder = await makeFolder("keyturn-samba-");
  const certificates = makeCertificates();
  const password = `Aa1-${randomBytes(18).toString("base64url")}`;
  const host = `127.${randomInt(64, 128)}.${randomInt(1, 255)}.${randomInt(2, 255)}`;
  const configuration = await provision({ folder, host, password, certificates });
  const daemon = await startDaemon({
    command: ["samba", "-F", "--no-process-group", "-M", "single", "-s", configuration],
    ready: async () => (await answers(LDAPS_PORT, host)) && answers(LDAP_PORT, host),
  });
  const doors = [await openDoor(host, LDAPS_PORT), await openDoor(host, LDAP_PORT)] as const;
  const [{ port }, { port: clearPort }] = doors;
  const url = `ldaps://127.0.0.1:${port}`;
  const account = { username: "administrator@kt.test", password };
  const asAdministrator = <T>(work: (client: Client) => Promise<T>) =>
    withDirectory({ url, ca: certificates.ca, ...account }, work);
  return {
    address: "127.0.0.1",
    port,
    clearPort,
    ca: certificates.ca,
    administrator: { username: "Administrator", password },
    domain: "kt.test",
    base: BASE,
    addUser: (username, first) => asAdministrator((client) => addUser(client, username, first)),
    addGroup: (name) =>
      asAdministrator((client) => client.add(dnOf(name), { objectClass: "group", sAMAccountName: name })),
    set: (username, attributes) =>
      asAdministrator((client) => client.modify(dnOf(username), Object.entries(attributes).map(replacing))),
    entry: (name) =>
      asAdministrator(async (client) => {
        const { searchEntries } = await client.search(dnOf(name), { scope: "base" });
        const [entry] = searchEntries;
        if (!entry) throw new Error(`there is no ${name}`);
        return entry;
      }),
    async stop() {
      for (const door of doors) door.close();
      await daemon.kill();
      await removeFolder(folder);
    },
  };
}

interface Provision {
  readonly folder: string;
  readonly host: string;
  readonly password: string;
  readonly certificates: ReturnType<typeof makeCertificates>;
}

/** Makes the domain's files; returns the name of its configuration. */
async function provision({ folder, host, password, certificates }: Provision): Promise<string> {
  const tool = (...words: readonly string[]) =>
    run("samba-tool", words, { env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" } });
  // The password in the arguments is that of a domain which lives as long as a test.
  const domain = [
    "--realm=KT.TEST",
    "--domain=KT",
    "--server-role=dc",
    "--dns-backend=NONE",
    `--adminpass=${password}`,
  ];
  await tool("domain", "provision", `--targetdir=${folder}`, `--host-ip=${host}`, ...domain);
  const file = join(folder, "etc", "smb.conf");
  for (const [name, pem] of Object.entries(certificates))
    await writeFile(join(folder, `${name}.pem`), pem, { mode: 0o600 });
  const lines = {
    interfaces: `${host}/8`,
    "bind interfaces only": "yes",
    "server services": "ldap",
    "pid directory": folder,
    "ncalrpc dir": join(folder, "ncalrpc"),
    "log file": join(folder, "log"),
    "tls keyfile": join(folder, "key.pem"),
    "tls certfile": join(folder, "cert.pem"),
    "tls cafile": join(folder, "ca.pem"),
    // The old password would go on logging in for an hour, and no test could tell which one the account has.
    "old password allowed period": "0",
  };
  const added = Object.entries(lines).map(([name, value]) => `\t${name} = ${value}\n`);
  const text = await readFile(file, "utf8");
  await writeFile(
    file,
    text.replace("[global]\n", `[global]\n${added.join("")}`).replace(/^\tserver services = .*,.*\n/m, ""),
  );
  const rules = ["--min-pwd-age=0", "--history-length=0", "--account-lockout-threshold=5"];
  await tool("domain", "passwordsettings", "set", "-s", file, ...rules);
  return file;
}

async function addUser(client: Client, username: string, password: string): Promise<void> {
  await client.add(dnOf(username), {
    objectClass: "user",
    sAMAccountName: username,
    userAccountControl: String(NORMAL + DISABLED),
  });
  const value = Buffer.from(`"${password}"`, "utf16le");
  await client.modify(dnOf(username), [
    new Change({ operation: "replace", modification: new Attribute({ type: "unicodePwd", values: [value] }) }),
    replacing(["userAccountControl", String(NORMAL)]),
  ]);
}

function replacing([type, value]: readonly [string, string]): Change {
  return new Change({ operation: "replace", modification: new Attribute({ type, values: [value] }) });
}

function dnOf(name: string): string {
  return `CN=${name.replaceAll(/[\\,+"<>;=#]/g, String.raw`\$&`)},${PEOPLE}`;
}

interface Door {
  readonly port: number;
  close(): void;
}

/** A port of 127.0.0.1 that leads to one of the domain controller. A connection that is cut on one side is on both. */
async function openDoor(host: string, port: number): Promise<Door> {
  const open = new Set<Socket>();
  const server = createServer({ noDelay: true }, (near) => {
    const far = connect({ host, port, noDelay: true });
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(from);
      from.on("data", (data) => to.write(data));
      from.on("error", () => {});
      from.on("close", () => {
        open.delete(from);
        to.destroySoon();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
}
