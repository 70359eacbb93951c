import { z } from "zod";
import type { Device } from "../plugin.ts";
import { DIAL_SETTINGS } from "../virtual-terminal/dial.ts";

export const NetworkSettings = z
  .strictObject({
    transport: z.enum(["ssh", "telnet"]).default("ssh"),
    /**
     * What is changed: the password of a local user (`username … secret …`), or the one password that the lines of a
     * router without users ask for (`password …`).
     */
    account: z.enum(["user", "line"]).default("user"),
    /**
     * Whether `enable` asks for a password, which is then that of the account. On a router without users both are set
     * to the same.
     */
    enable: z.boolean().default(false),
    /** Characters of a new password: 8 where only 8 count, as on FRR with `service password-encryption`. */
    longestPassword: z.int().min(8).max(127).default(25),
    ...DIAL_SETTINGS,
  })
  .refine(({ transport, account }) => transport === "telnet" || account === "user", {
    message: "SSH always has a user: the password of the lines is asked over telnet",
    path: ["account"],
  });
export type NetworkSettings = z.infer<typeof NetworkSettings>;

/** The settings of a device, which the contract says are parsed already. */
export function settingsOf(device: Device): NetworkSettings {
  return device.settings as NetworkSettings;
}
