/** What becomes of a program of which a module cannot be loaded. */

/** Ends the process because a module cannot be loaded: others are on their way, and would end it with a stack. */
export async function endUnloaded(error: unknown): Promise<never> {
  let status = 1;
  try {
    const { reportFailure } = await import("./errors.js");
    status = reportFailure(error);
  } catch {
    process.stderr.write(`ringtap: loading the program: ${error instanceof Error ? error.message : String(error)}\n`);
  }
  process.exit(status);
}
