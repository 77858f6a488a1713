/** CPU profiles, for Chrome's developer tools and the like. */
import { writeFileSync } from "node:fs";
import { Session } from "node:inspector/promises";

/** Between two samples, microseconds. */
const samplingInterval = 200;

/**
 * Writes a profile of `work`, a `.cpuprofile` file. Not `node --cpu-prof`: the signals of a profiler that runs from the start
 * interrupt the loading of BPF programs, which the kernel then refuses (EAGAIN).
 */
export async function writeProfile(path: string, work: () => unknown): Promise<void> {
  const session = new Session();
  session.connect();
  try {
    await session.post("Profiler.enable");
    await session.post("Profiler.setSamplingInterval", { interval: samplingInterval });
    await session.post("Profiler.start");
    await work();
    const { profile } = await session.post("Profiler.stop");
    writeFileSync(path, JSON.stringify(profile));
  } finally {
    session.disconnect();
  }
}
