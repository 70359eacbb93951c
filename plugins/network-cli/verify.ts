import type { CheckResult } from "../../contracts/messages.ts";
import { type Call, type Device, type Login, PluginFailure } from "../plugin.ts";
import { PasswordRight as RightOverShell } from "../secure-shell/login.ts";
import { PasswordRight as RightOverTelnet } from "../virtual-terminal/login.ts";
import { dial } from "./dial.ts";
import { enable } from "./enable.ts";
import { openCommandLine } from "./session.ts";
import { settingsOf } from "./settings.ts";

/**
 * Says by one fresh log-in whether a password is right; where `enable` asks for the same one, by that as well.
 * `accepted` only if the device demanded and checked it.
 */
export async function verify(device: Device, login: Login, call: Call): Promise<CheckResult> {
  const settings = settingsOf(device);
  try {
    const line = await dial(device, login, call);
    try {
      if (settings.enable) {
        const commands = openCommandLine({ line, login, settings }, call);
        await enable(commands, login, true).finally(() => commands.end());
      }
    } finally {
      void line.close();
    }
    if (!line.asked) return { verdict: "unknown", code: "verify.no-password-asked" };
    return { verdict: "accepted", code: "verify.accepted" };
  } catch (error) {
    return verdictOf(error);
  }
}

function verdictOf(error: unknown): CheckResult {
  if (!(error instanceof PluginFailure)) throw error;
  if (error instanceof RightOverShell || error instanceof RightOverTelnet) {
    const code = error.code === "auth.expired" ? "verify.account-expired" : "verify.must-change";
    return { verdict: "accepted", code };
  }
  if (error.code === "auth.rejected") return { verdict: "rejected", code: "verify.rejected" };
  return { verdict: "unknown", code: error.code };
}
