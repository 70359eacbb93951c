import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Rendered, TemplateCheck, TemplateDetails, TemplateImport } from "../../contracts/templates.schema.ts";
import { templates } from "../../db/schema/index.ts";
import { type Ask, openTestApi, PLAIN_PLUGIN, type TestApi } from "../helpers/api.ts";
import { BAD, DOUBTFUL, GOOD, LANGUAGE, LINES } from "./templates-language.ts";

const STATEMENTS: typeof LINES = {
  ...LINES,
  kind: "statements",
  language: { names: ["SQL"], form: "statements", sql: "mysql", commands: {} },
};
const OTHER: typeof LINES = { ...LINES, kind: "odd", language: { ...LANGUAGE, names: ["Odd"] } };

let api: TestApi;
let admin: Ask;
let viewer: Ask;
beforeAll(async () => {
  api = await openTestApi({ plugins: [PLAIN_PLUGIN, LINES, STATEMENTS, OTHER] });
  admin = await api.as(["administrator"], "Ada");
  viewer = await api.as(["viewer"], "Vera");
});
afterAll(() => api.close());

const files = [
  { path: "Lines/Change password/Good.txt", body: GOOD },
  { path: "Lines/Change password/Doubtful", body: DOUBTFUL },
  { path: "Lines/Change password/Bad.txt", body: BAD },
  { path: "Nowhere/Change password/Good.txt", body: GOOD },
  { path: "lines/loose.txt", body: GOOD },
];

describe("a check of files", () => {
  test("says of each plugin, kind, verdict and reasons, and stores nothing", async () => {
    const { status, body } = await viewer<TemplateCheck>("POST", "/v1/templates/check", { body: { files } });
    expect(status).toBe(200);
    expect(body.items.map(({ plugin, kind, verdict }) => [plugin, kind, verdict])).toEqual([
      ["lines", "change-password", "parsed"],
      ["lines", "change-password", "warnings"],
      ["lines", "change-password", "refused"],
      [null, "change-password", "refused"],
      ["lines", null, "refused"],
    ]);
    expect(body.items.map(({ complaints }) => complaints.map(({ rule, line }) => `${line} ${rule}`))).toEqual([
      [],
      [expect.stringMatching(/^4 /)],
      ["5 command.unknown", "6 tag.unknown"],
      ["1 file.plugin"],
      ["1 file.kind"],
    ]);
    expect(body.items[1]?.formatted).toBe(GOOD);
    expect(body.summary).toEqual({ parsed: 1, warnings: 1, refused: 3 });
    expect(await api.db.select().from(templates)).toEqual([]);
  });

  test("warns of waits that the settings of today do not allow, with both numbers", async () => {
    const said = async (seconds: number) => {
      const one = [{ path: "Lines/Change password/Patient.txt", body: `patience ${seconds}\n${GOOD}` }];
      return (await viewer<TemplateCheck>("POST", "/v1/templates/check", { body: { files: one } })).body.items[0];
    };
    expect(await said(31)).toMatchObject({
      verdict: "warnings",
      complaints: [{ rule: "argument.seconds", line: 1, message: expect.stringMatching(/ 31 s.* 30 s/) }],
    });
    const { headers } = await admin("GET", "/v1/settings");
    const settings = { headers: { "if-match": String(headers["etag"]) }, body: { readTimeoutSeconds: 100 } };
    expect((await admin("PATCH", "/v1/settings", settings)).status).toBe(200);
    expect(await said(31)).toMatchObject({ verdict: "parsed" });
    // The lease is the shorter one now.
    expect((await said(37))?.complaints[0]?.message).toMatch(/ 37 s.* 36 s/);
  });

  test("takes plugin and kind from the request, where they are given", async () => {
    const { body } = await viewer<TemplateCheck>("POST", "/v1/templates/check", {
      body: { files, plugin: "odd", kind: "change-password" },
    });
    expect(body.items.map(({ plugin, verdict }) => [plugin, verdict])).toEqual([
      ["odd", "parsed"],
      ["odd", "warnings"],
      ["odd", "refused"],
      ["odd", "parsed"],
      ["odd", "parsed"],
    ]);
    const none = await viewer<TemplateCheck>("POST", "/v1/templates/check", {
      body: { files, plugin: "constructor", kind: "change-password" },
    });
    expect(none.body.summary).toEqual({ parsed: 0, warnings: 0, refused: 5 });
  });

  test("says why in words that are true: whose folder it is, which plugin was asked for", async () => {
    const why = async (path: string, given: object = {}) => {
      const body = { files: [{ path, body: GOOD }], kind: "change-password", ...given };
      const { body: said } = await viewer<TemplateCheck>("POST", "/v1/templates/check", { body });
      return said.items[0]?.complaints.map(({ message }) => message).join(" ");
    };
    expect(await why("Windows RM/Change password/x")).toContain("(Windows RM is none here)");
    expect(await why("x")).toBe("No folder names a plugin that takes templates: say which one it is for.");
    expect(await why("lines/change password/x", { plugin: "nope" })).toContain("There is no such plugin");
  });

  test("refuses what an import refuses: names and texts that cannot be stored", async () => {
    const bad = ["a\nb", "a\0b", "a\u{d800}", "n".repeat(201)].map((name) => ({
      path: `lines/change password/${name}`,
      body: GOOD,
    }));
    const body = { files: [...bad, { path: "lines/change password/x", body: `${GOOD}# \0` }] };
    for (const route of ["check", "import"]) {
      const { status, body: said } = await admin<TemplateCheck>("POST", `/v1/templates/${route}`, { body });
      expect(status).toBe(200);
      const rules = said.items.map(({ complaints }) => complaints[0]?.rule);
      expect(rules).toEqual([...bad.map(() => "file.name"), "file.text"]);
    }
  });

  test("takes whatever a file may hold", async () => {
    const body = {
      files: ["", "\0", "\u{d800}", "\r\r\n", `exec "${"(".repeat(50_000)}`].map((text) => ({
        path: "lines/reconcile/x",
        body: text,
      })),
    };
    const { status, body: said } = await viewer<TemplateCheck>("POST", "/v1/templates/check", { body });
    expect(status).toBe(200);
    expect(said.summary.refused).toBe(5);
  });
});

