/** Templates of the library through the plugin alone, as the worker runs them. */
import { expect } from "vitest";
import type { Secret } from "../../contracts/secret.ts";
import type { Call, Device, Login } from "../../plugins/plugin.ts";
import type { TagValues } from "../../templates/language/script.ts";
import { bindTemplate } from "../helpers/scripts.ts";
import { expectClean, newCall, newPassword, other, own, withPassword } from "../plugins/conformance-target.ts";
import { type LibraryFile, libraryFile } from "./files.ts";

interface Place {
  readonly device: Device;
  /** Who logs in; the account itself where it is the same. */
  readonly by: Login;
}

/**
 * Changes an account's password by a template and proves it: the new one logs in by a fresh log-in, the old one does not.
 * @returns the new password
 */
export async function changeBy(path: string, account: Login, { device, by }: Place): Promise<Secret> {
  const { plugin, body } = await libraryFile(path);
  const next = newPassword();
  const change = { ...(by.username === account.username ? own : other)(account, next) };
  const script = bindTemplate(plugin, body, { login: by, change, device });
  await within([by.password, account.password, next], async (call) => {
    const session = await plugin.open(device, by, call, script);
    try {
      await session.apply({ ...change, script }, call, async () => {});
      await session.close();
    } finally {
      session.destroy();
    }
  });
  expect(await logsIn({ path, device }, withPassword(account, next))).toBe(true);
  expect(await logsIn({ path, device }, account)).toBe(false);
  return next;
}

/** Runs a template that changes no password. */
export async function runBy(path: string, values: TagValues, { device, by }: Place): Promise<void> {
  const { plugin, body } = await libraryFile(path);
  const bound = bindTemplate(plugin, body, { login: by, device });
  const script = { ...bound, values: { ...bound.values, ADD_INFO: "", ...values } };
  await within([by.password], async (call) => {
    const session = await plugin.open(device, by, call, script);
    let passed = 0;
    try {
      await session.run?.(script, call, async () => void (passed += 1));
      expect(passed).toBe(1);
      await session.close();
    } finally {
      session.destroy();
    }
  });
}

/** Whether an account logs in, by the plugin of the template. */
export async function logsIn({ path, device }: { path: string; device: Device }, login: Login): Promise<boolean> {
  const { plugin, body }: LibraryFile = await libraryFile(path);
  const call = newCall();
  const { verdict } = await plugin.verify(device, login, call, bindTemplate(plugin, body, { login, device }));
  expect(verdict).not.toBe("unknown");
  return verdict === "accepted";
}

/** Nothing that is told of the work holds a secret. */
async function within(secrets: readonly Secret[], work: (call: Call) => Promise<void>): Promise<void> {
  const call = newCall();
  await work(call).finally(() => expectClean(call.lines, secrets));
}
