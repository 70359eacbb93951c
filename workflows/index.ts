export { chain } from "./chain.ts";
export { driftSweep } from "./drift-sweep.ts";
export { checkCredential, identifyDevice, rehearseTemplate } from "./inspections.ts";
export { operation } from "./operation.ts";
export { policySweep } from "./policy-sweep.ts";
export { repairSweep } from "./sweeps.ts";
