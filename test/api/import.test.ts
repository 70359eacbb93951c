import { sql } from "drizzle-orm";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { IMPORT_COLUMNS } from "../../contracts/import-columns.ts";
import type { Credential } from "../../contracts/credentials.schema.ts";
import type { Device } from "../../contracts/devices.schema.ts";
import { Secret } from "../../contracts/secret.ts";
import { planImport } from "../../db/queries/import/plan.ts";
import type { ImportRow } from "../../db/queries/import/row.ts";
import { writeImport } from "../../db/queries/import/write.ts";
import { type Ask, makeCredentials, openTestApi, PLAIN_PLUGIN, type TestApi } from "../helpers/api.ts";
import { csvOf, dump, importFile } from "./import-file.ts";

let api: TestApi;
let admin: Ask;
let custodian: Ask;
let host: string;
let count = 0;
beforeAll(async () => {
  api = await openTestApi();
  admin = await api.as(["administrator"], "Ada");
  custodian = await api.as(["custodian"], "Cleo");
});
beforeEach(() => {
  count += 1;
  host = `host-${count}`;
});
afterAll(() => api.close());

const send = (rows: Parameters<typeof csvOf>[0], dryRun = false) => importFile(admin, csvOf(rows), dryRun);
const account = (username: string, more: object = {}) => ({
  Device: host,
  Address: "192.0.2.1",
  Username: username,
  "Change plugin": "plain",
  ...more,
});
const credentialsOf = async (device = host) =>
  (await admin<{ items: Credential[] }>("GET", `/v1/credentials?device=${device}`)).body.items;
const find = async (username: string, device = host) => {
  const found = (await credentialsOf(device)).find((one) => one.username === username);
  if (!found) throw new Error(`no ${username}@${device}`);
  return found;
};
const reveal = async ({ id }: Credential) =>
  (await custodian<{ password: string }>("POST", `/v1/credentials/${id}/reveal`, { body: { reason: "test" } })).body
    .password;

const FULL = () => [
  {
    Device: host,
    Address: "192.0.2.7",
    Port: 2222,
    Manufacturer: "Debian",
    Model: "13",
    "Device type": "Server",
    Site: "berlin",
    "Device domain": "corp.example",
    URL: "https://host.example/",
    "Device tags": "prod, web",
    Username: "root",
    "Credential type": "Local administrator",
    "Credential tags": "tier0;linux",
    Status: "Active",
    Notes: 'two\nlines, and "quotes"',
    "Current password": "fïrst; päss,wörd",
    "Automatic change": "yes",
    "Change plugin": "plain",
    "Connection username": "deploy",
    "Parent username": "master",
    "Reconciliation status": "on",
    "Reconciliation autorun": "no",
    "Reconciliation username": "deploy",
  },
  { Device: host, Username: "deploy", "Change plugin": "plain", "Current password": "second" },
  { Device: host, Username: "master", "Change plugin": "plain", Domain: "corp", "Additional information": "{}" },
];

