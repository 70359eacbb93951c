import { randomBytes } from "node:crypto";
import type { AuthContext, ServerChannel } from "ssh2";
import { startPostgresTarget, type PostgresTarget } from "../../scripts/targets/postgres.ts";
import { startSshTarget, type SshTarget } from "../../scripts/targets/sshd.ts";
import { type CuttingProxy, startCuttingProxy } from "../helpers/cutting-proxy.ts";
import { type FakeSsh, linesOf, startFakeSsh } from "../helpers/fake-ssh.ts";

/** Real servers with accounts, proxies that can cut and stall, and a device that repeats what it was told. */
export interface Targets {
  readonly postgres: PostgresTarget;
  readonly sshd: SshTarget;
  /** Refuses every new password. */
  readonly strict: SshTarget;
  readonly echo: FakeSsh;
  readonly postgresProxy: CuttingProxy;
  readonly sshdProxy: CuttingProxy;
  /** The present password of every account, by its name. */
  readonly passwords: Readonly<Record<string, string>>;
  stop(): Promise<void>;
}

export const ACCOUNTS = {
  postgres: ["pgowner", "pgother", "pgwrong", "pgcut", "pgstalled", "pgadmin"],
  sshd: ["sshowner", "sshother", "sshwrong", "sshcut", "sshadmin"],
  strict: ["sshstrict"],
} as const;

/** Every encoding writes some of these characters in another way. */
function awkwardPassword(): string {
  return `Kn"\\'${randomBytes(9).toString("hex")} /<&%+=?${randomBytes(9).toString("hex")}~Z`;
}

/** Starts them all. */
export async function startTargets(): Promise<Targets> {
  const all = Object.values(ACCOUNTS).flat();
  const passwords = Object.fromEntries([...all, "echo"].map((name) => [name, awkwardPassword()]));
  const withPasswords = (names: readonly string[]) => names.map((name) => ({ name, password: passwords[name] ?? "" }));
  const [postgres, sshd, strict, echo] = await Promise.all([
    startPostgresTarget(),
    startSshTarget({ users: withPasswords(ACCOUNTS.sshd), sudoers: "sshadmin ALL=(root) ALL" }),
    startSshTarget({
      users: withPasswords(ACCOUNTS.strict),
      files: { "pam.d/common-password": "password required pam_unix.so obscure yescrypt minlen=60\n" },
    }),
    startFakeSsh({ authenticate: letIn, run: repeatEverything }),
  ]);
  await postgres.createRoles(
    withPasswords(ACCOUNTS.postgres).map((role) =>
      role.name === "pgadmin" ? { ...role, options: "SUPERUSER" } : role,
    ),
  );
  const [postgresProxy, sshdProxy] = await Promise.all([
    startCuttingProxy(postgres.port),
    startCuttingProxy(sshd.port),
  ]);
  return {
    postgres,
    sshd,
    strict,
    echo,
    postgresProxy,
    sshdProxy,
    passwords,
    stop: async () => {
      await Promise.all([postgresProxy.stop(), sshdProxy.stop()]);
      echo.stop();
      await Promise.all([postgres.stop(), sshd.stop(), strict.stop()]);
    },
  };
}

const letIn = (context: AuthContext) =>
  context.method === "password" ? context.accept() : context.reject(["password"]);

/** A `passwd` that says what it was told, in every form it can think of, and refuses it. */
function repeatEverything(stream: ServerChannel, command: string): void {
  const next = linesOf(stream);
  const mark = /keyturn-[0-9a-f]+/.exec(command)?.[0] ?? "";
  const dialogue = async () => {
    stream.write(`${mark}\r\nCurrent password: `);
    const current = await next();
    stream.write(`${current}\r\nYou said ${current}, ${encodeURIComponent(current)}.\r\nNew password: `);
    const wanted = await next();
    const bytes = Buffer.from(wanted);
    stream.write(
      `${wanted}\r\nBAD PASSWORD: ${wanted.slice(0, 9)} ${JSON.stringify(wanted)} ${bytes.toString("hex")}\r\n`,
    );
    stream.write(`${bytes.toString("base64")} is too simple, choose another\r\npasswd: password unchanged\r\n`);
    stream.exit(10);
    stream.close();
  };
  dialogue().catch(() => stream.close());
}
