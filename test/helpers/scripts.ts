import type { Change, Device, Login, Plugin } from "../../plugins/plugin.ts";
import { readTemplate } from "../../templates/language/read.ts";
import type { BoundScript } from "../../templates/language/script.ts";

/** Who logs in, what is changed, and where. */
export interface Bound {
  readonly login: Login;
  readonly change?: Change | undefined;
  readonly device?: Device;
}

/** A template read by the plugin's language and bound as the worker binds it. A template with a refusal is an error. */
export function bindTemplate(plugin: Plugin, body: string, { login, change, device }: Bound): BoundScript {
  if (!plugin.language) throw new Error(`${plugin.kind} takes no templates`);
  const { script, complaints } = readTemplate(body, plugin.language);
  const refused = complaints.filter(({ severity }) => severity === "refusal");
  if (refused.length > 0) throw new Error(JSON.stringify(refused));
  const account = change?.account ?? login;
  return {
    script,
    values: {
      USERNAME: account.username,
      ADD_INFO: account.additionalInfo,
      AUTH_USER: login.username,
      AUTH_DOMAIN: login.domain,
      AUTH_PASSWORD: login.password,
      COE_SENHA: login.password,
      ...(device && { IP: device.address, HOSTNAME: device.address }),
      ...(change && { NEW_PASSWORD: change.next, PASSWORD: change.next }),
      ...(change?.current && { CURRENT_PASSWORD: change.current }),
    },
  };
}
