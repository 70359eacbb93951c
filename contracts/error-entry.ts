export interface ErrorEntry {
  /** `later`: the same again after the interval; `new-candidate`: at once with another password; `no`: a person decides. */
  readonly retry: "later" | "new-candidate" | "no";
  /** HTTP status when the API answers with it. */
  readonly status: number;
  /** What happened. */
  readonly title: string;
  /** What to do. */
  readonly advice: string;
}

/** One row of the table; a failure is not retried unless it says so. */
export function entry(status: number, title: string, advice: string, retry: ErrorEntry["retry"] = "no"): ErrorEntry {
  return { retry, status, title, advice };
}
