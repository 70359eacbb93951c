/** How each path is brought about; the compiler sees that none is missing. */
import type { Settings } from "../../contracts/settings.schema.ts";
import type { RecordedHistory } from "./histories.ts";
import type { Scene } from "./histories-scene.ts";

export interface Recipe {
  /** Settings that differ from those under which trouble is over in seconds. */
  readonly settings?: Partial<Settings>;
  /** On the server that wants short histories. */
  readonly impatient?: boolean;
  record(scene: Scene): Promise<RecordedHistory>;
}
