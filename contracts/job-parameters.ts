/** What a request of a job gives beside accounts and device: values for tags of its template. */
import { z } from "zod";
import { line } from "./common.schema.ts";

/** A value that no command takes for one of its options, however well it is quoted. */
const name = line(256)
  .min(1)
  .regex(/^[^-\s](?:.*\S)?$/u, "must not begin with a hyphen, nor begin or end with a blank");

const path = line(1000).regex(/^\//, "must be an absolute path");

export const JobParameters = z
  .strictObject({
    username: name.describe("`[#USERNAME#]`, where no `credentialId` says whose."),
    group: name.describe("`[#GRUPO_NOME#]`"),
    uid: z
      .string()
      .regex(/^\d{1,10}$/, "must be a number of at most ten digits")
      .describe("`[#UID#]`"),
    home: path.describe("`[#HOME#]`"),
    shell: path.describe("`[#SHELL#]`"),
    governanceCode: name.max(100).describe("`[#CODIGO_GOVERNANCA#]`"),
  })
  .partial()
  .meta({ id: "JobParameters", description: "One for each such tag of the template, and no other." });
export type JobParameters = z.infer<typeof JobParameters>;

/** The tag that each parameter stands for. */
export const TAG_OF_PARAMETER = {
  username: "USERNAME",
  group: "GRUPO_NOME",
  uid: "UID",
  home: "HOME",
  shell: "SHELL",
  governanceCode: "CODIGO_GOVERNANCA",
} as const satisfies Record<keyof JobParameters, string>;