describe("a file", () => {
  test("registers devices and accounts with everything it says, whatever the order of its rows", async () => {
    const { status, body } = await send(FULL());
    expect(status).toBe(200);
    expect(body).toMatchObject({ dryRun: false, created: 3, updated: 0, unchanged: 0, refused: 0 });
    expect(body.rows.map(({ line, device, credential }) => [line, device, credential])).toEqual([
      [2, "created", "created"],
      [4, "unchanged", "created"],
      [5, "unchanged", "created"],
    ]);
    const [root, deploy, master] = await Promise.all(["root", "deploy", "master"].map((name) => find(name)));
    expect(root).toMatchObject({
      type: "Local administrator",
      tags: ["tier0", "linux"],
      notes: 'two\nlines, and "quotes"',
      automaticChange: true,
      useOwnCredential: false,
      authenticationCredentialId: deploy?.id,
      parentCredentialId: master?.id,
      reconciliation: { enabled: true, autorun: false, credentialId: deploy?.id },
      currentVersion: 1,
    });
    expect(master).toMatchObject({
      domain: "corp",
      additionalInfo: "{}",
      currentVersion: null,
      useOwnCredential: true,
    });
    expect(root && (await reveal(root))).toBe("fïrst; päss,wörd");
    const { body: device } = await admin<Device>("GET", `/v1/devices/${root?.deviceId}`);
    expect(device).toMatchObject({
      name: host,
      address: "192.0.2.7",
      port: 2222,
      manufacturer: "Debian",
      model: "13",
      type: "Server",
      site: "berlin",
      domain: "corp.example",
      url: "https://host.example/",
      tags: ["prod", "web"],
    });
  });

  test("a dry run says the same and changes nothing; a second run changes nothing either", async () => {
    const before = await dump(api.db);
    const dry = await send(FULL(), true);
    expect(await dump(api.db)).toBe(before);
    const real = await send(FULL());
    expect(dry.body).toEqual({ ...real.body, dryRun: true });
    const after = await dump(api.db);
    expect(after).not.toBe(before);
    const again = await send(FULL());
    expect(again.body).toMatchObject({ created: 0, updated: 0, unchanged: 3, refused: 0 });
    expect(again.body.rows.flatMap(({ columns }) => columns)).toEqual([]);
    expect(await dump(api.db)).toBe(after);
  });

  test("edits what it says and leaves what it does not say; a hyphen empties", async () => {
    await send(FULL());
    const rows = [
      {
        Device: host.toUpperCase(),
        Address: "192.0.2.8",
        Username: "root",
        Notes: "-",
        "Parent username": "-",
        "Device tags": "",
      },
      { Device: host, Username: "deploy", "Current password": "third", "Credential tags": "new" },
    ];
    const { body } = await send(rows);
    expect(body.rows).toMatchObject([
      {
        outcome: "updated",
        device: "updated",
        credential: "updated",
        columns: ["Address", "Notes", "Parent username"],
      },
      { outcome: "updated", device: "unchanged", columns: ["Credential tags", "Current password"] },
    ]);
    const root = await find("root");
    expect(root).toMatchObject({ notes: "", parentCredentialId: null, tags: ["tier0", "linux"], revision: 2 });
    expect((await admin<Device>("GET", `/v1/devices/${root.deviceId}`)).body).toMatchObject({
      address: "192.0.2.8",
      tags: ["prod", "web"],
      revision: 2,
    });
    const deploy = await find("deploy");
    expect(deploy).toMatchObject({ currentVersion: 2, tags: ["new"] });
    expect(await reveal(deploy)).toBe("third");
  });

  test("is audited: a row for each thing done, and one for the whole", async () => {
    const of = async (run: Awaited<ReturnType<typeof send>>) =>
      (
        await api.db.execute<{ action: string; details: object; object_id: string; person: string }>(
          sql`select action, details, object_id, person from audit where request_id = ${run.headers["x-request-id"]} order by id`,
        )
      ).map((row) => ({ ...row }));
    const real = await of(await send(FULL()));
    expect(real.map(({ action }) => action)).toEqual([
      "device.created",
      ...Array.from({ length: 3 }, () => "credential.created"),
      ...Array.from({ length: 2 }, () => "credential.password-stored"),
      "import.finished",
    ]);
    expect(real.at(-1)).toMatchObject({ person: "Ada", details: { created: 3, updated: 0, refused: 0, passwords: 2 } });
    const dry = await of(await send([...FULL(), account("new", { Address: "" })], true));
    expect(dry).toMatchObject([{ action: "import.checked", details: { created: 1, unchanged: 3, passwords: 2 } }]);
    const edit = await of(
      await send([{ Device: host, Model: "M", Username: "deploy", Notes: "n", "Current password": "x" }]),
    );
    expect(edit.map(({ action, details }) => [action, details])).toMatchObject([
      ["credential.password-stored", { version: 2, reason: "import" }],
      ["device.edited", { fields: ["model"] }],
      ["credential.edited", { fields: ["notes"] }],
      ["import.finished", { updated: 1 }],
    ]);
  });
});

