/** What tests of jobs stand on: one private sshd for all of a group, an estate for each, and workers that end with it. */
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import type { Moment } from "../../activities/deps.ts";
import { Estate } from "../helpers/estate.ts";
import { TestWorker } from "../helpers/worker.ts";
import { JobScene } from "./jobs-scene.ts";

export interface JobGround {
  readonly scene: JobScene;
  readonly estate: Estate;
  /** Starts a worker, held once at each of the moments. */
  startWorker(...moments: Moment[]): Promise<TestWorker>;
  /** Kills the worker that was started last. */
  killWorker(): Promise<void>;
}

/** To be called in the group's `describe`. */
export function jobGround(): JobGround {
  let scene: JobScene;
  let estate: Estate;
  let worker: TestWorker | undefined;
  const killWorker = async () => {
    await worker?.kill();
    worker = undefined;
  };
  beforeAll(async () => {
    scene = await JobScene.open();
  });
  afterAll(() => scene.close());
  beforeEach(async () => {
    // A template is several commands, and a machine may be slow.
    estate = await Estate.open({ leaseSeconds: 15, connectTimeoutSeconds: 15, readTimeoutSeconds: 15 });
  });
  afterEach(async () => {
    await killWorker();
    await estate.close();
  });
  return {
    get scene() {
      return scene;
    },
    get estate() {
      return estate;
    },
    startWorker: async (...moments) => (worker = await TestWorker.start(estate.surroundings, moments)),
    killWorker,
  };
}
