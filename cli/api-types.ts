/** The API's answers, as its schemas in `contracts/` say. Types only: nothing of zod is loaded. */
import type { z } from "zod";
import type * as Administration from "../contracts/administration.schema.ts";
import type * as Credentials from "../contracts/credentials.schema.ts";
import type * as Devices from "../contracts/devices.schema.ts";
import type * as Operations from "../contracts/operations.schema.ts";

export type Device = Devices.Device;
export type Identified = z.infer<typeof Devices.SeenIdentity>;
export type Credential = Credentials.Credential;
export type Revealed = z.infer<typeof Credentials.Revealed>;
export type Stored = z.infer<typeof Credentials.VersionNumber>;
export type Checked = z.infer<typeof Credentials.Checked>;
export type Operation = Operations.Operation;
export type Attempt = Operations.Attempt;
export type OperationDetails = z.infer<typeof Operations.OperationDetails>;
export type ChangeAnswer = Operations.ChangesAccepted;
export type Refusal = ChangeAnswer["refused"][number];
export type Token = Administration.Token;
export type NewToken = z.infer<typeof Administration.NewToken>;
