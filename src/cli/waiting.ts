/** Waiting that can be ended. */

/** Waits so many milliseconds, or until `over` resolves. Resolves to whether it was the former. */
export async function pauseUntil(over: Promise<unknown>, milliseconds: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const elapsed = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, milliseconds, true);
  });
  try {
    return await Promise.race([elapsed, over.then(() => false)]);
  } finally {
    clearTimeout(timer);
  }
}