describe("an import of files", () => {
  const load = async (given: object[], query = "") =>
    (await admin<TemplateImport>("POST", `/v1/templates/import${query}`, { body: { files: given } })).body;

  test("makes what is not refused; a dry run says so before, and a second run changes nothing", async () => {
    const dry = await load(files, "?dryRun=true");
    expect(dry.summary).toEqual({ created: 2, updated: 0, unchanged: 0, refused: 3 });
    expect(await api.db.select().from(templates)).toEqual([]);
    const first = await load(files);
    expect(first.summary).toEqual(dry.summary);
    expect(first.items.map(({ done, id }) => [done, id !== null])).toEqual([
      ["created", true],
      ["created", true],
      ["refused", false],
      ["refused", false],
      ["refused", false],
    ]);
    const details = await viewer<TemplateDetails>("GET", `/v1/templates/${first.items[1]?.id}`);
    expect(details.body).toMatchObject({
      name: "Doubtful",
      plugin: "lines",
      latestBody: DOUBTFUL,
      author: "Ada",
      pending: true,
    });
    expect((await load(files)).summary).toEqual({ created: 0, updated: 0, unchanged: 2, refused: 3 });
  });

  test("makes a new version of what differs, and refuses what is there twice or has no name", async () => {
    const path = "lines/change password/Again.txt";
    const [made] = (await load([{ path, body: GOOD }])).items;
    const text = `# new\n${GOOD}`;
    const again = await load([
      { path: path.toUpperCase().replace("TXT", "txt"), body: text },
      { path: "elsewhere/lines/change password/again", body: GOOD },
      { path: `lines/change password/${"n".repeat(201)}`, body: GOOD },
      { path: "lines/change password/half", body: `${GOOD}# \u{d800}` },
    ]);
    expect(again.items.map(({ done }) => done)).toEqual(["updated", "refused", "refused", "refused"]);
    expect(again.items.map(({ complaints }) => complaints[0]?.rule)).toEqual([
      undefined,
      "file.twice",
      "file.name",
      "file.text",
    ]);
    const { body } = await viewer<TemplateDetails>("GET", `/v1/templates/${made?.id}`);
    expect(body).toMatchObject({ latestVersion: 2, latestBody: text });
    const auditor = await api.as(["auditor"], "Otto");
    const audit = await auditor("GET", `/v1/audit?objectId=${made?.id}`);
    expect(audit.body).toMatchObject({ items: [{ action: "template.edited" }, { action: "template.created" }] });
  });
});

