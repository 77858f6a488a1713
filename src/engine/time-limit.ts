/** Waiting for calls into signals, but not for ever. */

/** Does `work` complete within so many milliseconds, and before `signal` is aborted? Rejects when `work` does in that time. */
export async function completesWithin(
  work: Promise<unknown>,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<boolean> {
  let end: (() => void) | undefined;
  let timer: NodeJS.Timeout | undefined;
  const isOver = new Promise<boolean>((resolve) => {
    end = () => {
      resolve(false);
    };
    timer = setTimeout(end, timeoutMs);
    signal?.addEventListener("abort", end, { once: true });
  });
  try {
    return await Promise.race([work.then(() => true), isOver]);
  } finally {
    clearTimeout(timer);
    if (end !== undefined) {
      signal?.removeEventListener("abort", end);
    }
  }
}
