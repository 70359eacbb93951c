/**
 * What no name and no password may do: leave its place in a statement. Generated values of quotes, comments,
 * backslashes, line ends and commands, in each place where a template can put one, on real servers: what arrives is what
 * was given, or nothing is sent at all.
 */
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Secret } from "../../contracts/secret.ts";
import { type Device, type Login, type Plugin, PluginFailure, type Session } from "../../plugins/plugin.ts";
import { findPlugin } from "../../plugins/registry.ts";
import { startMariadbTarget } from "../../scripts/targets/mariadb.ts";
import { startPostgresTarget } from "../../scripts/targets/postgres.ts";
import { describeAsRoot } from "../helpers/needs.ts";
import { newCall, newLogin, newPassword, other, withPassword } from "./conformance-target.ts";
import { bindTemplate } from "./sql-script.ts";

const CASES = 200;
const PIECES = [
  ..."'\"`;\\$()[]{}|&<>%_-/*#@!:?=,. \n\r\t\0aZ0é用",
  "''",
  "\\'",
  "--",
  "/*",
  "*/",
  "$$",
  "$x$",
  "$(touch /tmp/x)",
  "`id`",
  "'; DROP TABLE canary; --",
  '"; DROP TABLE canary; --',
  "`; DROP TABLE canary; #",
  "\\'; DROP TABLE canary; --",
  "[#USERNAME#]",
  "\u00BF'",
] as const;
const odd = fc.array(fc.constantFrom(...PIECES), { minLength: 1, maxLength: 8 }).map((parts) => parts.join(""));
/** Short enough for a name everywhere; PostgreSQL would cut a longer one. */
const oddName = odd.filter((text) => Buffer.byteLength(text) <= 60);

function sample(values: fc.Arbitrary<string>, seed: number): string[] {
  return fc.sample(values, { numRuns: CASES, seed });
}

/** A server under test, with a table `canary` of one row and an account of its own. */
interface Odd {
  readonly plugin: Plugin;
  readonly device: Device;
  readonly administrator: Login;
  readonly canary: Login;
  /** Rows as the administrator sees them. */
  ask(sql: string): Promise<Record<string, unknown>[]>;
  /** Makes an account; rejects when its name is none. */
  make(login: Login): Promise<void>;
  readonly names: string;
  /** How the server itself reads a name. */
  meant(name: string): string;
  stop(): Promise<void>;
}

/** A session for the next case: one that failed is over. */
function sessions({ plugin, device, administrator }: Odd) {
  let session: Session | undefined;
  return async () => {
    if (!session?.reusable()) session = await plugin.open(device, administrator, newCall());
    return session;
  };
}

/** What became of a statement: done, or why not, with nothing sent. */
async function outcome(work: Promise<void> | undefined): Promise<string> {
  try {
    await work;
    return "done";
  } catch (error) {
    if (!(error instanceof PluginFailure)) throw error;
    return `${error.code} ${error.effect}`;
  }
}

async function expectCanary(server: Odd): Promise<void> {
  expect(await server.ask("SELECT alive FROM canary")).toEqual([{ alive: 1 }]);
  expect((await server.plugin.verify(server.device, server.canary, newCall())).code).toBe("verify.accepted");
}

function testOdd(
  start: () => Promise<Odd>,
  places: { literals: string; create: readonly string[]; change: string },
): void {
  let server: Odd;
  beforeAll(async () => {
    server = await start();
  });
  afterAll(() => server?.stop());

  it("literals hold what was given", async () => {
    const next = sessions(server);
    const texts = sample(odd, 1);
    for (const [index, text] of texts.entries()) {
      const account = { ...newLogin(), username: text, additionalInfo: text };
      const script = bindTemplate(server.plugin, places.literals.replace("INDEX", String(index)), {
        account,
        next: new Secret(text),
      });
      let points = 0;
      const session = await next();
      const said = await outcome(session.run?.(script, newCall(), async () => void (points += 1)));
      if (text.includes("\0")) expect([said, points]).toEqual([expect.stringContaining(" none"), 0]);
      else expect(said).toBe("done");
    }
    const rows = await server.ask("SELECT at, one, two, three FROM seen ORDER BY at");
    const expected = texts.flatMap((text, at) =>
      text.includes("\0") ? [] : [{ at, one: text, two: text, three: text }],
    );
    expect(rows).toEqual(expected);
    expect(rows.length).toBeGreaterThan(CASES / 2);
    await expectCanary(server);
  });

  it.each(places.create.map((create, at) => [create, at + 2] as const))(
    "names are what was given, in %s",
    async (create, seed) => {
      const next = sessions(server);
      const before = new Set((await server.ask(server.names)).map(({ name }) => name));
      const made = new Set<string>();
      for (const username of sample(oddName, seed)) {
        const script = bindTemplate(server.plugin, create, { account: { ...newLogin(), username } });
        const session = await next();
        if ((await outcome(session.run?.(script, newCall(), async () => {}))) === "done")
          made.add(server.meant(username));
      }
      const after = (await server.ask(server.names))
        .map(({ name }) => String(name))
        .filter((name) => !before.has(name));
      expect(new Set(after)).toEqual(made);
      expect(made.size).toBeGreaterThan(CASES / 4);
      await expectCanary(server);
    },
  );

  it("a change, with a template and without, makes the password what was given, or sends nothing", async () => {
    const next = sessions(server);
    const names = sample(oddName, 7);
    const passwords = sample(odd, 8);
    let done = 0;
    for (const [index, name] of names.entries()) {
      const username = server.meant(name.replaceAll("\0", ""));
      const login = newLogin({ username: `${index}${username}` });
      if (
        !(await server.make(login).then(
          () => true,
          () => false,
        ))
      )
        continue;
      const password = new Secret(passwords[index] ?? "");
      const script = bindTemplate(server.plugin, places.change, { account: login, next: password });
      const change = { ...other(login, password), ...(index % 2 === 0 ? { script } : {}) };
      let points = 0;
      const session = await next();
      const said = await outcome(session.apply(change, newCall(), async () => void (points += 1)));
      const legal = /^[ -~]+$/.test(password.reveal());
      expect([said, points]).toEqual(legal ? ["done", 1] : ["change.refused none", 0]);
      const works = withPassword(login, legal ? password : login.password);
      expect((await server.plugin.verify(server.device, works, newCall())).code).toBe("verify.accepted");
      done += 1;
    }
    expect(done).toBeGreaterThan(CASES / 2);
    await expectCanary(server);
  });
}