describe("imports at the same time", () => {
  test("make each template once, and a person who was too late is told", async () => {
    for (let round = 0; round < 5; round += 1) {
      const body = {
        files: ["a", "b", "c"].map((name) => ({ path: `lines/change password/${name}${round}`, body: GOOD })),
      };
      const both = await Promise.all(
        [admin, admin].map((ask) => ask<{ code?: string }>("POST", "/v1/templates/import", { body })),
      );
      expect(both.map(({ status, body: said }) => said.code ?? status).toSorted()).toEqual(
        both.every(({ status }) => status === 200) ? [200, 200] : [200, "template.name-taken"],
      );
      const { body: again } = await admin<TemplateImport>("POST", "/v1/templates/import", { body });
      expect(again.summary).toMatchObject({ unchanged: 3 });
    }
  });
});

describe("a dry run", () => {
  async function rendered(plugin: string, body: string, credential: object): Promise<Rendered> {
    const device = await admin<{ id: string }>("POST", "/v1/devices", {
      body: { name: `${plugin}-dry`, address: "192.0.2.7" },
    });
    const made = await admin<{ id: string }>("POST", "/v1/credentials", {
      body: { deviceId: device.body.id, plugin, password: "stored-secret-1", ...credential },
    });
    const name = `dry ${plugin}`;
    const template = await admin<TemplateDetails>("POST", "/v1/templates", {
      body: { name, plugin, kind: "change-password", body },
    });
    expect(template.status, JSON.stringify(template.body)).toBe(201);
    const answer = await viewer<Rendered>("POST", `/v1/templates/${template.body.id}/render`, {
      body: { credentialId: made.body.id },
    });
    expect(answer.status).toBe(200);
    expect(JSON.stringify(answer.body)).not.toContain("stored-secret-1");
    return answer.body;
  }

  test("shows each line as it would be sent, quoted, with secrets by name", async () => {
    const body = [
      'exec "sudo passwd [#USERNAME#]"',
      'exec "[#AUTH_PASSWORD#]"',
      'expect "*[#IP#]*"',
      'exec "[#NEW_PASSWORD#]"',
      'exec "echo [#totp_token#]"',
    ].join("\n");
    const { items, complaints } = await rendered("lines", body, { username: "o'hara; reboot" });
    expect(items.map((item) => [item.line, item.command, item.arguments[0], item.newPassword])).toEqual([
      [1, "exec", String.raw`sudo passwd 'o'\''hara; reboot'`, false],
      [2, "exec", "<AUTH_PASSWORD>", false],
      [3, "expect", "*192.0.2.7*", false],
      [4, "exec", "<NEW_PASSWORD>", true],
      [5, "exec", "echo <TOTP_TOKEN>", false],
    ]);
    expect(complaints.filter(({ severity }) => severity === "refusal")).toEqual([]);
  });

  test("quotes statements as their dialect does", async () => {
    const body = "ALTER USER '[#USERNAME#]'@'%' IDENTIFIED BY '[#NEW_PASSWORD#]';";
    const { items } = await rendered("statements", body, { username: String.raw`a'b\c` });
    expect(items[0]?.arguments[0]).toBe(String.raw`ALTER USER 'a''b\\c'@'%' IDENTIFIED BY '<NEW_PASSWORD>'`);
  });

  test("says where a value cannot stand, and takes a text that is not saved", async () => {
    const { id } =
      (await viewer<{ items: { id: string }[] }>("GET", "/v1/templates?name=dry lines")).body.items[0] ?? {};
    const [credential] = (await viewer<{ items: { id: string }[] }>("GET", "/v1/credentials?device=lines-dry")).body
      .items;
    const ask = (body: string) =>
      viewer<Rendered>("POST", `/v1/templates/${id}/render`, { body: { credentialId: credential?.id, body } });
    const { body } = await ask(`exec "a # [#USERNAME#]"\nrockets\n`);
    expect(body.complaints).toMatchObject([{ rule: "command.unknown", line: 2 }]);
    const odd = await ask('exec "echo ready"\nexec "echo `id [#AUTH_USER#]`"');
    expect(odd.body.items).toMatchObject([
      { arguments: ["echo ready"], problem: null },
      { arguments: ["echo `id <AUTH_USER>`"], problem: expect.stringContaining("[#AUTH_USER#]") },
    ]);
    const nobody = await viewer("POST", `/v1/templates/${id}/render`, { body: { credentialId: id } });
    expect(nobody).toMatchObject({ status: 404, body: { code: "credential.not-found" } });
  });
});
