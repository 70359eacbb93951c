import type { Estate } from "../helpers/estate.ts";

/** A device for the kill matrix: it can make accounts on the real server, and stand behind a proxy that cuts. */
export interface MatrixTarget {
  readonly plugin: string;
  /** Puts the device into the estate; through the given port when a proxy stands before it. */
  addDevice(estate: Estate, port?: number): Promise<string>;
  /** New accounts on the server, with their present passwords. */
  makeAccounts(count: number): Promise<{ username: string; password: string }[]>;
  /** The account that may change others, where this matrix changes accounts through another one. */
  readonly administrator?: { readonly username: string; readonly password: string };
  /** Sets an account's password as its administrator, behind Keyturn's back. */
  setPassword(username: string, password: string): Promise<void>;
  /** A real, fresh log-in, independent of the plugin. */
  logsIn(username: string, password: string): Promise<boolean>;
  readonly address: string;
  readonly port: number;
}

/** Starts a target; its owner closes it. */
export type OpenTarget = () => Promise<MatrixTarget & { close(): Promise<void> }>;

/** The target's place in an estate. */
export interface Place {
  readonly deviceId: string;
  readonly administratorId?: string;
}

/** Registers the target's device, and its administrator when it has one. */
export async function addTarget(estate: Estate, target: MatrixTarget, port?: number): Promise<Place> {
  const deviceId = await target.addDevice(estate, port);
  const { administrator, plugin } = target;
  return administrator
    ? { deviceId, administratorId: await estate.addCredential({ deviceId, plugin, ...administrator }) }
    : { deviceId };
}

/** Credentials of new accounts on the target. */
export async function addAccounts(
  estate: Estate,
  target: MatrixTarget,
  { deviceId, administratorId }: Place,
  count: number,
) {
  const made = await target.makeAccounts(count);
  const execution = administratorId ? { useOwnCredential: false, authenticationCredentialId: administratorId } : {};
  return Promise.all(
    made.map(async (account) => ({
      ...account,
      credentialId: await estate.addCredential({ deviceId, plugin: target.plugin, ...account, ...execution }),
    })),
  );
}

/** A credential of a new account on the target. */
export async function addAccount(estate: Estate, target: MatrixTarget, place: Place) {
  const [account] = await addAccounts(estate, target, place, 1);
  if (!account) throw new Error("no account was made");
  return account;
}
