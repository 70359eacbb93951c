import type { Estate } from "./estate.ts";
import type { Web } from "./web.ts";

/** Asks for everything that can be read, and for a password to be stored, checked, shown and restored. */
export async function useEverything(web: Web, estate: Estate, again: string): Promise<void> {
  const custodian = await web.get<{ id: string; value: string }>("POST", "/v1/tokens", {
    body: { name: "shows", owner: "Cara", roles: ["custodian", "auditor"] },
  });
  const id = estate["pgwrong"];
  const stored = await web.get<{ version: number }>("PUT", `/v1/credentials/${id}/password`, {
    body: { password: again, reason: "the right one" },
  });
  await web.get("POST", `/v1/credentials/${id}/check`, { body: {} });
  await web.get("POST", `/v1/credentials/${id}/reveal`, { token: custodian.value, body: { reason: "test" } });
  await web.get("POST", `/v1/credentials/${id}/restore`, {
    body: { version: 1, expectedCurrent: stored.version, reason: "back" },
  });
  for (const username of Object.keys(estate)) {
    await web.get("GET", `/v1/credentials/${estate[username]}`);
    await web.get("GET", `/v1/credentials/${estate[username]}/versions`);
    await web.get("GET", `/v1/operations?credentialId=${estate[username]}`);
  }
  const { items } = await web.get<{ items: { code: number }[] }>("GET", "/v1/operations?limit=200");
  for (const { code } of items) {
    await web.get("GET", `/v1/operations/${code}`);
    await web.get("GET", `/v1/operations/${code}/attempts`);
  }
  for (const path of [
    "devices",
    "credentials",
    "operations/counts",
    "tokens",
    "settings",
    "strengths",
    "plugins",
    "templates",
  ])
    await web.get("GET", `/v1/${path}`);
  for (const path of ["/healthz", "/readyz", "/metrics", "/openapi.json", "/docs/"]) await web.get("GET", path);
  await web.get("GET", "/v1/audit?limit=200", { token: custodian.value });
}

/** Sends a password where none belongs. Nothing of it may be kept or said again. */
export async function makeMistakes(web: Web, estate: Estate, password: string): Promise<void> {
  const id = estate["pgowner"];
  const { deviceId } = await web.get<{ deviceId: string }>("GET", `/v1/credentials/${id}`);
  const good = { deviceId, plugin: "postgresql", username: "mistake" };
  const inUrl = encodeURIComponent(password);
  const mistakes: [string, string, Parameters<Web["ask"]>[2]?][] = [
    ["POST", "/v1/credentials", { body: { ...good, deviceId: password, password } }],
    ["POST", "/v1/credentials", { body: { ...good, plugin: password, password } }],
    ["POST", "/v1/credentials", { body: { ...good, [password]: true } }],
    ["POST", "/v1/credentials", { body: { ...good, passwort: password } }],
    ["POST", "/v1/credentials", { body: { ...good, password: { value: password } } }],
    ["POST", "/v1/credentials", { body: { ...good, password: [password] } }],
    ["POST", "/v1/credentials", { body: { ...good, password: `${password}\n` } }],
    ["POST", "/v1/credentials", { body: { ...good, password: password.repeat(50) } }],
    ["POST", "/v1/credentials", { body: { ...good, username: "pgowner", password } }],
    ["POST", "/v1/credentials", { body: { ...good, totpSecret: password } }],
    ["POST", "/v1/credentials", { body: { ...good, templateId: password } }],
    ["POST", "/v1/templates", { body: { name: "x", plugin: password, kind: password, body: "x" } }],
    ["POST", "/v1/templates/check", { body: { files: [{ path: "x", body: "x", [password]: 1 }], plugin: password } }],
    [
      "POST",
      "/v1/templates/check",
      { body: { files: [{ path: "ssh/reconcile/x", body: `${password}\nexec "${password}"` }] } },
    ],
    ["PATCH", `/v1/credentials/${id}`, { body: { totpSecret: password }, headers: { "if-match": '"1"' } }],
    ["POST", "/v1/credentials", { raw: `{"password": ${JSON.stringify(password)}` }],
    ["POST", "/v1/credentials", { raw: `{"password": ${password}}` }],
    ["POST", "/v1/credentials", { raw: `{"__proto__": {"password": ${JSON.stringify(password)}}}` }],
    ["POST", "/v1/credentials", { raw: password, headers: { "content-type": "text/plain" } }],
    ["POST", "/v1/credentials", { raw: "{}", headers: { "content-type": password.replaceAll('"', "") } }],
    ["PUT", `/v1/credentials/${id}/password`, { body: { password, resolves: password } }],
    ["PUT", `/v1/credentials/${inUrl}/password`, { body: { password } }],
    ["PATCH", `/v1/credentials/${id}`, { body: { password }, headers: { "if-match": '"1"' } }],
    ["PATCH", `/v1/credentials/${id}`, { body: { notes: "x" }, headers: { "if-match": password } }],
    ["POST", "/v1/password-changes", { body: { credentialIds: [password], [password]: password } }],
    ["POST", "/v1/devices", { body: { name: "x", address: password, settings: { postgresql: { [password]: 1 } } } }],
    ["POST", "/v1/devices", { body: { name: "x", address: "h", settings: { postgresql: { [password]: password } } } }],
    ["POST", "/v1/devices", { body: { name: "x", address: "h", settings: { [password]: {} } } }],
    [
      "POST",
      "/v1/devices",
      { body: { name: "x", address: "h", settings: { postgresql: { caCertificate: password } } } },
    ],
    ["POST", "/v1/tokens", { body: { name: "x", owner: "y", roles: [password] } }],
    ["PATCH", "/v1/settings", { body: { [password]: password }, headers: { "if-match": '"1"' } }],
    ["GET", `/v1/credentials/${inUrl}`],
    ["GET", `/v1/operations?state=${inUrl}`],
    ["GET", `/v1/operations?cursor=${inUrl}`],
    ["GET", `/v1/operations?${inUrl}=1`],
    ["GET", `/v1/${inUrl}`],
    ["GET", "/v1/devices", { token: password.replaceAll(" ", "") }],
    ["GET", "/v1/devices", { headers: { "x-request-id": password, "x-forwarded-for": password } }],
  ];
  for (const mistake of mistakes) await web.ask(...mistake);
}
