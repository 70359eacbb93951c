import type { CheckResult } from "../../contracts/messages.ts";
import { PluginFailure, type Call, type Device, type Login } from "../plugin.ts";
import { connect } from "./connection.ts";
import { LoginDialogue, PasswordRight } from "./login.ts";

/** Says by one fresh log-in whether a password is right. `accepted` only if the device demanded and checked it. */
export async function verifyLogin(device: Device, login: Login, call: Call): Promise<CheckResult> {
  const dialogue = new LoginDialogue(login, call);
  try {
    const connection = await connect(device, call, dialogue);
    void connection.close();
  } catch (error) {
    return verdictOf(error);
  }
  if (!dialogue.passwordSent) return { verdict: "unknown", code: "verify.no-password-asked" };
  return { verdict: "accepted", code: dialogue.mustChange ? "verify.must-change" : "verify.accepted" };
}

function verdictOf(error: unknown): CheckResult {
  if (!(error instanceof PluginFailure)) throw error;
  if (error instanceof PasswordRight) {
    const code = error.code === "auth.expired" ? "verify.account-expired" : "verify.must-change";
    return { verdict: "accepted", code };
  }
  if (error.code === "auth.rejected") return { verdict: "rejected", code: "verify.rejected" };
  return { verdict: "unknown", code: error.code };
}