async function startPostgres(): Promise<Odd> {
  const plugin = findPlugin("postgresql") as Plugin;
  const target = await startPostgresTarget({ settings: { log_statement: "none" } });
  const canary = newLogin();
  const make = (login: Login) => target.createRoles([{ name: login.username, password: login.password.reveal() }]);
  await make(canary);
  await target.run("CREATE TABLE canary (alive int); INSERT INTO canary VALUES (1)");
  await target.run("CREATE TABLE seen (at int, one text, two text, three text)");
  const { username, password } = target.administrator;
  return {
    plugin,
    device: {
      address: target.address,
      port: target.port,
      settings: plugin.settings.parse({ caCertificate: target.ca }),
    },
    administrator: { ...newLogin({ username }), password: new Secret(password) },
    canary,
    make,
    ask: (sql) => target.run(sql),
    names: "SELECT rolname AS name FROM pg_roles",
    meant: (name) => name,
    stop: () => target.stop(),
  };
}

async function startMariadb(): Promise<Odd> {
  const plugin = findPlugin("mysql") as Plugin;
  const target = await startMariadbTarget();
  const canary = newLogin();
  const make = (login: Login) => target.createUser(login.username, login.password.reveal());
  await make(canary);
  const administrator = { ...newLogin({ username: "odd" }), password: newPassword() };
  await make(administrator);
  await target.run(
    "GRANT ALL ON *.* TO odd@'127.0.0.1' WITH GRANT OPTION",
    "CREATE DATABASE d",
    "CREATE TABLE d.canary (alive int)",
    "INSERT INTO d.canary VALUES (1)",
    "CREATE TABLE d.seen (at int, one text, two text, three text) CHARACTER SET utf8mb4",
  );
  return {
    plugin,
    device: {
      address: target.address,
      port: target.port,
      settings: plugin.settings.parse({ caCertificate: target.ca }),
    },
    administrator,
    canary,
    make,
    ask: (sql) => target.run("USE d", sql),
    names: "SELECT User AS name FROM mysql.user",
    // MariaDB leaves out blanks at the end of a name.
    meant: (name) => name.replace(/ +$/, ""),
    stop: () => target.stop(),
  };
}

describeAsRoot("odd values in statements of postgresql", [], () =>
  testOdd(startPostgres, {
    literals: `INSERT INTO seen VALUES (INDEX, '[#USERNAME#]', E'[#ADD_INFO#]', [#NEW_PASSWORD#])`,
    create: [
      `CREATE ROLE [#USERNAME#]`,
      `CREATE ROLE "[#USERNAME#]" LOGIN`,
      `DO $do$ BEGIN EXECUTE format('CREATE ROLE %I', '[#USERNAME#]'); END $do$`,
    ],
    change: `ALTER ROLE [#USERNAME#] WITH PASSWORD '[#NEW_PASSWORD#]'`,
  }),
);

describeAsRoot("odd values in statements of mysql", ["mariadb-server"], () =>
  testOdd(startMariadb, {
    literals: `INSERT INTO d.seen VALUES (INDEX, '[#USERNAME#]', "[#ADD_INFO#]", [#NEW_PASSWORD#])`,
    create: [
      `CREATE USER '[#USERNAME#]'@'127.0.0.1'`,
      "CREATE USER `[#USERNAME#]`@`127.0.0.1`",
      `CREATE USER [#USERNAME#]@'127.0.0.1'`,
    ],
    change: `ALTER USER '[#USERNAME#]'@'127.0.0.1' IDENTIFIED BY "[#NEW_PASSWORD#]"`,
  }),
);