describe("its form", () => {
  test.each([
    ["semicolons", (rows: Parameters<typeof csvOf>[0]) => csvOf(rows, ";")],
    ["a byte order mark", (rows: Parameters<typeof csvOf>[0]) => `\uFEFF${csvOf(rows)}`],
    ["line feeds and no last one", (rows: Parameters<typeof csvOf>[0]) => csvOf(rows, ",", "\n").trimEnd()],
    [
      "every cell in quotes",
      (rows: Parameters<typeof csvOf>[0]) => csvOf(rows).replaceAll(/(?<=^|,)([^",\r\n]*)(?=,|\r?$)/gm, '"$1"'),
    ],
    ["empty lines and rows", (rows: Parameters<typeof csvOf>[0]) => csvOf(rows).replaceAll("\r\n", "\r\n\r\n,,,,\r\n")],
  ])("may have %s", async (_, write) => {
    const { status, body } = await importFile(admin, write([account("a"), account("b", { Notes: "x" })]));
    expect(body, JSON.stringify(body)).toMatchObject({ created: 2, refused: 0 });
    expect(status).toBe(200);
    expect((await credentialsOf()).map(({ username, notes }) => [username, notes])).toEqual([
      ["a", ""],
      ["b", "x"],
    ]);
  });

  test("headings are taken in any case and by the original's words", async () => {
    const file = csvOf([
      {
        HOSTNAME: host,
        ip_address: "192.0.2.1",
        vendor: "V",
        "PRODUCT*": "P",
        Website: "default",
        username: "x",
        "Password type": "Domain user",
        "enable automatic-change": "TRUE",
        plugin: "plain",
        TAGS: "t",
      },
    ]);
    expect((await importFile(admin, file)).body).toMatchObject({ created: 1 });
    expect(await find("x")).toMatchObject({ type: "Domain user", automaticChange: true, tags: ["t"] });
  });

  test.each([
    ["", "empty"],
    ["Username,Address\nx,y", 'headed "Device"'],
    ["Device,Colour\nx,red", "Column 2"],
    ["Device,Hostname\nx,y", 'Two columns are headed "Device"'],
    ['Device,Notes\nx,"never closed', "opened in line 2 or after it is never closed"],
    ['Device,Notes\nx,a"b', "in line 2"],
  ])("%j is refused as a whole", async (file, sentence) => {
    const { status, body } = await importFile(admin, file || "\n");
    expect(status).toBe(422);
    expect(body).toMatchObject({ code: "import.malformed", detail: expect.stringContaining(sentence) as string });
  });

  test("bytes that are not UTF-8, another content type, too many bytes and rows are refused with a clear sentence", async () => {
    const raw = async (payload: Buffer | string, type = "text/csv") => {
      const value = await api.app.inject({
        method: "POST",
        url: "/v1/import",
        payload,
        headers: { authorization: `Bearer ${token}`, "content-type": type },
      });
      return [value.statusCode, (value.json() as { code: string; detail: string }).detail] as const;
    };
    const token = await adminToken();
    expect(await raw(Buffer.from("Device\nm\xfcnchen", "latin1"))).toEqual([
      422,
      "The file is not UTF-8. Save it as CSV in UTF-8.",
    ]);
    expect(await raw(Buffer.from("\uFEFFDevice\nx", "utf16le"))).toEqual([
      422,
      "The file is UTF-16. Save it as CSV in UTF-8.",
    ]);
    expect(await raw('"Device"', "application/json")).toEqual([400, "The body must have content-type text/csv."]);
    expect(await raw(`Device\n${"x".repeat(20_000_000)}`)).toEqual([
      400,
      "The body is larger than the 20000000 bytes allowed here.",
    ]);
    expect(await raw(`Device\n${"x\n".repeat(10_001)}`)).toEqual([422, "The file has more than 10000 rows. Split it."]);
  });

  async function adminToken(): Promise<string> {
    const { makeTokenValue, createToken } = await import("../../db/queries/tokens.ts");
    const value = makeTokenValue();
    await createToken(api.db, { name: "raw", owner: "Ada", roles: ["administrator"], value });
    return value;
  }

  test("only an administrator may send one", async () => {
    for (const role of ["viewer", "operator", "approver", "custodian", "auditor"] as const)
      expect((await importFile(await api.as([role]), csvOf([account("x")]))).status).toBe(403);
  });
});

describe("a bad row", () => {
  test("is refused with column, rule and shape, and blocks no good one; nothing of it stays", async () => {
    const rows = [
      account("good1"),
      { Device: `${host}-half`, Address: "not an address!", Username: "half", "Change plugin": "plain" },
      { Device: `${host}-new`, Address: "192.0.2.9", Username: "u", "Change plugin": "nobody" },
      account("bad-port", { Port: "70000" }),
      account("bad-word", { "Automatic change": "perhaps" }),
      account("bad-template", { "Change template": "Linux" }),
      account("tab", { Notes: "ok", Domain: "a\tb" }),
      account("", { "Current password": "p" }),
      account("noplugin", { "Change plugin": "" }),
      account("lonely", { "Use own credential": "no" }),
      account("both", { "Use own credential": "yes", "Connection username": "good1" }),
      account("norec", { "Reconciliation status": "yes" }),
      account("half-name", { "Parent hostname": host }),
      account("good1"),
      account("site", { Site: "Not A Site" }),
      { Device: `${host}-nowhere`, Username: "x", "Change plugin": "plain" },
      account("good2", { Notes: "last" }),
    ];
    const { body } = await send(rows);
    const problems = Object.fromEntries(
      body.rows.map(({ line, problems: [first] }) => [line, first && `${first.column}: ${first.code}`]),
    );
    expect(problems).toEqual({
      2: undefined,
      3: "Address: request.invalid",
      4: "Change plugin: credential.plugin-unknown",
      5: "Port: request.invalid",
      6: "Automatic change: request.invalid",
      7: "Change template: request.invalid",
      8: "Domain: request.invalid",
      9: "Username: request.invalid",
      10: "Change plugin: request.invalid",
      11: "Connection username: credential.no-authenticator",
      12: "Use own credential: request.invalid",
      13: "Reconciliation username: credential.no-reconciliation",
      14: "Parent username: request.invalid",
      15: "Username: request.conflict",
      16: "Site: request.invalid",
      17: "Address: request.invalid",
      18: undefined,
    });
    expect(body.rows[3]?.problems).toEqual([
      { column: "Port", code: "request.invalid", rule: expect.any(String), got: "text of 5 characters" },
    ]);
    expect(body).toMatchObject({ created: 2, refused: 15 });
    expect((await credentialsOf()).map(({ username }) => username)).toEqual(["good1", "good2"]);
    expect((await admin<{ items: Device[] }>("GET", `/v1/devices?name=${host}`)).body.items).toHaveLength(1);
  });

  test("a row with too few or too many cells is refused, so that no value stands in another's column", async () => {
    const head = "Device,Address,Username,Change plugin,Current password,Notes";
    const { body } = await importFile(
      admin,
      `${head}\n${host},192.0.2.1,a,plain,secret-a\n${host},192.0.2.1,b,plain,se,cret,b\n${host},192.0.2.1,c,plain,secret-c,ok,\n`,
    );
    expect(body.rows.map(({ outcome, problems }) => [outcome, problems[0]?.rule])).toEqual([
      ["refused", "must have 6 cells, as the first line has"],
      ["refused", "must have no value where no heading stands"],
      ["created", undefined],
    ]);
  });

  test("rows about one device must agree; only the row that differs is refused", async () => {
    const { body } = await send([account("a"), account("b", { Address: "192.0.2.2" }), account("c", { Model: "M" })]);
    expect(body.rows.map(({ outcome }) => outcome)).toEqual(["created", "refused", "created"]);
    expect(body.rows[1]?.problems[0]).toMatchObject({
      column: "Address",
      rule: "must be as line 2 says for the same device",
    });
    const [a] = await credentialsOf();
    expect((await admin<Device>("GET", `/v1/devices/${a?.deviceId}`)).body).toMatchObject({
      address: "192.0.2.1",
      model: "M",
    });
  });
});

describe("references", () => {
  test("may go in any direction, also both ways", async () => {
    const rows = [
      account("child", { "Parent username": "parent" }),
      account("parent", { "Parent username": "grandparent", "Parent hostname": `${host}-far` }),
      account("a", { "Connection username": "b", "Reconciliation status": "on", "Reconciliation username": "b" }),
      account("b", { "Connection username": "a", "Reconciliation status": "on", "Reconciliation username": "a" }),
      { ...account("grandparent"), Device: `${host}-far` },
    ];
    expect((await send(rows)).body).toMatchObject({ created: 5, refused: 0 });
    const [a, b, child, parent, far] = await Promise.all([
      ...["a", "b", "child", "parent"].map((name) => find(name)),
      find("grandparent", `${host}-far`),
    ]);
    expect(a).toMatchObject({ authenticationCredentialId: b?.id, reconciliation: { credentialId: b?.id } });
    expect(b).toMatchObject({ authenticationCredentialId: a?.id, reconciliation: { credentialId: a?.id } });
    expect(child?.parentCredentialId).toBe(parent?.id);
    expect(parent?.parentCredentialId).toBe(far?.id);
    expect((await send(rows)).body).toMatchObject({ unchanged: 5 });
  });

  test("one that leads nowhere, or to a refused row, refuses its row and those that need it", async () => {
    const { body } = await send([
      account("a", { "Parent username": "b" }),
      account("b", { "Connection username": "c" }),
      account("c", { "Parent username": "nobody" }),
      account("d"),
      account("e", { "Parent username": "d", "Reconciliation username": "e" }),
    ]);
    expect(body.rows.map(({ outcome, problems: [first] }) => [outcome, first?.column, first?.rule])).toEqual([
      ["refused", "Parent username", "must be an account that is not refused; line 3 is"],
      ["refused", "Connection username", "must be an account that is not refused; line 4 is"],
      ["refused", "Parent username", expect.stringContaining("registered or stands in the file")],
      ["created", undefined, undefined],
      ["refused", "Reconciliation username", "must be another account than the row's own"],
    ]);
  });

  test("several accounts of one name are told apart by nothing: the row is refused", async () => {
    const { body } = await send([
      account("twin", { Domain: "one" }),
      account("twin", { Domain: "two" }),
      account("x", { "Parent username": "twin" }),
    ]);
    expect(body.rows[2]?.problems[0]).toMatchObject({
      code: "request.conflict",
      rule: expect.stringContaining("not 2") as string,
    });
    expect(body.created).toBe(2);
  });

  test("a circle of parents is refused with its path, and only it", async () => {
    const { body } = await send([
      account("a", { "Parent username": "b" }),
      account("b", { "Parent username": "c" }),
      account("c", { "Parent username": "a" }),
      account("outside"),
      account("below", { "Parent username": "outside" }),
    ]);
    expect(body.rows.map(({ outcome }) => outcome)).toEqual(["refused", "refused", "refused", "created", "created"]);
    expect(body.rows[1]?.problems[0]).toMatchObject({
      column: "Parent username",
      code: "credential.cycle",
      rule: `must not close the circle b@${host} → c@${host} → a@${host} → b@${host}`,
    });
  });

  test("a circle through what is stored is refused, and turning a chain round is not one", async () => {
    await send([account("x", { "Parent username": "y" }), account("y", { "Parent username": "z" }), account("z")]);
    const circle = await send([account("z", { "Parent username": "x" }), account("y", { Notes: "kept" })]);
    expect(circle.body.rows).toMatchObject([
      {
        outcome: "refused",
        problems: [{ rule: `must not close the circle z@${host} → x@${host} → y@${host} → z@${host}` }],
      },
      { outcome: "updated" },
    ]);
    const turned = await send([
      account("z", { "Parent username": "y" }),
      account("y", { "Parent username": "x" }),
      account("x", { "Parent username": "-" }),
    ]);
    expect(turned.body, JSON.stringify(turned.body)).toMatchObject({ updated: 3, refused: 0 });
    const [x, y, z] = await Promise.all(["x", "y", "z"].map((name) => find(name)));
    expect([x?.parentCredentialId, y?.parentCredentialId, z?.parentCredentialId]).toEqual([null, x?.id, y?.id]);
  });

  test("a long chain of parents in the worst order is written, and refused as a whole when its end is bad", async () => {
    const chain = (last: object) =>
      Array.from({ length: 2000 }, (_, index) =>
        account(`n${index}`, index === 1999 ? last : { "Parent username": `n${index + 1}` }),
      );
    const refused = await send(chain({ Port: "x" }), true);
    expect(refused.body).toMatchObject({ refused: 2000 });
    expect((await send(chain({}))).body).toMatchObject({ created: 2000, refused: 0 });
  });
});

describe("status", () => {
  test("an account may come inactive, be found again, and be activated", async () => {
    expect((await send([account("off", { Status: "Inactive" })])).body).toMatchObject({ created: 1 });
    expect((await send([account("off", { Status: "inactive" })])).body).toMatchObject({ unchanged: 1 });
    expect((await find("off")).active).toBe(false);
    expect((await send([account("off", { Status: "Active" })])).body).toMatchObject({ updated: 1 });
    expect((await find("off")).active).toBe(true);
  });
});

describe("passwords", () => {
  test("are stored only when they differ, and refused while a change is open or in doubt", async () => {
    const { ids } = await makeCredentials(admin, 3, host);
    const row = (index: number, password: string) => ({
      Device: host,
      Username: `user${index}`,
      "Current password": password,
    });
    const same = await send([row(0, "first-0"), row(1, "first-1")]);
    expect(same.body).toMatchObject({ unchanged: 2 });
    const { body } = await admin<{ operations: { code: number }[] }>("POST", "/v1/password-changes", {
      body: { credentialIds: [ids[0]] },
    });
    await api.db.execute(sql`insert into secret_versions (id, credential_id, version, status, sealed, origin)
      values (gen_random_uuid(), ${ids[1]}, 7, 'doubtful', '\\x00', 'generated')`);
    const refused = await send([row(0, "other"), row(1, "other"), row(2, "other")]);
    expect(refused.body.rows).toMatchObject([
      {
        problems: [
          {
            column: "Current password",
            code: "credential.change-open",
            rule: expect.stringContaining(String(body.operations[0]?.code)) as string,
          },
        ],
      },
      {
        problems: [
          {
            column: "Current password",
            code: "credential.unresolved",
            rule: expect.stringContaining("version 7") as string,
          },
        ],
      },
      { outcome: "updated", columns: ["Current password"] },
    ]);
    expect((await send([row(0, "first-0"), row(1, "first-1")])).body).toMatchObject({ unchanged: 2 });
  });

  test("in doubt keep the plugin that sent them", async () => {
    const { ids } = await makeCredentials(admin, 1, host);
    await api.db.execute(sql`update credentials set plugin = 'gone' where id = ${ids[0]}`);
    await api.db.execute(sql`insert into secret_versions (id, credential_id, version, status, sealed, origin)
      values (gen_random_uuid(), ${ids[0]}, 7, 'doubtful', '\\x00', 'generated')`);
    const rows = [{ Device: host, Username: "user0", "Change plugin": "plain" }];
    for (const dryRun of [true, false])
      expect((await send(rows, dryRun)).body.rows[0]?.problems).toMatchObject([
        { column: "Change plugin", code: "credential.unresolved" },
      ]);
  });

  test("keep every character, spaces at the ends as well", async () => {
    const odd = [" spaced ", '"', "a,b;c", "'=1+1", "漢字🔑", "-", "\\x00", "ends with ;"];
    const rows = odd.map((password, index) => account(`odd${index}`, { "Current password": password }));
    expect((await importFile(admin, csvOf(rows, ";"))).body).toMatchObject({ created: odd.length });
    for (const [index, password] of odd.entries()) expect(await reveal(await find(`odd${index}`))).toBe(password);
    expect((await importFile(admin, csvOf(rows))).body).toMatchObject({ unchanged: odd.length });
  });

  test("are in no answer, log or audit row, wherever in the file they stand", async () => {
    const canary = "Canary7-in-the-file";
    const bad = Object.fromEntries(Object.values(IMPORT_COLUMNS).map(([heading]) => [heading, canary]));
    const log = api.log.length;
    const answers = [
      await send([
        bad,
        account("c1", { "Current password": canary }),
        account("c2", { "Current password": `${canary}\u0007` }),
      ]),
      await send(
        [account("c1", { "Current password": `${canary}2` }), account("c1", { "Current password": canary })],
        true,
      ),
      await importFile(admin, `Device,${canary}\nx,y`),
      await importFile(admin, `Device,Current password\nx,"${canary}`),
      await importFile(admin, `Device,Current password\nx,${canary}"`),
      await importFile(admin, `Device,Username,Current password\nx,y,${canary},${canary}`),
    ];
    expect(JSON.stringify(answers)).not.toContain(canary);
    expect(api.log.slice(log).join("")).not.toContain(canary);
    expect(api.log.length).toBeGreaterThan(log);
    expect(JSON.stringify(await api.db.execute(sql`select * from audit`))).not.toContain(canary);
    expect(JSON.stringify(await api.db.execute(sql`select * from credentials`))).not.toContain(canary);
    expect(await reveal(await find("c1"))).toBe(canary);
  });
});

describe("somebody who is faster", () => {
  test("two imports of one file at once make everything once, and both say the truth", async () => {
    const rows = Array.from({ length: 150 }, (_, index) =>
      account(`u${index}`, { Device: `${host}-${index}`, "Current password": `p${index}` }),
    );
    const both = await Promise.all([send(rows), send(rows)]);
    for (const { body } of both)
      for (const { outcome, problems } of body.rows)
        expect(outcome === "created" || outcome === "unchanged" || problems[0]?.code === "request.conflict").toBe(true);
    expect(both.map(({ body }) => body.created).reduce((a, b) => a + b)).toBe(150);
    expect((await send(rows)).body).toMatchObject({ unchanged: 150 });
  });

  test("a password, an edit and a new account made between the look and the writing stand; the other rows are written", async () => {
    await send([account("password"), account("edit"), account("fine")]);
    const actor = { actor: "test" };
    const cells = (username: string, more: object): ImportRow => ({
      line: 2,
      host,
      device: {},
      account: { username, domain: "", additionalInfo: "" },
      credential: {},
      references: {},
      problems: [],
      ...more,
    });
    const { drafts, plans } = await planImport(
      api.db,
      [
        cells("password", { password: new Secret("of the file") }),
        cells("edit", { credential: { notes: "of the file" } }),
        cells("new", { credential: { plugin: "plain" } }),
        cells("needs", { credential: { plugin: "plain" }, references: { parent: { username: "new", host } } }),
        cells("fine", { credential: { notes: "of the file" } }),
      ],
      { plugins: [PLAIN_PLUGIN], open: (sealed, binding) => api.vault.open(sealed, binding) },
    );
    const [stored, edited] = await Promise.all([find("password"), find("edit")]);
    await admin("PUT", `/v1/credentials/${stored.id}/password`, { body: { password: "newer" } });
    await admin("PATCH", `/v1/credentials/${edited.id}`, { body: { notes: "newer" }, headers: { "if-match": '"1"' } });
    await send([account("new", { Notes: "newer" })]);
    await writeImport(api.db, plans, {
      actor,
      seal: (secret, binding) => api.vault.seal(secret, binding),
      wake: () => {},
    });
    expect(drafts.map(({ problems }) => problems.map(({ code }) => code))).toEqual([
      ["request.stale"],
      ["request.stale"],
      ["request.conflict"],
      ["request.stale"],
      [],
    ]);
    expect(await reveal(stored)).toBe("newer");
    expect((await credentialsOf()).map(({ username, notes }) => [username, notes])).toEqual([
      ["password", ""],
      ["edit", "newer"],
      ["fine", "of the file"],
      ["new", "newer"],
    ]);
  });
});
