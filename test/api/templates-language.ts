import type { PluginInfo } from "../../api/deps.ts";
import type { Dialect } from "../../templates/language/dialect.ts";
import { PLAIN_PLUGIN } from "../helpers/api.ts";

/** A small language of lines, as terminals have. */
export const LANGUAGE: Dialect = {
  names: ["Lines"],
  form: "lines",
  commands: {
    exec: { arguments: [1, 1], contexts: ["typed"] },
    expect: { arguments: [1, 1], contexts: ["pattern"], aliases: ["wait-for"] },
    patience: { arguments: [1, 1], contexts: ["plain"], silence: ([seconds = ""]) => Number(seconds) },
    end: { arguments: [0, 0], contexts: [] },
  },
};

/** A plugin that needs a template. */
export const LINES: PluginInfo = {
  ...PLAIN_PLUGIN,
  kind: "lines",
  title: "Lines",
  capabilities: {
    ...PLAIN_PLUGIN.capabilities,
    template: "required",
    operations: ["change-password", "reconcile-password", "user-creation"],
  },
  language: LANGUAGE,
};

export const GOOD = 'exec "passwd"\nexpect "*word:"\nexec "[#NEW_PASSWORD#]"\nexpect "*done"\nend\n';
/** It is clear what the author meant. */
export const DOUBTFUL = GOOD.replace('"*done"', '"*done');
export const BAD = `${GOOD.replace("end\n", "")}launch "rockets"\nexec "[#NEW_PASWORD#]"\n`;
